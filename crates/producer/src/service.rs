//! The producer as a service: a batch at every tick until asked to stop, patient with Kafka within bounds.

use crate::{
    Config, Error, Metrics, Producer,
    producer::millis,
    report::{BatchReport, Tally},
    schedule::due,
};
use chrono::{DateTime, Utc};
use std::time::{Duration, Instant};
use telemetry::{Health, Shutdown};

const PART: &str = "producer";
/// Between attempts while Kafka does not answer; each attempt waits for `delivery_timeout` by itself.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// A sleeping computer stops timers, not the wall clock: look at it now and then.
const LOOK: Duration = Duration::from_secs(5);

/// What a run did.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    pub batches: u64,
    pub tally: Tally,
    pub records: u64,
    pub resent: u64,
    pub skipped_ticks: u64,
    /// Left in the outbox for the next run.
    pub pending: u64,
}

impl Summary {
    fn add(&mut self, report: &BatchReport) {
        self.batches += u64::from(report.number > 0);
        self.tally.add(&report.tally);
        self.records += report.records;
        self.resent += report.resent;
    }
}

/// Produces a batch at every tick of the wall clock until `shutdown`. A batch in flight then has `shutdown_timeout` to
/// arrive; what is left stays in the outbox.
///
/// # Errors
/// What nobody but the user can mend at once, and trouble with Kafka or the registry after the configured patience.
pub async fn run(config: Config, metrics: Metrics, health: Health, shutdown: Shutdown) -> Result<Summary, Error> {
    health.unready(PART, "starting");
    let patience = config.outage_timeout;
    let grace = config.shutdown_timeout;
    let mut summary = Summary::default();
    let mut producer = tokio::select! {
        opened = Producer::open(config, metrics.clone()) => opened?,
        () = shutdown.requested() => return Ok(summary),
    };
    let mut outage: Option<Instant> = None;
    while !shutdown.is_requested() {
        let outcome = tokio::select! {
            outcome = catch_up(&mut producer, &metrics, &mut summary, &shutdown) => outcome,
            () = overdue(&shutdown, grace) => {
                tracing::warn!(?grace, "a batch did not arrive in time to stop; the outbox keeps it");
                break;
            }
        };
        match outcome {
            Ok(next) => {
                outage = None;
                health.ready(PART);
                wait(next, &shutdown).await;
            }
            Err(error) if error.may_pass() && outage.get_or_insert_with(Instant::now).elapsed() < patience => {
                tracing::warn!(%error, "trying again");
                health.unready(PART, error.to_string());
                tokio::select! { () = tokio::time::sleep(RETRY_PAUSE) => {} () = shutdown.requested() => {} }
            }
            Err(error) => {
                health.unready(PART, error.to_string());
                return Err(error);
            }
        }
    }
    health.unready(PART, "stopped");
    summary.pending = producer.pending();
    tracing::info!(batches = summary.batches, records = summary.records, pending = summary.pending, "stopped");
    Ok(summary)
}

/// Finishes what is left and makes every batch that is due; gives the next tick.
async fn catch_up(
    producer: &mut Producer,
    metrics: &Metrics,
    summary: &mut Summary,
    shutdown: &Shutdown,
) -> Result<DateTime<Utc>, Error> {
    let resumed = producer.resume().await?;
    summary.add(&resumed);
    let (every, missed) = (millis(producer.config().every), producer.config().missed_ticks);
    let last = producer.last_tick().map(|tick| tick.timestamp_millis());
    let due = due(last, Utc::now().timestamp_millis(), every, missed, producer.config().catch_up_limit);
    if due.caught_up + due.skipped > 0 {
        tracing::warn!(catching_up = due.caught_up, skipping = due.skipped, "ticks were missed");
        metrics.missed(due.caught_up, due.skipped);
        summary.skipped_ticks += due.skipped;
    }
    for tick in due.ticks {
        if shutdown.is_requested() {
            break;
        }
        summary.add(&producer.tick(time(tick)).await?);
    }
    Ok(time(due.next))
}

/// Waits for a point of the wall clock.
async fn wait(next: DateTime<Utc>, shutdown: &Shutdown) {
    while let Ok(left) = (next - Utc::now()).to_std() {
        if left.is_zero() || shutdown.is_requested() {
            return;
        }
        tokio::select! { () = tokio::time::sleep(left.min(LOOK)) => {} () = shutdown.requested() => {} }
    }
}

/// Completes when a stop was asked for and `grace` has passed since.
async fn overdue(shutdown: &Shutdown, grace: Duration) {
    shutdown.requested().await;
    tokio::time::sleep(grace).await;
}

fn time(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}
