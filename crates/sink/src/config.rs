//! Every setting of the sink with its default. Settings that would void the guarantee are refused by [`Config::check`].

mod check;
mod objects;

use contract::endpoints::{Kafka, ObjectStore, SchemaRegistry};
use serde::Deserialize;
use sink_core::{container::Codec, roll::RollPolicy};
use std::{path::PathBuf, time::Duration};

pub use objects::{Encryption, Objects, ShortExpiry};

/// Configuration of one sink process.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub kafka: Kafka,
    pub registry: SchemaRegistry,
    pub store: ObjectStore,
    /// Topics to read: names, or regular expressions that begin with `^`. An expression never matches a topic whose name
    /// ends in `.dead-letter`. Default: the customer events.
    #[serde(default = "default_topics")]
    pub topics: Vec<String>,
    /// Consumer group. A chain of files belongs to one group. Default: `sink`.
    #[serde(default = "default_group")]
    pub group_id: String,
    /// Static membership: this instance's name, stable over restarts and unique in the group. Without it, partitions
    /// move when a process stops.
    pub instance_id: Option<String>,
    /// How long the group waits for a silent member before it gives its partitions away. Default: 45 seconds.
    #[serde(default = "default_session", with = "humantime_serde")]
    pub session_timeout: Duration,
    /// Where a partition begins that has no chain of files yet. Default: `earliest`.
    #[serde(default)]
    pub start: Start,
    #[serde(default)]
    pub roll: Roll,
    /// Compression of blocks: `snappy` (default), `deflate` or `null`.
    #[serde(default)]
    pub codec: Codec,
    /// Topic for records that cannot be used. Default: one for each topic, `<topic>.dead-letter`. It is created if it is
    /// missing and the brokers allow that.
    pub dead_letter_topic: Option<String>,
    /// What becomes of a record whose registered Avro schema files cannot hold. Default: `stop`.
    #[serde(default)]
    pub unreadable_schema: Unreadable,
    /// Folder for the parts of open files that are not kept in memory; files in it have no name and vanish with the
    /// process. Default: `/tmp`.
    #[serde(default = "default_spool")]
    pub spool_dir: PathBuf,
    /// Bytes of one open file that are kept in memory before the rest goes to the spool. Default: 256 KiB.
    #[serde(default = "default_in_memory")]
    pub in_memory_bytes: usize,
    /// Bytes that open files and uploads together may hold in memory. The largest files are rolled early where files alone
    /// hold more than three quarters; where uploads are slow, reading waits for them. Default: 64 MiB.
    #[serde(default = "default_memory")]
    pub memory_bytes: usize,
    /// The largest value that a record may have, in bytes; brokers have a limit of their own (`max.message.bytes`). A
    /// larger value stops its partition until this is raised. It does not become a dead letter: the record is not at
    /// fault, and a dead-letter topic with Kafka's usual limit would refuse it too. Default: 16 MiB.
    #[serde(default = "default_max_record")]
    pub max_record_bytes: usize,
    /// Uploads under way at a time. Default: 16.
    #[serde(default = "default_uploads")]
    pub uploads: usize,
    #[serde(default)]
    pub objects: Objects,
    #[serde(default)]
    pub deadlines: Deadlines,
}

/// What becomes of a record whose schema files cannot hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unreadable {
    /// Its partition stops before it, since the data are not to blame, and an operator looks.
    #[default]
    Stop,
    /// It goes to the dead letters with the reason.
    DeadLetter,
}

/// Where a new chain begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    #[default]
    Earliest,
    Latest,
    /// At the first record of this time or later; milliseconds since 1970.
    Timestamp(i64),
}

/// When files are rolled. Any combination is exactly once.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Roll {
    /// Wall-clock windows, aligned: `2m` rolls at :00, :02, :04. One window across a topic's partitions is one file for
    /// each partition with records in it, because a file is a stretch of one log. `0s`: no windows.
    #[serde(with = "humantime_serde")]
    pub window: Duration,
    /// Without a further record for this long. `0s` (default): never.
    #[serde(with = "humantime_serde")]
    pub idle: Duration,
    /// Size of a file as written. Default: 64 MiB.
    pub max_bytes: u64,
    /// Records in a file. Default: 1,000,000.
    pub max_records: u64,
}

impl Default for Roll {
    fn default() -> Self {
        Self {
            window: Duration::from_mins(2),
            idle: Duration::ZERO,
            max_bytes: 64 * 1024 * 1024,
            max_records: 1_000_000,
        }
    }
}

impl Roll {
    pub(crate) fn policy(&self) -> RollPolicy {
        let millis = |duration: Duration| (!duration.is_zero()).then_some(duration.as_millis() as i64);
        RollPolicy {
            window: millis(self.window),
            idle: millis(self.idle),
            max_bytes: self.max_bytes,
            max_records: self.max_records,
        }
    }
}

