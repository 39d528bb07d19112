//! Functions on numbers.

use super::{Call, Planned};
use crate::{
    SqlError,
    engine::{
        kernel::Kernel,
        plan::{Arg, Arithmetic, arithmetic, number_parts},
        value::{CastMode, Family, Value, number_to_float, rescale, write_decimal},
    },
    types::SqlType,
};
use datafusion::{
    arrow::datatypes::DataType,
    logical_expr::{Expr, Volatility},
};

pub(super) fn plan(call: Call) -> Planned {
    Planned::Done(match call.name.as_str() {
        "$NUMERIC" => call.one().and_then(numeric),
        "$NEGATE" => call.one().and_then(|arg| arithmetic(Arithmetic::Subtract, Arg::integer(0), arg)),
        "MOD" => call.two().and_then(|(left, right)| arithmetic(Arithmetic::Modulo, left, right)),
        "DIV0" => call.two().and_then(|(left, right)| div0(left, right)),
        "ABS" => same_type(call, "ABS", i128::checked_abs, f64::abs),
        "SIGN" => sign(call),
        "ROUND" => rounded(call, Rounding::HalfAway),
        "TRUNC" | "TRUNCATE" => rounded(call, Rounding::TowardsZero),
        "CEIL" | "CEILING" => rounded(call, Rounding::Up),
        "FLOOR" => rounded(call, Rounding::Down),
        "SQRT" => floating(call, f64::sqrt),
        "EXP" => floating(call, f64::exp),
        "LN" => floating(call, f64::ln),
        "POWER" | "POW" => power(call),
        "RANDOM" => call.arity(0, 0).map(|()| {
            Kernel::rows_with("RANDOM", DataType::Decimal128(19, 0), Vec::new(), Volatility::Volatile, |_| {
                Ok(Value::integer(rand::random::<i64>()))
            })
        }),
        _ => return Planned::Other(call),
    })
}

/// A number to add up: exact numbers get all 38 digits, so that a sum overflows with an error and never in silence.
fn numeric(arg: Arg) -> Result<Expr, SqlError> {
    match arg.family {
        Family::Number => {
            let (_, behind) = arg.digits();
            let (precision, scale) = number_parts(38, behind);
            arg.cast(SqlType::Number { precision, scale }, CastMode::Implicit)
        }
        Family::Null => arg.cast(SqlType::INTEGER, CastMode::Implicit),
        Family::Float => Ok(arg.expr),
        _ => Err(SqlError::unsupported(format_args!("{} as a number", arg.shown()), "Cast it to NUMBER or FLOAT.")),
    }
}

fn div0(left: Arg, right: Arg) -> Result<Expr, SqlError> {
    use datafusion::logical_expr::{Case, Operator};
    let zero = super::super::plan::compare(right.clone(), Operator::Eq, Arg::integer(0))?;
    let quotient = arithmetic(Arithmetic::Divide, left, right)?;
    let nothing = datafusion::common::ScalarValue::Int64(Some(0));
    let nothing = Expr::Literal(nothing, None);
    Ok(Expr::Case(Case::new(None, vec![(Box::new(zero), Box::new(nothing))], Some(Box::new(quotient)))))
}

/// A function whose result has its argument's type.
fn same_type(
    call: Call,
    name: &'static str,
    exact: fn(i128) -> Option<i128>,
    float: fn(f64) -> f64,
) -> Result<Expr, SqlError> {
    let arg = numeric(call.one()?).map(|expr| (expr.clone(), expr))?;
    let result = result_type(&arg.0)?;
    Ok(Kernel::strict(name, result, vec![arg.1], move |values| match &values[0] {
        Value::Number(digits, scale) => exact(*digits)
            .map(|digits| Value::Number(digits, *scale))
            .ok_or_else(|| SqlError::number_out_of_range(write_decimal(*digits, *scale))),
        Value::Float(value) => Ok(Value::Float(float(*value))),
        other => Err(SqlError::internal(format_args!("{other:?} is no number"))),
    }))
}

/// The type of an expression that needs no columns to know it.
fn result_type(expr: &Expr) -> Result<DataType, SqlError> {
    use datafusion::{common::DFSchema, logical_expr::ExprSchemable};
    expr.get_type(&DFSchema::empty()).map_err(super::super::plan::sql_error)
}

