//! Every setting of the producer. Serde refuses unknown keys; [`Config::check`] refuses values that cannot work.

use contract::{
    endpoints::{Kafka, SchemaRegistry},
    names,
    schemas::{self, Released},
    settings::{self, Refused},
};
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, time::Duration};

/// The producer's configuration. Everything but the endpoints and the state folder has a default.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub kafka: Kafka,
    pub registry: SchemaRegistry,
    /// Folder of the outbox and the population. It belongs to one topic and to one producer at a time. If it is lost, a
    /// producer must write to a new topic or with a new seed.
    pub state_dir: PathBuf,
    /// Topic of the events; created when it is missing.
    #[serde(default = "default::topic")]
    pub topic: String,
    /// Partitions of a topic created here; an existing one keeps its own.
    #[serde(default = "default::partitions")]
    pub partitions: i32,
    /// Replicas of a topic created here; without it the broker's default.
    #[serde(default)]
    pub replication: Option<i32>,
    /// How long a topic created here keeps events.
    #[serde(default = "default::retention", with = "humantime_serde")]
    pub retention: Duration,
    /// Time between batches, aligned to the wall clock: `2m` means at every even minute.
    #[serde(default = "default::every", with = "humantime_serde")]
    pub every: Duration,
    /// What becomes of the batches that were due while the producer was not running.
    #[serde(default)]
    pub missed_ticks: MissedTicks,
    /// The greatest number of missed batches that are caught up: the latest ones. The others are skipped.
    #[serde(default = "default::catch_up_limit")]
    pub catch_up_limit: u32,
    /// Customers created in the first batch.
    #[serde(default = "default::initial_customers")]
    pub initial_customers: u32,
    /// Events in each further batch.
    #[serde(default = "default::batch")]
    pub batch: Mix,
    /// How unevenly updates fall on customers: 0 evenly, 1 as in Zipf's law. At most 2.
    #[serde(default = "default::skew")]
    pub skew: f64,
    /// Where customers live; the first is the home market and has most of them.
    #[serde(default = "default::locales")]
    pub locales: Vec<Locale>,
    /// The same seed and the same ticks give the same events. Without one, each new state folder draws its own. Two
    /// producers on one topic must not share a seed: they would make the same customers.
    #[serde(default)]
    pub seed: Option<u64>,
    /// Version of the event's schema to write, 1 for `v1.avsc`; without it the newest.
    #[serde(default)]
    pub schema_version: Option<u32>,
    /// How long Kafka may take to acknowledge an event. A late event stays in the outbox and is sent again.
    #[serde(default = "default::delivery_timeout", with = "humantime_serde")]
    pub delivery_timeout: Duration,
    /// How long Kafka and the registry may be unreachable at the start.
    #[serde(default = "default::startup_timeout", with = "humantime_serde")]
    pub startup_timeout: Duration,
    /// How long Kafka may be unreachable later on before the producer gives up with an error.
    #[serde(default = "default::outage_timeout", with = "humantime_serde")]
    pub outage_timeout: Duration,
    /// How long a batch in flight may take after a stop is requested. After that it stays in the outbox.
    #[serde(default = "default::shutdown_timeout", with = "humantime_serde")]
    pub shutdown_timeout: Duration,
}

/// Events of a batch by kind. Events that need a customer are left out while there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mix {
    /// New customers.
    #[serde(default)]
    pub creates: u32,
    /// Changes of living customers; a busy one may change more than once in a batch.
    #[serde(default)]
    pub updates: u32,
    #[serde(default)]
    pub deletes: u32,
    /// Deleted customers who come back under their old id.
    #[serde(default)]
    pub recreates: u32,
}

