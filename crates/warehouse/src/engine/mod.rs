//! Runs statements: queries and DML by way of DataFusion, everything else by handing it to its module.

mod copy;
mod dml;
mod executor;
mod functions;
mod information;
mod kernel;
mod objects;
mod plan;
mod query;
mod rewrite;
mod scan;
mod session;
mod state;
#[cfg(test)]
mod tests;
mod value;
mod variant;

pub use session::Session;

use crate::{
    QueryResult, SessionContext, SqlError,
    backend::{Backend, BackendSession},
    catalog::{Database, QualifiedName, Schema, Warehouse},
    runners::Runners,
    stage::StageFiles,
    storage::{Store, StoreOptions, Transaction},
};
use async_trait::async_trait;
use datafusion::execution::SessionState;
use executor::Executor;
use std::{
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// Bounds of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineOptions {
    pub store: StoreOptions,
    /// How long a statement waits for the transaction that is open, before error 000625.
    pub lock_wait: Duration,
    /// Threads that run statements.
    pub threads: usize,
    /// The shortest SCHEDULE that a task may have.
    pub min_task_interval: Duration,
}

impl Default for EngineOptions {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            store: StoreOptions::default(),
            lock_wait: Duration::from_mins(1),
            threads,
            min_task_interval: Duration::from_secs(10),
        }
    }
}

/// The warehouse without its protocol; clones share it.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<EngineInner>,
}

struct EngineInner {
    store: Store,
    options: EngineOptions,
    state: SessionState,
    executor: Executor,
    files: Arc<dyn StageFiles>,
    runners: OnceLock<Arc<dyn Runners>>,
}

impl Engine {
    /// Opens the state folder. `files` are what stages lead to.
    ///
    /// # Errors
    /// When the folder cannot be opened or threads cannot be started.
    pub fn open(dir: &Path, options: EngineOptions, files: Arc<dyn StageFiles>) -> Result<Self, SqlError> {
        let inner = EngineInner {
            store: Store::open_with(dir, options.store)?,
            options,
            state: state::session_state(),
            executor: Executor::start(options.threads)?,
            files,
            runners: OnceLock::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    pub fn session(&self, context: SessionContext) -> Session {
        Session::new(Arc::clone(&self.inner), context)
    }

    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Who runs pipes and tasks; the first one stays.
    pub fn set_runners(&self, runners: Arc<dyn Runners>) {
        // A second one would be a bug elsewhere, and changes nothing here.
        let _ = self.inner.runners.set(runners);
    }
}

impl Backend for Engine {
    fn open(&self, context: SessionContext) -> Box<dyn BackendSession> {
        Box::new(self.session(context))
    }

    fn existing(&self, mut context: SessionContext) -> SessionContext {
        let snapshot = self.inner.store.snapshot();
        let catalog = snapshot.catalog();
        context.database.take_if(|name| catalog.find::<Database>(&QualifiedName::account(name.as_str())).is_none());
        let database = context.database.clone().unwrap_or_default();
        context
            .schema
            .take_if(|name| catalog.find::<Schema>(&QualifiedName::schema(&database, name.as_str())).is_none());
        context.warehouse.take_if(|name| catalog.find::<Warehouse>(&QualifiedName::account(name.as_str())).is_none());
        context
    }
}

#[async_trait]
impl BackendSession for Session {
    async fn execute(&mut self, sql: &str) -> Result<QueryResult, SqlError> {
        Session::execute(self, sql).await
    }

    fn context(&self) -> &SessionContext {
        Session::context(self)
    }
}

impl EngineInner {
    async fn begin(&self) -> Result<Transaction, SqlError> {
        self.store.begin(self.options.lock_wait).await
    }
}
