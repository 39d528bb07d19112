//! Conversions between types: which exist, and what each value becomes. One table for `::`, `TRY_CAST` and the assignment
//! of DML, since they differ only in what they allow and in whether a bad value is an error or NULL.
//! Source: docs.snowflake.com, "Data type conversion" and "Conversion functions".

use super::{
    Value, Zone,
    number::{Parsed, div_round, fits, parse_decimal, pow10, rescale, write_decimal},
    time::{self, DAY},
};
use crate::{
    engine::variant::{self, Kind},
    error::SqlError,
    types::SqlType,
};
use datafusion::arrow::datatypes::DataType;
use std::borrow::Cow;

/// How a conversion came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CastMode {
    /// `::` and CAST
    Explicit,
    /// `TRY_CAST`: text only, and NULL for what does not convert.
    Try,
    /// A value written to a column, or an operand of another type.
    Implicit,
}

/// Types that convert in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Null,
    Number,
    Float,
    Boolean,
    Date,
    Wall,
    Instant,
    Text,
    Binary,
    Variant,
}

impl Family {
    pub(crate) fn of(data_type: &DataType) -> Result<Self, SqlError> {
        Ok(match data_type {
            DataType::Null => Self::Null,
            data_type => match SqlType::from_arrow(data_type)? {
                SqlType::Number { .. } => Self::Number,
                SqlType::Float => Self::Float,
                SqlType::Boolean => Self::Boolean,
                SqlType::Date => Self::Date,
                SqlType::TimestampNtz { .. } => Self::Wall,
                SqlType::TimestampLtz { .. } => Self::Instant,
                SqlType::Varchar { .. } => Self::Text,
                SqlType::Binary { .. } => Self::Binary,
                SqlType::Variant | SqlType::Object | SqlType::Array => Self::Variant,
            },
        })
    }
}

/// Whether values of `to` may be shorter or coarser than its Arrow type allows, so that even a column of that Arrow type
/// has to be gone through.
pub(crate) fn narrows(to: SqlType) -> bool {
    match to {
        SqlType::Varchar { length } => length < crate::types::MAX_VARCHAR,
        SqlType::Binary { length } => length < crate::types::MAX_BINARY,
        SqlType::TimestampNtz { precision } | SqlType::TimestampLtz { precision } => precision < 6,
        SqlType::Object | SqlType::Array => true,
        _ => false,
    }
}

/// Whether there is such a conversion at all, asked when a statement is planned.
pub(crate) fn check_cast(from: &DataType, to: SqlType, mode: CastMode) -> Result<(), SqlError> {
    use Family as F;

    let source = Family::of(from)?;
    let target = Family::of(&to.to_arrow())?;
    if source == Family::Null {
        return Ok(());
    }
    if mode == CastMode::Try {
        return match (source, target) {
            (Family::Text, Family::Variant) => Err(refused(from, to)),
            (Family::Text, _) => Ok(()),
            _ => Err(SqlError::invalid_type(format_args!(
                "Function TRY_CAST cannot be used with arguments of types {} and {to}",
                SqlType::from_arrow(from)?
            ))),
        };
    }
    let possible = source == target
        || match (source, target) {
            (F::Number | F::Float | F::Boolean | F::Text, F::Number | F::Float | F::Boolean | F::Text)
            | (F::Date | F::Wall | F::Instant, F::Date | F::Wall | F::Instant | F::Text)
            | (F::Text, F::Date | F::Wall | F::Instant)
            | (F::Variant, F::Number | F::Float | F::Boolean | F::Text | F::Date | F::Wall | F::Instant) => true,
            // A column of type VARIANT takes VARIANTs only; a value is wrapped where somebody says so.
            (F::Number | F::Float | F::Boolean | F::Text | F::Date | F::Wall | F::Instant | F::Binary, F::Variant)
            | (F::Text, F::Binary)
            | (F::Binary, F::Text)
            | (F::Number, F::Wall | F::Instant) => mode == CastMode::Explicit,
            _ => false,
        };
    let float_to_boolean = source == F::Float && target == F::Boolean && mode == CastMode::Implicit;
    if possible && !float_to_boolean { Ok(()) } else { Err(refused(from, to)) }
}