impl Mix {
    pub fn total(self) -> u64 {
        [self.creates, self.updates, self.deletes, self.recreates].into_iter().map(u64::from).sum()
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissedTicks {
    /// They are made now, with the times they should have had, up to `catch_up_limit`.
    #[default]
    CatchUp,
    /// Only the latest is made.
    Skip,
}

/// A language and country that customers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Locale {
    #[serde(rename = "en-US")]
    EnUs,
    #[serde(rename = "en-GB")]
    EnGb,
    #[serde(rename = "de-DE")]
    DeDe,
    #[serde(rename = "fr-FR")]
    FrFr,
    #[serde(rename = "it-IT")]
    ItIt,
    #[serde(rename = "nl-NL")]
    NlNl,
    #[serde(rename = "pt-PT")]
    PtPt,
    #[serde(rename = "pt-BR")]
    PtBr,
    #[serde(rename = "tr-TR")]
    TrTr,
    #[serde(rename = "ja-JP")]
    JaJp,
}

impl Locale {
    pub const ALL: [Self; 10] = [
        Self::EnUs,
        Self::EnGb,
        Self::DeDe,
        Self::FrFr,
        Self::ItIt,
        Self::NlNl,
        Self::PtPt,
        Self::PtBr,
        Self::TrTr,
        Self::JaJp,
    ];
}

/// librdkafka properties that the producer sets itself: another value would void a guarantee or contradict a key of
/// [`Config`]. Aliases as in librdkafka's CONFIGURATION.md.
const OWN_PROPERTIES: [(&str, &str); 11] = [
    ("bootstrap.servers", "is set by `kafka.bootstrap_servers`; use that key"),
    ("metadata.broker.list", "is set by `kafka.bootstrap_servers`; use that key"),
    ("enable.idempotence", "cannot be set: it is always on, because a retry would otherwise reorder or repeat events"),
    ("enable.gapless.guarantee", "cannot be set: the outbox sends failed events again"),
    ("acks", "cannot be set: it is always `all`, because an acknowledged event could otherwise be lost"),
    (
        "request.required.acks",
        "cannot be set: it is always `all`, because an acknowledged event could otherwise be lost",
    ),
    ("transactional.id", "cannot be set: the outbox does not use transactions"),
    ("delivery.timeout.ms", "is set by `producer.delivery_timeout`; use that key"),
    ("message.timeout.ms", "is set by `producer.delivery_timeout`; use that key"),
    ("partitioner", "cannot be set: it is always `murmur2_random`, which places keys as Java clients do"),
    ("message.send.max.retries", "cannot be set: `producer.delivery_timeout` alone bounds the retries"),
];

impl Config {
    /// The defaults for a producer on these endpoints.
    pub fn new(kafka: Kafka, registry: SchemaRegistry, state_dir: impl Into<PathBuf>) -> Self {
        Self {
            kafka,
            registry,
            state_dir: state_dir.into(),
            topic: default::topic(),
            partitions: default::partitions(),
            replication: None,
            retention: default::retention(),
            every: default::every(),
            missed_ticks: MissedTicks::default(),
            catch_up_limit: default::catch_up_limit(),
            initial_customers: default::initial_customers(),
            batch: default::batch(),
            skew: default::skew(),
            locales: default::locales(),
            seed: None,
            schema_version: None,
            delivery_timeout: default::delivery_timeout(),
            startup_timeout: default::startup_timeout(),
            outage_timeout: default::outage_timeout(),
            shutdown_timeout: default::shutdown_timeout(),
        }
    }

    /// Refuses values that cannot work.
    ///
    /// # Errors
    /// Names the key, what was found and what is expected.
    pub fn check(&self) -> Result<(), Refused> {
        self.kafka.check()?;
        self.registry.check()?;
        settings::topic("topic", &self.topic)?;
        if self.state_dir.as_os_str().is_empty() {
            return Err(Refused::found("state_dir", "", "a folder, such as state/producer"));
        }
        if self.partitions < 1 {
            return Err(Refused::found("partitions", self.partitions, "at least 1"));
        }
        if let Some(replicas @ ..1) = self.replication {
            let expected = "at least 1; leave the key out for the broker's default";
            return Err(Refused::found("replication", replicas, expected));
        }
        for (key, duration) in [("every", self.every), ("delivery_timeout", self.delivery_timeout)] {
            if duration < Duration::from_millis(100) || duration > Duration::from_hours(24) {
                return Err(Refused::found(key, format!("{duration:?}"), "a duration from 100ms to 1day"));
            }
        }
        for (key, duration) in [
            ("retention", self.retention),
            ("startup_timeout", self.startup_timeout),
            ("outage_timeout", self.outage_timeout),
            ("shutdown_timeout", self.shutdown_timeout),
        ] {
            settings::lasting(key, duration)?;
        }
        // Kafka keeps the retention as milliseconds in 64 bits.
        if i64::try_from(self.retention.as_millis()).is_err() {
            return Err(Refused::found("retention", format!("{:?}", self.retention), "less than 292000000years"));
        }
        if self.batch.total() == 0 && self.initial_customers == 0 {
            let reason = "found no event of any kind and `initial_customers` = 0, expected something to produce";
            return Err(Refused::new("batch", reason));
        }
        if !(0.0..=2.0).contains(&self.skew) {
            return Err(Refused::found("skew", self.skew, "a number from 0 to 2"));
        }
        if self.locales.is_empty() {
            return Err(Refused::new("locales", "found an empty list, expected at least one, such as en-US"));
        }
        for (property, reason) in OWN_PROPERTIES {
            if self.kafka.properties.contains_key(property) {
                return Err(Refused::new(format!("kafka.properties.{property}"), reason));
            }
        }
        self.released().map(|_| ())
    }

