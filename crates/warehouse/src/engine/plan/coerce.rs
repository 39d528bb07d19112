//! What becomes of operands of different types. Snowflake converts in more places than are safe to guess; here the
//! conversions that cannot surprise are made, and the others are refused with the advice to write a cast.

use crate::{
    SqlError,
    engine::{
        kernel::Kernel,
        plan::error::sql_error,
        value::{CastMode, Family, cast_column, check_cast},
    },
    types::SqlType,
};
use datafusion::{
    arrow::datatypes::DataType,
    common::{DFSchema, ScalarValue},
    logical_expr::{Expr, ExprSchemable},
};

/// An argument and what is known of it when a statement is planned.
#[derive(Debug, Clone)]
pub(crate) struct Arg {
    pub(crate) expr: Expr,
    pub(crate) data_type: DataType,
    pub(crate) family: Family,
}

impl Arg {
    pub(crate) fn new(expr: Expr, schema: &DFSchema) -> Result<Self, SqlError> {
        let data_type = expr.get_type(schema).map_err(sql_error)?;
        Ok(Self { family: Family::of(&data_type)?, expr, data_type })
    }

    /// A constant.
    pub(crate) fn integer(number: i64) -> Self {
        let expr = Expr::Literal(ScalarValue::Int64(Some(number)), None);
        Self { expr, data_type: DataType::Int64, family: Family::Number }
    }

    /// The type as messages show it.
    pub(crate) fn shown(&self) -> String {
        SqlType::from_arrow(&self.data_type).map_or_else(|_| self.data_type.to_string(), |shown| shown.to_string())
    }

