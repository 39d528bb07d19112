//! Random logs with every kind of trouble: late, doubled, conflicting, malformed and deleted events, cut into loads
//! anyhow. The same seed gives the same log.

use crate::{
    cases::Case,
    log::{LogPosition, Record},
    model::Tables,
};
use contract::schemas::{self, SchemaError};
use rand::{RngExt as _, SeedableRng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const PARTITIONS: i32 = 2;
/// Attributes that the first released version lacks.
const NEWER: [&str; 2] = ["loyalty_tier", "marketing_consent"];

/// A case of about `events` events, with the tables that the model gives for it.
///
/// # Errors
/// When the newest released schema cannot be read.
pub fn case(seed: u64, events: usize) -> Result<Case, SchemaError> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let log = Generator::new(&mut random, events)?.log(events);
    let batches = loads(&mut random, &log);
    let expected = Tables::of(&log)?;
    Ok(Case { name: format!("random-{seed}"), why: format!("seed {seed}, {events} events"), batches, expected })
}

struct Generator<'a> {
    random: &'a mut ChaCha8Rng,
    attributes: Vec<String>,
    customers: usize,
    sequences: BTreeMap<usize, i64>,
    offsets: BTreeMap<i32, i64>,
    log: Vec<Record>,
}

impl<'a> Generator<'a> {
    fn new(random: &'a mut ChaCha8Rng, events: usize) -> Result<Self, SchemaError> {
        let attributes = schemas::newest().customer_attributes()?;
        let customers = (events / 12).max(2);
        Ok(Self {
            random,
            attributes,
            customers,
            sequences: BTreeMap::new(),
            offsets: BTreeMap::new(),
            log: Vec::new(),
        })
    }

    fn log(mut self, events: usize) -> Vec<Record> {
        for number in 0..events {
            self.event(number);
        }
        self.log
    }

    /// One event and, sometimes, a troublesome companion.
    fn event(&mut self, number: usize) {
        let customer = self.random.random_range(0..self.customers);
        let partition = i32::try_from(customer).unwrap_or(0) % PARTITIONS;
        let sequence = self.sequences.entry(customer).or_insert(0);
        *sequence += *[1, 1, 1, 2].choose(self.random).unwrap_or(&1);
        let sequence = *sequence;
        let operation = *["CREATE", "CREATE", "UPDATE", "UPDATE", "UPDATE", "UPDATE", "UPDATE", "DELETE"]
            .choose(self.random)
            .unwrap_or(&"UPDATE");
        let body = self.body();
        let empty = operation == "DELETE" && self.random.random_bool(0.8);
        let now = 1_700_000_000_000 + 1_000 * i64::try_from(number).unwrap_or(0);
        let event_time = now + [0, 0, 0, -90_000, 90_000].choose(self.random).unwrap_or(&0);
        let log_time = self.random.random_bool(0.7).then_some(now);
        let event = json!({
            "event_id": format!("e{number}"),
            "operation": operation,
            "customer_id": format!("c{customer}"),
            "sequence": sequence,
            "event_time": event_time,
            "customer": if empty { Value::Null } else { body.clone() },
        });
        self.append(partition, log_time, Some(event.clone()));
        match self.random.random_range(0..100) {
            0..8 => self.append(partition, log_time, Some(event)),
            8..14 => {
                let mut rival = with(event, &json!({"event_id": format!("e{number}-rival"), "operation": "UPDATE"}));
                rival["customer"] = with(body, &json!({"city": "Cairo"}));
                self.append(partition, log_time, Some(rival));
            }
            14..24 => {
                let fault = faults().choose(self.random).cloned().unwrap_or_default();
                self.append(partition, log_time, Some(with(event, &fault)));
            }
            24..27 => self.append(partition, log_time, None),
            _ => {}
        }
    }

    /// A customer with few values, so that changes often turn out to be none.
    fn body(&mut self) -> Value {
        let mut body: Map<String, Value> = self.attributes.iter().map(|name| (name.clone(), Value::Null)).collect();
        if self.random.random_bool(0.95) {
            for (name, values) in [
                ("first_name", json!(["Ada", "Grace", "Edsger", null])),
                ("city", json!(["Oslo", "Lima"])),
                ("loyalty_tier", json!([null, null, "gold"])),
                ("marketing_consent", json!([null, true, false])),
            ] {
                let value = values.as_array().and_then(|values| values.choose(self.random));
                body.insert(name.to_owned(), value.cloned().unwrap_or_default());
            }
        }
        if self.random.random_bool(0.3) {
            body.retain(|name, _| !NEWER.contains(&name.as_str()));
        }
        Value::Object(body)
    }

