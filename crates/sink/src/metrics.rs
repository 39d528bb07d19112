//! The sink's metrics; the only place that names them.

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

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct TopicLabel {
    pub(crate) topic: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct PartitionLabel {
    pub(crate) topic: String,
    pub(crate) partition: i32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct SchemaLabel {
    pub(crate) topic: String,
    pub(crate) schema_id: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ReasonLabel {
    pub(crate) reason: &'static str,
}

/// What was asked of the object store, as its errors word it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RequestLabel {
    pub(crate) request: &'static str,
}

/// Handles to the sink's metrics. Register once for a process, then give it to [`crate::run`].
#[derive(Debug, Clone)]
pub struct Metrics {
    pub(crate) rows: Family<TopicLabel, Counter>,
    pub(crate) dead_letters: Family<TopicLabel, Counter>,
    pub(crate) files: Family<ReasonLabel, Counter>,
    pub(crate) adopted: Counter,
    pub(crate) gave_way: Counter,
    pub(crate) uploaded_bytes: Counter,
    pub(crate) upload_seconds: Histogram,
    pub(crate) store_requests: Family<RequestLabel, Counter>,
    pub(crate) store_retries: Counter,
    pub(crate) commits: Counter,
    pub(crate) commit_failures: Counter,
    pub(crate) rebalances: Counter,
    pub(crate) assigned: Gauge,
    pub(crate) stopped: Gauge,
    pub(crate) open_bytes: Gauge,
    pub(crate) position: Family<PartitionLabel, Gauge>,
    pub(crate) committed: Family<PartitionLabel, Gauge>,
    pub(crate) committed_at: Family<PartitionLabel, Gauge>,
    pub(crate) lag: Family<PartitionLabel, Gauge>,
    pub(crate) schemas: Family<SchemaLabel, Gauge>,
}

impl Metrics {
    /// Registers all metrics under the prefix `sink`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            rows: Family::default(),
            dead_letters: Family::default(),
            files: Family::default(),
            adopted: Counter::default(),
            gave_way: Counter::default(),
            uploaded_bytes: Counter::default(),
            upload_seconds: Histogram::new(exponential_buckets(0.005, 2.0, 14)),
            store_requests: Family::default(),
            store_retries: Counter::default(),
            commits: Counter::default(),
            commit_failures: Counter::default(),
            rebalances: Counter::default(),
            assigned: Gauge::default(),
            stopped: Gauge::default(),
            open_bytes: Gauge::default(),
            position: Family::default(),
            committed: Family::default(),
            committed_at: Family::default(),
            lag: Family::default(),
            schemas: Family::default(),
        };
        let own = registry.sub_registry_with_prefix("sink");
        own.register("rows", "Records in files that were created", metrics.rows.clone());
        own.register("dead_letters", "Records sent to a dead-letter topic", metrics.dead_letters.clone());
        own.register("files", "Files created, by the reason that ended them", metrics.files.clone());
        own.register("files_adopted", "Keys that were taken by a file of the same range", metrics.adopted.clone());
        own.register("files_given_up", "Keys that were taken by a file of another range", metrics.gave_way.clone());
        own.register("uploaded_bytes", "Bytes of files that were created", metrics.uploaded_bytes.clone());
        own.register("upload_seconds", "From the roll to the created file", metrics.upload_seconds.clone());
        own.register("store_requests", "Requests to the object store, each attempt", metrics.store_requests.clone());
        own.register("store_retries", "Repeated requests to the object store", metrics.store_retries.clone());
        own.register("commits", "Positions committed", metrics.commits.clone());
        own.register("commit_failures", "Commits that were refused or repeated", metrics.commit_failures.clone());
        own.register("rebalances", "Assignments and revocations", metrics.rebalances.clone());
        own.register("assigned_partitions", "Partitions that this process has", metrics.assigned.clone());
        own.register("stopped_partitions", "Partitions that wait for an operator", metrics.stopped.clone());
        own.register("open_bytes", "Memory held by open files and uploads", metrics.open_bytes.clone());
        own.register("position", "The next offset to read", metrics.position.clone());
        own.register("committed_position", "The position committed last", metrics.committed.clone());
        own.register("committed_at_seconds", "Unix time of the last commit", metrics.committed_at.clone());
        own.register(
            "lag",
            "Records behind the committed position; a stretch without records, such as transaction markers, counts until \
             a file covers it",
            metrics.lag.clone(),
        );
        own.register(
            "schema_version",
            "Writer schemas that records have named: the version in the topic's subject, 0 for one of another",
            metrics.schemas.clone(),
        );
        metrics
    }
}