    pub(crate) fn literal_text(&self) -> Option<&str> {
        match &self.expr {
            Expr::Literal(ScalarValue::Utf8(Some(text)), _) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn literal_integer(&self) -> Option<i64> {
        match &self.expr {
            Expr::Literal(ScalarValue::Int64(Some(number)), _) => Some(*number),
            _ => None,
        }
    }

    /// Digits before and behind the point that a number may have.
    pub(crate) fn digits(&self) -> (u8, u8) {
        match (&self.expr, &self.data_type) {
            (Expr::Literal(ScalarValue::Int64(Some(number)), _), _) => {
                (u8::try_from(number.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1)).unwrap_or(19), 0)
            }
            (_, DataType::Decimal128(precision, scale)) => {
                let scale = u8::try_from(*scale).unwrap_or(0);
                (precision.saturating_sub(scale), scale)
            }
            (_, DataType::UInt64) => (20, 0),
            (_, DataType::Int32) => (10, 0),
            (_, DataType::Null) => (1, 0),
            _ => (19, 0),
        }
    }

    pub(crate) fn cast(self, to: SqlType, mode: CastMode) -> Result<Expr, SqlError> {
        cast(self, to, mode)
    }
}

/// Precision and scale with room for these digits, as far as 38 go.
pub(crate) fn number_parts(before: u8, behind: u8) -> (u8, i8) {
    (before.saturating_add(behind).clamp(1, 38), i8::try_from(behind.min(37)).unwrap_or(37))
}

/// The conversion as an expression; none where the value already has the type.
pub(crate) fn cast(arg: Arg, to: SqlType, mode: CastMode) -> Result<Expr, SqlError> {
    check_cast(&arg.data_type, to, mode)?;
    let target = to.to_arrow();
    if arg.family == Family::Null {
        let null = ScalarValue::try_from(&target).map_err(sql_error)?;
        return Ok(Expr::Literal(null, None));
    }
    if arg.data_type == target && !crate::engine::value::narrows(to) {
        return Ok(arg.expr);
    }
    Ok(Kernel::columns(format!("{mode:?} cast to {to}"), target, vec![arg.expr], move |columns, _| {
        cast_column(&columns[0], to, mode)
    }))
}

fn disagree(a: &Arg, b: &Arg) -> SqlError {
    SqlError::unsupported(
        format_args!("{} and {} in one expression", a.shown(), b.shown()),
        "Write the cast that is meant.",
    )
}

/// The one type for results that may be any of these: branches of CASE, arguments of COALESCE, sides of a comparison.
pub(crate) fn common_type(args: &[&Arg]) -> Result<SqlType, SqlError> {
    let mut known = args.iter().copied().filter(|arg| arg.family != Family::Null);
    let Some(first) = known.next() else {
        return Ok(SqlType::VARCHAR);
    };
    let mut family = first.family;
    for arg in known {
        family = common_family(family, arg.family).ok_or_else(|| disagree(first, arg))?;
    }
    Ok(match family {
        Family::Number => {
            let numbers = || args.iter().map(|arg| arg.digits());
            let before = numbers().map(|digits| digits.0).max().unwrap_or(38);
            let (precision, scale) = number_parts(before, numbers().map(|digits| digits.1).max().unwrap_or(0));
            SqlType::Number { precision, scale }
        }
        Family::Float => SqlType::Float,
        Family::Boolean => SqlType::Boolean,
        Family::Date => SqlType::Date,
        Family::Wall => SqlType::TimestampNtz { precision: 6 },
        Family::Instant => SqlType::TimestampLtz { precision: 6 },
        Family::Text | Family::Null => SqlType::VARCHAR,
        Family::Binary => SqlType::BINARY,
        Family::Variant => SqlType::Variant,
    })
}

fn common_family(a: Family, b: Family) -> Option<Family> {
    use Family as F;
    Some(match (a, b) {
        (a, b) if a == b => a,
        (F::Number, F::Float) | (F::Float, F::Number) => F::Float,
        (F::Date, F::Wall) | (F::Wall, F::Date) => F::Wall,
        (F::Date | F::Wall, F::Instant) | (F::Instant, F::Date | F::Wall) => F::Instant,
        // Text beside a date or a boolean is read as one.
        (F::Text, other @ (F::Date | F::Wall | F::Instant | F::Boolean))
        | (other @ (F::Date | F::Wall | F::Instant | F::Boolean), F::Text) => other,
        (F::Variant, F::Binary) | (F::Binary, F::Variant) => return None,
        (F::Variant, _) | (_, F::Variant) => F::Variant,
        _ => return None,
    })
}

/// All arguments as their common type.
pub(crate) fn unify(args: Vec<Arg>) -> Result<(Vec<Expr>, SqlType), SqlError> {
    let to = common_type(&args.iter().collect::<Vec<_>>())?;
    let mode = if to == SqlType::Variant { CastMode::Explicit } else { CastMode::Implicit };
    let exprs = args.into_iter().map(|arg| arg.cast(to, mode)).collect::<Result<_, _>>()?;
    Ok((exprs, to))
}

/// Both sides of a comparison. Numbers stay as they are, since DataFusion compares them exactly; a number as text is
/// read as the number it is.
pub(crate) fn comparable(left: Arg, right: Arg) -> Result<(Expr, Expr), SqlError> {
    match (left.family, right.family) {
        (Family::Number | Family::Null, Family::Number | Family::Null)
        | (Family::Float, Family::Float)
        | (Family::Text, Family::Text)
        | (Family::Variant, Family::Variant)
        | (Family::Boolean, Family::Boolean)
        | (Family::Date, Family::Date)
        | (Family::Wall, Family::Wall)
        | (Family::Instant, Family::Instant)
        | (Family::Binary, Family::Binary)
        | (Family::Null, _)
        | (_, Family::Null) => Ok((left.expr, right.expr)),
        (Family::Number, Family::Text) if right.literal_text().is_some() => Ok((left.expr, literal_number(&right)?)),
        (Family::Text, Family::Number) if left.literal_text().is_some() => Ok((literal_number(&left)?, right.expr)),
        _ => {
            let (mut both, _) = unify(vec![left, right])?;
            match (both.pop(), both.pop()) {
                (Some(right), Some(left)) => Ok((left, right)),
                _ => Err(SqlError::internal("a comparison lost a side")),
            }
        }
    }
}

fn literal_number(arg: &Arg) -> Result<Expr, SqlError> {
    use crate::engine::value::{Parsed, parse_decimal};
    let text = arg.literal_text().unwrap_or_default();
    match parse_decimal(text) {
        Some(Parsed::Exact(digits, scale)) => Ok(Expr::Literal(ScalarValue::Decimal128(Some(digits), 38, scale), None)),
        Some(Parsed::TooLarge) => Err(SqlError::number_out_of_range(text)),
        None => Err(SqlError::not_a_number(text)),
    }
}
