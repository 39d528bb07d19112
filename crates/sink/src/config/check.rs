//! Refuses settings that cannot work, before anything is started or asked.

use contract::settings;
use regex::Regex;
use std::time::Duration;

use super::{Config, Deadlines, Roll, Start};
use crate::error::ConfigError;

impl Config {
    /// Refuses what cannot work or would void the guarantee.
    ///
    /// # Errors
    /// Names the key, what was found and what is expected.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.kafka.check()?;
        self.registry.check()?;
        self.store.check()?;
        self.check_topics()?;
        settings::filled("group_id", &self.group_id, "the name of a consumer group, such as sink")?;
        if let Some(instance) = &self.instance_id {
            settings::filled(
                "instance_id",
                instance,
                "a name that is unique in the group; leave the key out for none",
            )?;
        }
        if self.spool_dir.as_os_str().is_empty() {
            return Err(ConfigError::found("spool_dir", "", "a folder, such as /tmp"));
        }
        settings::lasting("session_timeout", self.session_timeout)?;
        if let Start::Timestamp(millis @ ..0) = self.start {
            // librdkafka takes negative times for placeholders.
            return Err(ConfigError::found("start.timestamp", millis, "milliseconds since 1970, 0 or more"));
        }
        self.roll.check()?;
        self.deadlines.check()?;
        self.objects.check()?;
        settings::positive("in_memory_bytes", self.in_memory_bytes as u64)?;
        settings::positive("max_record_bytes", self.max_record_bytes as u64)?;
        settings::positive("uploads", self.uploads as u64)?;
        if self.memory_bytes < LEAST_MEMORY {
            return Err(ConfigError::found(
                "memory_bytes",
                self.memory_bytes,
                format!("at least {LEAST_MEMORY} (1 MiB)"),
            ));
        }
        for (property, reason) in REFUSED {
            if self.kafka.properties.contains_key(*property) {
                return Err(ConfigError::new(format!("kafka.properties.{property}"), *reason));
            }
        }
        Ok(())
    }

    fn check_topics(&self) -> Result<(), ConfigError> {
        if self.topics.is_empty() {
            return Err(ConfigError::new("topics", "found an empty list, expected at least one topic"));
        }
        for (at, topic) in self.topics.iter().enumerate() {
            if self.topics[..at].contains(topic) {
                return Err(ConfigError::new("topics", format!("found `{topic}` twice, expected each topic once")));
            }
            if topic.starts_with('^') {
                Regex::new(topic).map_err(|error| {
                    // The library draws the expression with a marker over several lines; the last one says what is wrong.
                    let error = error.to_string();
                    let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
                    let reason = format!(
                        "found `{topic}`, expected a regular expression after `^`: {why}; an expression with a comma must \
                         stand in a list, such as ['^a{{1,2}}$']"
                    );
                    ConfigError::new("topics", reason)
                })?;
            } else {
                settings::topic("topics", topic)?;
            }
        }
        let Some(letters) = &self.dead_letter_topic else { return Ok(()) };
        settings::topic("dead_letter_topic", letters)?;
        if self.topics.contains(letters) {
            let reason = format!(
                "found `{letters}`, which is also one of `topics`, expected another topic: a dead letter would be read \
                 again without an end"
            );
            return Err(ConfigError::new("dead_letter_topic", reason));
        }
        Ok(())
    }
}

impl Roll {
    fn check(&self) -> Result<(), ConfigError> {
        settings::positive("roll.max_bytes", self.max_bytes)?;
        settings::positive("roll.max_records", self.max_records)?;
        if self.max_bytes > LARGEST_FILE {
            let expected = format!("at most {LARGEST_FILE} (4 TiB); S3 takes objects of up to 5 TiB");
            return Err(ConfigError::found("roll.max_bytes", self.max_bytes, expected));
        }
        for (key, duration) in [("roll.window", self.window), ("roll.idle", self.idle)] {
            // The policy counts in milliseconds.
            if duration > LONGEST_ROLL || (!duration.is_zero() && duration < Duration::from_millis(1)) {
                return Err(ConfigError::found(key, format!("{duration:?}"), "0s, or a duration from 1ms to 366days"));
            }
        }
        Ok(())
    }
}

impl Deadlines {
    fn check(&self) -> Result<(), ConfigError> {
        for (key, deadline) in [
            ("deadlines.store", self.store),
            ("deadlines.store_attempt", self.store_attempt),
            ("deadlines.kafka", self.kafka),
            ("deadlines.dead_letter", self.dead_letter),
            ("deadlines.unknown_schema", self.unknown_schema),
            ("deadlines.revoke", self.revoke),
            ("deadlines.shutdown", self.shutdown),
        ] {
            settings::lasting(key, deadline)?;
        }
        if self.store_attempt > self.store {
            let (attempt, store) = (self.store_attempt, self.store);
            let expected = format!("at most `deadlines.store`, which is {store:?}");
            return Err(ConfigError::found("deadlines.store_attempt", format!("{attempt:?}"), expected));
        }
        Ok(())
    }
}

const LEAST_MEMORY: usize = 1 << 20;

/// A file may grow a little over its limit before it is rolled.
const LARGEST_FILE: u64 = 4 << 40;

const LONGEST_ROLL: Duration = Duration::from_hours(366 * 24);

