//! Operators, with Snowflake's result types: what a sum, product or quotient of NUMBERs holds is documented under
//! "Arithmetic operators", and differs from DataFusion's rules for decimals.

use super::coerce::{Arg, cast, comparable, number_parts};
use crate::{
    SqlError,
    engine::{
        kernel::Kernel,
        rewrite::{DISTINCT, NOT_DISTINCT},
        value::{CastMode, Family, Value, divide, rescale, write_decimal},
    },
    types::SqlType,
};
use datafusion::{
    arrow::datatypes::DataType,
    common::ScalarValue,
    logical_expr::{BinaryExpr, Expr, Operator},
    sql::sqlparser::ast::BinaryOperator,
};

pub(super) fn plan(op: &BinaryOperator, left: Arg, right: Arg) -> Result<Expr, SqlError> {
    let compared = match op {
        BinaryOperator::Eq => Operator::Eq,
        BinaryOperator::NotEq => Operator::NotEq,
        BinaryOperator::Lt => Operator::Lt,
        BinaryOperator::LtEq => Operator::LtEq,
        BinaryOperator::Gt => Operator::Gt,
        BinaryOperator::GtEq => Operator::GtEq,
        BinaryOperator::Custom(name) if name == DISTINCT => Operator::IsDistinctFrom,
        BinaryOperator::Custom(name) if name == NOT_DISTINCT => Operator::IsNotDistinctFrom,
        BinaryOperator::And => return logical(left, Operator::And, right),
        BinaryOperator::Or => return logical(left, Operator::Or, right),
        BinaryOperator::StringConcat => return crate::engine::functions::concat(vec![left, right]),
        BinaryOperator::Plus => return arithmetic(Arithmetic::Add, left, right),
        BinaryOperator::Minus => return arithmetic(Arithmetic::Subtract, left, right),
        BinaryOperator::Multiply => return arithmetic(Arithmetic::Multiply, left, right),
        BinaryOperator::Divide => return arithmetic(Arithmetic::Divide, left, right),
        BinaryOperator::Modulo => return arithmetic(Arithmetic::Modulo, left, right),
        other => return Err(SqlError::unsupported(format_args!("the operator {other}"), "")),
    };
    compare(left, compared, right)
}

pub(crate) fn compare(left: Arg, op: Operator, right: Arg) -> Result<Expr, SqlError> {
    let by_order = matches!(op, Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq);
    if by_order && (left.family == Family::Variant || right.family == Family::Variant) {
        return Err(SqlError::unsupported("ordering of VARIANT values", "Cast them, as in v::NUMBER < 5."));
    }
    let (left, right) = comparable(left, right)?;
    Ok(binary(left, op, right))
}

pub(crate) fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

fn logical(left: Arg, op: Operator, right: Arg) -> Result<Expr, SqlError> {
    Ok(binary(boolean(left)?, op, boolean(right)?))
}

/// An operand of AND, OR and the condition of CASE.
pub(crate) fn boolean(arg: Arg) -> Result<Expr, SqlError> {
    match arg.family {
        Family::Boolean => Ok(arg.expr),
        Family::Null => Ok(Expr::Literal(ScalarValue::Boolean(None), None)),
        Family::Number | Family::Text | Family::Variant => cast(arg, SqlType::Boolean, CastMode::Implicit),
        _ => Err(SqlError::invalid_type(format_args!("Invalid data type [{}] for predicate", arg.shown()))),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

impl Arithmetic {
    fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Subtract => '-',
            Self::Multiply => '*',
            Self::Divide => '/',
            Self::Modulo => '%',
        }
    }

    /// Digits of the result for operands of these digits, before and behind the point.
    fn digits(self, left: (u8, u8), right: (u8, u8)) -> (u8, u8) {
        let behind = left.1.max(right.1);
        match self {
            Self::Add | Self::Subtract => (left.0.max(right.0) + 1, behind),
            Self::Modulo => (left.0.max(right.0), behind),
            Self::Multiply => (left.0 + right.0, (left.1 + right.1).min(behind.max(12))),
            Self::Divide => (left.0 + right.1, left.1.max((left.1 + 6).min(12))),
        }
    }
}

