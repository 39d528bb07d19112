//! Conditional functions. They become CASE, which evaluates a branch only where its condition holds.

use super::{Call, Planned};
use crate::{
    SqlError,
    engine::{
        kernel::Kernel,
        plan::{Arg, binary, boolean, common_type, compare, unify},
        value::{CastMode, Family, Value},
    },
    types::SqlType,
};
use datafusion::{
    common::ScalarValue,
    logical_expr::{Case, Expr, Operator, expr::InList},
};
use std::cmp::Ordering;

pub(super) fn plan(call: Call) -> Planned {
    Planned::Done(match call.name.as_str() {
        "$CASE" => case(call),
        "IFF" => call.arity(3, 3).and_then(|()| case(call)),
        "COALESCE" => call.arity(2, usize::MAX).and_then(|()| coalesce(call.args)),
        "NVL" | "IFNULL" => call.arity(2, 2).and_then(|()| coalesce(call.args)),
        "NVL2" => nvl2(call),
        "NULLIF" => nullif(call),
        "ZEROIFNULL" => call.one().and_then(|arg| coalesce(vec![arg, zero()])),
        "NULLIFZERO" => call.one().and_then(|arg| nullif_pair(arg, zero())),
        "EQUAL_NULL" => call.two().and_then(|(left, right)| compare(left, Operator::IsNotDistinctFrom, right)),
        "$IN" => in_list(call),
        "GREATEST" => extreme(call, Ordering::Greater),
        "LEAST" => extreme(call, Ordering::Less),
        _ => return Planned::Other(call),
    })
}

fn zero() -> Arg {
    Arg::integer(0)
}

fn null() -> Expr {
    Expr::Literal(ScalarValue::Null, None)
}

fn when(condition: Expr, then: Expr, otherwise: Expr) -> Expr {
    Expr::Case(Case::new(None, vec![(Box::new(condition), Box::new(then))], Some(Box::new(otherwise))))
}

/// Conditions and results in turn, then what ELSE says.
fn case(call: Call) -> Result<Expr, SqlError> {
    call.arity(2, usize::MAX)?;
    let mut conditions = Vec::new();
    let mut results = Vec::new();
    let mut args = call.args.into_iter();
    let mut has_else = false;
    while let Some(first) = args.next() {
        if let Some(result) = args.next() {
            conditions.push(boolean(first)?);
            results.push(result);
        } else {
            results.push(first);
            has_else = true;
        }
    }
    let (mut results, _) = unify(results)?;
    let otherwise = if has_else { results.pop().map(Box::new) } else { None };
    let branches = conditions.into_iter().map(Box::new).zip(results.into_iter().map(Box::new)).collect();
    Ok(Expr::Case(Case::new(None, branches, otherwise)))
}

fn coalesce(args: Vec<Arg>) -> Result<Expr, SqlError> {
    let (mut exprs, _) = unify(args)?;
    let last = exprs.pop().map(Box::new);
    let branches =
        exprs.into_iter().map(|expr| (Box::new(Expr::IsNotNull(Box::new(expr.clone()))), Box::new(expr))).collect();
    Ok(Expr::Case(Case::new(None, branches, last)))
}

fn nvl2(mut call: Call) -> Result<Expr, SqlError> {
    call.arity(3, 3)?;
    let results = call.args.split_off(1);
    let tested = call.one()?;
    let (mut results, _) = unify(results)?;
    match (results.pop(), results.pop()) {
        (Some(otherwise), Some(then)) => Ok(when(Expr::IsNotNull(Box::new(tested.expr)), then, otherwise)),
        _ => Err(SqlError::internal("NVL2 lost a result")),
    }
}

fn nullif(call: Call) -> Result<Expr, SqlError> {
    let (value, unwanted) = call.two()?;
    nullif_pair(value, unwanted)
}

fn nullif_pair(value: Arg, unwanted: Arg) -> Result<Expr, SqlError> {
    let kept = value.expr.clone();
    Ok(when(compare(value, Operator::Eq, unwanted)?, null(), kept))
}

/// The value, then the list it is looked up in.
fn in_list(mut call: Call) -> Result<Expr, SqlError> {
    call.arity(2, usize::MAX)?;
    let list = call.args.split_off(1);
    let value = call.one()?;
    let families = || list.iter().map(|arg| arg.family).filter(|family| *family != Family::Null);
    if families().all(|family| family == value.family) {
        let list = list.into_iter().map(|arg| arg.expr).collect();
        return Ok(Expr::InList(InList::new(Box::new(value.expr), list, false)));
    }
    // Each element may have to be converted in its own way.
    let mut comparisons = list.into_iter().map(|element| compare(value.clone(), Operator::Eq, element));
    let first = comparisons.next().unwrap_or_else(|| Err(SqlError::internal("an empty IN")))?;
    comparisons.try_fold(first, |all, next| Ok(binary(all, Operator::Or, next?)))
}

/// GREATEST and LEAST: NULL as soon as one argument is.
fn extreme(call: Call, wanted: Ordering) -> Result<Expr, SqlError> {
    call.arity(1, usize::MAX)?;
    let to = common_type(&call.args.iter().collect::<Vec<_>>())?;
    if to == SqlType::Variant || to == SqlType::BINARY {
        return Err(SqlError::unsupported(format_args!("{} of {to}", call.name), "Cast the arguments."));
    }
    let exprs = call.args.into_iter().map(|arg| arg.cast(to, CastMode::Implicit)).collect::<Result<Vec<_>, _>>()?;
    Ok(Kernel::strict(format!("{} of {to}", call.name), to.to_arrow(), exprs, move |values| {
        let mut best = values[0].clone();
        for value in &values[1..] {
            if order(value, &best)? == wanted {
                best = value.clone();
            }
        }
        Ok(best)
    }))
}

/// How two values of one type compare.
fn order(a: &Value<'_>, b: &Value<'_>) -> Result<Ordering, SqlError> {
    match (a, b) {
        (Value::Number(a, _), Value::Number(b, _)) => Ok(a.cmp(b)),
        // NaN is the greatest float on Snowflake.
        (Value::Float(a), Value::Float(b)) => Ok(a.partial_cmp(b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))),
        (Value::Boolean(a), Value::Boolean(b)) => Ok(a.cmp(b)),
        (Value::Date(a), Value::Date(b)) => Ok(a.cmp(b)),
        (Value::Timestamp(a, _), Value::Timestamp(b, _)) => Ok(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Ok(a.cmp(b)),
        other => Err(SqlError::internal(format_args!("{other:?} have no common order"))),
    }
}
