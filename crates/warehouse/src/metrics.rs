//! The warehouse's metrics; the only place that names them.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

/// How something ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OutcomeLabel {
    pub(crate) outcome: &'static str,
}

/// Handles to the warehouse's metrics. Register once for a process, then give it to [`crate::run`].
#[derive(Debug, Clone)]
pub struct Metrics {
    pub(crate) sessions: Gauge,
    pub(crate) statements: Family<OutcomeLabel, Counter>,
    pub(crate) statement_seconds: Histogram,
    pub(crate) task_runs: Family<OutcomeLabel, Counter>,
    pub(crate) task_seconds: Histogram,
    pub(crate) files: Family<OutcomeLabel, Counter>,
    pub(crate) rows: Counter,
    pub(crate) pipe_failures: Counter,
}

impl Metrics {
    /// Registers all metrics under the prefix `warehouse`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::unregistered();
        let own = registry.sub_registry_with_prefix("warehouse");
        own.register("sessions", "Sessions that are open", metrics.sessions.clone());
        own.register("statements", "Statements of clients, by how they ended", metrics.statements.clone());
        own.register("statement_seconds", "Duration of clients' statements", metrics.statement_seconds.clone());
        own.register("task_runs", "Runs of tasks, by how they ended", metrics.task_runs.clone());
        own.register(
            "task_seconds",
            "Duration of the runs of tasks that were not skipped",
            metrics.task_seconds.clone(),
        );
        own.register("files", "Files that pipes took up, by how that ended", metrics.files.clone());
        own.register("rows", "Rows that pipes loaded", metrics.rows.clone());
        own.register(
            "pipe_failures",
            "Rounds of a pipe that failed and are tried again",
            metrics.pipe_failures.clone(),
        );
        metrics
    }

    /// Counts that nobody reads.
    pub(crate) fn unregistered() -> Self {
        let seconds = || Histogram::new(exponential_buckets(0.002, 2.0, 16));
        Self {
            sessions: Gauge::default(),
            statements: Family::default(),
            statement_seconds: seconds(),
            task_runs: Family::default(),
            task_seconds: seconds(),
            files: Family::default(),
            rows: Counter::default(),
            pipe_failures: Counter::default(),
        }
    }

    pub(crate) fn outcome(family: &Family<OutcomeLabel, Counter>, outcome: &'static str) {
        family.get_or_create(&OutcomeLabel { outcome }).inc();
    }
}
