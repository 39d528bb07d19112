//! The warehouse as one service: protocol, pipes, tasks and upkeep around one engine.

use crate::{
    SqlError,
    config::{Config, ConfigError},
    engine::{Engine, EngineOptions},
    metrics::Metrics,
    pipes,
    runners::LocalRunners,
    server,
    stage::{S3Files, StageFiles},
    storage::StoreOptions,
    tasks,
};
use std::{net::SocketAddr, sync::Arc};
use telemetry::{Health, Shutdown};
use tokio::net::TcpListener;

/// Why the warehouse does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("warehouse: opening the state folder {folder} failed: {reason}")]
    State { folder: String, reason: SqlError },
    #[error("warehouse: listening on {address} failed: {reason}; choose another `listen`, or stop what is there")]
    Listen { address: SocketAddr, reason: std::io::Error },
    #[error("warehouse: serving failed: {0}")]
    Serve(#[source] std::io::Error),
}

/// A warehouse whose state is open and whose address is taken.
pub struct Warehouse {
    config: Config,
    engine: Engine,
    listener: TcpListener,
    address: SocketAddr,
}

impl Warehouse {
    /// Opens the state and takes the address; nothing is served or run yet.
    ///
    /// # Errors
    /// When the configuration makes no sense, the folder is in use or damaged, or the address is taken.
    pub async fn open(config: Config) -> Result<Self, Error> {
        let files = Arc::new(S3Files::new(config.s3.clone()));
        Self::open_with(config, files).await
    }

    /// As [`open`](Self::open), with another source of staged files than S3.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_with(config: Config, files: Arc<dyn StageFiles>) -> Result<Self, Error> {
        config.check()?;
        let options = EngineOptions {
            store: StoreOptions { cache_bytes: config.cache_bytes, ..StoreOptions::default() },
            lock_wait: config.lock_timeout,
            min_task_interval: config.min_task_interval,
            ..EngineOptions::default()
        };
        let engine = Engine::open(&config.state, options, files)
            .map_err(|reason| Error::State { folder: config.state.display().to_string(), reason })?;
        let failed = |reason| Error::Listen { address: config.listen, reason };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { config, engine, listener, address })
    }

    /// Where clients find it: `http://{address}`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The engine behind it, for statements without a client.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Serves clients and runs pipes and tasks until `shutdown`. What has not finished after the grace period is rolled
    /// back. The state folder is closed when this returns, unless somebody else uses the [`engine`](Self::engine) for longer
    /// than that again.
    ///
    /// # Errors
    /// When serving fails.
    pub async fn run(self, health: Health, metrics: Metrics, shutdown: Shutdown) -> Result<(), Error> {
        let Self { config, engine, listener, address } = self;
        // A child, since a server that fails stops its own runners and nobody else.
        let shutdown = shutdown.child();
        let (trigger, task_requests) = tasks::trigger();
        let (refresher, pipe_requests) = pipes::refresher();
        let board = pipes::Board::default();
        engine.set_runners(Arc::new(LocalRunners { board: board.clone(), refresher, trigger }));
        let store = engine.store().clone();
        let backend: Arc<dyn crate::backend::Backend> = Arc::new(engine.clone());
        let tasks = tasks::run(
            store.clone(),
            Arc::clone(&backend),
            task_requests,
            tasks::Options { lock_timeout: config.lock_timeout, grace: config.grace },
            metrics.clone(),
            shutdown.clone(),
        );
        let pipes = pipes::run(
            store.clone(),
            Arc::new(engine),
            pipe_requests,
            pipes::Options { board, poll_interval: config.pipe_poll_interval, metrics: metrics.clone() },
            shutdown.clone(),
        );
        let options = server::Options {
            account: config.account,
            users: config.users,
            inline_wait: config.inline_wait,
            statement_timeout: config.statement_timeout,
            max_result_bytes: config.max_result_bytes,
            grace: config.grace,
        };
        let serving = server::serve(listener, options, backend, metrics, shutdown.clone());
        health.ready("warehouse");
        tracing::info!(url = format!("http://{address}"), "the warehouse serves");
        let serving = async {
            let served = serving.await;
            // Without its protocol the rest would run unseen.
            shutdown.request();
            served
        };
        let (served, (), (), ()) = tokio::join!(serving, pipes, tasks, store.maintain(shutdown.clone()));
        if tokio::time::timeout(config.grace, store.closed()).await.is_err() {
            tracing::warn!("the state folder is still being used; it closes when this program ends");
        }
        served.map_err(Error::Serve)
    }
}

/// Runs a warehouse until `shutdown`.
///
/// # Errors
/// As [`Warehouse::open`] and [`Warehouse::run`].
pub async fn run(config: Config, health: Health, metrics: Metrics, shutdown: Shutdown) -> Result<(), Error> {
    health.unready("warehouse", "opening the state folder");
    Warehouse::open(config).await?.run(health, metrics, shutdown).await
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
