//! What happens to a query's syntax tree before DataFusion plans it: identifiers fold as Snowflake folds them, columns
//! get the names Snowflake gives them, every clause and operator is either known here or refused, and every construct
//! whose meaning depends on types becomes a call that [`crate::engine::plan`] resolves when it knows them.
//!
//! A call is written as the operator `$CALL` between a struct (the arguments) and a text (the name), since operators are
//! what DataFusion lets a planner translate with the operands' types at hand.

mod aggregates;
mod clauses;
mod expressions;
mod functions;
mod names;
mod tables;

pub(crate) use aggregates::STRING_AGG;
pub(crate) use expressions::{call, text};
pub(crate) use names::{REPEATED, fold, fold_name, identifier};

use crate::{SqlError, types::Moment};
use datafusion::sql::sqlparser::ast::{Expr, ObjectName, Query, Select, SetExpr, TableFactor, VisitMut, VisitorMut};
use std::ops::ControlFlow;

/// The operator that marks a call.
pub(crate) const CALL: &str = "$CALL";
/// IS [NOT] DISTINCT FROM, as operators: DataFusion plans those of the syntax tree without asking for types.
pub(crate) const DISTINCT: &str = "$DISTINCT";
pub(crate) const NOT_DISTINCT: &str = "$NOT_DISTINCT";

/// What the surroundings of a statement answer while it is rewritten.
pub(crate) trait Surroundings {
    /// When the statement began: the one answer of `CURRENT_TIMESTAMP` for all rows.
    fn now(&self) -> Moment;
    /// `CURRENT_DATABASE` and its like; `None` for a name that is no such function.
    fn context(&self, function: &str) -> Option<ContextAnswer>;
    /// A `SYSTEM$…` function; its arguments are constants.
    fn system(&self, function: &str, arguments: &[String]) -> Result<SystemAnswer, SqlError>;
}

/// What a session has chosen, which may be nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContextAnswer(pub(crate) Option<String>);

/// What a system function answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SystemAnswer {
    Boolean(bool),
    Text(String),
}

/// Rewrites a query, or one expression of a DML statement.
pub(crate) fn rewrite(tree: &mut impl VisitMut, surroundings: &dyn Surroundings) -> Result<(), SqlError> {
    run(tree, surroundings, StageColumns::Refused)
}

/// Rewrites a COPY's SELECT, in which `$1` is the file's record.
pub(crate) fn rewrite_copy(query: &mut Query, surroundings: &dyn Surroundings) -> Result<(), SqlError> {
    run(query, surroundings, StageColumns::Allowed)
}

/// Whether `$1` names a column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StageColumns {
    Allowed,
    Refused,
}

fn run(tree: &mut impl VisitMut, surroundings: &dyn Surroundings, stage: StageColumns) -> Result<(), SqlError> {
    match tree.visit(&mut Rewriter { surroundings, stage, depth: 0 }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

struct Rewriter<'a> {
    surroundings: &'a dyn Surroundings,
    stage: StageColumns,
    /// Queries around the node: 1 in the statement's own.
    depth: usize,
}

type Step = ControlFlow<Box<SqlError>>;

fn step(result: Result<(), SqlError>) -> Step {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(Box::new(error)),
    }
}

impl VisitorMut for Rewriter<'_> {
    type Break = Box<SqlError>;

    fn pre_visit_query(&mut self, query: &mut Query) -> Step {
        self.depth += 1;
        step(clauses::query(query))
    }

    fn post_visit_query(&mut self, query: &mut Query) -> Step {
        self.depth -= 1;
        step(clauses::wrap_set_operation(query))
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> Step {
        step(clauses::select(select).map(|()| {
            if self.depth == 1 {
                names::number_repeated(&mut select.projection);
            }
        }))
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> Step {
        step(clauses::table_factor(factor))
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> Step {
        step(fold_name(relation))
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> Step {
        step(expressions::rewrite(expr, self))
    }
}

fn unsupported(feature: impl std::fmt::Display) -> SqlError {
    SqlError::unsupported(feature, "")
}

/// How many columns a query of plain VALUES has.
fn values_width(query: &Query) -> Option<usize> {
    match query.body.as_ref() {
        SetExpr::Values(values) => values.rows.first().map(|row| row.content.len()),
        _ => None,
    }
}
