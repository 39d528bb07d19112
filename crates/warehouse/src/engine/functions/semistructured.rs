//! Functions on VARIANT, OBJECT and ARRAY.

use super::{Call, Planned};
use crate::{
    SqlError,
    engine::{
        kernel::Kernel,
        plan::Arg,
        value::{CastMode, Family, Value},
        variant::{self, Kind},
    },
    types::SqlType,
};
use datafusion::{
    arrow::{
        array::{Array, AsArray, LargeStringBuilder},
        datatypes::DataType,
    },
    logical_expr::Expr,
};
use std::{borrow::Cow, sync::Arc};

pub(super) fn plan(call: Call) -> Planned {
    Planned::Done(match call.name.as_str() {
        "GET" => get(call),
        "TYPEOF" => typeof_name(call),
        "IS_NULL_VALUE" => is_kind(call, |kind| kind == Kind::Null),
        "IS_OBJECT" => is_kind(call, |kind| kind == Kind::Object),
        "IS_ARRAY" => is_kind(call, |kind| kind == Kind::Array),
        "IS_VARCHAR" | "IS_CHAR" => is_kind(call, |kind| kind == Kind::Varchar),
        "IS_BOOLEAN" => is_kind(call, |kind| kind == Kind::Boolean),
        "IS_INTEGER" => is_kind(call, |kind| kind == Kind::Integer),
        "IS_DECIMAL" => is_kind(call, |kind| matches!(kind, Kind::Integer | Kind::Decimal)),
        "STRIP_NULL_VALUE" => strip_null_value(call),
        "ARRAY_SIZE" => array_size(call),
        "OBJECT_KEYS" => object_keys(call),
        "OBJECT_CONSTRUCT" => object_construct(call, Nulls::Left),
        "OBJECT_CONSTRUCT_KEEP_NULL" => object_construct(call, Nulls::Kept),
        "ARRAY_CONSTRUCT" => array_construct(call),
        "$ELEMENT" => element(call),
        "$ARRAY_AGG" => aggregated(call, "ARRAY_AGG", DataType::LargeUtf8),
        "$LISTAGG" => aggregated(call, "LISTAGG", DataType::Utf8),
        "$COUNTED" => counted(call),
        "$ORDERED" => ordered(call),
        _ => return Planned::Other(call),
    })
}

fn json<'a>(value: &'a Value<'_>) -> Result<&'a str, SqlError> {
    match value {
        Value::Variant(json) => Ok(json),
        other => Err(SqlError::internal(format_args!("{other:?} is no VARIANT"))),
    }
}

fn variant_of(call: Call) -> Result<Expr, SqlError> {
    let wrong = call.wrong_types();
    let arg = call.one()?;
    if !matches!(arg.family, Family::Variant | Family::Null) {
        return Err(wrong);
    }
    arg.cast(SqlType::Variant, CastMode::Implicit)
}

/// `v:key`, `v['key']`, `v[0]`; NULL where there is no such element.
fn get(call: Call) -> Result<Expr, SqlError> {
    let wrong = call.wrong_types();
    let (value, key) = call.two()?;
    if !matches!(value.family, Family::Variant | Family::Null) {
        return Err(wrong);
    }
    let literal = key.literal_text().map(str::to_owned);
    let value = value.cast(SqlType::Variant, CastMode::Implicit)?;
    // The one that runs over every event: a constant key, over the whole column.
    if let Some(literal) = literal {
        return Ok(Kernel::columns(
            format!("GET {literal:?}"),
            DataType::LargeUtf8,
            vec![value],
            move |columns, rows| {
                let column = columns[0].as_string::<i64>();
                let mut builder = LargeStringBuilder::with_capacity(rows, 0);
                for row in 0..rows {
                    let found = if column.is_null(row) { None } else { variant::get(column.value(row), &literal) };
                    builder.append_option(found);
                }
                Ok(Arc::new(builder.finish()))
            },
        ));
    }
    let by_index = match key.family {
        Family::Number => true,
        Family::Text => false,
        _ => return Err(wrong),
    };
    Ok(Kernel::strict("GET", DataType::LargeUtf8, vec![value, key.expr], move |values| {
        let json = json(&values[0])?;
        let found = if by_index {
            usize::try_from(values[1].as_integer()?).ok().and_then(|index| variant::index(json, index))
        } else {
            variant::get(json, values[1].as_text()?)
        };
        Ok(found.map_or(Value::Null, |found| Value::Variant(Cow::Owned(found.to_owned()))))
    }))
}

fn typeof_name(call: Call) -> Result<Expr, SqlError> {
    Ok(Kernel::strict("TYPEOF", DataType::Utf8, vec![variant_of(call)?], |values| {
        Ok(Value::text(variant::kind(json(&values[0])?).name()))
    }))
}

fn is_kind(call: Call, holds: fn(Kind) -> bool) -> Result<Expr, SqlError> {
    let name = call.name.clone();
    Ok(Kernel::strict(name, DataType::Boolean, vec![variant_of(call)?], move |values| {
        Ok(Value::Boolean(holds(variant::kind(json(&values[0])?))))
    }))
}

fn strip_null_value(call: Call) -> Result<Expr, SqlError> {
    Ok(Kernel::strict("STRIP_NULL_VALUE", DataType::LargeUtf8, vec![variant_of(call)?], |values| {
        Ok(if variant::kind(json(&values[0])?) == Kind::Null { Value::Null } else { values[0].clone() })
    }))
}

