//! One client's session: what it has chosen, its transaction, and which module runs which statement.

use super::{
    EngineInner, dml,
    query::{self, Query, Scope},
    rewrite,
};
use crate::{
    SessionContext, SqlError,
    catalog::{Database, QualifiedName, Schema, Table, View, Warehouse},
    ddl,
    parse::{self, Name, ObjectKind, SessionParameter, Statement, Use},
    result::{QueryResult, ResultColumn, StatementKind},
    show,
    storage::{Savepoint, Snapshot, Transaction},
    types::Moment,
};
use std::{
    collections::HashMap,
    ops::{Deref, DerefMut},
    sync::Arc,
};

/// Statements one after another. Dropping it rolls back what it has not committed.
pub struct Session {
    pub(super) engine: Arc<EngineInner>,
    pub(super) context: SessionContext,
    /// Between BEGIN and COMMIT.
    pub(super) transaction: Option<Transaction>,
}

impl Session {
    pub(super) fn new(engine: Arc<EngineInner>, context: SessionContext) -> Self {
        Self { engine, context, transaction: None }
    }

    /// What the session has chosen, after the statements so far.
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// Runs a text of one statement. Dropping the future abandons it: it has then done nothing.
    pub async fn execute(&mut self, sql: &str) -> Result<QueryResult, SqlError> {
        let text = sql.to_owned();
        let mut statements = self.engine.executor.run(async move { parse::parse(&text) }).await?;
        match (statements.pop(), statements.len()) {
            (Some(statement), 0) => self.run(statement).await,
            (None, _) => Err(SqlError::new("000900", "42601", "SQL compilation error:\nEmpty SQL statement.")),
            (Some(_), others) => Err(SqlError::new(
                "000008",
                "0A000",
                format!("Actual statement count {} did not match the desired statement count 1.", others + 1),
            )),
        }
    }

    /// Runs a parsed statement.
    pub async fn run(&mut self, statement: Statement) -> Result<QueryResult, SqlError> {
        match statement {
            Statement::Query(query) => self.query(*query).await,
            Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) | Statement::Merge(_) => {
                self.dml(statement).await
            }
            Statement::Truncate { if_exists, table } => self.truncate(if_exists, &table).await,
            Statement::Show(show) => {
                let snapshot = self.snapshot();
                let scope = self.scope();
                show::show(&snapshot, &show, &self.context, &|view| scope.view_columns(view))
            }
            Statement::Describe(describe) => {
                let snapshot = self.snapshot();
                let scope = self.scope();
                show::describe(&snapshot, &describe, &self.context, &|view| scope.view_columns(view))
            }
            Statement::Use(chosen) => self.choose(chosen),
            Statement::AlterSession(parameters) => alter_session(&parameters),
            Statement::Create(create) => self.create(*create).await,
            Statement::Alter(alter) => self.alter(*alter).await,
            Statement::Drop(dropped) => self.ddl(move |work, context| ddl::drop(work, context, &dropped)).await,
            Statement::Comment(comment) => self.ddl(move |work, context| ddl::comment(work, context, &comment)).await,
            Statement::Copy(copy) => self.copy(*copy).await,
            Statement::List(place) => self.list(&place).await,
            Statement::ExecuteTask(task) => self.execute_task(&task),
            Statement::Begin => self.begin().await,
            Statement::Commit => self.commit().await,
            Statement::Rollback => {
                self.transaction = None;
                QueryResult::status(StatementKind::Rollback, "Statement executed successfully.")
            }
        }
    }

    /// What the session sees now.
    pub(super) fn snapshot(&self) -> Snapshot {
        match &self.transaction {
            Some(transaction) => transaction.snapshot(),
            None => self.engine.store.snapshot(),
        }
    }

    pub(super) fn scope(&self) -> Scope {
        self.scope_of(self.snapshot())
    }

    pub(super) fn scope_of(&self, snapshot: Snapshot) -> Scope {
        Scope {
            snapshot,
            context: self.context.clone(),
            now: Moment::now(),
            specials: HashMap::new(),
            runners: self.engine.runners.get().cloned(),
        }
    }

    async fn query(&self, query: datafusion::sql::sqlparser::ast::Query) -> Result<QueryResult, SqlError> {
        let scope = self.scope();
        let engine = Arc::clone(&self.engine);
        self.engine
            .executor
            .run(async move {
                let mut query = query;
                rewrite::rewrite(&mut query, &scope.surroundings())?;
                let planned = Query::plan(query, &scope)?;
                let names = planned.plan.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
                let (schema, batches) = planned.run(&engine.state).await?;
                query::result(&names, &schema, &batches)
            })
            .await
    }

    async fn dml(&mut self, statement: Statement) -> Result<QueryResult, SqlError> {
        if self.transaction.is_some() {
            let changes = self.changes(statement, self.scope()).await?;
            let mut work = Work::of(&mut self.transaction)?;
            let result = changes.apply(&mut work)?;
            work.keep();
            return Ok(result);
        }
        let mut transaction = self.engine.begin().await?;
        let changes = self.changes(statement, self.scope_of(transaction.snapshot())).await?;
        let result = changes.apply(&mut transaction)?;
        transaction.commit().await?;
        Ok(result)
    }

    async fn changes(&self, statement: Statement, scope: Scope) -> Result<dml::Changes, SqlError> {
        let engine = Arc::clone(&self.engine);
        self.engine.executor.run(async move { dml::changes(statement, scope, &engine.state).await }).await
    }

    async fn truncate(&mut self, if_exists: bool, table: &Name) -> Result<QueryResult, SqlError> {
        let name = self.context.resolve(ObjectKind::Table, table)?;
        let empty = |transaction: &mut Transaction| match transaction.catalog().find::<Table>(&name) {
            Some(table) => {
                let id = table.id();
                transaction.truncate(id).map(drop)
            }
            None if if_exists => Ok(()),
            None => Err(SqlError::does_not_exist(ObjectKind::Table, &name)),
        };
        // The documentation leaves open whether TRUNCATE commits what is open or belongs to it.
        if self.transaction.is_some() {
            return Err(SqlError::unsupported("TRUNCATE within a transaction", "Use DELETE, or COMMIT first."));
        }
        let mut transaction = self.engine.begin().await?;
        empty(&mut transaction)?;
        transaction.commit().await?;
        QueryResult::status(StatementKind::Ddl, "Statement executed successfully.")
    }

    async fn begin(&mut self) -> Result<QueryResult, SqlError> {
        // A second BEGIN is no error and starts nothing.
        if self.transaction.is_none() {
            self.transaction = Some(self.engine.begin().await?);
        }
        QueryResult::status(StatementKind::Begin, "Statement executed successfully.")
    }

    async fn commit(&mut self) -> Result<QueryResult, SqlError> {
        self.finish().await?;
        QueryResult::status(StatementKind::Commit, "Statement executed successfully.")
    }

    /// Commits what is open.
    pub(super) async fn finish(&mut self) -> Result<(), SqlError> {
        match self.transaction.take() {
            Some(transaction) => transaction.commit().await.map(drop),
            None => Ok(()),
        }
    }

    pub(super) fn choose(&mut self, chosen: Use) -> Result<QueryResult, SqlError> {
        let snapshot = self.snapshot();
        let catalog = snapshot.catalog();
        match chosen {
            Use::Database(name) => {
                catalog.get::<Database>(&QualifiedName::account(&name))?;
                // The schema that a new database starts with on Snowflake, if it is there.
                let public = QualifiedName::schema(&name, "PUBLIC");
                self.context.schema = catalog.find::<Schema>(&public).map(|_| public.name);
                self.context.database = Some(name);
            }
            Use::Schema { database, schema } => {
                let name = Name { database: None, schema: database, name: schema };
                let full = self.context.resolve(ObjectKind::Schema, &name)?;
                catalog.get::<Schema>(&full)?;
                self.context.database = Some(full.database);
                self.context.schema = Some(full.name);
            }
            Use::Warehouse(name) => {
                catalog.get::<Warehouse>(&QualifiedName::account(&name))?;
                self.context.warehouse = Some(name);
            }
            // There are no grants, so every role can do everything; it is the owner of what is created.
            Use::Role(name) => self.context.role = name,
        }
        QueryResult::status(StatementKind::Use, "Statement executed successfully.")
    }
}