/// How long to try before giving up. What is given up is never lost: another attempt continues the chain.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Deadlines {
    /// One operation on the object store, with all its repetitions, and a second more for each MiB that it carries.
    /// Default: 2 minutes.
    #[serde(with = "humantime_serde")]
    pub store: Duration,
    /// One request of it, likewise. Default: 30 seconds.
    #[serde(with = "humantime_serde")]
    pub store_attempt: Duration,
    /// A commit, a question to the brokers. Default: 2 minutes.
    #[serde(with = "humantime_serde")]
    pub kafka: Duration,
    /// A dead letter's acknowledgement. Default: 1 minute.
    #[serde(with = "humantime_serde")]
    pub dead_letter: Duration,
    /// How long an unknown schema id is asked for before its record goes to the dead letters. A registry that does not
    /// answer is waited for without an end: that says nothing about the record. Default: 30 seconds.
    #[serde(with = "humantime_serde")]
    pub unknown_schema: Duration,
    /// Finishing the files of partitions that move to another member. Default: 30 seconds.
    #[serde(with = "humantime_serde")]
    pub revoke: Duration,
    /// Finishing all files at a stop. Default: 25 seconds.
    #[serde(with = "humantime_serde")]
    pub shutdown: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            store: Duration::from_mins(2),
            store_attempt: Duration::from_secs(30),
            kafka: Duration::from_mins(2),
            dead_letter: Duration::from_mins(1),
            unknown_schema: Duration::from_secs(30),
            revoke: Duration::from_secs(30),
            shutdown: Duration::from_secs(25),
        }
    }
}

fn default_topics() -> Vec<String> {
    vec![contract::names::DEFAULT_TOPIC.to_owned()]
}

fn default_group() -> String {
    "sink".to_owned()
}

fn default_session() -> Duration {
    Duration::from_secs(45)
}

fn default_spool() -> PathBuf {
    PathBuf::from("/tmp")
}

fn default_in_memory() -> usize {
    256 * 1024
}

fn default_memory() -> usize {
    64 * 1024 * 1024
}

fn default_max_record() -> usize {
    16 * 1024 * 1024
}

fn default_uploads() -> usize {
    16
}

impl Config {
    /// Everything at its default for these endpoints.
    pub fn new(kafka: Kafka, registry: SchemaRegistry, store: ObjectStore) -> Self {
        Self {
            kafka,
            registry,
            store,
            topics: default_topics(),
            group_id: default_group(),
            instance_id: None,
            session_timeout: default_session(),
            start: Start::default(),
            roll: Roll::default(),
            codec: Codec::default(),
            dead_letter_topic: None,
            unreadable_schema: Unreadable::default(),
            spool_dir: default_spool(),
            in_memory_bytes: default_in_memory(),
            memory_bytes: default_memory(),
            max_record_bytes: default_max_record(),
            uploads: default_uploads(),
            objects: Objects::default(),
            deadlines: Deadlines::default(),
        }
    }

    /// Where a topic's unusable records go.
    pub(crate) fn dead_letters_of(&self, topic: &str) -> String {
        self.dead_letter_topic.clone().unwrap_or_else(|| contract::names::dead_letter_topic(topic))
    }

    /// Whether what is in the topic is dead letters of the sink's own.
    pub(crate) fn is_dead_letters(&self, topic: &str) -> bool {
        topic.ends_with(contract::names::DEAD_LETTERS) || self.dead_letter_topic.as_deref() == Some(topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let text = r#"{"kafka":{"bootstrap_servers":"k"},"registry":{"url":"r"},"store":{"bucket":"b","region":"r"},"rol":{}}"#;
        let error = serde_json::from_str::<Config>(text).unwrap_err().to_string();
        assert!(error.contains("rol"), "{error}");
    }

    #[test]
    fn a_zero_duration_never_rolls() {
        let policy = Roll { window: Duration::ZERO, ..Roll::default() }.policy();
        assert_eq!((policy.window, policy.idle), (None, None));
        assert_eq!(Roll::default().policy().window, Some(120_000));
    }

    /// The keys that a type takes, in the words of its refusal.
    fn keys<T: serde::de::DeserializeOwned + std::fmt::Debug>() -> Vec<String> {
        let refused = serde_json::from_str::<T>(r#"{"no such key": 0}"#).unwrap_err().to_string();
        let (_, expected) = refused.split_once("expected").unwrap();
        expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    /// The other direction, that the sink takes every key of the file, is shown where the file is read.
    #[test]
    fn every_key_is_in_the_documented_defaults() {
        let file = include_str!("../../../config/default.toml");
        let section = |name: &str| {
            let (_, rest) = file.split_once(&format!("\n[{name}]\n")).unwrap_or_else(|| panic!("no section [{name}]"));
            rest.split("\n[").next().unwrap().lines().map(|line| line.trim_start_matches("# ")).collect::<Vec<_>>()
        };
        let shared = ["kafka", "registry", "store"];
        for (name, keys) in [
            ("sink", keys::<Config>()),
            ("sink.roll", keys::<Roll>()),
            ("sink.deadlines", keys::<Deadlines>()),
            ("sink.objects", keys::<Objects>()),
            ("kafka", keys::<Kafka>()),
            ("registry", keys::<SchemaRegistry>()),
            ("store", keys::<ObjectStore>()),
        ] {
            assert!(!keys.is_empty());
            for key in keys.iter().filter(|key| name != "sink" || !shared.contains(&key.as_str())) {
                let is_there = section(name).iter().any(|line| line.starts_with(&format!("{key} =")));
                let has_section = file.contains(&format!("\n[{name}.{key}]"));
                assert!(is_there || has_section, "config/default.toml: [{name}] does not name `{key}`");
            }
        }
    }
}
