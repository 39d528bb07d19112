//! `UPDATE table SET … [FROM …] [WHERE …]`

use super::{
    Changes, Target,
    target::{alone, concatenated, first_of_each, row_ids, select_all},
    unsupported,
};
use crate::{
    SqlError,
    engine::{
        plan::{Names, sql_error},
        query::{Query, Scope},
        rewrite,
    },
    result::StatementKind,
};
use datafusion::{
    arrow::{array::UInt64Array, compute::take_record_batch},
    execution::SessionState,
    logical_expr::LogicalPlanBuilder,
    sql::{
        planner::PlannerContext,
        sqlparser::ast::{self as sql, TableFactor, UpdateTableFromKind},
    },
};

pub(super) async fn changes(update: sql::Update, scope: Scope, state: &SessionState) -> Result<Changes, SqlError> {
    let odd = update.returning.is_some()
        || update.output.is_some()
        || update.or.is_some()
        || !update.order_by.is_empty()
        || update.limit.is_some()
        || !update.table.joins.is_empty();
    let TableFactor::Table { name, alias, .. } = &update.table.relation else {
        return Err(unsupported(format_args!("UPDATE {}", update.table)));
    };
    if odd {
        return Err(unsupported(format_args!("this form of UPDATE {name}")));
    }
    let (target, scope) = Target::resolve(name, alias.as_ref(), scope)?;
    let mut from = vec![alone(target.relation()?)];
    match update.from {
        None => {}
        Some(UpdateTableFromKind::AfterSet(tables)) => from.extend(tables),
        Some(UpdateTableFromKind::BeforeSet(_)) => return Err(unsupported("FROM before SET")),
    }
    let mut query = select_all(from, update.selection)?;
    rewrite::rewrite(&mut query, &scope.surroundings())?;
    let matched = Query::plan(query, &scope)?;
    let schema = matched.plan.schema().clone();
    let names = Names::of(&scope);
    let planner = names.planner();
    let mut values = target.table.columns.iter().map(|column| target.column(&column.name)).collect::<Vec<_>>();
    for (position, mut value) in target.assignments(update.assignments)? {
        rewrite::rewrite(&mut value, &scope.surroundings())?;
        let value = planner.sql_to_expr(value, &schema, &mut PlannerContext::new()).map_err(sql_error)?;
        values[position] = target.assigned(position, value, &schema)?;
    }
    let aliased = values.into_iter().enumerate().map(|(at, value)| value.alias(format!("{at}")));
    let exprs = [target.row_id().alias("id")].into_iter().chain(aliased).collect::<Vec<_>>();
    let plan =
        LogicalPlanBuilder::from(matched.plan).project(exprs).and_then(LogicalPlanBuilder::build).map_err(sql_error)?;
    // The values may read streams too.
    let query = Query::of(plan)?;
    let streams = query.streams.clone();
    let (schema, batches) = query.run(state).await?;
    let all = concatenated(&schema, &batches)?;
    let (first, ids) = first_of_each(row_ids(all.column(0))?);
    let several = all.num_rows() - first.len();
    let written = take_record_batch(&all, &UInt64Array::from(first)).map_err(SqlError::internal)?;
    let mut changes = Changes::new(StatementKind::Update, target.id(), streams);
    changes.counts.push(("number of rows updated", ids.len() as u64));
    changes.counts.push(("number of multi-joined rows updated", several as u64));
    if !ids.is_empty() {
        changes.updates.push((ids, target.rows(written.columns()[1..].to_vec())?));
    }
    Ok(changes)
}
