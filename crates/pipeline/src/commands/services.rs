//! The long-running services, each with its configuration, its health endpoint and one way to stop.

#[cfg(feature = "registry")]
use crate::cli::RegistryArgs;
#[cfg(feature = "producer")]
use crate::cli::{ProducerCommand, TopicArgs};
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

#[cfg(feature = "producer")]
pub(crate) async fn producer(
    settings: &Settings,
    command: ProducerCommand,
    shutdown: Shutdown,
) -> anyhow::Result<bool> {
    let ProducerCommand::Run = command;
    let config: producer::Config = settings.section("producer", &["kafka", "registry"])?;
    let (health, mut metrics) = (Health::new(), Registry::default());
    let own = producer::Metrics::register(&mut metrics);
    observe(settings, Service::Producer, &health, metrics, &shutdown).await?;
    let summary = producer::run(config, own, health, shutdown).await?;
    tracing::info!(batches = summary.batches, records = summary.records, pending = summary.pending, "stopped");
    Ok(true)
}

#[cfg(feature = "producer")]
pub(crate) async fn topic(settings: &Settings, args: TopicArgs, shutdown: Shutdown) -> anyhow::Result<bool> {
    use producer::{TailFrom, TailOptions, TailUntil};
    use std::{io::Write as _, ops::ControlFlow};

    let config: producer::Config = settings.section("producer", &["kafka", "registry"])?;
    let options = TailOptions {
        kafka: config.kafka,
        registry: config.registry,
        topic: args.topic.unwrap_or(config.topic),
        from: TailFrom::Beginning,
        until: if args.follow { TailUntil::Stopped } else { TailUntil::End },
    };
    let mut out = std::io::stdout().lock();
    let print = |record: producer::TailRecord| {
        // Whoever reads has gone: there is nobody left to print to.
        let printed = serde_json::to_string(&record).map_err(std::io::Error::other);
        match printed.and_then(|line| writeln!(out, "{line}")) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    };
    producer::tail(options, shutdown, print).await?;
    Ok(true)
}

#[cfg(feature = "warehouse")]
pub(crate) async fn warehouse(settings: &Settings, shutdown: Shutdown) -> anyhow::Result<bool> {
    let config: warehouse::Config = settings.section("warehouse", &[])?;
    let (health, mut metrics) = (Health::new(), Registry::default());
    let own = warehouse::Metrics::register(&mut metrics);
    observe(settings, Service::Warehouse, &health, metrics, &shutdown).await?;
    warehouse::run(config, health, own, shutdown).await?;
    Ok(true)
}

#[cfg(feature = "registry")]
pub(crate) async fn registry(settings: &Settings, args: RegistryArgs, shutdown: Shutdown) -> anyhow::Result<bool> {
    observe(settings, Service::Registry, &Health::new(), Registry::default(), &shutdown).await?;
    let listener = TcpListener::bind(args.listen).await.with_context(|| format!("listening on {}", args.listen))?;
    tracing::info!(address = %listener.local_addr()?, "schema registry");
    registry::run(listener, args.file, shutdown).await?;
    Ok(true)
}