pub(crate) fn arithmetic(op: Arithmetic, left: Arg, right: Arg) -> Result<Expr, SqlError> {
    use Family as F;
    match (left.family, right.family) {
        (F::Number | F::Null, F::Number | F::Null) => Ok(exact(op, left, right)),
        (F::Number | F::Float | F::Null, F::Number | F::Float | F::Null) => {
            let left = cast(left, SqlType::Float, CastMode::Implicit)?;
            let right = cast(right, SqlType::Float, CastMode::Implicit)?;
            Ok(floating(op, left, right))
        }
        (F::Date, F::Number) if matches!(op, Arithmetic::Add | Arithmetic::Subtract) => {
            let direction = if op == Arithmetic::Add { 1 } else { -1 };
            Ok(Kernel::strict(
                format!("date {} days", op.sign()),
                DataType::Date32,
                vec![left.expr, right.expr],
                move |values| match &values[0] {
                    Value::Date(days) => i64::from(*days)
                        .checked_add(direction * values[1].as_integer()?)
                        .and_then(|days| i32::try_from(days).ok())
                        .map(Value::Date)
                        .ok_or_else(|| SqlError::number_out_of_range("days")),
                    other => Err(SqlError::internal(format_args!("{other:?} is no date"))),
                },
            ))
        }
        (F::Date, F::Date) if op == Arithmetic::Subtract => {
            Ok(Kernel::strict("date - date", DataType::Decimal128(9, 0), vec![left.expr, right.expr], |values| match (
                &values[0], &values[1],
            ) {
                (Value::Date(left), Value::Date(right)) => Ok(Value::integer(i64::from(*left) - i64::from(*right))),
                other => Err(SqlError::internal(format_args!("{other:?} are no dates"))),
            }))
        }
        _ => Err(SqlError::unsupported(
            format_args!("{} {} {}", left.shown(), op.sign(), right.shown()),
            "Cast the operands to NUMBER or FLOAT, or use DATEADD and DATEDIFF.",
        )),
    }
}

fn exact(op: Arithmetic, left: Arg, right: Arg) -> Expr {
    let (before, behind) = op.digits(left.digits(), right.digits());
    let (precision, scale) = number_parts(before, behind);
    Kernel::strict(
        format!("{} to NUMBER({precision},{scale})", op.sign()),
        DataType::Decimal128(precision, scale),
        vec![left.expr, right.expr],
        move |values| {
            let (Value::Number(a, a_scale), Value::Number(b, b_scale)) = (&values[0], &values[1]) else {
                return Err(SqlError::internal(format_args!("{values:?} are no numbers")));
            };
            exact_value(op, (*a, *a_scale), (*b, *b_scale), scale)?
                .filter(|digits| crate::engine::value::fits(*digits, precision))
                .map(|digits| Value::Number(digits, scale))
                .ok_or_else(|| {
                    let (a, b) = (write_decimal(*a, *a_scale), write_decimal(*b, *b_scale));
                    SqlError::number_out_of_range(format_args!("{a} {} {b}", op.sign()))
                })
        },
    )
}

fn exact_value(op: Arithmetic, a: (i128, i8), b: (i128, i8), scale: i8) -> Result<Option<i128>, SqlError> {
    let both = || Some((rescale(a.0, a.1, scale)?, rescale(b.0, b.1, scale)?));
    Ok(match op {
        Arithmetic::Add => both().and_then(|(a, b)| a.checked_add(b)),
        Arithmetic::Subtract => both().and_then(|(a, b)| a.checked_sub(b)),
        Arithmetic::Multiply => a.0.checked_mul(b.0).and_then(|product| rescale(product, a.1 + b.1, scale)),
        Arithmetic::Divide | Arithmetic::Modulo if b.0 == 0 => return Err(SqlError::division_by_zero()),
        Arithmetic::Divide => divide(a, b, scale),
        Arithmetic::Modulo => both().and_then(|(a, b)| a.checked_rem(b)),
    })
}

fn floating(op: Arithmetic, left: Expr, right: Expr) -> Expr {
    Kernel::strict(format!("{} of floats", op.sign()), DataType::Float64, vec![left, right], move |values| {
        let (Value::Float(a), Value::Float(b)) = (&values[0], &values[1]) else {
            return Err(SqlError::internal(format_args!("{values:?} are no floats")));
        };
        Ok(Value::Float(match op {
            Arithmetic::Add => a + b,
            Arithmetic::Subtract => a - b,
            Arithmetic::Multiply => a * b,
            Arithmetic::Divide | Arithmetic::Modulo if *b == 0.0 => return Err(SqlError::division_by_zero()),
            Arithmetic::Divide => a / b,
            Arithmetic::Modulo => a % b,
        }))
    })
}
