//! The proof: what the topic holds, through the reference model, against what the tables hold.

use super::stages::Stages;
use anyhow::Context;
use deployer::{Variables, Warehouse};
use local_stack::Endpoints;
use producer::{TailFrom, TailOptions, TailUntil, TailValue};
use serde::Serialize;
use serde_json::Value;
use std::ops::ControlFlow;
use telemetry::Shutdown;
use testkit::{LogPosition, Record, Tables, read::Answer};

/// How many differences are worth reading.
const SHOWN: usize = 20;

/// Every event of the topic; records that are no events are left out, as the sink leaves them out.
pub(crate) async fn events(endpoints: &Endpoints, topic: &str) -> anyhow::Result<Vec<Record>> {
    let options = TailOptions {
        kafka: endpoints.kafka.clone(),
        registry: endpoints.registry.clone(),
        topic: topic.to_owned(),
        from: TailFrom::Beginning,
        until: TailUntil::End,
    };
    let mut records = Vec::new();
    let read = producer::tail(options, Shutdown::new(), |record| {
        let position = LogPosition { partition: record.partition, offset: record.offset };
        match record.value {
            TailValue::Avro { value: Value::Object(value), .. } => {
                records.push(Record { position, log_time: record.timestamp, value: Some(value), branch: None });
            }
            TailValue::Tombstone => {
                records.push(Record { position, log_time: record.timestamp, value: None, branch: None });
            }
            TailValue::Avro { .. } | TailValue::Undecodable { .. } => {}
        }
        ControlFlow::Continue(())
    });
    read.await.context("reading the topic back")?;
    Ok(records)
}

/// What the warehouse's tables hold, in the model's terms.
pub(crate) async fn tables(stages: &Stages) -> anyhow::Result<Tables> {
    let Variables { database, core, .. } = stages.variables();
    let query = async |sql: String| {
        let rows = stages.client().query(&sql).await.with_context(|| format!("asking the warehouse: {sql}"))?;
        Ok(Answer { columns: rows.columns, rows: rows.rows })
    };
    testkit::read::tables(&format!("{database}.{core}"), query).await
}

/// Rows that only one of the two has, a line each, as many as are worth reading.
pub(crate) fn differences(expected: &Tables, held: &Tables) -> Vec<String> {
    let mut lines = Vec::new();
    compare("CUSTOMERS", &expected.customers, &held.customers, &mut lines);
    compare("CUSTOMERS_HISTORY", &expected.history, &held.history, &mut lines);
    compare("CUSTOMER_EVENTS_REJECTED", &expected.rejected, &held.rejected, &mut lines);
    let conflicts = |tables: &Tables| tables.conflicts.clone().unwrap_or_default();
    compare("CUSTOMER_EVENT_CONFLICTS", &conflicts(expected), &conflicts(held), &mut lines);
    if lines.len() > SHOWN {
        let more = lines.len() - SHOWN;
        lines.truncate(SHOWN);
        lines.push(format!("and {more} more"));
    }
    lines
}

fn compare<T: PartialEq + Serialize>(table: &str, expected: &[T], held: &[T], lines: &mut Vec<String>) {
    let text = |row: &T| serde_json::to_string(row).unwrap_or_else(|error| error.to_string());
    let missing = expected.iter().filter(|row| !held.contains(row));
    lines.extend(missing.map(|row| format!("{table} lacks {}", text(row))));
    let surplus = held.iter().filter(|row| !expected.contains(row));
    lines.extend(surplus.map(|row| format!("{table} should not hold {}", text(row))));
}