fn refused(from: &DataType, to: SqlType) -> SqlError {
    let from = SqlType::from_arrow(from).map_or_else(|_| from.to_string(), |from| from.to_string());
    SqlError::invalid_type(format_args!("invalid type [CAST({from} AS {to})] for parameter 'TO_{to}'"))
}

/// One value as `to`. With [`CastMode::Try`] a value that does not convert is NULL.
pub(crate) fn convert(value: Value<'_>, to: SqlType, mode: CastMode) -> Result<Value<'_>, SqlError> {
    let converted = match to {
        _ if value.is_null() => return Ok(Value::Null),
        SqlType::Number { precision, scale } => to_number(value, precision, scale),
        SqlType::Float => to_float(value),
        SqlType::Boolean => to_boolean(value),
        SqlType::Date => to_date(value),
        SqlType::TimestampNtz { precision } => to_timestamp(value, Zone::Wall, precision),
        SqlType::TimestampLtz { precision } => to_timestamp(value, Zone::Instant, precision),
        SqlType::Varchar { length } => to_text(value, length),
        SqlType::Binary { length } => to_binary(value, length),
        SqlType::Variant => Ok(to_variant(value)),
        SqlType::Object | SqlType::Array => to_kind(value, to),
    };
    match converted {
        Err(_) if mode == CastMode::Try => Ok(Value::Null),
        converted => converted,
    }
}

/// The scalar inside a VARIANT, ready to be converted as its own type would be.
fn unwrap<'a>(json: &'a str, to: &str) -> Result<Value<'a>, SqlError> {
    match variant::kind(json) {
        Kind::Null => Ok(Value::Null),
        Kind::Boolean => Ok(Value::Boolean(json == "true")),
        Kind::Varchar => Ok(Value::Text(variant::string(json))),
        Kind::Integer | Kind::Decimal | Kind::Double => match parse_decimal(json) {
            Some(Parsed::Exact(digits, scale)) if variant::kind(json) != Kind::Double => {
                Ok(Value::Number(digits, scale))
            }
            _ => json.parse().map(Value::Float).map_err(|_| SqlError::failed_cast(json, to)),
        },
        Kind::Array | Kind::Object => Err(SqlError::failed_cast(json, to)),
    }
}

/// Converts what a VARIANT holds; a text inside that does not convert is reported as the VARIANT's failure.
fn from_variant(
    json: &str,
    to: &str,
    convert: impl Fn(Value<'_>) -> Result<Value<'static>, SqlError>,
) -> Result<Value<'static>, SqlError> {
    match unwrap(json, to)? {
        Value::Null => Ok(Value::Null),
        value @ Value::Text(_) => convert(value).map_err(|_| SqlError::failed_cast(json, to)),
        value => convert(value),
    }
}

fn impossible(value: &Value<'_>, to: &str) -> SqlError {
    SqlError::internal(format_args!("{value:?} cannot become {to}; planning should have said so"))
}