/// librdkafka properties that the sink sets itself, because another value would lose or repeat records.
const REFUSED: &[(&str, &str)] = &[
    ("bootstrap.servers", "is set by `kafka.bootstrap_servers`; use that key"),
    ("metadata.broker.list", "is set by `kafka.bootstrap_servers`; use that key"),
    ("group.id", "is set by `sink.group_id`; use that key"),
    ("group.instance.id", "is set by `sink.instance_id`; use that key"),
    ("session.timeout.ms", "is set by `sink.session_timeout`; use that key"),
    ("enable.auto.commit", "cannot be set: positions are committed after a file is created, never before"),
    ("auto.commit.enable", "cannot be set: positions are committed after a file is created, never before"),
    ("enable.auto.offset.store", "cannot be set: positions are committed after a file is created, never before"),
    ("auto.offset.reset", "cannot be set: only an operator may skip lost records; use `sink.start` for new partitions"),
    ("isolation.level", "cannot be set: records of aborted transactions must not reach a file"),
    (
        "partition.assignment.strategy",
        "cannot be set: the sink hands partitions over one at a time (cooperative-sticky)",
    ),
    ("group.protocol", "cannot be set: the sink hands partitions over one at a time (cooperative-sticky)"),
    ("enable.partition.eof", "cannot be set: the sink does not use end-of-partition events"),
    ("check.crcs", "cannot be set: the sink always verifies checksums, so that it stores what was produced"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use contract::endpoints::{Kafka, SchemaRegistry};
    use std::collections::BTreeMap;

    fn config() -> Config {
        let kafka = Kafka { bootstrap_servers: "k:9092".into(), properties: BTreeMap::new() };
        let registry = SchemaRegistry { url: "http://r".into(), user: None, password: None };
        let store = serde_json::from_str(r#"{"bucket":"b","region":"r"}"#).unwrap();
        Config::new(kafka, registry, store)
    }

    #[test]
    fn a_property_that_would_void_the_guarantee_is_refused_with_the_reason() {
        assert!(config().check().is_ok());
        for (property, reason) in REFUSED {
            let mut config = config();
            config.kafka.properties.insert((*property).to_owned(), "true".to_owned());
            let refused = config.check().unwrap_err();
            assert_eq!(refused.key, format!("kafka.properties.{property}"));
            assert_eq!(refused.reason, *reason);
        }
    }

    #[test]
    fn dead_letters_that_would_be_read_again_are_refused() {
        let mut config = config();
        config.topics = vec!["orders".to_owned(), "letters".to_owned()];
        config.dead_letter_topic = Some("other".to_owned());
        assert!(config.check().is_ok());
        assert!(config.is_dead_letters("other") && !config.is_dead_letters("letters"));
        config.dead_letter_topic = Some("letters".to_owned());
        assert_eq!(config.check().unwrap_err().key, "dead_letter_topic");
    }

    #[test]
    fn what_cannot_work_is_refused_by_key() {
        let refused = |change: &dyn Fn(&mut Config)| {
            let mut config = config();
            change(&mut config);
            config.check().map_err(|refused| refused.key).err().unwrap_or_default()
        };
        let topics = |topics: &[&str]| {
            let topics: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
            refused(&|config| config.topics.clone_from(&topics))
        };
        assert_eq!(topics(&["a", "^b.*", "^c{1,2}$"]), "");
        for bad in [&[][..], &["a", "a"], &["^a", "^a"], &["^a("], &["^a{1", "2}$"], &["a/b"], &[""]] {
            assert_eq!(topics(bad), "topics", "{bad:?}");
        }
        assert_eq!(refused(&|config| config.kafka.bootstrap_servers = "k".into()), "kafka.bootstrap_servers");
        assert_eq!(refused(&|config| config.registry.url = "r:8081".into()), "registry.url");
        assert_eq!(refused(&|config| config.store.prefix = "abc".into()), "store.prefix");
        assert_eq!(refused(&|config| config.group_id = String::new()), "group_id");
        assert_eq!(refused(&|config| config.instance_id = Some(" ".into())), "instance_id");
        assert_eq!(refused(&|config| config.dead_letter_topic = Some("a b".into())), "dead_letter_topic");
        assert_eq!(refused(&|config| config.start = Start::Timestamp(-2)), "start.timestamp");
        assert_eq!(refused(&|config| config.session_timeout = Duration::ZERO), "session_timeout");
        assert_eq!(refused(&|config| config.memory_bytes = 1000), "memory_bytes");
        assert_eq!(refused(&|config| config.in_memory_bytes = 0), "in_memory_bytes");
        assert_eq!(refused(&|config| config.max_record_bytes = 0), "max_record_bytes");
        assert_eq!(refused(&|config| config.uploads = 0), "uploads");
        assert_eq!(refused(&|config| config.roll.max_bytes = 0), "roll.max_bytes");
        assert_eq!(refused(&|config| config.roll.max_records = 0), "roll.max_records");
        assert_eq!(refused(&|config| config.roll.window = Duration::MAX), "roll.window");
        assert_eq!(refused(&|config| config.roll.idle = Duration::from_micros(1)), "roll.idle");
        assert_eq!(refused(&|config| config.deadlines.store = Duration::ZERO), "deadlines.store");
        assert_eq!(refused(&|config| config.deadlines.store_attempt = Duration::MAX), "deadlines.store_attempt");
        assert_eq!(refused(&|config| config.deadlines.dead_letter = Duration::ZERO), "deadlines.dead_letter");
        assert_eq!(refused(&|config| config.deadlines.kafka = Duration::ZERO), "deadlines.kafka");
    }

    #[test]
    fn a_file_that_no_store_takes_is_refused() {
        let mut config = config();
        config.roll.max_bytes = 5 << 30;
        assert!(config.check().is_ok(), "in parts");
        config.roll.max_bytes = 5 << 40;
        assert_eq!(config.check().unwrap_err().key, "roll.max_bytes");
    }
}