    fn append(&mut self, partition: i32, log_time: Option<i64>, event: Option<Value>) {
        let offset = self.offsets.entry(partition).or_insert(0);
        let position = LogPosition { partition, offset: *offset };
        *offset += 1;
        let value = event.and_then(|event| if let Value::Object(fields) = event { Some(fields) } else { None });
        self.log.push(Record { position, log_time, value, branch: None });
    }
}

/// What is wrong with a malformed event.
fn faults() -> Vec<Value> {
    vec![
        json!({"customer_id": null}),
        json!({"customer_id": ""}),
        json!({"customer_id": 17}),
        json!({"sequence": null}),
        json!({"sequence": 0}),
        json!({"sequence": -5}),
        json!({"sequence": "three"}),
        json!({"sequence": 1.5}),
        json!({"sequence": true}),
        json!({"sequence": 1e30}),
        json!({"event_time": null}),
        json!({"event_time": -1}),
        json!({"event_time": 1_000_000_000_000_000_000_i64}),
        json!({"event_time": i64::MAX}),
        json!({"event_time": i64::MIN}),
        json!({"event_time": 1e30}),
        json!({"event_time": "yesterday"}),
        json!({"operation": null}),
        json!({"operation": "UPSERT"}),
        json!({"operation": "update"}),
        json!({"operation": 3}),
        json!({"operation": "UPDATE", "customer": null}),
        json!({"operation": "UPDATE", "customer": "Ada"}),
        json!({"operation": "UPDATE", "customer": {"city": "Oslo", "marketing_consent": "maybe"}}),
    ]
}

fn with(mut object: Value, changes: &Value) -> Value {
    if let (Value::Object(fields), Value::Object(changes)) = (&mut object, changes) {
        fields.extend(changes.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    object
}

/// The log as it arrives: some records late, a tenth of them twice, in loads of any size.
fn loads(random: &mut ChaCha8Rng, log: &[Record]) -> Vec<Vec<Record>> {
    let mut arrival: Vec<(usize, &Record)> = log
        .iter()
        .enumerate()
        .map(|(index, record)| (index + [0, 0, 0, 5, 40].choose(random).unwrap_or(&0), record))
        .collect();
    arrival.sort_by_key(|(moment, _)| *moment);
    let mut records: Vec<Record> = arrival.into_iter().map(|(_, record)| record.clone()).collect();
    records.extend(log.sample(random, log.len() / 10).cloned());
    let mut loads = Vec::new();
    while !records.is_empty() {
        let size = random.random_range(1..25).min(records.len());
        loads.push(records.drain(..size).collect());
    }
    loads
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::seq::SliceRandom as _;

    #[test]
    fn a_seed_gives_the_same_case_again() {
        let text = |seed| serde_json::to_string(&case(seed, 60).unwrap()).unwrap();
        assert_eq!(text(3), text(3));
        assert_ne!(text(3), text(4));
    }

    #[test]
    fn random_cases_hold_every_kind_of_trouble() {
        let cases: Vec<Case> = (0..200).map(|seed| case(seed, 60).unwrap()).collect();
        let reasons: std::collections::BTreeSet<_> =
            cases.iter().flat_map(|case| &case.expected.rejected).map(|rejected| rejected.reason.clone()).collect();
        assert_eq!(reasons.len(), 8, "{reasons:?}");
        let conflicts = cases.iter().filter_map(|case| case.expected.conflicts.as_ref()).flatten().count();
        assert!(conflicts > 100, "{conflicts}");
        let text = serde_json::to_string(&cases).unwrap();
        for change in ["CREATE", "UPDATE", "DELETE", "UNCHANGED"] {
            assert!(text.matches(&format!(r#""change":"{change}""#)).count() > 100, "{change}");
        }
    }

    #[test]
    fn neither_order_nor_batching_nor_repetition_changes_the_model() {
        for seed in 0..50 {
            let case = case(seed, 60).unwrap();
            let mut records: Vec<Record> = case.records().cloned().collect();
            records.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
            assert_eq!(Tables::of(&records).unwrap(), case.expected, "seed {seed}");
        }
    }
}
