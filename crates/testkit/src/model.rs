//! The reference model: both tables as a function of all accepted events, whatever their order and however they were
//! loaded. It keeps everything and derives everything anew, so that there is nothing to get wrong incrementally.

use crate::log::{LogPosition, Record};
use contract::schemas::{self, SchemaError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A day in milliseconds: how far an event's time may lie beyond the time Kafka noted.
const DAY: i64 = 86_400_000;
/// The last millisecond of the year 9999.
const END_OF_TIME: i64 = 253_402_300_799_999;

/// What the tables and views must hold, each in the order of its key. Times are milliseconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tables {
    pub customers: Vec<CustomerRow>,
    pub history: Vec<HistoryRow>,
    pub rejected: Vec<Rejected>,
    /// Events that lost their sequence to another payload; not every set of cases says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflicts: Option<Vec<Conflict>>,
}

/// A row of `CUSTOMERS`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomerRow {
    pub customer_id: String,
    pub sequence: i64,
    #[serde(flatten)]
    pub attributes: Attributes,
    pub event_time: i64,
    pub is_deleted: bool,
}

/// A row of `CUSTOMERS_HISTORY`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryRow {
    pub customer_id: String,
    pub sequence: i64,
    pub event_id: Option<String>,
    pub change: Change,
    #[serde(flatten)]
    pub attributes: Attributes,
    pub valid_from: i64,
    pub valid_to: Option<i64>,
    pub is_current: bool,
}

/// What an event did to its customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Change {
    Create,
    Update,
    Delete,
    Unchanged,
}

/// An event kept aside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rejected {
    pub position: LogPosition,
    pub reason: String,
}

/// An event whose sequence belongs to another payload at a lower position.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Conflict {
    pub position: LogPosition,
    pub applied: LogPosition,
}

/// A customer's attributes by name, all of the newest schema's, null where the event has none.
pub type Attributes = BTreeMap<String, Value>;

/// An event that can be applied.
#[derive(Debug, Clone, PartialEq)]
struct Accepted {
    position: LogPosition,
    event_id: Option<String>,
    operation: String,
    event_time: i64,
    attributes: Attributes,
}

impl Tables {
    /// The tables after all of `records` have been loaded, in any order and any number of times.
    ///
    /// # Errors
    /// When the newest released schema cannot be read.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Result<Self, SchemaError> {
        let names = schemas::newest().customer_attributes()?;
        let mut claims: BTreeMap<(String, i64), BTreeMap<LogPosition, Accepted>> = BTreeMap::new();
        let mut rejected = BTreeSet::new();
        for record in records {
            let Some(loaded) = record.loaded() else { continue };
            match accept(record, &untagged(loaded), &names) {
                Ok((customer_id, sequence, event)) => {
                    claims.entry((customer_id, sequence)).or_default().insert(record.position, event);
                }
                Err(reason) => {
                    rejected.insert(Rejected { position: record.position, reason });
                }
            }
        }
        let mut by_customer: BTreeMap<String, Vec<(i64, Accepted)>> = BTreeMap::new();
        let mut conflicts = BTreeSet::new();
        for ((customer_id, sequence), claims) in claims {
            let mut claims = claims.into_values();
            // Every entry was made for an event, so there is a first.
            let Some(applied) = claims.next() else { continue };
            conflicts.extend(
                claims
                    .filter(|other| !other.same_payload(&applied))
                    .map(|other| Conflict { position: other.position, applied: applied.position }),
            );
            by_customer.entry(customer_id).or_default().push((sequence, applied));
        }
        let mut tables = Self {
            rejected: rejected.into_iter().collect(),
            conflicts: Some(Vec::from_iter(conflicts)),
            ..Self::default()
        };
        for (customer_id, events) in &by_customer {
            tables.history.extend(history(customer_id, events));
            tables.customers.extend(events.last().map(|(sequence, last)| CustomerRow {
                customer_id: customer_id.clone(),
                sequence: *sequence,
                attributes: last.attributes.clone(),
                event_time: last.event_time,
                is_deleted: last.is_delete(),
            }));
        }
        Ok(tables)
    }
}

impl Accepted {
    fn is_delete(&self) -> bool {
        self.operation == "DELETE"
    }

