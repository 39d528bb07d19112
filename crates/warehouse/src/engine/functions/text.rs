//! Functions on text. Positions and lengths count characters.

use super::{Call, Planned};
use crate::{
    SqlError,
    engine::{
        kernel::Kernel,
        plan::Arg,
        value::{CastMode, Family, Value, hex},
    },
    types::SqlType,
};
use datafusion::{
    arrow::datatypes::DataType,
    logical_expr::{Expr, Like, Volatility, lit},
};
use regex::Regex;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use std::{borrow::Cow, sync::Mutex};

const TEXT: SqlType = SqlType::VARCHAR;
const INTEGER: SqlType = SqlType::INTEGER;

type Run = for<'a> fn(&[Value<'a>]) -> Result<Value<'a>, SqlError>;

/// Plain functions: their arguments (how many, of which types) and what they answer.
fn plain(name: &str) -> Option<(usize, usize, &'static [SqlType], DataType, Run)> {
    let number = DataType::Decimal128(18, 0);
    Some(match name {
        "UPPER" => (1, 1, &[TEXT], DataType::Utf8, |v| Ok(owned(v[0].as_text()?.to_uppercase()))),
        "LOWER" => (1, 1, &[TEXT], DataType::Utf8, |v| Ok(owned(v[0].as_text()?.to_lowercase()))),
        "LENGTH" | "LEN" => (1, 1, &[TEXT], number, |v| Ok(count(v[0].as_text()?.chars().count()))),
        "OCTET_LENGTH" => (1, 1, &[TEXT], number, |v| Ok(count(v[0].as_text()?.len()))),
        "REVERSE" => (1, 1, &[TEXT], DataType::Utf8, |v| Ok(owned(v[0].as_text()?.chars().rev().collect()))),
        "TRIM" => (1, 2, &[TEXT], DataType::Utf8, |v| {
            let set = trimmed(v)?;
            Ok(owned(v[0].as_text()?.trim_matches(|c| set.contains(c)).to_owned()))
        }),
        "LTRIM" => (1, 2, &[TEXT], DataType::Utf8, |v| {
            let set = trimmed(v)?;
            Ok(owned(v[0].as_text()?.trim_start_matches(|c| set.contains(c)).to_owned()))
        }),
        "RTRIM" => (1, 2, &[TEXT], DataType::Utf8, |v| {
            let set = trimmed(v)?;
            Ok(owned(v[0].as_text()?.trim_end_matches(|c| set.contains(c)).to_owned()))
        }),
        "SUBSTR" | "SUBSTRING" => (2, 3, &[TEXT, INTEGER], DataType::Utf8, substr),
        "LEFT" => (2, 2, &[TEXT, INTEGER], DataType::Utf8, |v| {
            Ok(owned(v[0].as_text()?.chars().take(size(&v[1])?).collect()))
        }),
        "RIGHT" => (2, 2, &[TEXT, INTEGER], DataType::Utf8, |v| {
            let text = v[0].as_text()?;
            let skipped = text.chars().count().saturating_sub(size(&v[1])?);
            Ok(owned(text.chars().skip(skipped).collect()))
        }),
        "REPLACE" => (2, 3, &[TEXT], DataType::Utf8, |v| {
            let with = v.get(2).map_or(Ok(""), Value::as_text)?;
            let old = v[1].as_text()?;
            Ok(owned(if old.is_empty() { v[0].as_text()?.to_owned() } else { v[0].as_text()?.replace(old, with) }))
        }),
        "REPEAT" => (2, 2, &[TEXT, INTEGER], DataType::Utf8, |v| {
            let (text, times) = (v[0].as_text()?, size(&v[1])?);
            if text.len().saturating_mul(times) > crate::types::MAX_VARCHAR as usize {
                return Err(SqlError::string_too_long(text));
            }
            Ok(owned(text.repeat(times)))
        }),
        "LPAD" => (2, 3, &[TEXT, INTEGER, TEXT], DataType::Utf8, |v| pad(v, Side::Left)),
        "RPAD" => (2, 3, &[TEXT, INTEGER, TEXT], DataType::Utf8, |v| pad(v, Side::Right)),
        "SPLIT_PART" => (3, 3, &[TEXT, TEXT, INTEGER], DataType::Utf8, split_part),
        "CONTAINS" => {
            (2, 2, &[TEXT], DataType::Boolean, |v| Ok(Value::Boolean(v[0].as_text()?.contains(v[1].as_text()?))))
        }
        "STARTSWITH" => {
            (2, 2, &[TEXT], DataType::Boolean, |v| Ok(Value::Boolean(v[0].as_text()?.starts_with(v[1].as_text()?))))
        }
        "ENDSWITH" => {
            (2, 2, &[TEXT], DataType::Boolean, |v| Ok(Value::Boolean(v[0].as_text()?.ends_with(v[1].as_text()?))))
        }
        "POSITION" | "CHARINDEX" => (2, 3, &[TEXT, TEXT, INTEGER], number, position),
        "ASCII" => (1, 1, &[TEXT], number, |v| {
            Ok(Value::integer(v[0].as_text()?.chars().next().map_or(0, |first| i64::from(u32::from(first)))))
        }),
        "SHA2" | "SHA2_HEX" => (1, 2, &[TEXT, INTEGER], DataType::Utf8, sha2),
        "HEX_ENCODE" => (1, 1, &[TEXT], DataType::Utf8, |v| Ok(owned(hex(v[0].as_text()?.as_bytes())))),
        "TRANSLATE" => (3, 3, &[TEXT], DataType::Utf8, translate),
        _ => return None,
    })
}

