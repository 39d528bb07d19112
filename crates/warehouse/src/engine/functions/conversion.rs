//! Conversion functions: casts under their older names, and JSON.

use super::{Call, Planned};
use crate::{
    SqlError,
    engine::{
        kernel::Kernel,
        plan::Arg,
        value::{CastMode, Family, Value, from_epoch, rescale},
        variant,
    },
    types::SqlType,
};
use datafusion::{
    arrow::datatypes::DataType,
    common::ScalarValue,
    logical_expr::Expr,
    sql::sqlparser::{dialect::SnowflakeDialect, parser::Parser},
};
use std::borrow::Cow;

const NTZ: SqlType = SqlType::TimestampNtz { precision: 6 };
const LTZ: SqlType = SqlType::TimestampLtz { precision: 6 };

pub(super) fn plan(call: Call) -> Planned {
    let (base, mode) = match call.name.strip_prefix("TRY_") {
        Some(base) => (base.to_owned(), CastMode::Try),
        None => (call.name.clone(), CastMode::Explicit),
    };
    Planned::Done(match base.as_str() {
        "$CAST" => typed_cast(call, CastMode::Explicit),
        "$TRY_CAST" => typed_cast(call, CastMode::Try),
        "$INSTANT" => moment(&call, Some("UTC".into())),
        "$WALL" => moment(&call, None),
        "TO_VARCHAR" | "TO_CHAR" if mode == CastMode::Explicit => single(call, SqlType::VARCHAR, mode),
        "TO_NUMBER" | "TO_DECIMAL" | "TO_NUMERIC" => number(call, mode),
        "TO_DOUBLE" => single(call, SqlType::Float, mode),
        "TO_BOOLEAN" => single(call, SqlType::Boolean, mode),
        "TO_DATE" | "DATE" => single(call, SqlType::Date, mode),
        "TO_TIMESTAMP" | "TO_TIMESTAMP_NTZ" => timestamp(call, NTZ, mode),
        "TO_TIMESTAMP_LTZ" => timestamp(call, LTZ, mode),
        "TO_BINARY" => single(call, SqlType::BINARY, mode),
        "TO_VARIANT" if mode == CastMode::Explicit => single(call, SqlType::Variant, mode),
        "TO_OBJECT" if mode == CastMode::Explicit => single(call, SqlType::Object, mode),
        "TO_ARRAY" if mode == CastMode::Explicit => to_array(call),
        "PARSE_JSON" => parse_json(call, mode),
        "TO_JSON" if mode == CastMode::Explicit => to_json(call),
        _ => return Planned::Other(call),
    })
}

/// A constant that the rewriting put there: microseconds since 1970.
fn moment(call: &Call, zone: Option<std::sync::Arc<str>>) -> Result<Expr, SqlError> {
    let micros = call.args.first().and_then(Arg::literal_integer);
    let micros = micros.ok_or_else(|| SqlError::internal("a moment that is no constant"))?;
    Ok(Expr::Literal(ScalarValue::TimestampMicrosecond(Some(micros), zone), None))
}

fn typed_cast(call: Call, mode: CastMode) -> Result<Expr, SqlError> {
    let (arg, to) = call.two()?;
    let text = to.literal_text().ok_or_else(|| SqlError::internal("a cast without a type"))?;
    let data_type = Parser::new(&SnowflakeDialect)
        .try_with_sql(text)
        .and_then(|mut parser| parser.parse_data_type())
        .map_err(|error| SqlError::internal(format_args!("the type {text} of a cast: {error}")))?;
    let mut to = SqlType::parse(&data_type)?;
    // Timestamps of more digits than are stored hold what is stored.
    if let SqlType::TimestampNtz { precision } | SqlType::TimestampLtz { precision } = &mut to {
        *precision = (*precision).min(6);
    }
    arg.cast(to, mode)
}

fn single(call: Call, to: SqlType, mode: CastMode) -> Result<Expr, SqlError> {
    if call.args.len() > 1 {
        return Err(SqlError::unsupported(format_args!("{} with a format", call.name), ""));
    }
    call.one()?.cast(to, mode)
}