/// Parameters that would change what statements mean are refused unless they say what is true anyway.
fn alter_session(parameters: &[SessionParameter]) -> Result<QueryResult, SqlError> {
    for SessionParameter { name, value } in parameters {
        let value = value.as_ref().map(|value| value.to_string().trim_matches('\'').to_uppercase());
        let harmless = match (name.as_str(), value.as_deref()) {
            (_, None) | ("QUERY_TAG" | "CLIENT_TELEMETRY_ENABLED" | "CLIENT_SESSION_KEEP_ALIVE", Some(_)) => true,
            ("TIMEZONE", Some(zone)) => matches!(zone, "UTC" | "ETC/UTC"),
            ("AUTOCOMMIT" | "ERROR_ON_NONDETERMINISTIC_MERGE", Some(value)) => value == "TRUE",
            _ => false,
        };
        if !harmless {
            let shown = value.unwrap_or_default();
            return Err(SqlError::unsupported(format_args!("ALTER SESSION SET {name} = {shown}"), ""));
        }
    }
    QueryResult::status(StatementKind::AlterSession, "Statement executed successfully.")
}

/// A statement's changes to an open transaction, taken back unless they are kept.
pub(super) struct Work<'a> {
    transaction: &'a mut Transaction,
    savepoint: Option<Savepoint>,
}

impl<'a> Work<'a> {
    pub(super) fn of(transaction: &'a mut Option<Transaction>) -> Result<Self, SqlError> {
        let transaction = transaction.as_mut().ok_or_else(|| SqlError::internal("the transaction went missing"))?;
        Ok(Self { savepoint: Some(transaction.savepoint()), transaction })
    }

    pub(super) fn keep(mut self) {
        self.savepoint = None;
    }
}

impl Deref for Work<'_> {
    type Target = Transaction;

    fn deref(&self) -> &Transaction {
        self.transaction
    }
}

impl DerefMut for Work<'_> {
    fn deref_mut(&mut self) -> &mut Transaction {
        self.transaction
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        if let Some(savepoint) = self.savepoint.take() {
            self.transaction.rollback_to(savepoint);
        }
    }
}

impl Scope {
    /// The columns that a view has now.
    fn view_columns(&self, view: &View) -> Result<Vec<ResultColumn>, SqlError> {
        query::view_columns(self, view)
    }
}
