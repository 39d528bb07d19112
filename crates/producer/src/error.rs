//! What can go wrong, with whose fault it is and the way out.

use clients::registry::RegistryError;
use contract::{event::EventError, schemas::SchemaError, settings::Refused};
use rdkafka::error::KafkaError;
use std::path::PathBuf;

/// How many of the topics that exist an error names.
const MOST_NAMED: usize = 10;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Config(#[from] Refused),

    #[error("Kafka refused to {doing}: {source}")]
    Kafka { doing: String, source: KafkaError },

    #[error(
        "reading topic `{topic}`: the brokers have no such topic that this user may see; {}create it or start its \
         producer, or name another",
        Self::known(known)
    )]
    MissingTopic { topic: String, known: Vec<String> },

    #[error(
        "topic `{topic}` is not there and could not be created ({reason}); create it by hand, with cleanup.policy=delete"
    )]
    NoTopic { topic: String, reason: String },

    #[error(
        "{failed} of {total} events were not acknowledged by Kafka within {seconds} s (the first: {first}); they stay in the outbox and are sent again"
    )]
    Delivery { failed: usize, total: usize, seconds: u64, first: KafkaError },

    #[error(transparent)]
    Registry(#[from] RegistryError),

    #[error(transparent)]
    Schema(#[from] SchemaError),

    #[error("event of customer {customer}: {source}")]
    Event { customer: uuid::Uuid, source: EventError },

    #[error("state {path}: another producer is running on it; stop that one or give this one its own `state_dir`")]
    StateInUse { path: PathBuf },

    #[error("state {path} belongs to {found}, but the configuration says {wanted}; use another `state_dir`")]
    StateOfAnother { path: PathBuf, found: String, wanted: String },

    #[error("state {path}: the disk is full while trying to {doing}; nothing is lost: make room and start again")]
    DiskFull { path: PathBuf, doing: &'static str },

    #[error(
        "state {path} is damaged ({reason}); restore it from a copy, or move it away and write to a new topic: the \
         customers' sequences are in it alone"
    )]
    StateDamaged { path: PathBuf, reason: String },

    #[error("state {path}: cannot {doing}: {source}")]
    State { path: PathBuf, doing: &'static str, source: Box<redb::Error> },

    #[error("state {path}: cannot {doing}: {source}")]
    StateFolder { path: PathBuf, doing: &'static str, source: std::io::Error },

    #[error("interrupted while trying to {0}; the outbox holds what is left to send")]
    Interrupted(&'static str),
}

impl Error {
    /// Some of the topics that exist.
    fn known(topics: &[String]) -> String {
        match topics {
            [] => String::new(),
            topics => format!(
                "they have {}; ",
                topics.iter().take(MOST_NAMED).map(|topic| format!("`{topic}`")).collect::<Vec<_>>().join(", ")
            ),
        }
    }

    /// Whether the same may work later without anybody's help: the remote side's trouble, not the configuration's.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Delivery { .. } => true,
            Self::Kafka { source, .. } => !matches!(
                source,
                KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_) | KafkaError::AdminOpCreation(_)
            ),
            Self::Registry(error) => error.may_pass,
            _ => false,
        }
    }
}
