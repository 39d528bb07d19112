//! What can end the sink, each with whose fault it is.

pub use contract::settings::Refused as ConfigError;

use sink_core::stop::Stop;

/// Why the sink ended other than by a request to stop.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("Kafka: {tried}: {source}")]
    Kafka { tried: &'static str, source: rdkafka::error::KafkaError },
    #[error(
        "another process with the same sink.instance_id took this one's place in the group; instance ids must be unique"
    )]
    Fenced,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("schema registry {url}: {reason}")]
    Registry { url: String, reason: String },
    /// A remote system failed for longer than its deadline. Starting again continues where the files end.
    #[error("{topic}[{partition}]: {stop}")]
    Partition { topic: String, partition: i32, stop: Stop },
    #[error("Kafka did not answer: {reason}; may work later")]
    Unanswered { reason: String },
    #[error("{topic}[{partition}]: the files are not whole: {fault}; a loss can be accepted behind whole files only")]
    NotWhole { topic: String, partition: i32, fault: String },
    #[error("consumer group {group} has {members} members; stop every sink of it first")]
    GroupActive { group: String, members: usize },
    #[error("stopped on request before the end")]
    Interrupted,
    #[error("the sink's thread ended unexpectedly: a bug")]
    Panicked,
    #[error("local: {what}: {source}")]
    Local { what: &'static str, source: std::io::Error },
}

/// The object store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("store: {tried} {key}: {reason}; tried for the configured deadline, may work later")]
    Deadline { tried: &'static str, key: String, reason: String },
    #[error("store: {tried} {key}: {reason}")]
    Refused { tried: &'static str, key: String, reason: String },
    #[error(
        "store: a second create-only {what} of {key} was accepted: this store ignores If-None-Match there, without which \
         two sinks could overwrite each other's files; use a store that supports conditional writes"
    )]
    Unconditional { key: String, what: &'static str },
    #[error(
        "store: it takes no uploads in parts ({key}: {reason}); set sink.objects.multipart_bytes above \
         sink.roll.max_bytes to do without them"
    )]
    NoParts { key: String, reason: String },
    #[error(
        "store: {reason}; change the rule, or set sink.objects.short_expiry = \"warn\" if it does not delete files of the \
         sink"
    )]
    Expires { reason: String },
    #[error("local: reading the spool file of {key}: {source}")]
    Spool { key: String, source: std::io::Error },
    #[error("store: {key} is not what the sink writes there: {reason}")]
    Foreign { key: String, reason: String },
}

impl StoreError {
    pub(crate) fn stop(self) -> Stop {
        Stop::Remote { what: "object store", reason: self.to_string() }
    }
}
