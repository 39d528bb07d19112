//! A result's rows as text. Snowflake's JSON rowsets hold times as numbers since 1970; here they read as times.

use chrono::{DateTime, Duration, NaiveDate};
use serde::Serialize;
use serde_json::Value;
use snowflake_api::JsonResult;

/// The rows of a result. A result without rows has no columns either: the protocol's client does not pass them on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rows {
    pub columns: Vec<String>,
    /// `None` is NULL. Booleans are `true` and `false`, dates `2026-11-22`, times `2026-11-22 17:00:00.123` in UTC.
    pub rows: Vec<Vec<Option<String>>>,
}

impl Rows {
    /// A row's value by its column's name, without regard to case; `None` where it is NULL or there is no such column.
    pub fn get(&self, row: usize, column: &str) -> Option<&str> {
        let index = self.columns.iter().position(|name| name.eq_ignore_ascii_case(column))?;
        self.rows.get(row)?.get(index)?.as_deref()
    }

    /// The first value of the first row, as most questions want it.
    pub fn first(&self) -> Option<&str> {
        self.rows.first()?.first()?.as_deref()
    }

    pub(super) fn from_json(result: &JsonResult) -> Self {
        let columns = result.schema.iter().map(|field| field.name.clone()).collect();
        let row = |row: &Value| {
            let cells = row.as_array().map(Vec::as_slice).unwrap_or_default();
            let text = |cell: &Value| match cell {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            };
            let typed = cells.iter().zip(&result.schema);
            // The crate does not export the type's name, but its text.
            typed
                .map(|(cell, field)| text(cell).map(|text| readable(&format!("{:?}", field.type_), field.scale, text)))
                .collect()
        };
        let rows = result.value.as_array().map(Vec::as_slice).unwrap_or_default().iter().map(row).collect();
        Self { columns, rows }
    }
}

/// A value of a type as people write it; as it came, where it is not of the form the protocol has for its type.
fn readable(kind: &str, scale: Option<i64>, text: String) -> String {
    let read = match kind {
        "Boolean" => match text.to_lowercase().as_str() {
            "1" | "true" => Some("true".to_owned()),
            "0" | "false" => Some("false".to_owned()),
            _ => None,
        },
        "Date" => text.parse().ok().and_then(|days| {
            let epoch = NaiveDate::default();
            Some(epoch.checked_add_signed(Duration::try_days(days)?)?.to_string())
        }),
        "TimestampNtz" | "TimestampLtz" | "TimestampTz" => time(&text, scale),
        _ => None,
    };
    read.unwrap_or(text)
}

/// `1700000000.123000000`, for `TIMESTAMP_TZ` with its zone's minutes plus 1440 behind it.
fn time(text: &str, scale: Option<i64>) -> Option<String> {
    let instant = text.split(' ').next()?;
    let (seconds, fraction) = instant.split_once('.').unwrap_or((instant, ""));
    let fraction = format!("{fraction:0<9}");
    let nanoseconds: i64 = fraction.get(..9)?.parse().ok()?;
    // A negative number's fraction counts away from zero.
    let signed = if seconds.starts_with('-') { -nanoseconds } else { nanoseconds };
    let moment = DateTime::from_timestamp(seconds.parse().ok()?, 0)? + Duration::nanoseconds(signed);
    let digits = usize::try_from(scale.unwrap_or(9)).ok()?.min(9);
    let fraction = format!("{:09}", moment.timestamp_subsec_nanos());
    let point = if digits == 0 { "" } else { "." };
    Some(format!("{}{point}{}", moment.format("%Y-%m-%d %H:%M:%S"), &fraction[..digits]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_people_write_them() {
        for (kind, scale, text, reads) in [
            ("Boolean", None, "1", "true"),
            ("Boolean", None, "FALSE", "false"),
            ("Date", None, "20000", "2024-10-04"),
            ("TimestampNtz", Some(3), "1700000000.123000000", "2023-11-14 22:13:20.123"),
            ("TimestampNtz", Some(0), "1700000000", "2023-11-14 22:13:20"),
            ("TimestampNtz", Some(3), "253402300799.999", "9999-12-31 23:59:59.999"),
            ("TimestampNtz", Some(3), "-0.001000000", "1969-12-31 23:59:59.999"),
            ("TimestampTz", Some(3), "1700000000.120000000 1500", "2023-11-14 22:13:20.120"),
            ("Fixed", Some(0), "0012", "0012"),
            ("Date", None, "soon", "soon"),
        ] {
            assert_eq!(readable(kind, scale, text.to_owned()), reads, "{kind} {text}");
        }
    }
}
