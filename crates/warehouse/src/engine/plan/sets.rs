//! UNION, INTERSECT and EXCEPT. DataFusion settles the types of their columns only after everything above them has been
//! planned with those of the first query; here both sides get their common types before anything reads them.

use super::{
    coerce::{Arg, unify},
    error::external,
};
use crate::SqlError;
use datafusion::{
    common::Result,
    logical_expr::{
        Expr, LogicalPlan, LogicalPlanBuilder,
        planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning},
    },
    sql::sqlparser::ast::{Query, SetExpr, SetOperator, SetQuantifier, TableFactor},
};

/// Plans what [`crate::engine::rewrite`] put into FROM.
#[derive(Debug)]
pub(super) struct SetOperations;

impl RelationPlanner for SetOperations {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let TableFactor::Derived { lateral, subquery, alias, sample } = relation else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let Query { body, .. } = subquery.as_ref();
        let SetExpr::SetOperation { op, set_quantifier, left, right } = body.as_ref() else {
            let same = TableFactor::Derived { lateral, subquery, alias, sample };
            return Ok(RelationPlanning::Original(Box::new(same)));
        };
        let left = context.plan(side(left, &subquery))?;
        let right = context.plan(side(right, &subquery))?;
        let (left, right) = same_types(left, right)?;
        let plan = match (op, set_quantifier) {
            (SetOperator::Union, SetQuantifier::All) => LogicalPlanBuilder::from(left).union(right)?.build()?,
            (SetOperator::Union, _) => LogicalPlanBuilder::from(left).union_distinct(right)?.build()?,
            (SetOperator::Intersect, _) => LogicalPlanBuilder::intersect(left, right, false)?,
            (SetOperator::Except | SetOperator::Minus, _) => LogicalPlanBuilder::except(left, right, false)?,
        };
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
    }
}

/// One side as a relation; `model` is a query without any clause of its own.
fn side(set: &SetExpr, model: &Query) -> TableFactor {
    let subquery = match set {
        SetExpr::Query(query) => query.clone(),
        other => Box::new(Query { body: Box::new(other.clone()), ..model.clone() }),
    };
    TableFactor::Derived { lateral: false, subquery, alias: None, sample: None }
}

/// Both sides with the first one's names and common types.
fn same_types(left: LogicalPlan, right: LogicalPlan) -> Result<(LogicalPlan, LogicalPlan)> {
    let (columns, others) = (left.schema().columns(), right.schema().columns());
    if columns.len() != others.len() {
        return Err(external(SqlError::new(
            "001789",
            "42601",
            format!(
                "SQL compilation error:\ninvalid number of result columns for set operator input branches, expected {}, \
                 got {}",
                columns.len(),
                others.len()
            ),
        )));
    }
    let mut lefts = Vec::with_capacity(columns.len());
    let mut rights = Vec::with_capacity(columns.len());
    for (column, other) in columns.into_iter().zip(others) {
        let name = column.name.clone();
        let pair = || {
            let left = Arg::new(Expr::Column(column), left.schema())?;
            let right = Arg::new(Expr::Column(other), right.schema())?;
            if left.data_type == right.data_type {
                Ok(vec![left.expr, right.expr])
            } else {
                Ok(unify(vec![left, right])?.0)
            }
        };
        let mut pair = pair().map_err(external)?.into_iter();
        lefts.extend(pair.next().map(|expr| expr.alias(name.clone())));
        rights.extend(pair.next().map(|expr| expr.alias(name)));
    }
    let left = LogicalPlanBuilder::from(left).project(lefts)?.build()?;
    let right = LogicalPlanBuilder::from(right).project(rights)?.build()?;
    Ok((left, right))
}
