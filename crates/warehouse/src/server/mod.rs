//! Snowflake's client protocol over HTTP: logging in, statements, their results. Source: the open drivers
//! (snowflake-connector-python, gosnowflake, snowflake-jdbc), since the protocol itself is not documented.
//!
//! Rows always go out as JSON in one piece: every driver reads that for any statement, while chunks of JSON are lost in
//! silence by some (snowflake-api 0.14).

mod answer;
mod login;
mod query;
mod request;
mod rowset;
mod sessions;
mod statements;
#[cfg(test)]
mod tests;
mod users;

pub use users::User;

use crate::{backend::Backend, metrics::Metrics};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{Method, StatusCode, Uri},
    routing::{get, post},
};
use sessions::Sessions;
use statements::{Limits, Statements};
use std::{future::IntoFuture as _, sync::Arc, time::Duration};
use telemetry::Shutdown;
use tokio::net::TcpListener;

/// What the server is told by the warehouse's configuration.
#[derive(Debug, Clone)]
pub struct Options {
    /// The account that clients must name, if any.
    pub account: Option<String>,
    pub users: Vec<User>,
    /// After this long a request is answered with "in progress" and a place to ask again.
    pub inline_wait: Duration,
    pub statement_timeout: Duration,
    pub max_result_bytes: usize,
    /// How long open connections and abandoned statements may hold up a stop.
    pub grace: Duration,
}

impl Options {
    fn limits(&self) -> Limits {
        Limits { statement_timeout: self.statement_timeout, max_result_bytes: self.max_result_bytes }
    }
}

struct Server {
    options: Options,
    backend: Arc<dyn Backend>,
    sessions: Sessions,
    statements: Statements,
}

/// Serves until `shutdown`, then lets requests that are being answered finish; statements still running are abandoned.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    options: Options,
    backend: Arc<dyn Backend>,
    metrics: Metrics,
    shutdown: Shutdown,
) -> std::io::Result<()> {
    let server = Arc::new(Server {
        options,
        backend,
        sessions: Sessions::new(metrics.sessions.clone()),
        statements: Statements::new(metrics),
    });
    let grace = server.options.grace;
    let stop = shutdown.clone();
    let serving = axum::serve(listener, routes(Arc::clone(&server)))
        .with_graceful_shutdown(async move { stop.requested().await })
        .into_future();
    let deadline = async {
        shutdown.requested().await;
        server.statements.abort_everything();
        tokio::time::sleep(grace).await;
    };
    let outcome = tokio::select! {
        ended = serving => ended,
        () = deadline => Ok(()),
    };
    server.statements.finish(grace).await;
    outcome
}

fn routes(server: Arc<Server>) -> Router {
    Router::new()
        .route("/session/v1/login-request", post(login::login))
        .route("/session/token-request", post(login::renew))
        // What snowflake-api 0.14 sends.
        .route("//session/token-request", post(login::renew))
        .route("/session", post(login::close))
        .route("/session/heartbeat", post(login::heartbeat))
        .route("/telemetry/send", post(login::telemetry))
        .route("/queries/v1/query-request", post(query::submit))
        .route("/queries/v1/abort-request", post(query::abort))
        .route("/queries/{id}/result", get(query::result))
        .route("/queries/{id}/abort-request", post(query::abort_by_id))
        .route("/monitoring/queries/{id}", get(query::monitor))
        // What snowflake-connector-python 5 sends.
        .route("/monitoring/queries//{id}", get(query::monitor))
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(request::MAX_BODY))
        .with_state(server)
}

/// What this server does not know is said in the log: a driver shows its user less.
async fn unknown(method: Method, uri: Uri) -> (StatusCode, String) {
    tracing::warn!(%method, path = uri.path(), "a request for what the local warehouse lacks");
    (StatusCode::NOT_FOUND, format!("The local warehouse does not answer {method} {}.\n", uri.path()))
}
