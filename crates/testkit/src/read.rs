//! A warehouse's tables and views in the model's terms, whoever asks the warehouse.

use crate::{
    log::LogPosition,
    model::{Attributes, Change, Conflict, CustomerRow, HistoryRow, Rejected, Tables},
};
use anyhow::{Context as _, anyhow};
use chrono::NaiveDateTime;
use contract::schemas;
use serde_json::Value;
use std::str::FromStr;

/// A query's answer as text: booleans are `true` and `false`, times `2026-11-22 17:00:00.123` in UTC, `None` is NULL.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Option<String>>>,
}

/// Everything that the schema `core` (with its database, such as `CUSTOMER_DATA.CORE`) says.
///
/// # Errors
/// When a query fails or a column is not what it should be.
pub async fn tables(core: &str, query: impl AsyncFn(String) -> anyhow::Result<Answer>) -> anyhow::Result<Tables> {
    let read = async |view: &str, order: &str| query(format!("SELECT * FROM {core}.{view} ORDER BY {order}")).await;
    let customers = read("CUSTOMERS", "CUSTOMER_ID").await?;
    let history = read("CUSTOMERS_HISTORY", "CUSTOMER_ID, SEQUENCE").await?;
    let rejected = read("CUSTOMER_EVENTS_REJECTED", "PARTITION_ID, RECORD_OFFSET, REASON").await?;
    let conflicts = read("CUSTOMER_EVENT_CONFLICTS", "PARTITION_ID, RECORD_OFFSET").await?;
    Ok(Tables {
        customers: customers.map(|row| {
            Ok(CustomerRow {
                customer_id: row.text("CUSTOMER_ID")?,
                sequence: row.value("SEQUENCE")?,
                attributes: row.attributes()?,
                event_time: row.time("EVENT_TIME")?.context("EVENT_TIME is NULL")?,
                is_deleted: row.value("IS_DELETED")?,
            })
        })?,
        history: history.map(|row| {
            Ok(HistoryRow {
                customer_id: row.text("CUSTOMER_ID")?,
                sequence: row.value("SEQUENCE")?,
                event_id: row.get("EVENT_ID").map(str::to_owned),
                change: change(&row.text("CHANGE")?)?,
                attributes: row.attributes()?,
                valid_from: row.time("VALID_FROM")?.context("VALID_FROM is NULL")?,
                valid_to: row.time("VALID_TO")?,
                is_current: row.value("IS_CURRENT")?,
            })
        })?,
        rejected: rejected.map(|row| Ok(Rejected { position: row.position("")?, reason: row.text("REASON")? }))?,
        conflicts: Some(
            conflicts.map(|row| Ok(Conflict { position: row.position("")?, applied: row.position("APPLIED_")? }))?,
        ),
    })
}

fn change(text: &str) -> anyhow::Result<Change> {
    serde_json::from_value(Value::String(text.to_owned())).with_context(|| format!("CHANGE is {text}"))
}

struct Row<'a> {
    columns: &'a [String],
    cells: &'a [Option<String>],
}

impl Answer {
    fn map<T>(&self, make: impl Fn(Row<'_>) -> anyhow::Result<T>) -> anyhow::Result<Vec<T>> {
        self.rows.iter().map(|cells| make(Row { columns: &self.columns, cells })).collect()
    }
}

impl Row<'_> {
    fn get(&self, column: &str) -> Option<&str> {
        let index = self.columns.iter().position(|name| name == column)?;
        self.cells.get(index)?.as_deref()
    }

    fn text(&self, column: &str) -> anyhow::Result<String> {
        self.get(column).map(str::to_owned).ok_or_else(|| anyhow!("{column} is NULL or missing"))
    }

    fn value<T: FromStr>(&self, column: &str) -> anyhow::Result<T> {
        let text = self.text(column)?;
        text.parse().map_err(|_| anyhow!("{column} is {text}"))
    }

    fn time(&self, column: &str) -> anyhow::Result<Option<i64>> {
        let Some(text) = self.get(column) else { return Ok(None) };
        let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f");
        Ok(Some(time.with_context(|| format!("{column} is {text}"))?.and_utc().timestamp_millis()))
    }

    fn position(&self, prefix: &str) -> anyhow::Result<LogPosition> {
        let partition = self.value(&format!("{prefix}PARTITION_ID"))?;
        Ok(LogPosition { partition, offset: self.value(&format!("{prefix}RECORD_OFFSET"))? })
    }

    fn attributes(&self) -> anyhow::Result<Attributes> {
        let value = |name: &str| match self.get(name.to_uppercase().as_str()) {
            None => Value::Null,
            Some("true") if name == "marketing_consent" => Value::Bool(true),
            Some("false") if name == "marketing_consent" => Value::Bool(false),
            Some(text) => Value::String(text.to_owned()),
        };
        let names = schemas::newest().customer_attributes()?;
        Ok(names.into_iter().map(|name| (name.clone(), value(&name))).collect())
    }
}
