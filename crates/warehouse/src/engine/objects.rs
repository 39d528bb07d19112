//! Statements about objects. Each commits what is open, then stands alone in a transaction, as on Snowflake.

use super::{
    dml::{self, Target},
    plan::Names,
    query::{Query, Scope, repeated_name},
    rewrite,
    session::Session,
};
use crate::{
    SessionContext, SqlError,
    catalog::{Pipe, Task},
    ddl::{self, Outcome},
    parse::{Alter, AlterAction, AlterPipe, AlterTask, Create, CreateObject, Name, ObjectKind, Schedule, TableSource},
    result::{Cell, QueryResult, Rows, StatementKind},
    storage::Transaction,
    types::SqlType,
};
use datafusion::{logical_expr::LogicalPlan, sql::sqlparser::ast as sql};
use std::sync::Arc;

impl Session {
    /// Runs a change of the catalogue that needs no query.
    pub(super) async fn ddl(
        &mut self,
        change: impl FnOnce(&mut Transaction, &SessionContext) -> Result<Outcome, SqlError>,
    ) -> Result<QueryResult, SqlError> {
        self.finish().await?;
        let mut transaction = self.engine.begin().await?;
        let outcome = change(&mut transaction, &self.context)?;
        transaction.commit().await?;
        self.done(outcome)
    }

    fn done(&mut self, outcome: Outcome) -> Result<QueryResult, SqlError> {
        if let Some(uses) = outcome.uses {
            self.choose(uses)?;
        }
        QueryResult::status(StatementKind::Ddl, outcome.status)
    }

    pub(super) async fn create(&mut self, create: Create) -> Result<QueryResult, SqlError> {
        match &create.object {
            CreateObject::Table(table) => {
                if let TableSource::Query(query) = &table.source {
                    let query = query.as_ref().clone();
                    return self.create_table_as(create, query).await;
                }
            }
            CreateObject::View(view) => {
                // A view that cannot be read is refused when it is made; its names are looked up in its own schema.
                let name = self.context.resolve(ObjectKind::View, &create.name)?;
                let (query, columns) = (view.query.as_ref().clone(), view.columns.len());
                let mut scope = self.scope_of(self.snapshot());
                scope.context = self.context.within(&name);
                let planned = self.planned(query, scope).await?;
                if let (0, Some(name)) = (columns, repeated_name(&planned)) {
                    return Err(SqlError::duplicate_column(name));
                }
                let given = planned.schema().fields().len();
                if columns != 0 && columns != given {
                    return Err(SqlError::invalid_value(format_args!(
                        "Invalid column definition list: {columns} names for {given} columns"
                    )));
                }
            }
            CreateObject::Task(task) => self.check_schedule(task.options.schedule.as_ref())?,
            _ => {}
        }
        self.ddl(move |transaction, context| ddl::create(transaction, context, &create)).await
    }

    async fn planned(&self, query: sql::Query, scope: Scope) -> Result<LogicalPlan, SqlError> {
        self.engine
            .executor
            .run(async move {
                let mut query = query;
                rewrite::rewrite(&mut query, &scope.surroundings())?;
                Names::of(&scope).plan(query)
            })
            .await
    }

    /// CREATE TABLE … AS SELECT: the query runs before the table is there, since OR REPLACE may replace what it reads.
    async fn create_table_as(&mut self, create: Create, query: sql::Query) -> Result<QueryResult, SqlError> {
        self.finish().await?;
        let mut transaction = self.engine.begin().await?;
        let scope = self.scope_of(transaction.snapshot());
        let engine = Arc::clone(&self.engine);
        let (streams, columns, rows) = self
            .engine
            .executor
            .run(async move {
                let mut query = query;
                rewrite::rewrite(&mut query, &scope.surroundings())?;
                let planned = Query::plan(query, &scope)?;
                if let Some(name) = repeated_name(&planned.plan) {
                    return Err(SqlError::duplicate_column(name));
                }
                let fields = planned.plan.schema().fields().iter();
                let columns = fields
                    .map(|field| Ok((field.name().clone(), SqlType::from_arrow(field.data_type())?, true)))
                    .collect::<Result<Vec<_>, SqlError>>()?;
                let names = columns.iter().map(|(name, ..)| name.clone()).collect::<Vec<_>>();
                let streams = planned.streams.clone();
                let (schema, batches) = planned.run(&engine.state).await?;
                Ok((streams, columns, super::query::result(&names, &schema, &batches)?.batches))
            })
            .await?;
        let (outcome, created) = ddl::create_table_as(&mut transaction, &self.context, &create, &columns)?;
        if created.is_some() {
            let name = sql::ObjectName::from(name_idents(&create.name));
            let (target, _) = Target::resolve(&name, None, self.scope_of(transaction.snapshot()))?;
            dml::written(&target, &rows, streams)?.apply(&mut transaction)?;
        }
        transaction.commit().await?;
        self.done(outcome)
    }

    /// A shorter schedule than the warehouse allows would run later than it says.
    fn check_schedule(&self, schedule: Option<&Schedule>) -> Result<(), SqlError> {
        let least = self.engine.options.min_task_interval;
        match schedule {
            Some(schedule) if schedule.interval < least => Err(SqlError::invalid_value(format_args!(
                "Invalid schedule '{}': the least interval is {} seconds",
                schedule.text,
                least.as_secs_f64()
            ))),
            _ => Ok(()),
        }
    }

    pub(super) async fn alter(&mut self, alter: Alter) -> Result<QueryResult, SqlError> {
        if let AlterAction::Task(AlterTask::Set(options)) = &alter.action {
            self.check_schedule(options.schedule.as_ref())?;
        }
        if let AlterAction::Pipe(AlterPipe::Refresh { prefix }) = &alter.action {
            let snapshot = self.snapshot();
            let name = self.context.resolve(ObjectKind::Pipe, &alter.name)?;
            let pipe: &Pipe = snapshot.catalog().get(&name)?;
            let runners = self.engine.runners.get();
            let runners = runners.ok_or_else(|| SqlError::unsupported("ALTER PIPE … REFRESH", "No pipes run here."))?;
            let files = runners.refresh_pipe(pipe.header.id, prefix.as_deref()).await?;
            let mut rows = Rows::new(&[("File", SqlType::VARCHAR), ("Status", SqlType::VARCHAR)]);
            for file in files {
                rows.push(vec![Cell::text(file), Cell::text("SENT")]);
            }
            return rows.finish(StatementKind::Ddl);
        }
        self.ddl(move |transaction, context| ddl::alter(transaction, context, &alter)).await
    }

    pub(super) fn execute_task(&self, task: &Name) -> Result<QueryResult, SqlError> {
        let snapshot = self.snapshot();
        let name = self.context.resolve(ObjectKind::Task, task)?;
        let task: &Task = snapshot.catalog().get(&name)?;
        let runners = self.engine.runners.get();
        runners
            .ok_or_else(|| SqlError::unsupported("EXECUTE TASK", "No tasks run here."))?
            .execute_task(task.header.id)?;
        QueryResult::status(StatementKind::Ddl, format!("Task {} is scheduled to run immediately.", name.name))
    }
}

/// A name's parts, folded already.
pub(super) fn name_idents(name: &Name) -> Vec<sql::Ident> {
    let parts = [&name.database, &name.schema].into_iter().flatten().chain([&name.name]);
    parts.map(|part| rewrite::identifier(part.as_str())).collect()
}
