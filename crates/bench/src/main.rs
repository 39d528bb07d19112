//! `bench sink-run`: the sink as one process, configured by the environment variables that a runner of peers sets.

mod endpoints;

use clap::{Parser, Subcommand};
use telemetry::{Health, Shutdown};

/// Measures the sink.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the sink until SIGTERM. Reads BROKERS, TOPIC, GROUP, REGISTRY, `S3_ENDPOINT`, BUCKET, PREFIX and `AWS_*`.
    SinkRun(endpoints::Roll),
    /// Prove that the files under PREFIX tile the topic's log.
    SinkVerify,
}

fn main() -> anyhow::Result<()> {
    telemetry::logs::init(telemetry::logs::Format::Text, "info")?;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        match Cli::parse().command {
            Command::SinkRun(roll) => {
                let shutdown = Shutdown::new();
                shutdown.on_signals()?;
                let mut registry = prometheus_client::registry::Registry::default();
                let metrics = sink::Metrics::register(&mut registry);
                let summary = sink::run(endpoints::config(Some(&roll))?, Health::new(), metrics, shutdown).await?;
                println!("{}", serde_json::to_string(&summary)?);
            }
            Command::SinkVerify => {
                let report = sink::verify(&endpoints::config(None)?).await?;
                println!("{}", serde_json::to_string_pretty(&report)?);
                anyhow::ensure!(report.is_whole(), "the files do not tile the log");
            }
        }
        Ok(())
    })
}
