//! `MERGE INTO target USING source ON … WHEN …`: one query joins source and target, numbers for each row the first clause
//! whose condition holds, and computes what that clause writes; which rows act on which is then decided here.
//! Source: docs.snowflake.com, "MERGE", also for what is nondeterministic.

use super::{
    Changes, Target,
    target::{alone, concatenated, parse_query, row_ids},
    unsupported,
};
use crate::{
    SqlError,
    engine::{
        plan::{Arg, Names, binary, boolean, sql_error},
        query::{Query, Scope},
        rewrite,
        value::{Cells, write_text},
    },
    result::StatementKind,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, RecordBatch, UInt64Array},
        compute::take,
        datatypes::Int64Type,
    },
    common::{Column, DFSchema, TableReference},
    execution::SessionState,
    logical_expr::{Case, Expr, LogicalPlanBuilder, Operator, lit},
    sql::{
        planner::PlannerContext,
        sqlparser::ast::{self as sql, MergeAction, MergeClauseKind, MergeInsertKind, TableFactor},
    },
};
use std::{collections::HashMap, sync::Arc};

/// The number of the clause that a joined row acts by.
const CLAUSE: &str = "$CLAUSE";
const ID: &str = "$ID";

/// What a clause does with its rows, and where in the query's output the values are that it writes.
enum Action {
    Update(Vec<usize>),
    Insert(Vec<usize>),
    Delete,
}

pub(super) async fn changes(merge: sql::Merge, scope: Scope, state: &SessionState) -> Result<Changes, SqlError> {
    if merge.output.is_some() {
        return Err(unsupported("MERGE … OUTPUT"));
    }
    let TableFactor::Table { name, alias, .. } = &merge.table else {
        return Err(unsupported(format_args!("MERGE INTO {}", merge.table)));
    };
    let (target, scope) = Target::resolve(name, alias.as_ref(), scope)?;
    let inserts = merge.clauses.iter().any(|clause| matches!(clause.action, MergeAction::Insert(_)));
    let joined = joined(&target, merge.source, *merge.on, inserts, &scope)?;
    let mut planner = Planner::new(&target, &scope, joined.plan.schema().as_ref())?;
    for clause in merge.clauses {
        planner.clause(clause)?;
    }
    let Planner { conditions, actions, outputs, .. } = planner;
    let number = Expr::Case(Case::new(None, conditions, None)).alias(CLAUSE);
    let mut columns = joined.plan.schema().columns().into_iter().map(Expr::Column).collect::<Vec<_>>();
    columns.push(number);
    let plan = LogicalPlanBuilder::from(joined.plan)
        .project(columns)
        .and_then(|plan| plan.filter(Expr::Column(Column::new_unqualified(CLAUSE)).is_not_null()))
        .and_then(|plan| plan.project(outputs))
        .and_then(LogicalPlanBuilder::build)
        .map_err(sql_error)?;
    let query = Query::of(plan)?;
    let streams = query.streams.clone();
    let (schema, batches) = query.run(state).await?;
    let rows = concatenated(&schema, &batches)?;
    let mut changes = Changes::new(StatementKind::Merge, target.id(), streams);
    decide(&target, &actions, &rows, &mut changes)?;
    Ok(changes)
}

/// `SELECT * FROM source LEFT JOIN target ON …`, or an inner join where rows without a partner do nothing.
fn joined(
    target: &Target,
    source: TableFactor,
    on: sql::Expr,
    inserts: bool,
    scope: &Scope,
) -> Result<Query, SqlError> {
    let kind = if inserts { "LEFT" } else { "INNER" };
    let mut query = parse_query(&format!("SELECT * FROM S {kind} JOIN T ON TRUE"))?;
    let misfit = || SqlError::internal("a template without its join");
    let sql::SetExpr::Select(select) = query.body.as_mut() else { return Err(misfit()) };
    let mut joins = select.from.first_mut().map(|from| std::mem::take(&mut from.joins)).ok_or_else(misfit)?;
    let join = joins.first_mut().ok_or_else(misfit)?;
    join.relation = target.relation()?;
    match &mut join.join_operator {
        sql::JoinOperator::Left(constraint)
        | sql::JoinOperator::LeftOuter(constraint)
        | sql::JoinOperator::Inner(constraint) => *constraint = sql::JoinConstraint::On(on),
        _ => return Err(misfit()),
    }
    select.from = vec![sql::TableWithJoins { joins, ..alone(source) }];
    rewrite::rewrite(&mut query, &scope.surroundings())?;
    Query::plan(query, scope)
}

