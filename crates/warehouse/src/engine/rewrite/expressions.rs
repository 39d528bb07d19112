//! Expressions: those that mean the same to DataFusion stay, those whose meaning depends on types become calls, all
//! others are refused.

use super::{CALL, DISTINCT, NOT_DISTINCT, Rewriter, StageColumns, functions, identifier, names::fold, unsupported};
use crate::{SqlError, types::SqlType};
use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, CaseWhen, CastKind, CeilFloorKind, DateTimeField, Expr, JsonPathElem, Subscript,
    TrimWhereField, UnaryOperator, Value, ValueWithSpan,
};

/// A call of one of our functions.
pub(crate) fn call(name: &str, args: Vec<Expr>) -> Expr {
    operator(CALL, Expr::Struct { values: args, fields: Vec::new() }, text(name))
}

/// A text constant.
pub(crate) fn text(value: impl Into<String>) -> Expr {
    Expr::value(Value::SingleQuotedString(value.into()))
}

pub(super) fn number(value: i64) -> Expr {
    Expr::value(Value::Number(value.to_string(), false))
}

fn operator(name: &str, left: Expr, right: Expr) -> Expr {
    let op = BinaryOperator::Custom(name.to_owned());
    Expr::Nested(Box::new(Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }))
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::Nested(Box::new(Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }))
}

/// The right side of IS [NOT] DISTINCT FROM. The parser gives it whatever AND or OR follows, as if in brackets, so one
/// without brackets of its own is refused rather than read otherwise than Snowflake does.
fn compared(right: Expr) -> Result<Expr, SqlError> {
    match right {
        Expr::BinaryOp { op: BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Xor, .. } => {
            let remedy = "Put brackets around the comparison.";
            Err(SqlError::unsupported("IS DISTINCT FROM before AND or OR without brackets", remedy))
        }
        right => Ok(right),
    }
}

fn negated_if(negated: bool, expr: Expr) -> Expr {
    if negated { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(expr) } } else { expr }
}

/// Called after the expression's parts have been rewritten.
pub(super) fn rewrite(expr: &mut Expr, rewriter: &Rewriter<'_>) -> Result<(), SqlError> {
    let taken = std::mem::replace(expr, Expr::value(Value::Null));
    *expr = rewritten(taken, rewriter)?;
    Ok(())
}