fn array_size(call: Call) -> Result<Expr, SqlError> {
    Ok(Kernel::strict("ARRAY_SIZE", DataType::Decimal128(9, 0), vec![variant_of(call)?], |values| {
        let json = json(&values[0])?;
        Ok(match variant::kind(json) {
            Kind::Array => Value::Number(variant::elements(json).count() as i128, 0),
            _ => Value::Null,
        })
    }))
}

fn object_keys(call: Call) -> Result<Expr, SqlError> {
    Ok(Kernel::strict("OBJECT_KEYS", DataType::LargeUtf8, vec![variant_of(call)?], |values| {
        let json = json(&values[0])?;
        if variant::kind(json) != Kind::Object {
            return Err(SqlError::failed_cast(json, "OBJECT"));
        }
        let mut keys = String::from("[");
        for (number, (key, _)) in variant::entries(json).enumerate() {
            if number > 0 {
                keys.push(',');
            }
            variant::write_string(&key, &mut keys);
        }
        keys.push(']');
        Ok(Value::Variant(Cow::Owned(keys)))
    }))
}

/// What `OBJECT_CONSTRUCT` does with a NULL value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nulls {
    Left,
    Kept,
}

fn object_construct(call: Call, nulls: Nulls) -> Result<Expr, SqlError> {
    if !call.args.len().is_multiple_of(2) {
        return Err(call.wrong_types());
    }
    let wrong = call.wrong_types();
    let name = call.name;
    let mut exprs = Vec::with_capacity(call.args.len());
    for (at, arg) in call.args.into_iter().enumerate() {
        exprs.push(if at % 2 == 0 {
            if !matches!(arg.family, Family::Text | Family::Null) {
                return Err(wrong);
            }
            arg.cast(SqlType::VARCHAR, CastMode::Implicit)?
        } else {
            arg.cast(SqlType::Variant, CastMode::Explicit)?
        });
    }
    Ok(Kernel::rows(name, DataType::LargeUtf8, exprs, move |values| {
        let mut text = String::from("{");
        for pair in values.chunks_exact(2) {
            let value = match &pair[1] {
                Value::Variant(json) => json,
                _ if nulls == Nulls::Kept => "null",
                _ => continue,
            };
            if pair[0].is_null() {
                continue;
            }
            if text.len() > 1 {
                text.push(',');
            }
            variant::write_string(pair[0].as_text()?, &mut text);
            text.push(':');
            text.push_str(value);
        }
        text.push('}');
        // Sorts the keys and refuses one given twice.
        variant::canonicalize(&text).map(|json| Value::Variant(Cow::Owned(json))).map_err(SqlError::not_json)
    }))
}

fn array_construct(call: Call) -> Result<Expr, SqlError> {
    let exprs = call
        .args
        .into_iter()
        .map(|arg| arg.cast(SqlType::Variant, CastMode::Explicit))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Kernel::rows("ARRAY_CONSTRUCT", DataType::LargeUtf8, exprs, |values| {
        let elements = values.iter().map(|value| json(value).unwrap_or("null")).collect::<Vec<_>>();
        Ok(Value::Variant(Cow::Owned(format!("[{}]", elements.join(",")))))
    }))
}

/// An element of `ARRAY_AGG` as JSON text, still VARCHAR so that texts can be joined.
fn element(call: Call) -> Result<Expr, SqlError> {
    let expr = call.one()?.cast(SqlType::Variant, CastMode::Explicit)?;
    Ok(Kernel::strict("ARRAY_AGG element", DataType::Utf8, vec![expr], |values| {
        json(&values[0]).map(|json| Value::Text(Cow::Owned(json.to_owned())))
    }))
}

/// The text that joining made, as the type it stands for: DataFusion answers LargeUtf8, which means VARIANT here. Without
/// rows LISTAGG is the empty text and `ARRAY_AGG` the empty array.
fn aggregated(call: Call, name: &str, result: DataType) -> Result<Expr, SqlError> {
    let arg = call.one()?;
    let array = result == DataType::LargeUtf8;
    Ok(Kernel::rows(name, result, vec![arg.expr], move |values| {
        let joined = match &values[0] {
            Value::Variant(text) | Value::Text(text) => text.clone(),
            _ => Cow::Borrowed(""),
        };
        Ok(if array { Value::Variant(Cow::Owned(format!("[{joined}]"))) } else { Value::Text(joined) })
    }))
}

/// COUNT skips JSON null as it skips NULL.
fn counted(call: Call) -> Result<Expr, SqlError> {
    let arg = call.one()?;
    if arg.family != Family::Variant {
        return Ok(arg.expr);
    }
    Ok(Kernel::strict("counted VARIANT", DataType::LargeUtf8, vec![arg.expr], |values| {
        Ok(if variant::kind(json(&values[0])?) == Kind::Null { Value::Null } else { values[0].clone() })
    }))
}

/// An argument of MIN and MAX.
fn ordered(call: Call) -> Result<Expr, SqlError> {
    let Arg { expr, family, .. } = call.one()?;
    if family == Family::Variant {
        return Err(SqlError::unsupported("MIN and MAX of VARIANT", "Cast it, as in MAX(v::NUMBER)."));
    }
    Ok(expr)
}
