//! Statements through [`Session::execute`], against a store in a folder of its own.

mod copy;
mod dml;
mod expressions;
mod information;
mod merge;
mod project;
mod queries;
mod refusals;
mod streams;
mod transactions;

use super::{Engine, EngineOptions, Session};
use crate::{
    QueryResult, SessionContext, SqlError,
    engine::value::{Cells, write_text},
    stage::MemoryFiles,
};
use std::{sync::Arc, time::Duration};
use tempfile::TempDir;

/// An engine with the schema DB.S chosen.
struct Warehouse {
    engine: Engine,
    session: Session,
    files: Arc<MemoryFiles>,
    _dir: TempDir,
}

impl Warehouse {
    async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = EngineOptions { lock_wait: Duration::from_millis(200), threads: 2, ..EngineOptions::default() };
        let files = Arc::new(MemoryFiles::default());
        let engine = Engine::open(dir.path(), options, files.clone()).unwrap();
        let session = engine.session(SessionContext::new("TESTER", "SYSADMIN"));
        let mut warehouse = Self { engine, session, files, _dir: dir };
        warehouse.run("CREATE DATABASE DB").await;
        warehouse.run("CREATE SCHEMA S").await;
        warehouse
    }

    fn other_session(&self) -> Session {
        let mut context = SessionContext::new("OTHER", "SYSADMIN");
        context.database = Some("DB".into());
        context.schema = Some("S".into());
        self.engine.session(context)
    }

    async fn run(&mut self, sql: &str) -> QueryResult {
        self.session.execute(sql).await.unwrap_or_else(|error| panic!("{sql}\n{error}"))
    }

    /// Rows as text: values joined by `|`, NULL as `~`.
    async fn rows(&mut self, sql: &str) -> Vec<String> {
        rows(&self.run(sql).await)
    }

    /// The one value of a query without FROM.
    async fn value(&mut self, expression: &str) -> String {
        self.rows(&format!("SELECT {expression}")).await.join("; ")
    }

    async fn error(&mut self, sql: &str) -> SqlError {
        match self.session.execute(sql).await {
            Ok(result) => panic!("{sql}\nworked: {:?}", rows(&result)),
            Err(error) => error,
        }
    }
}

fn rows(result: &QueryResult) -> Vec<String> {
    let mut rows = Vec::new();
    for batch in &result.batches {
        let columns = batch.columns().iter().map(|column| Cells::of(column.as_ref()).unwrap()).collect::<Vec<_>>();
        for row in 0..batch.num_rows() {
            let values = columns.iter().map(|column| match column.get(row) {
                value if value.is_null() => "~".to_owned(),
                value => write_text(value).into_owned(),
            });
            rows.push(values.collect::<Vec<_>>().join("|"));
        }
    }
    rows
}

fn names(result: &QueryResult) -> Vec<&str> {
    result.columns.iter().map(|column| column.name.as_str()).collect()
}
