//! `DELETE FROM table [USING …] [WHERE …]`

use super::{
    Changes, Target,
    target::{alone, concatenated, first_of_each, row_ids, select_all},
    unsupported,
};
use crate::{
    SqlError,
    engine::{
        plan::sql_error,
        query::{Query, Scope},
        rewrite,
    },
    result::StatementKind,
};
use datafusion::{
    execution::SessionState,
    logical_expr::LogicalPlanBuilder,
    sql::sqlparser::ast::{self as sql, FromTable, TableFactor},
};

pub(super) async fn changes(delete: sql::Delete, scope: Scope, state: &SessionState) -> Result<Changes, SqlError> {
    let odd = !delete.tables.is_empty()
        || delete.returning.is_some()
        || delete.output.is_some()
        || !delete.order_by.is_empty()
        || delete.limit.is_some();
    let FromTable::WithFromKeyword(from) = delete.from else {
        return Err(unsupported("DELETE without FROM"));
    };
    let (name, alias) = match from.as_slice() {
        [sql::TableWithJoins { relation: TableFactor::Table { name, alias, .. }, joins }]
            if joins.is_empty() && !odd =>
        {
            (name, alias)
        }
        _ => return Err(unsupported("this form of DELETE")),
    };
    let (target, scope) = Target::resolve(name, alias.as_ref(), scope)?;
    let mut from = vec![alone(target.relation()?)];
    from.extend(delete.using.unwrap_or_default());
    let mut query = select_all(from, delete.selection)?;
    rewrite::rewrite(&mut query, &scope.surroundings())?;
    let matched = Query::plan(query, &scope)?;
    let plan = LogicalPlanBuilder::from(matched.plan)
        .project([target.row_id()])
        .and_then(LogicalPlanBuilder::build)
        .map_err(sql_error)?;
    let (schema, batches) = Query { plan, streams: matched.streams.clone() }.run(state).await?;
    let all = concatenated(&schema, &batches)?;
    let (_, ids) = first_of_each(row_ids(all.column(0))?);
    let mut changes = Changes::new(StatementKind::Delete, target.id(), matched.streams);
    changes.counts.push(("number of rows deleted", ids.len() as u64));
    changes.deletes = ids;
    Ok(changes)
}