pub(super) fn plan(call: Call) -> Planned {
    if let Some((least, most, types, result, run)) = plain(&call.name) {
        return Planned::Done(call.arity(least, most).and_then(|()| {
            let name = call.name.clone();
            Ok(Kernel::strict(name, result, call.exprs(types)?, run))
        }));
    }
    Planned::Done(match call.name.as_str() {
        "CONCAT" => call.arity(1, usize::MAX).and_then(|()| concat(call.args)),
        "CONCAT_WS" => call.arity(2, usize::MAX).and_then(|()| {
            Ok(Kernel::strict("CONCAT_WS", DataType::Utf8, call.exprs(&[TEXT])?, |v| {
                let parts = v[1..].iter().map(Value::as_text).collect::<Result<Vec<_>, _>>()?;
                Ok(owned(parts.join(v[0].as_text()?)))
            }))
        }),
        "LIKE" => like(call, false),
        "ILIKE" => like(call, true),
        "REGEXP_LIKE" | "RLIKE" => regexp_like(call),
        "REGEXP_REPLACE" => regexp_replace(call),
        "UUID_STRING" => call.arity(0, 0).map(|()| {
            Kernel::rows_with("UUID_STRING", DataType::Utf8, Vec::new(), Volatility::Volatile, |_| {
                Ok(owned(uuid::Uuid::new_v4().to_string()))
            })
        }),
        _ => return Planned::Other(call),
    })
}

fn owned<'a>(text: String) -> Value<'a> {
    Value::Text(Cow::Owned(text))
}

fn count<'a>(number: usize) -> Value<'a> {
    Value::Number(number as i128, 0)
}

/// A length: negative ones are none.
fn size(value: &Value<'_>) -> Result<usize, SqlError> {
    Ok(usize::try_from(value.as_integer()?).unwrap_or(0))
}