    /// The schema to write.
    pub(crate) fn released(&self) -> Result<&'static Released, Refused> {
        let Some(version) = self.schema_version else { return Ok(schemas::newest()) };
        schemas::released().iter().find(|released| released.version == version).ok_or_else(|| {
            let newest = schemas::newest().version;
            Refused::found("schema_version", version, format!("a released version, 1 to {newest}"))
        })
    }
}

mod default {
    use super::{Duration, Locale, Mix, names};

    pub(super) fn topic() -> String {
        names::DEFAULT_TOPIC.to_owned()
    }

    pub(super) fn partitions() -> i32 {
        names::DEFAULT_PARTITIONS
    }

    pub(super) fn retention() -> Duration {
        Duration::from_hours(7 * 24)
    }

    pub(super) fn every() -> Duration {
        Duration::from_mins(2)
    }

    pub(super) fn catch_up_limit() -> u32 {
        30
    }

    pub(super) fn initial_customers() -> u32 {
        1_000
    }

    pub(super) fn batch() -> Mix {
        Mix { creates: 20, updates: 160, deletes: 8, recreates: 2 }
    }

    pub(super) fn skew() -> f64 {
        0.8
    }

    pub(super) fn locales() -> Vec<Locale> {
        Locale::ALL.to_vec()
    }

    pub(super) fn delivery_timeout() -> Duration {
        Duration::from_mins(1)
    }

    pub(super) fn startup_timeout() -> Duration {
        Duration::from_mins(1)
    }

    pub(super) fn outage_timeout() -> Duration {
        Duration::from_mins(15)
    }

    pub(super) fn shutdown_timeout() -> Duration {
        Duration::from_secs(20)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str =
        r#"{"kafka": {"bootstrap_servers": "k:9092"}, "registry": {"url": "http://r"}, "state_dir": "/s""#;

    fn config(more: &str) -> Result<Config, serde_json::Error> {
        serde_json::from_str(&format!("{LEAST}{more}}}"))
    }

    #[test]
    fn the_least_configuration_is_the_documented_default() {
        let config = config("").unwrap();
        config.check().unwrap();
        assert_eq!(config.every, Duration::from_mins(2));
        assert_eq!((config.topic.as_str(), config.partitions), ("customers.events", 6));
        assert_eq!(config.released().unwrap().version, schemas::newest().version);
        let made = Config::new(config.kafka.clone(), config.registry.clone(), "/s");
        assert_eq!(format!("{made:?}"), format!("{config:?}"));
    }

    #[test]
    fn unknown_keys_are_refused_by_name() {
        for more in [r#", "evry": "2m""#, r#", "batch": {"upserts": 1}"#, r#", "kafka": {"brokers": "k"}"#] {
            assert!(config(more).unwrap_err().to_string().contains("field"), "{more}");
        }
        assert!(config(r#", "locales": ["xx-XX"]"#).unwrap_err().to_string().contains("xx-XX"));
    }

    #[test]
    fn values_that_cannot_work_are_refused_by_key() {
        for (more, key) in [
            (r#", "every": "0s""#, "every"),
            (r#", "topic": "a/b""#, "topic"),
            (r#", "partitions": 0"#, "partitions"),
            (r#", "replication": 0"#, "replication"),
            (r#", "skew": 3.0"#, "skew"),
            (r#", "locales": []"#, "locales"),
            (r#", "schema_version": 99"#, "schema_version"),
            (r#", "batch": {}, "initial_customers": 0"#, "batch"),
            (r#", "retention": "0s""#, "retention"),
            (r#", "outage_timeout": "0s""#, "outage_timeout"),
        ] {
            let refused = config(more).unwrap().check().unwrap_err();
            assert_eq!(refused.key, key, "{more}: {refused}");
        }
    }

    #[test]
    fn properties_that_would_void_a_guarantee_are_refused() {
        for (property, _) in OWN_PROPERTIES {
            let mut config = config("").unwrap();
            config.kafka.properties.insert(property.to_owned(), "1".to_owned());
            assert!(config.check().unwrap_err().to_string().contains(property));
        }
    }
}
