//! A task's WHEN, judged without running a statement: it may only ask streams whether they have data.

use crate::{
    SessionContext, SqlError,
    catalog::Stream,
    parse::{self, ObjectKind},
    storage::Snapshot,
};
use datafusion::sql::sqlparser::ast as sql;

/// Whether the condition holds.
///
/// # Errors
/// 002003 when a stream is not there, 091901 when it is stale.
pub(super) fn holds(text: &str, snapshot: &Snapshot, context: &SessionContext) -> Result<bool, SqlError> {
    evaluate(&parse::condition(text)?.expr, snapshot, context)
}

fn evaluate(expr: &sql::Expr, snapshot: &Snapshot, context: &SessionContext) -> Result<bool, SqlError> {
    match expr {
        sql::Expr::Nested(inner) => evaluate(inner, snapshot, context),
        sql::Expr::UnaryOp { op: sql::UnaryOperator::Not, expr } => Ok(!evaluate(expr, snapshot, context)?),
        sql::Expr::BinaryOp { left, op: sql::BinaryOperator::And, right } => {
            Ok(evaluate(left, snapshot, context)? && evaluate(right, snapshot, context)?)
        }
        sql::Expr::BinaryOp { left, op: sql::BinaryOperator::Or, right } => {
            Ok(evaluate(left, snapshot, context)? || evaluate(right, snapshot, context)?)
        }
        sql::Expr::Value(sql::ValueWithSpan { value: sql::Value::Boolean(value), .. }) => Ok(*value),
        sql::Expr::Function(function) => {
            let name = context.resolve(ObjectKind::Stream, &parse::name(&argument(function)?)?)?;
            snapshot.stream_has_data(snapshot.catalog().get::<Stream>(&name)?.header.id)
        }
        other => Err(SqlError::unsupported(format_args!("WHEN {other}"), "")),
    }
}

/// The one argument of `SYSTEM$STREAM_HAS_DATA('name')`.
fn argument(function: &sql::Function) -> Result<String, SqlError> {
    let wrong = || SqlError::invalid_value(format_args!("{function}: it takes one stream's name in quotes"));
    let sql::FunctionArguments::List(list) = &function.args else { return Err(wrong()) };
    let [sql::FunctionArg::Unnamed(sql::FunctionArgExpr::Expr(sql::Expr::Value(value)))] = list.args.as_slice() else {
        return Err(wrong());
    };
    match &value.value {
        sql::Value::SingleQuotedString(name) => Ok(name.clone()),
        _ => Err(wrong()),
    }
}
