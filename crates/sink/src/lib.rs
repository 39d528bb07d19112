//! Kafka in, Avro files in S3 out, each record exactly once under any roll policy, whatever dies when.
//!
//! What is decided is decided in `sink-core`; this crate carries it out: one thread reads Kafka ([`run`]), tasks wait for
//! the object store and the registry. [`verify`](verify()) proves afterwards that the files tile the log, [`verify_deep`] that
//! they hold what it held.

mod accept_loss;
mod commits;
mod config;
mod dead_letters;
mod error;
mod kafka;
mod log_reader;
mod metrics;
mod native;
mod plan;
mod questions;
mod registry;
mod repair;
mod retention;
mod slot;
mod spool;
mod store;
mod tasks;
mod threads;
mod verify;
mod watch;
mod worker;

pub use accept_loss::{AcceptedLoss, accept_loss};
pub use config::{Config, Deadlines, Encryption, Objects, Roll, ShortExpiry, Start};
pub use dead_letters::header as dead_letter_header;
pub use error::{ConfigError, SinkError, StoreError};
pub use metrics::Metrics;
pub use plan::{LIST_PRICE_OF_1000_PUTS, Plan, PlanOptions, PlannedPartition, Sizes, plan};
pub use repair::{Finding, Mode, Repair, repair};
pub use sink_core::container::Codec;
pub use verify::{Deep, PartitionReport, Report, verify, verify_deep};
pub use watch::{Progress, Watch};

use std::sync::{Arc, mpsc};
use telemetry::{Health, Shutdown};
use tokio::{runtime::Handle, sync::OnceCell};

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// Files created.
    pub files: u64,
    /// Records in them.
    pub rows: u64,
    pub bytes: u64,
    /// Records sent to dead-letter topics.
    pub dead_letters: u64,
    /// Keys that were taken already by another life's file of the same range.
    pub adopted: u64,
    /// Keys that were taken by another owner's file of another range.
    pub gave_way: u64,
}

/// Writes files until `shutdown`, then finishes those that are open.
///
/// # Errors
/// When the configuration is refused, the store is not safe to use, or a remote system failed for longer than its
/// deadline. Starting again continues where the files end.
pub async fn run(config: Config, health: Health, metrics: Metrics, shutdown: Shutdown) -> Result<Summary, SinkError> {
    config.check()?;
    health.unready(worker::ASSIGNMENT, "looking at the object store");
    let config = Arc::new(config);
    let writer = uuid::Uuid::new_v4().to_string();
    let watched = store::Watched { metrics: metrics.clone(), health: health.clone() };
    let store = store::Store::connect(&config, Some(watched)).await;
    store.prove_puts().await?;
    // A file is cut once it has reached its size, so it may be larger.
    if config.roll.max_bytes >= config.objects.multipart_bytes {
        store.prove_parts().await?;
    }
    retention::check(&config, &store).await?;
    store.abort_abandoned().await;
    let registry = Arc::new(registry::Registry::new(&config.registry)?);
    let none_yet = sink_core::intake::Writer::none_yet()
        .map_err(|error| SinkError::Registry { url: config.registry.url.clone(), reason: error.to_string() })?;
    let asking = Arc::new(kafka::unsubscribed(&config)?);
    let consumer = Arc::new(kafka::consumer(&config)?);
    let (sender, answers) = mpsc::channel();
    let tasks = tasks::Tasks {
        runtime: Handle::current(),
        answers: sender,
        asking: Arc::downgrade(&asking),
        store,
        registry,
        dead_letters: Arc::new(OnceCell::new()),
        limits: tasks::Limits::new(config.uploads),
        health,
        writer: writer.into(),
        config,
    };
    let worker = worker::Worker::new(consumer, asking, tasks, answers, metrics, shutdown, none_yet);
    threads::run("sink", move || worker.run()).await?
}
