//! `GET /live`, `GET /ready` (503 and the reasons while not) and `GET /metrics` in the `OpenMetrics` text format.

use axum::{
    Router, extract::State, http::StatusCode, http::header::CONTENT_TYPE, response::IntoResponse, routing::get,
};
use prometheus_client::{encoding::text::encode, registry::Registry};
use std::{collections::BTreeMap, fmt::Write as _, sync::Arc, sync::Mutex, sync::PoisonError};
use tokio::net::TcpListener;

use crate::Shutdown;

/// Why a process is not ready, by part. Ready is the absence of reasons.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Health {
    pub fn new() -> Self {
        Self::default()
    }

    /// `part` is not ready, because of `reason`.
    pub fn unready(&self, part: &'static str, reason: impl Into<String>) {
        self.reasons().insert(part, reason.into());
    }

    pub fn ready(&self, part: &'static str) {
        self.reasons().remove(part);
    }

    pub fn is_ready(&self) -> bool {
        self.reasons().is_empty()
    }

    fn reasons(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves health and metrics until `shutdown`.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    health: Health,
    metrics: Arc<Registry>,
    shutdown: Shutdown,
) -> std::io::Result<()> {
    let app = Router::new()
        .route("/live", get(|| async { "alive\n" }))
        .route("/ready", get(ready))
        .route("/metrics", get(render))
        .with_state((health, metrics));
    axum::serve(listener, app).with_graceful_shutdown(async move { shutdown.requested().await }).await
}

async fn ready(State((health, _)): State<(Health, Arc<Registry>)>) -> impl IntoResponse {
    let reasons = health.reasons();
    if reasons.is_empty() {
        return (StatusCode::OK, "ready\n".to_owned());
    }
    let body = reasons.iter().fold(String::new(), |mut body, (part, reason)| {
        let _ = writeln!(body, "{part}: {reason}");
        body
    });
    (StatusCode::SERVICE_UNAVAILABLE, body)
}

async fn render(State((_, metrics)): State<(Health, Arc<Registry>)>) -> impl IntoResponse {
    let mut body = String::new();
    match encode(&mut body, &metrics) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            (StatusCode::OK, [(CONTENT_TYPE, kind)], body)
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, [(CONTENT_TYPE, "text/plain")], error.to_string()),
    }
}
