//! The running sink: one thread reads Kafka and carries out what partitions decide ([`worker`]); tasks wait for remote systems
//! ([`tasks`]) and send their answers back to it.

mod commits;
pub(crate) mod dead_letters;
mod slot;
pub(crate) mod tasks;
mod worker;

use sink_core::families::FileShape;
use std::sync::{Arc, mpsc};
use telemetry::{Health, Shutdown};
use tokio::{runtime::Handle, sync::OnceCell};

use crate::{
    config::Config,
    error::SinkError,
    kafka,
    metrics::Metrics,
    registry,
    store::{self, retention},
    threads,
};

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
    let prepared = tokio::select! {
        prepared = Box::pin(prepare(config, health, metrics.clone())) => prepared?,
        // Nothing is open yet, so nothing is to be finished: a store that does not answer is not waited for.
        () = shutdown.requested() => return Ok(Summary::default()),
    };
    let worker = worker::Worker::new(prepared, metrics, shutdown);
    threads::run("sink", move || worker.run()).await?
}

/// All that reading needs.
struct Prepared {
    consumer: Arc<kafka::Consumer>,
    asking: Arc<kafka::Consumer>,
    tasks: tasks::Tasks,
    answers: mpsc::Receiver<tasks::Answer>,
    none_yet: Arc<FileShape>,
}

async fn prepare(config: Config, health: Health, metrics: Metrics) -> Result<Prepared, SinkError> {
    health.unready(worker::ASSIGNMENT, "looking at the object store");
    let config = Arc::new(config);
    let writer = uuid::Uuid::new_v4().to_string();
    let watched = store::Watched { metrics, health: health.clone() };
    let store = store::Store::connect(&config, Some(watched)).await;
    store.prove_puts().await?;
    // A file is cut once it has reached its size, so it may be larger.
    if config.roll.max_bytes >= config.objects.multipart_bytes {
        store.prove_parts().await?;
    }
    retention::check(&config, &store).await?;
    store.abort_abandoned().await;
    let registry = Arc::new(registry::Registry::new(&config.registry)?);
    let none_yet = FileShape::unknown()
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
    Ok(Prepared { consumer, asking, tasks, answers, none_yet: Arc::new(none_yet) })
}
