//! COPY INTO and LIST as a client runs them.

use super::Copy;
use crate::{
    SqlError,
    catalog::{FileLoad, LoadStatus, LoadTarget, Stage},
    engine::session::{Session, Work},
    parse::{CopyInto, ObjectKind, OnError, StagePath},
    result::{Cell, QueryResult, Rows, StatementKind},
    stage::Location,
    storage::{Snapshot, Transaction},
    types::{Moment, SqlType},
};

const TEXT: SqlType = SqlType::VARCHAR;
const NUMBER: SqlType = SqlType::INTEGER;

/// The columns of the answer, docs.snowflake.com: "COPY INTO <table>", "Output".
const COLUMNS: &[(&str, SqlType)] = &[
    ("file", TEXT),
    ("status", TEXT),
    ("rows_parsed", NUMBER),
    ("rows_loaded", NUMBER),
    ("error_limit", NUMBER),
    ("errors_seen", NUMBER),
    ("first_error", TEXT),
    ("first_error_line", NUMBER),
    ("first_error_character", NUMBER),
    ("first_error_column_name", TEXT),
];

impl Session {
    pub(in crate::engine) async fn copy(&mut self, copy: CopyInto) -> Result<QueryResult, SqlError> {
        if self.transaction.is_some() {
            let scope = self.scope();
            let copy = self.resolved(copy, scope).await?;
            let engine = self.engine.clone();
            let mut work = Work::of(&mut self.transaction)?;
            let loads = copy.files_into(&engine, &mut work).await?;
            work.keep();
            return answer(&loads);
        }
        let mut transaction = self.engine.begin().await?;
        let scope = self.scope_of(transaction.snapshot());
        let copy = self.resolved(copy, scope).await?;
        let loads = copy.files_into(&self.engine, &mut transaction).await?;
        transaction.commit().await?;
        answer(&loads)
    }

    async fn resolved(&self, copy: CopyInto, scope: crate::engine::query::Scope) -> Result<Copy, SqlError> {
        self.engine.executor.run(async move { Copy::resolve(&copy, scope) }).await
    }

    pub(in crate::engine) async fn list(&self, place: &StagePath) -> Result<QueryResult, SqlError> {
        let snapshot = self.snapshot();
        let name = self.context.resolve(ObjectKind::Stage, &place.stage)?;
        let stage: &Stage = snapshot.catalog().get(&name)?;
        let location = Location::of(stage, &place.path)?;
        let mut rows = Rows::new(&[("name", TEXT), ("size", NUMBER), ("md5", TEXT), ("last_modified", TEXT)]);
        for file in self.engine.files.list(&location, None).await? {
            let modified = Moment(file.last_modified.saturating_mul(1_000)).to_utc();
            rows.push(vec![
                Cell::text(format!("s3://{}/{}", location.bucket, file.key)),
                Cell::Number(file.size.into()),
                Cell::text(file.etag.trim_matches('"')),
                Cell::optional(modified.map(|modified| modified.format("%a, %-d %b %Y %H:%M:%S GMT").to_string())),
            ]);
        }
        rows.finish(StatementKind::List)
    }
}

impl Copy {
    /// Loads the files that the table does not have yet.
    async fn files_into(
        &self,
        engine: &std::sync::Arc<crate::engine::EngineInner>,
        transaction: &mut Transaction,
    ) -> Result<Vec<FileLoad>, SqlError> {
        let target = LoadTarget::Table(self.target.id());
        let snapshot = transaction.snapshot();
        let mut loads = Vec::new();
        for file in self.list(engine).await? {
            let name = format!("s3://{}/{}", self.location.bucket, file.key);
            if !self.force && is_loaded(&snapshot, target, &name, &file.etag)? {
                continue;
            }
            let load = self.load(engine, &file, name, transaction).await?;
            if load.status == LoadStatus::Failed && self.on_error.is_none_or(|choice| choice == OnError::AbortStatement)
            {
                return Err(SqlError::new(
                    "100084",
                    "22000",
                    format!(
                        "{}\n  File '{}', line {}\n  If you would like to continue loading when an error is encountered, \
                         use other values such as 'SKIP_FILE' for the ON_ERROR option.",
                        load.first_error.unwrap_or_default(),
                        file.key,
                        load.first_error_row.map_or_else(|| "unknown".to_owned(), |row| row.to_string()),
                    ),
                ));
            }
            if load.status != LoadStatus::Failed {
                transaction.record_load(target, load.clone());
            }
            loads.push(load);
        }
        Ok(loads)
    }
}

/// A file of another content under the same name is loaded again.
fn is_loaded(snapshot: &Snapshot, target: LoadTarget, name: &str, etag: &str) -> Result<bool, SqlError> {
    let known = snapshot.file_load(target, name)?;
    Ok(known.is_some_and(|load| load.status != LoadStatus::Failed && load.etag.as_deref() == Some(etag)))
}

fn answer(loads: &[FileLoad]) -> Result<QueryResult, SqlError> {
    if loads.is_empty() {
        return QueryResult::status(StatementKind::Copy, "Copy executed with 0 files processed.");
    }
    let mut rows = Rows::new(COLUMNS);
    for load in loads {
        let status = match load.status {
            LoadStatus::Loaded => "LOADED",
            LoadStatus::PartiallyLoaded => "PARTIALLY_LOADED",
            LoadStatus::Failed => "LOAD_FAILED",
        };
        rows.push(vec![
            Cell::text(load.file.as_str()),
            Cell::text(status),
            Cell::Number(load.rows_parsed.into()),
            Cell::Number(load.rows_loaded.into()),
            Cell::Number(1),
            Cell::Number(load.errors.into()),
            Cell::optional(load.first_error.as_deref()),
            load.first_error_row.map_or(Cell::Null, |row| Cell::Number(row.into())),
            Cell::Null,
            Cell::optional(load.first_error_column.as_deref()),
        ]);
    }
    rows.finish(StatementKind::Copy)
}
