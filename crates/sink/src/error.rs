//! What can end the sink, each with whose fault it is. An error says what was attempted on what, what was found, and what to do
//! now; those of the store say the last in a line of its own.

pub use contract::settings::Refused as ConfigError;

use sink_core::stop::Stop;
use std::{fmt, path::PathBuf, sync::Arc};

/// Why the sink ended other than by a request to stop.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("Kafka: {tried}: {source}")]
    Kafka { tried: &'static str, source: rdkafka::error::KafkaError },
    #[error(
        "another process with the same sink.instance_id took this one's place in the group; give each process an instance id \
         of its own"
    )]
    Fenced,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("schema registry {url}: {reason}")]
    Registry { url: String, reason: String },
    /// A remote system failed for longer than its deadline. Starting again continues where the files end.
    #[error("{topic}[{partition}]: {stop}")]
    Partition { topic: String, partition: i32, stop: Stop },
    #[error("Kafka did not answer: {reason}; try again later")]
    Unanswered { reason: String },
    #[error(
        "accepting a loss in {topic}[{partition}]: the files are not whole: {fault}; a loss can be accepted only where whole \
         files end"
    )]
    NotWhole { topic: String, partition: i32, fault: String },
    #[error("accepting the loss of record {offset} of {topic}[{partition}]: {found}; {way_out}")]
    NotAcceptable { topic: String, partition: i32, offset: i64, found: String, way_out: &'static str },
    #[error(
        "comparing the group's positions with the files of topic `{topic}`: the brokers have no such topic that this user may see; \
         correct sink.topics or the user's rights"
    )]
    MissingTopic { topic: String },
    #[error("consumer group {group} has {members} members, expected none; stop every sink of the group first")]
    GroupActive { group: String, members: usize },
    #[error("stopped on request before the end; nothing is wrong")]
    Interrupted,
    #[error("the sink's thread ended unexpectedly: a bug")]
    Panicked,
    #[error("local: {what}: {source}")]
    Local { what: &'static str, source: std::io::Error },
    #[error(
        "local: saving a record to {}: {source}; choose a path that does not exist, in a folder that can be written",
        path.display()
    )]
    Save { path: PathBuf, source: std::io::Error },
}

/// The object store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Worth trying again later.
    #[error("{request} (tried for the configured deadline)\n{}.", request.way_out)]
    Deadline { request: FailedRequest },
    /// No retry helps.
    #[error("{request}\n{}.", request.way_out)]
    Refused { request: FailedRequest },
    #[error(
        "creating {url}: a second create-only {what} was accepted; this store ignores If-None-Match there, and two sinks could \
         overwrite each other's files\nUse a store that supports conditional writes."
    )]
    Unconditional { url: String, what: &'static str },
    #[error(
        "{request}; the store takes no uploads in parts\nTo do without them, set sink.objects.multipart_bytes above \
         sink.roll.max_bytes."
    )]
    NoParts { request: FailedRequest },
    #[error(
        "checking the lifecycle rules of s3://{bucket}/: {reason}\nChange the rule; if it deletes no files of the sink, set \
         sink.objects.short_expiry = \"warn\"."
    )]
    Expires { bucket: String, reason: String },
    #[error(
        "reading the spool file of {url} from the local disk: {source}\nCheck the disk of sink.spool_dir, and start again."
    )]
    Spool { url: String, source: std::io::Error },
    #[error(
        "reading {url}: it is not what the sink writes there: {reason}\nGive the sink a store.prefix of its own, or restore \
         the object."
    )]
    Foreign { url: String, reason: String },
    #[error(
        "reading {url}: it is not there, so this partition has no chain of files\nCheck the topic, the partition, \
         store.bucket and store.prefix."
    )]
    NoChain { url: String },
}

/// A request that the store did not carry out. Displays as one line, without the way out.
#[derive(Debug, Clone)]
pub struct FailedRequest {
    pub(crate) operation: &'static str,
    /// `s3://bucket/key`; a prefix for a listing.
    pub(crate) url: String,
    /// The endpoint.
    pub(crate) server: Arc<str>,
    /// The status, code and message that the store answered, or what the connection met.
    pub(crate) found: String,
    /// A sentence without its full stop.
    pub(crate) way_out: String,
}

impl fmt::Display for FailedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, url, server, found, .. } = self;
        write!(f, "{operation} {url} at {server}: {found}")
    }
}

impl StoreError {
    pub(crate) fn stop(self) -> Stop {
        Stop::Remote { what: "object store", reason: self.to_string() }
    }
}
