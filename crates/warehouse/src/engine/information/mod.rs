//! Table functions of INFORMATION_SCHEMA: what happened, as rows that any query can read. They are made when the query is
//! planned, from the snapshot it sees; no function here has more rows than history is kept for.

mod arguments;
mod copies;
mod tasks;

use super::{plan::sql_error, query::Scope};
use crate::{
    SessionContext, SqlError,
    catalog::{Database, QualifiedName},
    result::StatementKind,
};
use arguments::Arguments;
use datafusion::{
    arrow::array::RecordBatch, catalog::TableProvider, common::ScalarValue, datasource::MemTable,
    logical_expr::Expr as PlannedExpr,
};
use std::sync::Arc;

/// One call of a function.
struct Call<'a> {
    scope: &'a Scope,
    /// Where names among its arguments are looked up.
    context: SessionContext,
    arguments: Arguments,
}

/// The rows of a call, as [`crate::engine::rewrite`] passes it on: the database or NULL, the function, and each argument's
/// name before its value.
///
/// # Errors
/// 090105 without a database, 002003 for one that is not there, 000002 for a function or an argument that is not here.
pub(crate) fn table(
    scope: &Scope,
    context: &SessionContext,
    call: Vec<PlannedExpr>,
) -> Result<Arc<dyn TableProvider>, SqlError> {
    let mut call = call.into_iter();
    let database = call.next().and_then(constant_text);
    let function = call.next().and_then(constant_text).ok_or_else(|| SqlError::internal("a call without a name"))?;
    let mut given = Vec::new();
    while let (Some(name), Some(value)) = (call.next().and_then(constant_text), call.next()) {
        given.push((name, value));
    }
    let database =
        database.or_else(|| context.database.clone()).ok_or_else(|| SqlError::no_current_database("SELECT"))?;
    scope.snapshot.catalog().get::<Database>(&QualifiedName::account(&database))?;
    let context = SessionContext { database: Some(database), ..context.clone() };
    let call = Call { scope, context, arguments: Arguments::new(&function, given)? };
    let rows = match function.as_str() {
        "TASK_HISTORY" => tasks::history(call)?,
        "COPY_HISTORY" => copies::history(call)?,
        other => {
            return Err(SqlError::unsupported(
                format_args!("INFORMATION_SCHEMA.{other}"),
                "It has TASK_HISTORY and COPY_HISTORY.",
            ));
        }
    };
    let batches = rows.finish(StatementKind::Select)?.batches;
    let schema = batches.first().map(RecordBatch::schema).ok_or_else(|| SqlError::internal("rows without a batch"))?;
    Ok(Arc::new(MemTable::try_new(schema, vec![batches]).map_err(sql_error)?))
}

fn constant_text(expr: PlannedExpr) -> Option<String> {
    match expr {
        PlannedExpr::Literal(ScalarValue::Utf8(text), _) => text,
        _ => None,
    }
}