fn trimmed<'a>(values: &'a [Value<'_>]) -> Result<&'a str, SqlError> {
    values.get(1).map_or(Ok(" "), Value::as_text)
}

/// `||` and CONCAT: NULL as soon as one part is.
pub(crate) fn concat(args: Vec<Arg>) -> Result<Expr, SqlError> {
    let binary = args.iter().any(|arg| arg.family == Family::Binary);
    if binary {
        return Err(SqlError::unsupported("|| of BINARY", "Convert it with TO_VARCHAR."));
    }
    let exprs = args.into_iter().map(|arg| arg.cast(TEXT, CastMode::Implicit)).collect::<Result<Vec<_>, _>>()?;
    Ok(Kernel::strict("CONCAT", DataType::Utf8, exprs, |values| {
        let mut joined = String::new();
        for value in values {
            joined.push_str(value.as_text()?);
        }
        Ok(owned(joined))
    }))
}

/// The first character is number 1; negative numbers count from the end; 0 is 1.
fn substr<'a>(values: &[Value<'a>]) -> Result<Value<'a>, SqlError> {
    let text = values[0].as_text()?;
    let start = values[1].as_integer()?;
    let length = values.get(2).map_or(Ok(usize::MAX), size)?;
    let skipped = if start < 0 {
        let total = text.chars().count() as i64;
        if total + start < 0 {
            return Ok(owned(String::new()));
        }
        (total + start) as usize
    } else {
        usize::try_from(start).unwrap_or(0).saturating_sub(1)
    };
    Ok(owned(text.chars().skip(skipped).take(length).collect()))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

fn pad<'a>(values: &[Value<'a>], side: Side) -> Result<Value<'a>, SqlError> {
    let text = values[0].as_text()?;
    let length = size(&values[1])?.min(crate::types::MAX_VARCHAR as usize);
    let filler = values.get(2).map_or(Ok(" "), Value::as_text)?;
    let present = text.chars().count();
    if present >= length || filler.is_empty() {
        return Ok(owned(text.chars().take(length).collect()));
    }
    let filling = filler.chars().cycle().take(length - present).collect::<String>();
    Ok(owned(if side == Side::Left { filling + text } else { text.to_owned() + &filling }))
}

/// The first part is number 1; negative numbers count from the end; 0 is 1; no such part is the empty text.
fn split_part<'a>(values: &[Value<'a>]) -> Result<Value<'a>, SqlError> {
    let (text, delimiter) = (values[0].as_text()?, values[1].as_text()?);
    let number = match values[2].as_integer()? {
        0 => 1,
        other => other,
    };
    let parts = if delimiter.is_empty() { vec![text] } else { text.split(delimiter).collect::<Vec<_>>() };
    let at = if number > 0 { number - 1 } else { parts.len() as i64 + number };
    Ok(owned(usize::try_from(at).ok().and_then(|at| parts.get(at)).copied().unwrap_or_default().to_owned()))
}

/// Where the first argument stands in the second, from 1; 0 when it does not.
fn position<'a>(values: &[Value<'a>]) -> Result<Value<'a>, SqlError> {
    let (wanted, text) = (values[0].as_text()?, values[1].as_text()?);
    let start = values.get(2).map_or(Ok(1), Value::as_integer)?.max(1) as usize - 1;
    let from = text.char_indices().nth(start).map_or(text.len(), |(at, _)| at);
    Ok(count(text[from..].find(wanted).map_or(0, |at| start + text[from..from + at].chars().count() + 1)))
}

fn sha2<'a>(values: &[Value<'a>]) -> Result<Value<'a>, SqlError> {
    let bytes = values[0].as_text()?.as_bytes();
    let digest = match values.get(1).map_or(Ok(256), Value::as_integer)? {
        224 => hex(&Sha224::digest(bytes)),
        0 | 256 => hex(&Sha256::digest(bytes)),
        384 => hex(&Sha384::digest(bytes)),
        512 => hex(&Sha512::digest(bytes)),
        other => return Err(SqlError::invalid_value(format_args!("Invalid digest size {other} for function SHA2"))),
    };
    Ok(owned(digest.to_lowercase()))
}

