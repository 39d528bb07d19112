//! Result rows as the protocol's JSON: every value a string or null, its form told by the column's `rowtype`. Source: what
//! the drivers decode (snowflake-connector-python `converter.py`, gosnowflake `converter.go`).

use crate::{QueryResult, ResultColumn, SqlError, types::SqlType};
use datafusion::arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array,
        LargeStringArray, RecordBatch, StringArray, TimestampMicrosecondArray,
    },
    compute::cast,
    datatypes::{DataType, Date32Type, Decimal128Type, Float64Type, TimeUnit, TimestampMicrosecondType},
};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The description of one column.
pub(super) fn rowtype(column: &ResultColumn) -> Value {
    let (mut length, mut byte_length, mut precision, mut scale) = (Value::Null, Value::Null, Value::Null, Value::Null);
    match column.data_type {
        SqlType::Number { precision: digits, scale: decimals } => {
            (precision, scale) = (json!(digits), json!(decimals));
        }
        SqlType::Varchar { length: characters } => {
            length = json!(characters);
            byte_length = json!((u64::from(characters) * 4).min(16_777_216));
        }
        SqlType::Binary { length: bytes } => (length, byte_length) = (json!(bytes), json!(bytes)),
        SqlType::TimestampNtz { precision: digits } | SqlType::TimestampLtz { precision: digits } => {
            (precision, scale) = (json!(0), json!(digits));
        }
        SqlType::Float | SqlType::Boolean | SqlType::Date | SqlType::Variant | SqlType::Object | SqlType::Array => {}
    }
    json!({
        "name": column.name,
        "database": "",
        "schema": "",
        "table": "",
        "type": column.data_type.protocol_name(),
        "nullable": column.nullable,
        "length": length,
        "byteLength": byte_length,
        "precision": precision,
        "scale": scale,
        "collation": null,
    })
}

/// The rows as JSON text, `[["1","a"],["2",null]]`, refused above `max_bytes`.
///
/// # Errors
/// `internal` when a batch does not fit its columns, `unsupported` when the text would be too long.
pub(super) fn rowset(result: &QueryResult, max_bytes: usize) -> Result<String, SqlError> {
    let mut text = String::from("[");
    for batch in &result.batches {
        let columns = columns(batch, &result.columns)?;
        for row in 0..batch.num_rows() {
            text.push_str(if text.len() == 1 { "[" } else { ",[" });
            for (at, column) in columns.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                column.write(row, &mut text);
            }
            text.push(']');
            if text.len() > max_bytes {
                return Err(SqlError::unsupported(
                    format_args!("a result of more than {max_bytes} bytes"),
                    "Select fewer rows or columns, or raise the warehouse's max_result_bytes.",
                ));
            }
        }
    }
    text.push(']');
    Ok(text)
}

/// A column's values, and how they are spelled.
enum Values {
    Number(Decimal128Array),
    Float(Float64Array),
    Text(StringArray),
    Json(LargeStringArray),
    Boolean(BooleanArray),
    Date(Date32Array),
    /// With the digits of the fraction.
    Timestamp(TimestampMicrosecondArray, u8),
    Binary(BinaryArray),
}

fn columns(batch: &RecordBatch, columns: &[ResultColumn]) -> Result<Vec<Values>, SqlError> {
    if batch.num_columns() != columns.len() {
        return Err(SqlError::internal(format_args!(
            "a result of {} columns came with {}",
            columns.len(),
            batch.num_columns()
        )));
    }
    batch.columns().iter().zip(columns).map(|(array, column)| values(array, column)).collect()
}

fn values(array: &ArrayRef, column: &ResultColumn) -> Result<Values, SqlError> {
    let wanted = match column.data_type {
        // The zone only says how to show the moment; the protocol carries the moment.
        SqlType::TimestampLtz { .. } => DataType::Timestamp(TimeUnit::Microsecond, None),
        other => other.to_arrow(),
    };
    let array = if array.data_type() == &wanted {
        array.clone()
    } else {
        cast(array, &wanted).map_err(|error| {
            SqlError::internal(format_args!("the result's column {} is no {}: {error}", column.name, column.data_type))
        })?
    };
    Ok(match column.data_type {
        SqlType::Number { .. } => Values::Number(array.as_primitive::<Decimal128Type>().clone()),
        SqlType::Float => Values::Float(array.as_primitive::<Float64Type>().clone()),
        SqlType::Varchar { .. } => Values::Text(array.as_string::<i32>().clone()),
        SqlType::Boolean => Values::Boolean(array.as_boolean().clone()),
        SqlType::Date => Values::Date(array.as_primitive::<Date32Type>().clone()),
        SqlType::TimestampNtz { precision } | SqlType::TimestampLtz { precision } => {
            Values::Timestamp(array.as_primitive::<TimestampMicrosecondType>().clone(), precision)
        }
        SqlType::Binary { .. } => Values::Binary(array.as_binary::<i32>().clone()),
        SqlType::Variant | SqlType::Object | SqlType::Array => Values::Json(array.as_string::<i64>().clone()),
    })
}