/// Turns clauses into expressions over the joined rows.
struct Planner<'a> {
    target: &'a Target,
    scope: &'a Scope,
    /// The joined rows, with the clause's number.
    schema: DFSchema,
    /// The source alone: all that an INSERT may read.
    source: DFSchema,
    conditions: Vec<(Box<Expr>, Box<Expr>)>,
    actions: Vec<Action>,
    /// The query's output: row id, clause, then what the actions point to.
    outputs: Vec<Expr>,
    /// Where the target's own columns are in the output, once one is needed.
    kept: HashMap<usize, usize>,
}

impl<'a> Planner<'a> {
    fn new(target: &'a Target, scope: &'a Scope, schema: &DFSchema) -> Result<Self, SqlError> {
        let own = TableReference::bare(target.alias.as_str());
        let fields = schema.iter().map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)));
        let source = fields.filter(|(qualifier, _)| qualifier.as_ref() != Some(&own)).collect();
        let source = DFSchema::new_with_metadata(source, HashMap::new()).map_err(sql_error)?;
        let outputs = vec![target.row_id().alias(ID), Expr::Column(Column::new_unqualified(CLAUSE))];
        Ok(Self {
            target,
            scope,
            schema: schema.clone(),
            source,
            conditions: Vec::new(),
            actions: Vec::new(),
            outputs,
            kept: HashMap::new(),
        })
    }

    fn expr(&self, mut expr: sql::Expr, schema: &DFSchema) -> Result<Expr, SqlError> {
        rewrite::rewrite(&mut expr, &self.scope.surroundings())?;
        let names = Names::of(self.scope);
        names.planner().sql_to_expr(expr, schema, &mut PlannerContext::new()).map_err(sql_error)
    }

    fn clause(&mut self, clause: sql::MergeClause) -> Result<(), SqlError> {
        let matched = self.target.row_id();
        let (joined, schema) = match clause.clause_kind {
            MergeClauseKind::Matched => (matched.is_not_null(), self.schema.clone()),
            MergeClauseKind::NotMatched => (matched.is_null(), self.source.clone()),
            other => return Err(unsupported(format_args!("WHEN {other}"))),
        };
        let condition = match clause.predicate {
            None => joined,
            Some(predicate) => {
                let predicate = boolean(Arg::new(self.expr(predicate, &schema)?, &schema)?)?;
                binary(joined, Operator::And, predicate)
            }
        };
        let number = self.actions.len() as i64;
        self.conditions.push((Box::new(condition), Box::new(lit(number))));
        let action = match (clause.clause_kind, clause.action) {
            (MergeClauseKind::Matched, MergeAction::Update(update)) => {
                if update.update_predicate.is_some() || update.delete_predicate.is_some() {
                    return Err(unsupported("UPDATE … WHERE in MERGE"));
                }
                Action::Update(self.update(number, update.assignments)?)
            }
            (MergeClauseKind::Matched, MergeAction::Delete { .. }) => Action::Delete,
            (MergeClauseKind::NotMatched, MergeAction::Insert(insert)) => Action::Insert(self.insert(number, insert)?),
            (kind, action) => return Err(SqlError::syntax(format_args!("WHEN {kind} THEN {action}"))),
        };
        self.actions.push(action);
        Ok(())
    }

    /// A value that is computed only for rows of the clause: for others it may be an error.
    fn output(&mut self, clause: i64, value: Expr) -> usize {
        let value = if matches!(value, Expr::Column(_) | Expr::Literal(..)) {
            value
        } else {
            let here = binary(Expr::Column(Column::new_unqualified(CLAUSE)), Operator::Eq, lit(clause));
            Expr::Case(Case::new(None, vec![(Box::new(here), Box::new(value))], None))
        };
        self.outputs.push(value.alias(format!("${}", self.outputs.len())));
        self.outputs.len() - 1
    }

    fn update(&mut self, clause: i64, assignments: Vec<sql::Assignment>) -> Result<Vec<usize>, SqlError> {
        let mut values = HashMap::new();
        for (position, value) in self.target.assignments(assignments)? {
            let value = self.expr(value, &self.schema)?;
            values.insert(position, self.target.assigned(position, value, &self.schema)?);
        }
        let target = self.target;
        let mut places = Vec::with_capacity(target.table.columns.len());
        for (position, column) in target.table.columns.iter().enumerate() {
            let place = match (values.remove(&position), self.kept.get(&position)) {
                (Some(value), _) => self.output(clause, value),
                (None, Some(place)) => *place,
                (None, None) => {
                    let place = self.output(clause, target.column(&column.name));
                    self.kept.insert(position, place);
                    place
                }
            };
            places.push(place);
        }
        Ok(places)
    }

    fn insert(&mut self, clause: i64, insert: sql::MergeInsertExpr) -> Result<Vec<usize>, SqlError> {
        if insert.insert_predicate.is_some() {
            return Err(unsupported("INSERT … WHERE in MERGE"));
        }
        let positions = if insert.columns.is_empty() {
            (0..self.target.table.columns.len()).collect()
        } else {
            self.target.positions(&insert.columns)?
        };
        let MergeInsertKind::Values(mut values) = insert.kind else {
            return Err(unsupported("INSERT ROW"));
        };
        let row = match (values.rows.pop(), values.rows.is_empty()) {
            (Some(row), true) => row.content,
            _ => return Err(SqlError::syntax("INSERT in MERGE takes one row of VALUES")),
        };
        if row.len() != positions.len() {
            return Err(SqlError::new(
                "002020",
                "21S01",
                format!(
                    "SQL compilation error:\nInsert value list does not match column list expecting {} but got {}",
                    positions.len(),
                    row.len()
                ),
            ));
        }
        let mut given = HashMap::new();
        for (position, value) in positions.into_iter().zip(row) {
            let value = self.expr(value, &self.source)?;
            given.insert(position, self.target.assigned(position, value, &self.source)?);
        }
        let mut places = Vec::with_capacity(self.target.table.columns.len());
        for position in 0..self.target.table.columns.len() {
            let value = match given.remove(&position) {
                Some(value) => value,
                None => self.target.default(position, self.scope)?,
            };
            places.push(self.output(clause, value));
        }
        Ok(places)
    }
}

