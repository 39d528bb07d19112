//! Where a service tells how it is.

use crate::config::Settings;
use anyhow::Context;
use std::{collections::BTreeMap, sync::Arc};
use telemetry::{Health, Shutdown, prometheus_client::registry::Registry};
use tokio::net::TcpListener;

/// A service that tells how it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Service {
    Producer,
    Registry,
    Sink,
    Warehouse,
}

/// Serves `/live`, `/ready` and `/metrics` where the configuration names an address for this service.
pub(super) async fn observe(
    settings: &Settings,
    service: Service,
    health: &Health,
    metrics: Registry,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let mut addresses: BTreeMap<Service, String> = settings.section("health", &[])?;
    let Some(address) = addresses.remove(&service) else { return Ok(()) };
    let listener = TcpListener::bind(&address).await.with_context(|| format!("health at {address}"))?;
    let serving = telemetry::health::serve(listener, health.clone(), Arc::new(metrics), shutdown.clone());
    tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "the health endpoint has ended");
        }
    });
    Ok(())
}