impl Values {
    fn array(&self) -> &dyn Array {
        match self {
            Self::Number(array) => array,
            Self::Float(array) => array,
            Self::Text(array) => array,
            Self::Json(array) => array,
            Self::Boolean(array) => array,
            Self::Date(array) => array,
            Self::Timestamp(array, _) => array,
            Self::Binary(array) => array,
        }
    }

    fn write(&self, row: usize, out: &mut String) {
        if self.array().is_null(row) {
            out.push_str("null");
            return;
        }
        match self {
            Self::Text(array) => quote(array.value(row), out),
            Self::Json(array) => quote(array.value(row), out),
            Self::Number(array) => quote(&array.value_as_string(row), out),
            Self::Float(array) => quote(&float(array.value(row)), out),
            Self::Boolean(array) => out.push_str(if array.value(row) { "\"1\"" } else { "\"0\"" }),
            Self::Date(array) => quote(&array.value(row).to_string(), out),
            Self::Timestamp(array, digits) => quote(&timestamp(array.value(row), *digits), out),
            Self::Binary(array) => {
                out.push('"');
                for byte in array.value(row) {
                    let _ = write!(out, "{byte:02X}");
                }
                out.push('"');
            }
        }
    }
}

fn quote(text: &str, out: &mut String) {
    out.push_str(&Value::from(text).to_string());
}

fn float(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "inf" } else { "-inf" }.to_owned()
    } else if value != 0.0 && !(1e-5..1e15).contains(&value.abs()) {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

/// Seconds since the epoch with `digits` digits of fraction.
fn timestamp(micros: i64, digits: u8) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let (seconds, fraction) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
    if digits == 0 {
        return format!("{sign}{seconds}");
    }
    let nanos = format!("{:09}", fraction * 1000);
    let fraction = nanos.get(..usize::from(digits)).unwrap_or(&nanos);
    format!("{sign}{seconds}.{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StatementKind;
    use datafusion::arrow::datatypes::{Field, Schema};
    use std::sync::Arc;

    fn result(columns: Vec<(SqlType, ArrayRef)>) -> QueryResult {
        let fields: Vec<_> =
            columns.iter().map(|(_, array)| Field::new("c", array.data_type().clone(), true)).collect();
        let (types, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
        QueryResult {
            columns: types.into_iter().map(|data_type| ResultColumn::new("c", data_type)).collect(),
            batches: vec![RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()],
            kind: StatementKind::Select,
        }
    }

    #[test]
    fn every_type_is_spelled_as_drivers_read_it() {
        let number = Decimal128Array::from(vec![Some(-150)]).with_precision_and_scale(10, 2).unwrap();
        let moment = TimestampMicrosecondArray::from(vec![Some(-1_500_000)]);
        let result = result(vec![
            (SqlType::Number { precision: 10, scale: 2 }, Arc::new(number)),
            (SqlType::Float, Arc::new(Float64Array::from(vec![1.5e30]))),
            (SqlType::VARCHAR, Arc::new(StringArray::from(vec!["a\"\n"]))),
            (SqlType::Boolean, Arc::new(BooleanArray::from(vec![true]))),
            (SqlType::Date, Arc::new(Date32Array::from(vec![19_000]))),
            (SqlType::TimestampNtz { precision: 3 }, Arc::new(moment.clone())),
            (SqlType::TimestampLtz { precision: 9 }, Arc::new(moment.with_timezone("UTC"))),
            (SqlType::BINARY, Arc::new(BinaryArray::from(vec![b"\x00\xff".as_slice()]))),
            (SqlType::Variant, Arc::new(LargeStringArray::from(vec![r#"{"a":1}"#]))),
            (SqlType::VARCHAR, Arc::new(StringArray::from(vec![None::<&str>]))),
        ]);
        let rows: Value = serde_json::from_str(&rowset(&result, 10_000).unwrap()).unwrap();
        let wanted =
            json!([["-1.50", "1.5e30", "a\"\n", "1", "19000", "-1.500", "-1.500000000", "00FF", "{\"a\":1}", null]]);
        assert_eq!(rows, wanted);
    }

    #[test]
    fn a_result_above_the_limit_is_refused_not_cut() {
        let text = result(vec![(SqlType::VARCHAR, Arc::new(StringArray::from(vec!["x".repeat(50)])))]);
        assert_eq!(rowset(&text, 20).unwrap_err().code, "000002");
    }

    #[test]
    fn widths_that_a_plan_chose_are_brought_to_the_declared_type() {
        let narrow =
            result(vec![(SqlType::INTEGER, Arc::new(datafusion::arrow::array::Int64Array::from(vec![7])) as ArrayRef)]);
        assert_eq!(rowset(&narrow, 100).unwrap(), r#"[["7"]]"#);
    }
}