/// Which rows each clause writes, or error 100090 where two of them want different things of one target row.
fn decide(target: &Target, actions: &[Action], rows: &RecordBatch, changes: &mut Changes) -> Result<(), SqlError> {
    let ids = row_ids(rows.column(0))?;
    let clauses = rows.column(1).as_primitive::<Int64Type>();
    let mut by_clause = vec![Vec::new(); actions.len()];
    // What was decided for a target row, and whether it was to delete it.
    let mut decided: HashMap<u64, bool> = HashMap::new();
    for row in 0..rows.num_rows() {
        let clause = clauses.value(row) as usize;
        let deletes = matches!(actions.get(clause), Some(Action::Delete));
        if ids.is_valid(row) {
            let id = ids.value(row);
            match decided.get(&id) {
                None => {
                    decided.insert(id, deletes);
                }
                // Deleted is deleted, however often.
                Some(true) if deletes => continue,
                Some(_) => return Err(SqlError::duplicate_row(shown(target, rows, row))),
            }
        }
        if let Some(rows) = by_clause.get_mut(clause) {
            rows.push(row as u64);
        }
    }
    let (mut inserted, mut updated) = (0, 0);
    for (action, chosen) in actions.iter().zip(by_clause) {
        let count = chosen.len() as u64;
        let chosen = UInt64Array::from(chosen);
        let columns = |places: &[usize]| {
            places
                .iter()
                .map(|place| take(rows.column(*place), &chosen, None).map_err(SqlError::internal))
                .collect::<Result<Vec<ArrayRef>, _>>()
        };
        let chosen_ids = || chosen.values().iter().map(|row| ids.value(*row as usize));
        match action {
            _ if count == 0 => {}
            Action::Insert(places) => {
                inserted += count;
                changes.inserts.push(target.rows(columns(places)?)?);
            }
            Action::Update(places) => {
                updated += count;
                changes.updates.push((chosen_ids().collect(), target.rows(columns(places)?)?));
            }
            Action::Delete => changes.deletes.extend(chosen_ids()),
        }
    }
    // As Snowflake does, only kinds that the statement has are counted.
    if actions.iter().any(|action| matches!(action, Action::Insert(_))) {
        changes.counts.push(("number of rows inserted", inserted));
    }
    if actions.iter().any(|action| matches!(action, Action::Update(_))) {
        changes.counts.push(("number of rows updated", updated));
    }
    if actions.iter().any(|action| matches!(action, Action::Delete)) {
        changes.counts.push(("number of rows deleted", changes.deletes.len() as u64));
    }
    Ok(())
}

/// What the output holds of a row, for the error that names it.
fn shown(target: &Target, rows: &RecordBatch, row: usize) -> String {
    let values = rows.columns()[2..].iter().map(|column| match Cells::of(column.as_ref()) {
        Ok(cells) => write_text(cells.get(row)).into_owned(),
        Err(_) => "?".to_owned(),
    });
    let values = values.filter(|value| !value.is_empty()).collect::<Vec<_>>();
    format!("[{}] for {}", values.join(", "), target.table.header.name)
}