fn number(mut call: Call, mode: CastMode) -> Result<Expr, SqlError> {
    call.arity(1, 3)?;
    let digits = call.args.split_off(1);
    let mut parts = [38, 0];
    for (part, arg) in parts.iter_mut().zip(&digits) {
        *part = arg.literal_integer().ok_or_else(|| {
            SqlError::unsupported(format_args!("{} with a format", call.name), "Give precision and scale as constants.")
        })?;
    }
    let (precision, scale) = match (u8::try_from(parts[0]), i8::try_from(parts[1])) {
        (Ok(precision @ 1..=38), Ok(scale @ 0..=37)) if scale <= precision as i8 => (precision, scale),
        _ => {
            return Err(SqlError::invalid_value(format_args!(
                "invalid precision and scale NUMBER({},{})",
                parts[0], parts[1]
            )));
        }
    };
    call.one()?.cast(SqlType::Number { precision, scale }, mode)
}

/// `TO_TIMESTAMP(number, scale)` reads the number at 10^-scale seconds since 1970, else it is a cast.
fn timestamp(mut call: Call, to: SqlType, mode: CastMode) -> Result<Expr, SqlError> {
    call.arity(1, 2)?;
    if call.args.len() == 1 {
        return call.one()?.cast(to, mode);
    }
    let name = call.name.clone();
    let scale = call.args.pop().and_then(|arg| arg.literal_integer()).and_then(|scale| u32::try_from(scale).ok());
    let scale = scale.filter(|scale| *scale <= 9).ok_or_else(|| {
        SqlError::unsupported(format_args!("{name} with a format"), "A scale is a constant from 0 to 9.")
    })?;
    let arg = call.args.pop().ok_or_else(|| SqlError::internal("an argument went missing"))?;
    if !matches!(arg.family, Family::Number | Family::Null) || mode == CastMode::Try {
        call.args.push(arg);
        return Err(call.wrong_types());
    }
    let zone = if matches!(to, SqlType::TimestampLtz { .. }) {
        crate::engine::value::Zone::Instant
    } else {
        crate::engine::value::Zone::Wall
    };
    Ok(Kernel::strict(format!("{name} at scale {scale}"), to.to_arrow(), vec![arg.expr], move |values| {
        let Value::Number(digits, at) = values[0] else {
            return Err(SqlError::internal(format_args!("{:?} is no number", values[0])));
        };
        rescale(digits, at, 0)
            .and_then(|number| from_epoch(number, scale))
            .map(|micros| Value::Timestamp(micros, zone))
            .ok_or_else(|| SqlError::not_a_timestamp(digits))
    }))
}

fn to_array(call: Call) -> Result<Expr, SqlError> {
    let arg = call.one()?;
    let expr = arg.cast(SqlType::Variant, CastMode::Explicit)?;
    Ok(Kernel::strict("TO_ARRAY", DataType::LargeUtf8, vec![expr], |values| {
        crate::engine::value::convert(values[0].clone(), SqlType::Array, CastMode::Explicit)
    }))
}

fn parse_json(call: Call, mode: CastMode) -> Result<Expr, SqlError> {
    let name = call.name.clone();
    let wrong = call.wrong_types();
    let arg = call.one()?;
    if arg.family == Family::Variant {
        return Ok(arg.expr);
    }
    if !matches!(arg.family, Family::Text | Family::Null) {
        return Err(wrong);
    }
    let expr = arg.cast(SqlType::VARCHAR, CastMode::Implicit)?;
    Ok(Kernel::strict(name, DataType::LargeUtf8, vec![expr], move |values| {
        let text = values[0].as_text()?;
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        match variant::canonicalize(text) {
            Ok(json) => Ok(Value::Variant(Cow::Owned(json))),
            Err(_) if mode == CastMode::Try => Ok(Value::Null),
            Err(error) => Err(SqlError::not_json(error)),
        }
    }))
}

/// A VARIANT as JSON text: unlike the cast, strings keep their quotes.
fn to_json(call: Call) -> Result<Expr, SqlError> {
    let wrong = call.wrong_types();
    let arg = call.one()?;
    if !matches!(arg.family, Family::Variant | Family::Null) {
        return Err(wrong);
    }
    let expr = arg.cast(SqlType::Variant, CastMode::Implicit)?;
    Ok(Kernel::strict("TO_JSON", DataType::Utf8, vec![expr], |values| match &values[0] {
        Value::Variant(json) => Ok(Value::Text(json.clone())),
        other => Err(SqlError::internal(format_args!("{other:?} is no VARIANT"))),
    }))
}