fn translate<'a>(values: &[Value<'a>]) -> Result<Value<'a>, SqlError> {
    let from = values[1].as_text()?.chars().collect::<Vec<_>>();
    let to = values[2].as_text()?.chars().collect::<Vec<_>>();
    let translated = values[0].as_text()?.chars().filter_map(|c| match from.iter().position(|other| *other == c) {
        Some(at) => to.get(at).copied(),
        None => Some(c),
    });
    Ok(owned(translated.collect()))
}

/// LIKE has no escape character unless one is given, while DataFusion always takes the backslash: so the pattern is
/// written anew, which is possible for a constant.
fn like(call: Call, case_insensitive: bool) -> Result<Expr, SqlError> {
    call.arity(2, 3)?;
    let escape = match call.args.get(2) {
        None => None,
        Some(arg) => {
            let text = arg.literal_text().unwrap_or_default();
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(escape), None) => Some(escape),
                _ => return Err(SqlError::invalid_value(format_args!("Invalid ESCAPE '{text}': one character"))),
            }
        }
    };
    let Some(pattern) = call.args[1].literal_text().map(|pattern| with_backslashes(pattern, escape)) else {
        return Err(SqlError::unsupported(
            format_args!("{} of a pattern that is no constant", call.name),
            "Use CONTAINS, STARTSWITH or ENDSWITH.",
        ));
    };
    let expr = call.exprs(&[TEXT])?.into_iter().next().ok_or_else(|| SqlError::internal("LIKE lost its operand"))?;
    Ok(Expr::Like(Like::new(false, Box::new(expr), Box::new(lit(pattern)), None, case_insensitive)))
}

fn with_backslashes(pattern: &str, escape: Option<char>) -> String {
    let mut written = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(next) = chars.next() {
        let literal = if Some(next) == escape { chars.next() } else { Some(next).filter(|next| *next == '\\') };
        match literal {
            Some(literal) => written.extend(['\\', literal]),
            None => written.push(next),
        }
    }
    written
}

/// A compiled pattern is kept from row to row, as it is nearly always the same one.
struct LastRegex(Mutex<Option<(String, Regex)>>);

impl LastRegex {
    fn new() -> Self {
        Self(Mutex::new(None))
    }

    fn with<T>(&self, pattern: &str, use_it: impl FnOnce(&Regex) -> T) -> Result<T, SqlError> {
        let mut last = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.as_ref().is_none_or(|(kept, _)| kept != pattern) {
            let compiled = Regex::new(pattern).map_err(|error| {
                SqlError::new("100048", "2201B", format!("Invalid regular expression: '{pattern}', {error}"))
            })?;
            *last = Some((pattern.to_owned(), compiled));
        }
        match last.as_ref() {
            Some((_, regex)) => Ok(use_it(regex)),
            None => Err(SqlError::internal("a pattern went missing")),
        }
    }
}

/// The pattern has to match the whole text.
fn regexp_like(call: Call) -> Result<Expr, SqlError> {
    call.arity(2, 2)?;
    let last = LastRegex::new();
    Ok(Kernel::strict("REGEXP_LIKE", DataType::Boolean, call.exprs(&[TEXT])?, move |values| {
        let pattern = format!("^(?:{})$", values[1].as_text()?);
        let text = values[0].as_text()?;
        last.with(&pattern, |regex| regex.is_match(text)).map(Value::Boolean)
    }))
}

fn regexp_replace(call: Call) -> Result<Expr, SqlError> {
    call.arity(2, 3)?;
    let last = LastRegex::new();
    Ok(Kernel::strict("REGEXP_REPLACE", DataType::Utf8, call.exprs(&[TEXT])?, move |values| {
        let with = values.get(2).map_or(Ok(""), Value::as_text)?;
        if with.contains(['\\', '$']) {
            return Err(SqlError::unsupported("back references in REGEXP_REPLACE", ""));
        }
        let text = values[0].as_text()?;
        last.with(values[1].as_text()?, |regex| regex.replace_all(text, with).into_owned()).map(owned)
    }))
}
