//! A local schema registry that speaks the API of Confluent's
//! (<https://docs.confluent.io/platform/current/schema-registry/develop/api.html>): subjects, versions, ids and guids,
//! references, compatibility levels with reasons, metadata and rules, modes, soft and permanent deletion; durable in one
//! file. It serves the project's own stack and tests; the clients do not know the difference.
//!
//! It has Avro schemas only, one context, no associations and no keys of encryption; requests for those are refused by name.
//! As in Confluent's registry, parameters of a query that are not known are ignored; members of a body are not.

mod avro;
mod catalog;
mod compatibility;
mod guid;
mod http;
mod journal;
mod metadata;
mod refusal;
mod schema;
mod service;
mod settings;

use std::{future::IntoFuture as _, path::Path, path::PathBuf, sync::Arc, time::Duration};
use telemetry::Shutdown;
use tokio::net::TcpListener;

pub use avro::InvalidSchema;
pub use journal::JournalError;

/// How long a stop waits for open connections.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// Why the registry does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("reading a schema in the schema registry's file {path}: {source}; restore the file from a copy")]
    Content { path: PathBuf, source: InvalidSchema },
    #[error("serving the schema registry's API: {0}; start it again")]
    Serve(#[source] std::io::Error),
}

/// A registry whose file is open and read.
#[derive(Debug)]
pub struct Registry(service::Service);

impl Registry {
    /// Opens `file` or creates it in an existing folder; the file is locked as long as the registry lives.
    ///
    /// # Errors
    /// When the file cannot be used, is damaged, or is in use by another process.
    pub fn open(file: &Path) -> Result<Self, Error> {
        service::Service::open(file).map(Self)
    }

    /// Answers on `listener` until `shutdown`, and closes the file. Every change is on disk before its answer is sent.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self, listener: TcpListener, shutdown: Shutdown) -> Result<(), Error> {
        let stop = shutdown.clone();
        let service = Arc::new(self.0);
        let server = axum::serve(listener, http::router(Arc::clone(&service)));
        let server = server.with_graceful_shutdown(async move { stop.requested().await }).into_future();
        let deadline = async {
            shutdown.requested().await;
            tokio::time::sleep(STOP_DEADLINE).await;
        };
        let outcome = tokio::select! {
            outcome = server => outcome.map_err(Error::Serve),
            () = deadline => {
                tracing::warn!("the schema registry stops with connections that were still open after {STOP_DEADLINE:?}");
                Ok(())
            }
        };
        service.close();
        outcome
    }
}

/// [`Registry::open`] and [`Registry::serve`] in one.
///
/// # Errors
/// As those two.
pub async fn run(listener: TcpListener, file: PathBuf, shutdown: Shutdown) -> Result<(), Error> {
    Registry::open(&file)?.serve(listener, shutdown).await
}
