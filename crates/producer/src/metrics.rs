//! The producer's metrics, all under `producer_`.

use crate::report::Tally;
use std::{sync::atomic::AtomicU64, time::Duration};
use telemetry::prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

type ByKind = Family<[(&'static str, &'static str); 1], Counter>;

/// Handles to the metrics; `default()` counts without showing them anywhere.
#[derive(Debug, Clone)]
pub struct Metrics {
    batches: Counter,
    events: ByKind,
    resent: Counter,
    bytes: Counter,
    missed: ByKind,
    failures: Counter,
    pending: Gauge,
    living: Gauge,
    last_tick: Gauge<f64, AtomicU64>,
    sending: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            batches: Counter::default(),
            events: Family::default(),
            resent: Counter::default(),
            bytes: Counter::default(),
            missed: Family::default(),
            failures: Counter::default(),
            pending: Gauge::default(),
            living: Gauge::default(),
            last_tick: Gauge::default(),
            sending: Histogram::new([0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0]),
        }
    }
}

impl Metrics {
    /// New metrics, shown by `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let all = Self::default();
        let registry = registry.sub_registry_with_prefix("producer");
        registry.register("batches", "Batches sent and marked as sent", all.batches.clone());
        registry.register("events", "Events made, by operation", all.events.clone());
        registry.register("resent_records", "Records sent again after a crash or a failure", all.resent.clone());
        registry.register("sent_bytes", "Keys and values acknowledged by Kafka", all.bytes.clone());
        registry.register("missed_ticks", "Batches that were due while not running, by outcome", all.missed.clone());
        registry.register("failures", "Attempts that Kafka did not acknowledge in time", all.failures.clone());
        registry.register("outbox_pending_records", "Records written and not yet marked as sent", all.pending.clone());
        registry.register("living_customers", "Customers that are not deleted", all.living.clone());
        registry.register("last_tick_timestamp_seconds", "Tick of the latest batch", all.last_tick.clone());
        registry.register("send_seconds", "From a batch's first send to its last acknowledgement", all.sending.clone());
        all
    }

    pub(crate) fn made(&self, tally: &Tally) {
        for (operation, events) in [
            ("create", tally.created),
            ("update", tally.updated),
            ("delete", tally.deleted),
            ("recreate", tally.recreated),
        ] {
            self.events.get_or_create(&[("operation", operation)]).inc_by(events);
        }
    }

    pub(crate) fn sent(&self, bytes: u64, took: Duration) {
        self.bytes.inc_by(bytes);
        self.sending.observe(took.as_secs_f64());
    }

    pub(crate) fn resent(&self, records: u64) {
        self.resent.inc_by(records);
    }

    pub(crate) fn finished(&self, tick_ms: i64) {
        self.batches.inc();
        self.last_tick.set(tick_ms as f64 / 1000.0);
    }

    pub(crate) fn state(&self, pending: u64, living: u64) {
        self.pending.set(pending as i64);
        self.living.set(living as i64);
    }

    pub(crate) fn missed(&self, caught_up: u64, skipped: u64) {
        self.missed.get_or_create(&[("outcome", "caught-up")]).inc_by(caught_up);
        self.missed.get_or_create(&[("outcome", "skipped")]).inc_by(skipped);
    }

    pub(crate) fn failed(&self) {
        self.failures.inc();
    }
}