fn rewritten(expr: Expr, rewriter: &Rewriter<'_>) -> Result<Expr, SqlError> {
    Ok(match expr {
        Expr::Identifier(mut ident) => {
            fold(&mut ident);
            Expr::Identifier(ident)
        }
        Expr::CompoundIdentifier(mut parts) => {
            parts.iter_mut().for_each(fold);
            Expr::CompoundIdentifier(parts)
        }
        Expr::Value(ValueWithSpan { value: Value::Placeholder(name), .. }) => {
            if rewriter.stage == StageColumns::Refused {
                return Err(unsupported(format_args!("{name} outside of COPY INTO")));
            }
            Expr::Identifier(identifier(name))
        }
        Expr::Value(value) => match &value.value {
            Value::Number(..)
            | Value::SingleQuotedString(_)
            | Value::DollarQuotedString(_)
            | Value::Boolean(_)
            | Value::Null => Expr::Value(value),
            other => return Err(unsupported(format_args!("the constant {other}"))),
        },
        Expr::JsonAccess { value, path } => path.path.into_iter().fold(*value, |value, step| match step {
            JsonPathElem::Dot { key, .. } => call("GET", vec![value, text(key)]),
            JsonPathElem::Bracket { key } | JsonPathElem::ColonBracket { key } => call("GET", vec![value, key]),
        }),
        Expr::CompoundFieldAccess { root, access_chain } => subscripts(*root, access_chain)?,
        Expr::IsDistinctFrom(left, right) => operator(DISTINCT, *left, compared(*right)?),
        Expr::IsNotDistinctFrom(left, right) => operator(NOT_DISTINCT, *left, compared(*right)?),
        Expr::InList { expr, list, negated } => {
            let mut args = vec![*expr];
            args.extend(list);
            negated_if(negated, call("$IN", args))
        }
        Expr::Between { expr, negated, low, high } => {
            let above = binary((*expr).clone(), BinaryOperator::GtEq, *low);
            let below = binary(*expr, BinaryOperator::LtEq, *high);
            negated_if(negated, binary(above, BinaryOperator::And, below))
        }
        Expr::Like { negated, any, expr, pattern, escape_char } => {
            negated_if(negated, like("LIKE", any, *expr, *pattern, escape_char)?)
        }
        Expr::ILike { negated, any, expr, pattern, escape_char } => {
            negated_if(negated, like("ILIKE", any, *expr, *pattern, escape_char)?)
        }
        Expr::RLike { negated, expr, pattern, .. } => negated_if(negated, call("REGEXP_LIKE", vec![*expr, *pattern])),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match *expr {
            Expr::Value(ValueWithSpan { value: Value::Number(..), .. }) => {
                Expr::UnaryOp { op: UnaryOperator::Minus, expr }
            }
            other => call("$NEGATE", vec![other]),
        },
        Expr::UnaryOp { op: UnaryOperator::Plus, expr } => call("$NUMERIC", vec![*expr]),
        Expr::Cast { kind, expr, data_type, array: false, format: None } => {
            let name = match kind {
                CastKind::Cast | CastKind::DoubleColon => "$CAST",
                CastKind::TryCast => "$TRY_CAST",
                CastKind::SafeCast => return Err(unsupported("SAFE_CAST")),
            };
            call(name, vec![*expr, text(SqlType::parse(&data_type)?.to_string())])
        }
        Expr::TypedString(typed) => {
            let target = SqlType::parse(&typed.data_type)?;
            call("$CAST", vec![Expr::Value(typed.value), text(target.to_string())])
        }
        Expr::Case { operand, conditions, else_result, .. } => case(operand.as_deref(), conditions, else_result),
        Expr::Extract { field, expr, .. } => call("DATE_PART", vec![text(field.to_string()), *expr]),
        Expr::Ceil { expr, field } => round("CEIL", *expr, field)?,
        Expr::Floor { expr, field } => round("FLOOR", *expr, field)?,
        Expr::Position { expr, r#in } => call("POSITION", vec![*expr, *r#in]),
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            let mut args = vec![*expr];
            args.extend(substring_from.map(|from| *from));
            args.extend(substring_for.map(|length| *length));
            call("SUBSTR", args)
        }
        Expr::Trim { trim_where, trim_what, expr, trim_characters } => {
            let name = match trim_where {
                None | Some(TrimWhereField::Both) => "TRIM",
                Some(TrimWhereField::Leading) => "LTRIM",
                Some(TrimWhereField::Trailing) => "RTRIM",
            };
            let mut args = vec![*expr];
            args.extend(trim_what.map(|what| *what));
            args.extend(trim_characters.unwrap_or_default());
            call(name, args)
        }
        Expr::Function(function) => functions::rewrite(function, rewriter.surroundings)?,
        Expr::Interval(interval) => return Err(SqlError::unsupported(interval, "Use DATEADD.")),
        same @ (Expr::Nested(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::UnaryOp { op: UnaryOperator::Not, .. }
        | Expr::BinaryOp { .. }
        | Expr::InSubquery { .. }
        | Expr::Exists { .. }
        | Expr::Subquery(_)
        | Expr::GroupingSets(_)
        | Expr::Cube(_)
        | Expr::Rollup(_)) => same,
        other => return Err(unsupported(format_args!("the expression {other}"))),
    })
}

fn subscripts(root: Expr, chain: Vec<AccessExpr>) -> Result<Expr, SqlError> {
    chain.into_iter().try_fold(root, |value, access| match access {
        AccessExpr::Subscript(Subscript::Index { index }) => Ok(call("GET", vec![value, index])),
        AccessExpr::Dot(Expr::Identifier(key)) => Ok(call("GET", vec![value, text(key.value)])),
        other => Err(unsupported(format_args!("the access {other}"))),
    })
}

fn like(name: &str, any: bool, expr: Expr, pattern: Expr, escape: Option<ValueWithSpan>) -> Result<Expr, SqlError> {
    if any {
        return Err(unsupported(format_args!("{name} ANY")));
    }
    let mut args = vec![expr, pattern];
    args.extend(escape.map(Expr::Value));
    Ok(call(name, args))
}

/// Conditions and results in turn, then what ELSE says.
fn case(operand: Option<&Expr>, conditions: Vec<CaseWhen>, else_result: Option<Box<Expr>>) -> Expr {
    let mut args = Vec::with_capacity(conditions.len() * 2 + 1);
    for CaseWhen { condition, result } in conditions {
        args.push(match operand {
            Some(operand) => binary(operand.clone(), BinaryOperator::Eq, condition),
            None => condition,
        });
        args.push(result);
    }
    args.extend(else_result.map(|result| *result));
    call("$CASE", args)
}

fn round(name: &str, expr: Expr, field: CeilFloorKind) -> Result<Expr, SqlError> {
    match field {
        CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => Ok(call(name, vec![expr])),
        CeilFloorKind::Scale(scale) => Ok(call(name, vec![expr, Expr::Value(scale)])),
        CeilFloorKind::DateTimeField(field) => Err(unsupported(format_args!("{name} TO {field}"))),
    }
}
