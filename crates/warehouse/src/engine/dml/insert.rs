//! `INSERT INTO table [(columns)] SELECT … | VALUES …`

use super::{Changes, Target, unsupported, written};
use crate::{
    SqlError,
    engine::{
        plan::sql_error,
        query::{Query, Scope},
        rewrite,
    },
};
use datafusion::{
    execution::SessionState,
    logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder},
    sql::sqlparser::ast::{self as sql, TableObject},
};

pub(super) async fn changes(insert: sql::Insert, scope: Scope, state: &SessionState) -> Result<Changes, SqlError> {
    let (name, columns, mut source) = parts(insert)?;
    let (target, scope) = Target::resolve(&name, None, scope)?;
    let columns =
        if columns.is_empty() { (0..target.table.columns.len()).collect() } else { target.positions(&columns)? };
    rewrite::rewrite(&mut source, &scope.surroundings())?;
    let query = Query::plan(source, &scope)?;
    let plan = stored(&target, &columns, query.plan, &scope)?;
    let (_, batches) = Query { plan, streams: query.streams.clone() }.run(state).await?;
    written(&target, &batches, query.streams)
}

/// The table, the columns and the query; all else that sqlparser knows of INSERT is refused.
fn parts(insert: sql::Insert) -> Result<(sql::ObjectName, Vec<sql::ObjectName>, sql::Query), SqlError> {
    if insert.overwrite {
        return Err(SqlError::unsupported("INSERT OVERWRITE", "DELETE and INSERT in one transaction."));
    }
    if insert.multi_table_insert_type.is_some() {
        return Err(unsupported("INSERT ALL or FIRST"));
    }
    let odd = insert.or.is_some()
        || insert.ignore
        || insert.table_alias.is_some()
        || !insert.assignments.is_empty()
        || insert.partitioned.is_some()
        || !insert.after_columns.is_empty()
        || insert.on.is_some()
        || insert.returning.is_some()
        || insert.output.is_some()
        || insert.replace_into
        || insert.priority.is_some()
        || insert.insert_alias.is_some()
        || insert.settings.is_some()
        || insert.format_clause.is_some();
    let TableObject::TableName(name) = insert.table else {
        return Err(unsupported("INSERT INTO a function"));
    };
    match insert.source {
        Some(source) if !odd => Ok((name, insert.columns, *source)),
        _ => Err(unsupported(format_args!("this form of INSERT INTO {name}"))),
    }
}

/// The query's columns as the table's: in its order, of its types, the rest by default.
pub(crate) fn stored(
    target: &Target,
    columns: &[usize],
    plan: LogicalPlan,
    scope: &Scope,
) -> Result<LogicalPlan, SqlError> {
    let schema = plan.schema().clone();
    let given = schema.columns();
    if given.len() != columns.len() {
        return Err(SqlError::new(
            "002020",
            "21S01",
            format!(
                "SQL compilation error:\nInsert value list does not match column list expecting {} but got {}",
                columns.len(),
                given.len()
            ),
        ));
    }
    let stored = target
        .table
        .columns
        .iter()
        .enumerate()
        .map(|(position, column)| {
            let value = match columns.iter().position(|other| *other == position) {
                Some(at) => target.assigned(position, Expr::Column(given[at].clone()), &schema)?,
                None => target.default(position, scope)?,
            };
            Ok(value.alias(column.name.clone()))
        })
        .collect::<Result<Vec<_>, SqlError>>()?;
    LogicalPlanBuilder::from(plan).project(stored).and_then(LogicalPlanBuilder::build).map_err(sql_error)
}
