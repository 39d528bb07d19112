//! Records of a topic's log as the golden cases write them: loosely typed, since half of the rules are about events that
//! no released schema could encode.

use contract::CustomerEvent;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value, json};
use std::fmt;

/// Where a record lies in the log; the lower of two is the earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "(i32, i64)", into = "(i32, i64)")]
pub struct LogPosition {
    pub partition: i32,
    pub offset: i64,
}

/// One record: an event, or a tombstone where `value` is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub position: LogPosition,
    /// Kafka's timestamp in milliseconds since 1970, where it has one.
    pub log_time: Option<i64>,
    /// The event's fields, named as in the schema; any of them may be missing or of another type.
    pub value: Option<Map<String, Value>>,
    /// Where the file's value column is a union of several record types: which one this is.
    pub branch: Option<Branch>,
}

/// A branch of a union of record types, and what a loader makes of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// The type's full name, such as `schema_7.customers.CustomerEvent`.
    pub name: String,
    pub shown: Shown,
}

/// How a value of a union of record types is loaded. Snowflake documents neither for Avro.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// As the record itself.
    Plain,
    /// As an object with one member, the type's name, that holds the record: Avro's JSON encoding.
    Tagged,
}

impl Record {
    /// A well-formed event at a place in the log.
    pub fn event(event: &CustomerEvent, position: LogPosition, log_time: Option<i64>) -> Self {
        let customer = event.customer.as_ref().map_or(Value::Null, |customer| json!(customer));
        let fields = [
            ("event_id", json!(event.event_id.to_string())),
            ("operation", json!(event.operation.as_str())),
            ("customer_id", json!(event.customer_id.to_string())),
            ("sequence", json!(event.sequence)),
            ("event_time", json!(event.event_time)),
            ("customer", customer),
        ];
        let value = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { position, log_time, value: Some(value), branch: None }
    }

    /// A field of the event; null where it is missing.
    pub fn field(&self, name: &str) -> &Value {
        self.value.as_ref().and_then(|value| value.get(name)).unwrap_or(&Value::Null)
    }

    /// What is loaded of the value; `None` for a tombstone.
    pub fn loaded(&self) -> Option<Map<String, Value>> {
        let value = self.value.clone()?;
        Some(match &self.branch {
            Some(Branch { name, shown: Shown::Tagged }) => Map::from_iter([(name.clone(), Value::Object(value))]),
            Some(Branch { shown: Shown::Plain, .. }) | None => value,
        })
    }
}

impl From<(i32, i64)> for LogPosition {
    fn from((partition, offset): (i32, i64)) -> Self {
        Self { partition, offset }
    }
}

impl From<LogPosition> for (i32, i64) {
    fn from(position: LogPosition) -> Self {
        (position.partition, position.offset)
    }
}

impl fmt::Display for LogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.offset)
    }
}

/// In a case file a record is one flat object: the event's fields with `position`, `log_time` and, where there is one, `branch`
/// beside them, or `{"tombstone": true, "position": [partition, offset]}`.
impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        let position = fields.remove("position").ok_or_else(|| D::Error::missing_field("position"))?;
        let position = serde_json::from_value(position).map_err(D::Error::custom)?;
        let log_time = fields.remove("log_time").unwrap_or_default();
        let log_time = serde_json::from_value(log_time).map_err(D::Error::custom)?;
        let branch = fields.remove("branch").unwrap_or_default();
        let branch = serde_json::from_value(branch).map_err(D::Error::custom)?;
        let tombstone = fields.remove("tombstone").is_some_and(|tombstone| tombstone == Value::Bool(true));
        Ok(Self { position, log_time, value: (!tombstone).then_some(fields), branch })
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = match &self.value {
            Some(value) => value.clone(),
            None => Map::from_iter([("tombstone".to_owned(), Value::Bool(true))]),
        };
        fields.insert("position".to_owned(), json!(self.position));
        fields.insert("log_time".to_owned(), json!(self.log_time));
        if let Some(branch) = &self.branch {
            fields.insert("branch".to_owned(), json!(branch));
        }
        fields.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back_as_it_was_written() {
        for text in [
            r#"{"event_id":"e","customer_id":null,"customer":{"city":5},"position":[1,7],"log_time":9}"#,
            r#"{"sequence":1,"position":[0,2],"log_time":null,"branch":{"name":"n.E","shown":"tagged"}}"#,
            r#"{"tombstone":true,"position":[0,3],"log_time":null}"#,
        ] {
            let record: Record = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&record).unwrap(), text);
            assert_eq!(record.value.is_none(), text.contains("tombstone"));
        }
    }
}
