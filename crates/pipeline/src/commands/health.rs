//! The health endpoint of a service.

use crate::config::{
    Settings,
    services::{Health as Addresses, HealthOf},
};
use anyhow::Context;
use std::sync::Arc;
use telemetry::{Health, Shutdown, prometheus_client::registry::Registry};
use tokio::net::TcpListener;

/// Serves `/live`, `/ready` and `/metrics` where the configuration names an address for this service.
pub(super) async fn observe(
    settings: &Settings,
    service: HealthOf,
    health: &Health,
    metrics: Registry,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let Addresses(mut addresses) = settings.read()?;
    let Some(address) = addresses.remove(&service) else { return Ok(()) };
    let listener =
        TcpListener::bind(&address).await.with_context(|| format!("listening for health requests at {address}"))?;
    let serving = telemetry::health::serve(listener, health.clone(), Arc::new(metrics), shutdown.clone());
    tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "the health endpoint has ended");
        }
    });
    Ok(())
}
