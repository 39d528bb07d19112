//! Names that two parts must agree on. Object keys depend on (topic, partition, start) alone: two owners of a partition
//! that begin at the same place must meet at the same key, whatever records they see there.

use crate::position::Position;

/// The topic of the customer events, unless configured otherwise.
pub const DEFAULT_TOPIC: &str = "customers.events";
/// Partitions of that topic when it is created here.
pub const DEFAULT_PARTITIONS: i32 = 6;

/// The registry subject of a topic's values (Confluent's `TopicNameStrategy`).
pub fn value_subject(topic: &str) -> String {
    format!("{topic}-value")
}

/// How the names of dead-letter topics end where none is configured.
pub const DEAD_LETTERS: &str = ".dead-letter";

/// Where records go that cannot be used, with headers that say where from and why.
pub fn dead_letter_topic(topic: &str) -> String {
    format!("{}{DEAD_LETTERS}", topic.trim_end_matches('.'))
}

/// Folder of a topic's files, relative to the configured prefix, with a trailing slash.
pub fn topic_prefix(topic: &str) -> String {
    format!("topics/{topic}/")
}

/// Folder of one partition's files, relative to the configured prefix, with a trailing slash.
pub fn partition_prefix(topic: &str, partition: i32) -> String {
    format!("topics/{topic}/partition={partition:05}/")
}

/// The key of the file that begins at `start`, relative to the configured prefix.
pub fn object_key(topic: &str, partition: i32, start: Position) -> String {
    format!("{}{:020}.avro", partition_prefix(topic, partition), start.0)
}

/// The key of the object that says where a partition's chain of files begins, relative to the configured prefix.
pub fn genesis_key(topic: &str, partition: i32) -> String {
    format!("chains/{topic}/{partition:05}.json")
}

/// The parts of an object's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectKey<'a> {
    pub topic: &'a str,
    pub partition: i32,
    pub start: Position,
}

/// Reads a key made by [`object_key`]; `None` for anything else, however similar.
pub fn parse_object_key(key: &str) -> Option<ObjectKey<'_>> {
    let (topic, rest) = key.strip_prefix("topics/")?.split_once('/')?;
    let (partition, file) = rest.strip_prefix("partition=")?.split_once('/')?;
    let start = file.strip_suffix(".avro")?;
    let digits = |text: &str, width: usize| text.len() == width && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(partition, 5) || !digits(start, 20) {
        return None;
    }
    Some(ObjectKey { topic, partition: partition.parse().ok()?, start: Position(start.parse().ok()?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_as_it_was_made() {
        let key = object_key("customers.events", 3, Position(4_711));
        assert_eq!(key, "topics/customers.events/partition=00003/00000000000000004711.avro");
        let parsed = parse_object_key(&key);
        assert_eq!(parsed, Some(ObjectKey { topic: "customers.events", partition: 3, start: Position(4_711) }));
    }

    #[test]
    fn keys_sort_as_their_positions_do() {
        let keys = [0, 9, 10, 99_999, i64::MAX].map(|start| object_key("t", 0, Position(start)));
        assert!(keys.is_sorted());
    }

    #[test]
    fn other_objects_are_not_taken_for_files() {
        for key in [
            "topics/t/partition=3/00000000000000004711.avro",
            "topics/t/partition=00003/4711.avro",
            "topics/t/partition=00003/00000000000000004711.avro.tmp",
            "topics/t/partition=00003/x/00000000000000004711.avro",
            "chains/t/00003.json",
            "topics/t/partition=00003/+0000000000000004711.avro",
        ] {
            assert_eq!(parse_object_key(key), None, "{key}");
        }
    }

    #[test]
    fn other_names_follow_the_fields_customs() {
        assert_eq!(value_subject(DEFAULT_TOPIC), "customers.events-value");
        assert_eq!(dead_letter_topic(DEFAULT_TOPIC), "customers.events.dead-letter");
        assert_eq!(genesis_key(DEFAULT_TOPIC, 12), "chains/customers.events/00012.json");
    }
}