fn to_number(value: Value<'_>, precision: u8, scale: i8) -> Result<Value<'static>, SqlError> {
    let (digits, from) = match value {
        Value::Number(digits, from) => (digits, from),
        Value::Boolean(value) => (i128::from(value), 0),
        Value::Float(value) => match parse_decimal(&format!("{value:e}")) {
            Some(Parsed::Exact(digits, from)) => (digits, from),
            _ => return Err(SqlError::number_out_of_range(value)),
        },
        Value::Text(text) => match parse_decimal(&text) {
            Some(Parsed::Exact(digits, from)) => (digits, from),
            Some(Parsed::TooLarge) => return Err(SqlError::number_out_of_range(text)),
            None => return Err(SqlError::not_a_number(text)),
        },
        Value::Variant(json) => return from_variant(&json, "FIXED", |value| to_number(value, precision, scale)),
        other => return Err(impossible(&other, "a number")),
    };
    rescale(digits, from, scale)
        .filter(|digits| fits(*digits, precision))
        .map(|digits| Value::Number(digits, scale))
        .ok_or_else(|| SqlError::number_out_of_range(write_decimal(digits, from)))
}

fn to_float(value: Value<'_>) -> Result<Value<'static>, SqlError> {
    Ok(Value::Float(match value {
        Value::Float(value) => value,
        Value::Number(digits, scale) => number_to_float(digits, scale),
        Value::Boolean(value) => f64::from(u8::from(value)),
        Value::Text(text) => {
            let trimmed = text.trim();
            let parsed = match trimmed.to_ascii_lowercase().as_str() {
                "nan" => Some(f64::NAN),
                "inf" | "infinity" | "+inf" | "+infinity" => Some(f64::INFINITY),
                "-inf" | "-infinity" => Some(f64::NEG_INFINITY),
                _ => trimmed.parse().ok().filter(|_| parse_decimal(trimmed).is_some()),
            };
            parsed.ok_or_else(|| SqlError::not_a_number(text))?
        }
        Value::Variant(json) => return from_variant(&json, "REAL", to_float),
        other => return Err(impossible(&other, "a float")),
    }))
}

pub(crate) fn number_to_float(digits: i128, scale: i8) -> f64 {
    write_decimal(digits, scale).parse().unwrap_or(f64::NAN)
}

fn to_boolean(value: Value<'_>) -> Result<Value<'static>, SqlError> {
    Ok(Value::Boolean(match value {
        Value::Boolean(value) => value,
        Value::Number(digits, _) => digits != 0,
        Value::Float(value) if value.is_finite() => value != 0.0,
        Value::Float(value) => return Err(SqlError::not_a_boolean(value)),
        Value::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => true,
            "false" | "f" | "no" | "n" | "off" | "0" => false,
            _ => return Err(SqlError::not_a_boolean(text)),
        },
        Value::Variant(json) => return from_variant(&json, "BOOLEAN", to_boolean),
        other => return Err(impossible(&other, "a boolean")),
    }))
}

fn to_date(value: Value<'_>) -> Result<Value<'static>, SqlError> {
    Ok(match value {
        Value::Date(days) => Value::Date(days),
        Value::Timestamp(micros, _) => Value::Date(micros.div_euclid(DAY) as i32),
        Value::Text(text) => Value::Date(time::parse_date(&text).ok_or_else(|| SqlError::not_a_date(text))?),
        Value::Variant(json) => match variant::kind(&json) {
            Kind::Null => Value::Null,
            Kind::Varchar => time::parse_date(&variant::string(&json))
                .map(Value::Date)
                .ok_or_else(|| SqlError::failed_cast(&json, "DATE"))?,
            _ => return Err(SqlError::failed_cast(json, "DATE")),
        },
        other => return Err(impossible(&other, "a date")),
    })
}

fn to_timestamp(value: Value<'_>, zone: Zone, precision: u8) -> Result<Value<'static>, SqlError> {
    let name = if zone == Zone::Wall { "TIMESTAMP_NTZ" } else { "TIMESTAMP_LTZ" };
    let of = |stamp: time::Stamp| if zone == Zone::Wall { stamp.wall } else { stamp.instant };
    let micros = match value {
        // The session's zone is UTC: the wall's clock and the instant are the same number.
        Value::Timestamp(micros, _) => micros,
        Value::Date(days) => i64::from(days) * DAY,
        Value::Number(digits, scale) => rescale(digits, scale, 0)
            .and_then(|seconds| time::from_epoch(seconds, 0))
            .ok_or_else(|| SqlError::not_a_timestamp(write_decimal(digits, scale)))?,
        Value::Text(text) => time::parse_timestamp(&text).map(of).ok_or_else(|| SqlError::not_a_timestamp(text))?,
        Value::Variant(json) => match variant::kind(&json) {
            Kind::Null => return Ok(Value::Null),
            Kind::Varchar => time::parse_timestamp(&variant::string(&json))
                .map(of)
                .ok_or_else(|| SqlError::failed_cast(&json, name))?,
            _ => return Err(SqlError::failed_cast(json, name)),
        },
        other => return Err(impossible(&other, name)),
    };
    let unit = pow10(u32::from(6_u8.saturating_sub(precision))).unwrap_or(1) as i64;
    Ok(Value::Timestamp(micros.div_euclid(unit) * unit, zone))
}

fn to_text(value: Value<'_>, length: u32) -> Result<Value<'_>, SqlError> {
    let text = match value {
        Value::Variant(Cow::Borrowed(json)) if variant::kind(json) == Kind::Varchar => variant::string(json),
        Value::Variant(json) => match variant::kind(&json) {
            Kind::Null => return Ok(Value::Null),
            Kind::Varchar => Cow::Owned(variant::string(&json).into_owned()),
            _ => json,
        },
        other => write_text(other),
    };
    // The length in bytes is an upper bound of that in characters and cheaper to know.
    if text.len() > length as usize && text.chars().count() > length as usize {
        return Err(SqlError::string_too_long(text));
    }
    Ok(Value::Text(text))
}

/// A value as text in Snowflake's default output formats; `""` for NULL.
pub(crate) fn write_text(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::Text(text) => text,
        Value::Variant(json) => json,
        Value::Null => Cow::Borrowed(""),
        Value::Boolean(value) => Cow::Borrowed(if value { "true" } else { "false" }),
        Value::Number(digits, scale) => Cow::Owned(write_decimal(digits, scale)),
        Value::Float(value) if value.is_nan() => Cow::Borrowed("NaN"),
        Value::Float(value) if value.is_infinite() => Cow::Borrowed(if value > 0.0 { "inf" } else { "-inf" }),
        Value::Float(value) => {
            let mut text = String::new();
            variant::write_float(value, &mut text);
            Cow::Owned(text)
        }
        Value::Date(days) => Cow::Owned(time::write_date(days)),
        Value::Timestamp(micros, Zone::Wall) => Cow::Owned(time::write_wall(micros)),
        Value::Timestamp(micros, Zone::Instant) => Cow::Owned(format!("{} Z", time::write_wall(micros))),
        Value::Binary(bytes) => Cow::Owned(hex(&bytes)),
    }
}

/// Upper-case hexadecimal digits: Snowflake's default text for BINARY.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02X}");
        text
    })
}

fn to_binary(value: Value<'_>, length: u32) -> Result<Value<'_>, SqlError> {
    let bytes = match value {
        Value::Binary(bytes) => bytes,
        Value::Text(text) => Cow::Owned(unhex(&text).ok_or_else(|| {
            SqlError::new("100115", "22000", format!("The following string is not a legal hex-encoded value: '{text}'"))
        })?),
        other => return Err(impossible(&other, "binary")),
    };
    if bytes.len() > length as usize {
        return Err(SqlError::string_too_long(hex(&bytes)));
    }
    Ok(Value::Binary(bytes))
}

pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

/// A value inside a VARIANT: what JSON has a form for takes it, the rest becomes a string.
pub(crate) fn to_variant(value: Value<'_>) -> Value<'_> {
    let json = match value {
        Value::Null => return Value::Null,
        Value::Variant(json) => return Value::Variant(json),
        Value::Boolean(value) => Cow::Borrowed(if value { "true" } else { "false" }),
        Value::Number(digits, scale) => {
            let text = write_decimal(digits, scale);
            let short = if scale > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
            Cow::Owned(if short == "-0" { "0".to_owned() } else { short.to_owned() })
        }
        Value::Float(value) if value.is_finite() => {
            let mut text = String::new();
            variant::write_float(value, &mut text);
            Cow::Owned(text)
        }
        other => {
            let mut json = String::new();
            variant::write_string(&write_text(other), &mut json);
            Cow::Owned(json)
        }
    };
    Value::Variant(json)
}

/// OBJECT and ARRAY: the VARIANT's own kind, or for ARRAY an array of the one value.
fn to_kind(value: Value<'_>, to: SqlType) -> Result<Value<'_>, SqlError> {
    let Value::Variant(json) = value else {
        return Err(impossible(&value, "an object or array"));
    };
    match (variant::kind(&json), to) {
        (Kind::Null, _) => Ok(Value::Null),
        (Kind::Object, SqlType::Object) | (Kind::Array, SqlType::Array) => Ok(Value::Variant(json)),
        (_, SqlType::Array) => Ok(Value::Variant(Cow::Owned(format!("[{json}]")))),
        _ => Err(SqlError::failed_cast(json, to)),
    }
}

/// `a / b` with `scale` digits behind the point.
pub(crate) fn divide(a: (i128, i8), b: (i128, i8), scale: i8) -> Option<i128> {
    // a·10^-sa / (b·10^-sb) = q·10^-scale, so q = a·10^(scale + sb - sa) / b.
    let shift = i32::from(scale) + i32::from(b.1) - i32::from(a.1);
    if shift >= 0 {
        Some(div_round(a.0.checked_mul(pow10(shift.unsigned_abs())?)?, b.0))
    } else {
        Some(div_round(a.0, b.0.checked_mul(pow10(shift.unsigned_abs())?)?))
    }
}
