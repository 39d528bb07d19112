//! The files in S3: Avro object container files of one record per Kafka record, metadata columns first and the value
//! after them, so that a datum can be copied as it is.

use serde_json::{Value, json};

/// The record's columns in their order; [`COLUMN_VALUE`] is the last.
pub const COLUMN_TOPIC: &str = "topic";
pub const COLUMN_PARTITION: &str = "partition";
pub const COLUMN_OFFSET: &str = "offset";
pub const COLUMN_TIMESTAMP: &str = "timestamp";
pub const COLUMN_KEY: &str = "key";
pub const COLUMN_HEADERS: &str = "headers";
pub const COLUMN_SCHEMA_ID: &str = "schema_id";
pub const COLUMN_VALUE: &str = "value";

/// Keys of an object's user metadata (`x-amz-meta-…`, at most 2 KB in all; LIST does not return it, HEAD does).
pub mod metadata {
    pub const START: &str = "start";
    pub const NEXT: &str = "next";
    pub const ROWS: &str = "rows";
    pub const DEAD_LETTERS: &str = "dead-letters";
    pub const FIRST_OFFSET: &str = "first-offset";
    pub const LAST_OFFSET: &str = "last-offset";
    pub const WINDOW_START: &str = "window-start";
    pub const WINDOW_END: &str = "window-end";
    pub const FIRST_TIME: &str = "first-time";
    pub const LAST_TIME: &str = "last-time";
    pub const SCHEMA_IDS: &str = "schema-ids";
    pub const ROLL_REASON: &str = "roll-reason";
    pub const SHA256: &str = "sha256";
    pub const WRITER: &str = "writer";
    pub const CHAIN: &str = "chain";
}

/// The schema of a file whose values were written with `values`, one after another the branches of a union after null. None of
/// them may be a union itself.
///
/// Columns: `topic`; `partition`; `offset`; `timestamp`, milliseconds since 1970 or null where Kafka has none; `key`,
/// bytes or null; `headers`, in their order; `schema_id` of the writer, null for a tombstone; `value`, null for a
/// tombstone. The outer records have no namespace: one would pass on to names in `value` that have none. `timestamp` has
/// no logical type: warehouses disagree on what they make of one inside a semi-structured column.
pub fn record_schema(values: &[Value]) -> Value {
    let value: Value = std::iter::once(json!("null")).chain(values.iter().cloned()).collect();
    json!({
        "type": "record",
        "name": "KafkaRecord",
        "fields": [
            {"name": COLUMN_TOPIC, "type": "string"},
            {"name": COLUMN_PARTITION, "type": "int"},
            {"name": COLUMN_OFFSET, "type": "long"},
            {"name": COLUMN_TIMESTAMP, "type": ["null", "long"]},
            {"name": COLUMN_KEY, "type": ["null", "bytes"]},
            {"name": COLUMN_HEADERS, "type": {"type": "array", "items": {
                "type": "record",
                "name": "KafkaHeader",
                "fields": [{"name": "key", "type": "string"}, {"name": "value", "type": ["null", "bytes"]}],
            }}},
            {"name": COLUMN_SCHEMA_ID, "type": ["null", "int"]},
            {"name": COLUMN_VALUE, "type": value},
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schemas;
    use apache_avro::Schema;

    #[test]
    fn every_released_schema_makes_a_valid_file_schema_with_the_value_last() {
        for released in schemas::released() {
            let value = serde_json::from_str(released.source).expect("JSON");
            let schema = Schema::parse_str(&record_schema(&[value]).to_string()).expect("Avro");
            let Schema::Record(record) = schema else { panic!("not a record") };
            let last = record.fields.last().expect("fields");
            assert_eq!(last.name, COLUMN_VALUE);
            assert_eq!(record.lookup[COLUMN_TOPIC], 0);
        }
    }
}