fn sign(call: Call) -> Result<Expr, SqlError> {
    let expr = numeric(call.one()?)?;
    Ok(Kernel::strict("SIGN", DataType::Decimal128(1, 0), vec![expr], |values| match &values[0] {
        Value::Number(digits, _) => Ok(Value::integer(digits.signum())),
        Value::Float(value) if *value == 0.0 => Ok(Value::integer(0)),
        Value::Float(value) => Ok(Value::integer(value.signum() as i64)),
        other => Err(SqlError::internal(format_args!("{other:?} is no number"))),
    }))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rounding {
    HalfAway,
    TowardsZero,
    Up,
    Down,
}

impl Rounding {
    fn exact(self, digits: i128, scale: i8, to: i8) -> Option<i128> {
        if to >= scale {
            return rescale(digits, scale, to);
        }
        let unit = crate::engine::value::pow10(u32::try_from(i32::from(scale) - i32::from(to)).ok()?)?;
        Some(match self {
            Self::HalfAway => return rescale(digits, scale, to),
            Self::TowardsZero => digits / unit,
            Self::Up => -(-digits).div_euclid(unit),
            Self::Down => digits.div_euclid(unit),
        })
    }

    fn float(self, value: f64, to: i8) -> f64 {
        let unit = 10_f64.powi(i32::from(to));
        let scaled = value * unit;
        let whole = match self {
            Self::HalfAway => scaled.round(),
            Self::TowardsZero => scaled.trunc(),
            Self::Up => scaled.ceil(),
            Self::Down => scaled.floor(),
        };
        whole / unit
    }
}

fn rounded(mut call: Call, rounding: Rounding) -> Result<Expr, SqlError> {
    call.arity(1, 2)?;
    let to = match call.args.get(1) {
        None => 0,
        Some(arg) => arg
            .literal_integer()
            .and_then(|scale| i8::try_from(scale).ok())
            .filter(|scale| (0..=37).contains(scale))
            .ok_or_else(|| {
                SqlError::unsupported(format_args!("{} to a scale that is no constant from 0 to 37", call.name), "")
            })?,
    };
    call.args.truncate(1);
    let name = format!("{} to {to}", call.name);
    let arg = call.one()?;
    let (before, behind) = arg.digits();
    let exact = matches!(arg.family, Family::Number | Family::Null);
    let kept = i8::try_from(behind).unwrap_or(37).min(to);
    let expr = if exact { arg.expr } else { numeric(arg)? };
    let result = if exact {
        let (precision, scale) = number_parts(before + 1, u8::try_from(kept).unwrap_or(0));
        DataType::Decimal128(precision, scale)
    } else {
        DataType::Float64
    };
    Ok(Kernel::strict(name, result, vec![expr], move |values| match &values[0] {
        Value::Number(digits, scale) => rounding
            .exact(*digits, *scale, kept)
            .map(|digits| Value::Number(digits, kept))
            .ok_or_else(|| SqlError::number_out_of_range(write_decimal(*digits, *scale))),
        Value::Float(value) => Ok(Value::Float(rounding.float(*value, to))),
        other => Err(SqlError::internal(format_args!("{other:?} is no number"))),
    }))
}

fn float_of(value: &Value<'_>) -> Result<f64, SqlError> {
    match value {
        Value::Float(value) => Ok(*value),
        Value::Number(digits, scale) => Ok(number_to_float(*digits, *scale)),
        other => Err(SqlError::internal(format_args!("{other:?} is no number"))),
    }
}

fn floating(call: Call, run: fn(f64) -> f64) -> Result<Expr, SqlError> {
    let name = call.name.clone();
    let expr = numeric(call.one()?)?;
    Ok(Kernel::strict(name.clone(), DataType::Float64, vec![expr], move |values| {
        let argument = float_of(&values[0])?;
        let result = run(argument);
        if result.is_nan() && !argument.is_nan() {
            return Err(SqlError::new(
                "100053",
                "22023",
                format!("Invalid floating point operation: {name}({argument})"),
            ));
        }
        Ok(Value::Float(result))
    }))
}

fn power(call: Call) -> Result<Expr, SqlError> {
    let (base, exponent) = call.two()?;
    let exprs = vec![numeric(base)?, numeric(exponent)?];
    Ok(Kernel::strict("POWER", DataType::Float64, exprs, |values| {
        Ok(Value::Float(float_of(&values[0])?.powf(float_of(&values[1])?)))
    }))
}
