//! What a plan must not do. DataFusion converts between types where Snowflake does not, or in another way: text and JSON
//! text are both strings to it. All conversions that are meant are kernels by now, so every cast that the analyzer added
//! is looked at.

use super::error::{external, sql_error};
use crate::{SqlError, engine::value::Family, types::SqlType};
use datafusion::{
    arrow::datatypes::DataType,
    common::{
        DFSchema, Result,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    logical_expr::{Expr, ExprSchemable, LogicalPlan, SortExpr, utils::merge_schema},
};

/// Refuses to sort by VARIANT: its order is not that of its text.
pub(super) fn ordering(plan: &LogicalPlan) -> Result<(), SqlError> {
    plan.apply_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        if let LogicalPlan::Sort(sort) = node {
            sortable(&sort.expr, &schema).map_err(external)?;
        }
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::WindowFunction(window) = expr {
                    sortable(&window.params.order_by, &schema).map_err(external)?;
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(TreeNodeRecursion::Continue)
    })
    .map(drop)
    .map_err(sql_error)
}

fn sortable(keys: &[SortExpr], schema: &DFSchema) -> Result<(), SqlError> {
    for key in keys {
        if key.expr.get_type(schema).is_ok_and(|data_type| data_type == DataType::LargeUtf8) {
            return Err(SqlError::unsupported("ORDER BY a VARIANT", "Cast it, as in ORDER BY v::NUMBER."));
        }
    }
    Ok(())
}

pub(super) fn conversions(plan: &LogicalPlan) -> Result<(), SqlError> {
    plan.apply_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                let (inner, to) = match expr {
                    Expr::Cast(cast) => (&cast.expr, cast.field.data_type()),
                    Expr::TryCast(cast) => (&cast.expr, cast.field.data_type()),
                    _ => return Ok(TreeNodeRecursion::Continue),
                };
                let from = inner.get_type(&schema)?;
                if !harmless(&from, to).map_err(external)? {
                    return Err(external(SqlError::unsupported(
                        format_args!("{} where {} is expected", shown(&from), shown(to)),
                        "Write the cast that is meant.",
                    )));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(TreeNodeRecursion::Continue)
    })
    .map(drop)
    .map_err(sql_error)
}

/// Whether both systems agree on what becomes of the value.
fn harmless(from: &DataType, to: &DataType) -> Result<bool, SqlError> {
    use Family as F;
    let (from, to) = (Family::of(from)?, Family::of(to)?);
    Ok(from == to
        || matches!(
            (from, to),
            (F::Null, _) | (F::Number, F::Float) | (F::Date, F::Wall | F::Instant) | (F::Wall, F::Instant)
        ))
}

fn shown(data_type: &DataType) -> String {
    SqlType::from_arrow(data_type).map_or_else(|_| data_type.to_string(), |shown| shown.to_string())
}
