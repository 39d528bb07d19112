//! The long-running services other than the sink, each with its configuration, its health endpoint and one way to stop.

use super::health::observe;
#[cfg(feature = "registry")]
use crate::cli::RegistryArgs;
#[cfg(feature = "producer")]
use crate::cli::{ProducerCommand, TopicArgs};
use crate::config::{Settings, services::HealthOf};
use std::process::ExitCode;
use telemetry::{Health, Shutdown, prometheus_client::registry::Registry};

#[cfg(feature = "producer")]
pub(crate) async fn producer(
    settings: &Settings,
    command: ProducerCommand,
    shutdown: Shutdown,
) -> anyhow::Result<ExitCode> {
    let ProducerCommand::Run = command;
    let config: producer::Config = settings.read()?;
    let (health, mut metrics) = (Health::new(), Registry::default());
    let own = producer::Metrics::register(&mut metrics);
    observe(settings, HealthOf::Producer, &health, metrics, &shutdown).await?;
    let summary = producer::run(config, own, health, shutdown).await?;
    tracing::info!(batches = summary.batches, records = summary.records, pending = summary.pending, "stopped");
    Ok(ExitCode::SUCCESS)
}

#[cfg(feature = "producer")]
pub(crate) async fn topic(settings: &Settings, args: TopicArgs, shutdown: Shutdown) -> anyhow::Result<ExitCode> {
    use producer::{TailFrom, TailOptions, TailUntil};
    use std::{io::Write as _, ops::ControlFlow};

    let config: producer::Config = settings.read()?;
    let options = TailOptions {
        kafka: config.kafka,
        registry: config.registry,
        topic: args.topic.unwrap_or(config.topic),
        from: TailFrom::Beginning,
        until: if args.follow { TailUntil::Stopped } else { TailUntil::End },
    };
    let mut out = std::io::stdout().lock();
    let print = |record: producer::TailRecord| {
        // The reader has gone away, so nothing can be printed any more.
        let printed = serde_json::to_string(&record).map_err(std::io::Error::other);
        match printed.and_then(|line| writeln!(out, "{line}")) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    };
    producer::tail(options, shutdown, print).await?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(feature = "warehouse")]
pub(crate) async fn warehouse(settings: &Settings, shutdown: Shutdown) -> anyhow::Result<ExitCode> {
    let config: warehouse::Config = settings.read()?;
    let (health, mut metrics) = (Health::new(), Registry::default());
    let own = warehouse::Metrics::register(&mut metrics);
    observe(settings, HealthOf::Warehouse, &health, metrics, &shutdown).await?;
    warehouse::run(config, health, own, shutdown).await?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(feature = "registry")]
pub(crate) async fn registry(settings: &Settings, args: RegistryArgs, shutdown: Shutdown) -> anyhow::Result<ExitCode> {
    use anyhow::Context as _;

    observe(settings, HealthOf::Registry, &Health::new(), Registry::default(), &shutdown).await?;
    let listener =
        tokio::net::TcpListener::bind(args.listen).await.with_context(|| format!("listening on {}", args.listen))?;
    tracing::info!(address = %listener.local_addr()?, "schema registry");
    registry::run(listener, args.file, shutdown).await?;
    Ok(ExitCode::SUCCESS)
}