    fn same_payload(&self, other: &Self) -> bool {
        Self { position: self.position, ..other.clone() } == *self
    }
}

/// An object whose one member is an object is that one, tagged with the name of its type; a type has a name.
fn untagged(loaded: Map<String, Value>) -> Map<String, Value> {
    let mut members = loaded.iter();
    match (members.next(), members.next()) {
        (Some((name, Value::Object(record))), None) if !name.is_empty() => record.clone(),
        _ => loaded,
    }
}

/// The event with its customer and sequence, or why it cannot be applied.
fn accept(record: &Record, event: &Map<String, Value>, names: &[String]) -> Result<(String, i64, Accepted), String> {
    let refuse = |reason: &str| Err(reason.to_owned());
    let field = |name: &str| event.get(name).unwrap_or(&Value::Null);
    let Some(customer_id) = field("customer_id").as_str().filter(|id| !id.is_empty()) else {
        return refuse("missing customer_id");
    };
    let Some(sequence) = field("sequence").as_i64() else {
        return refuse("missing sequence");
    };
    if sequence < 1 {
        return refuse("sequence below 1");
    }
    let Some(event_time) = field("event_time").as_i64() else {
        return refuse("missing event_time");
    };
    let latest = record.log_time.map_or(END_OF_TIME, |log_time| END_OF_TIME.min(log_time + DAY));
    if !(0..=latest).contains(&event_time) {
        return refuse("event_time out of range");
    }
    let Some(operation @ ("CREATE" | "UPDATE" | "DELETE")) = field("operation").as_str() else {
        return refuse("unknown operation");
    };
    let is_delete = operation == "DELETE";
    let customer = field("customer");
    if !is_delete && !customer.is_object() {
        return refuse("missing customer");
    }
    let mut attributes = Attributes::new();
    for name in names {
        let value = if is_delete { &Value::Null } else { &customer[name] };
        attributes.insert(name.clone(), attribute(name, value)?);
    }
    let event_id = field("event_id").as_str().map(str::to_owned);
    Ok((
        customer_id.to_owned(),
        sequence,
        Accepted { position: record.position, event_id, operation: operation.to_owned(), event_time, attributes },
    ))
}

/// An attribute's value as its column holds it. Text takes anything; `marketing_consent` is the one attribute so far that
/// is not text, and takes what Snowflake's `TRY_TO_BOOLEAN` does.
fn attribute(name: &str, value: &Value) -> Result<Value, String> {
    let text = match value {
        Value::Null => return Ok(Value::Null),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if name != "marketing_consent" {
        return Ok(Value::String(text));
    }
    match text.to_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Ok(Value::Bool(true)),
        "false" | "f" | "no" | "n" | "off" | "0" => Ok(Value::Bool(false)),
        _ => Err(format!("customer.{name} is not BOOLEAN")),
    }
}

/// One customer's rows, from its events in the order of their sequence.
fn history(customer_id: &str, events: &[(i64, Accepted)]) -> Vec<HistoryRow> {
    let mut rows: Vec<HistoryRow> = Vec::new();
    for (index, (sequence, event)) in events.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| &events[index].1);
        let change = match before.filter(|before| !before.is_delete()) {
            Some(_) if event.is_delete() => Change::Delete,
            Some(before) if before.attributes == event.attributes => Change::Unchanged,
            Some(_) => Change::Update,
            None if event.is_delete() => Change::Unchanged,
            None => Change::Create,
        };
        let clock = events[..=index].iter().map(|(_, event)| event.event_time).fold(i64::MIN, i64::max);
        rows.push(HistoryRow {
            customer_id: customer_id.to_owned(),
            sequence: *sequence,
            event_id: event.event_id.clone(),
            change,
            attributes: event.attributes.clone(),
            valid_from: clock,
            valid_to: Some(clock),
            is_current: false,
        });
    }
    for index in 0..rows.len() {
        if matches!(rows[index].change, Change::Create | Change::Update) {
            let next = rows[index + 1..].iter().find(|row| row.change != Change::Unchanged).map(|row| row.valid_from);
            rows[index].valid_to = next;
            rows[index].is_current = next.is_none();
        }
    }
    rows
}
