//! Measures the sink beside what bare reading costs. Where the servers are comes from the environment: BROKERS, REGISTRY,
//! `S3_ENDPOINT`, BUCKET, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, and for `sink-run` TOPIC, GROUP, PREFIX. `sink` starts
//! servers where none are named: with the scripts in the folder `REAL_STACK`, or else embedded ones.

mod compare;
mod endpoints;
mod floor;
mod idle;
mod measure;
mod native;
mod peers;
mod readback;
mod report;
mod scripts;
mod servers;
mod soak;
mod work;

use clap::{Parser, Subcommand};
use prometheus_client::{encoding::text::encode, registry::Registry};
use readback::Bucket;
use std::{sync::Arc, time::Duration};
use telemetry::{Health, Shutdown};

/// Measures the sink.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bare reading, the floor and the sink on the same topic, compared.
    Sink(compare::Arguments),
    /// Many partitions with little traffic: what the sink costs, and whether files are on time.
    Idle(idle::Arguments),
    /// Run the sink until SIGTERM, or until it has written so many records.
    SinkRun {
        #[command(flatten)]
        roll: endpoints::Roll,
        #[arg(long)]
        until: Option<u64>,
        /// Then remove what is no file and stay until SIGTERM: for runners that take every object below PREFIX for a file.
        #[arg(long, requires = "until")]
        only_files: bool,
    },
    /// Kill, stall and fence sinks and kill brokers for so many rounds, and prove that each record is in the files once.
    Soak(soak::Arguments),
    /// One sink with thousands of partitions and a small budget: its memory.
    ManyPartitions(soak::partitions::Arguments),
    /// One of a soak's sinks.
    #[command(hide = true)]
    SoakSink(soak::child::Arguments),
    /// Prove that the files under PREFIX tile the topic's log.
    SinkVerify,
    /// Read the topic and do no more than the floor does.
    Floor {
        #[arg(value_enum)]
        floor: floor::Floor,
        #[arg(long)]
        records: u64,
    },
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    // A soak's own clients meet brokers that it killed.
    let usual = if matches!(cli.command, Command::Soak(_)) { "warn,librdkafka=off,rdkafka=off" } else { "warn" };
    let filter = std::env::var("BENCH_LOG").unwrap_or_else(|_| usual.to_owned());
    telemetry::logs::init(telemetry::logs::Format::Text, &filter)?;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(async {
        match cli.command {
            Command::Sink(arguments) => compare::run(arguments).await,
            Command::Idle(arguments) => idle::run(arguments).await,
            Command::SinkRun { roll, until, only_files } => run_sink(&roll, until, only_files).await,
            Command::Soak(arguments) => soak::run(arguments).await,
            Command::ManyPartitions(arguments) => soak::partitions::run(arguments).await,
            Command::SoakSink(arguments) => soak::child::run(arguments).await,
            Command::SinkVerify => {
                let report = sink::verify(&endpoints::config(None)?).await?;
                println!("{}", serde_json::to_string_pretty(&report)?);
                anyhow::ensure!(report.is_whole(), "the files do not tile the log");
                Ok(())
            }
            Command::Floor { floor, records } => {
                let (brokers, topic) = (endpoints::variable("BROKERS")?, endpoints::variable("TOPIC")?);
                let bytes =
                    tokio::task::spawn_blocking(move || floor::read(&brokers, &topic, records, floor)).await??;
                println!("{}", measure::Own { bytes, ..measure::Own::now()? }.line()?);
                Ok(())
            }
        }
    });
    // Blocking calls into librdkafka that nobody waits for any more must not hold up the exit.
    runtime.shutdown_background();
    outcome
}

async fn run_sink(roll: &endpoints::Roll, until: Option<u64>, only_files: bool) -> anyhow::Result<()> {
    let config = endpoints::config(Some(roll))?;
    let shutdown = Shutdown::new();
    shutdown.on_signals()?;
    let mut registry = Registry::default();
    let metrics = sink::Metrics::register(&mut registry);
    let registry = Arc::new(registry);
    if let Some(until) = until {
        let (shutdown, registry) = (shutdown.clone(), Arc::clone(&registry));
        let (bucket, prefix) = (Bucket::open(&config.store)?, config.store.prefix.clone());
        tokio::spawn(async move {
            while total(&registry, "sink_rows_total") < until {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            if !only_files {
                shutdown.request();
            } else if let Err(error) = bucket.keep_only_files(&prefix).await {
                tracing::error!(?error, "what is no file was not removed");
                shutdown.request();
            }
        });
    }
    let summary = sink::run(config, Health::new(), metrics, shutdown).await?;
    println!("{}", serde_json::to_string(&summary)?);
    let own = measure::Own { s3_requests: total(&registry, "sink_store_requests_total"), ..measure::Own::now()? };
    println!("{}", own.line()?);
    Ok(())
}

/// Of all a counter's labels, from the sink's own metrics.
fn total(registry: &Registry, name: &str) -> u64 {
    let mut text = String::new();
    if encode(&mut text, registry).is_err() {
        return 0;
    }
    let counts = text.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
    counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}
