//! Planning and running one query: what a statement sees ([`Scope`]), and its rows.

use crate::{
    SessionContext, SqlError,
    catalog::{ObjectId, Pipe, Stream, View},
    engine::{
        plan::{self, Names, sql_error, streams_read},
        rewrite::{ContextAnswer, REPEATED, Surroundings, SystemAnswer},
        value::{CastMode, cast_column},
    },
    parse::{self, Name, ObjectKind},
    result::{QueryResult, ResultColumn, StatementKind},
    runners::Runners,
    storage::Snapshot,
    types::{Moment, SqlType},
};
use datafusion::{
    arrow::{
        array::{RecordBatch, RecordBatchOptions},
        datatypes::{Field, Schema, SchemaRef},
    },
    catalog::TableProvider,
    execution::SessionState,
    logical_expr::LogicalPlan,
    physical_plan,
    sql::sqlparser::ast as sql,
};
use futures::TryStreamExt;
use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::Arc,
};
use tokio::sync::mpsc;

/// What one statement sees.
#[derive(Clone)]
pub(crate) struct Scope {
    pub(crate) snapshot: Snapshot,
    pub(crate) context: SessionContext,
    /// When the statement began.
    pub(crate) now: Moment,
    /// Relations that only this statement has, by name: a DML's target, a stage's file.
    pub(crate) specials: HashMap<String, Arc<dyn TableProvider>>,
    pub(crate) runners: Option<Arc<dyn Runners>>,
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("context", &self.context).field("now", &self.now).finish_non_exhaustive()
    }
}

impl Scope {
    /// The same with one more relation.
    pub(crate) fn with(mut self, name: &str, provider: Arc<dyn TableProvider>) -> Self {
        self.specials.insert(name.to_owned(), provider);
        self
    }

    pub(crate) fn surroundings(&self) -> Inside<'_> {
        self.surroundings_in(&self.context)
    }

    pub(crate) fn surroundings_in<'a>(&'a self, context: &'a SessionContext) -> Inside<'a> {
        Inside { scope: self, context }
    }
}

/// A folded object name's parts.
pub(crate) fn name_parts(name: &sql::ObjectName) -> Result<Name, SqlError> {
    let parts = name.0.iter().map(|part| part.as_ident().map(|ident| ident.value.clone())).collect::<Option<Vec<_>>>();
    Name::from_parts(parts.ok_or_else(|| SqlError::unsupported(format_args!("the name {name}"), ""))?)
}

/// A scope as seen from a text in one schema.
pub(crate) struct Inside<'a> {
    scope: &'a Scope,
    context: &'a SessionContext,
}

impl Surroundings for Inside<'_> {
    fn now(&self) -> Moment {
        self.scope.now
    }

    fn context(&self, function: &str) -> Option<ContextAnswer> {
        // A view's own schema is where its names are looked up, but the session is still the reader's.
        let session = &self.scope.context;
        Some(ContextAnswer(match function {
            "CURRENT_DATABASE" => session.database.clone(),
            "CURRENT_SCHEMA" => session.schema.clone(),
            "CURRENT_ROLE" => Some(session.role.clone()),
            "CURRENT_USER" => Some(session.user.clone()),
            "CURRENT_WAREHOUSE" => session.warehouse.clone(),
            "CURRENT_VERSION" => Some(env!("CARGO_PKG_VERSION").to_owned()),
            _ => return None,
        }))
    }

    fn system(&self, function: &str, arguments: &[String]) -> Result<SystemAnswer, SqlError> {
        let scope = self.scope;
        match (function, arguments) {
            ("SYSTEM$STREAM_HAS_DATA", [name]) => {
                let name = self.context.resolve(ObjectKind::Stream, &parse::name(name)?)?;
                let stream: &Stream = scope.snapshot.catalog().get(&name)?;
                scope.snapshot.stream_has_data(stream.header.id).map(SystemAnswer::Boolean)
            }
            ("SYSTEM$PIPE_STATUS", [name]) => {
                let name = self.context.resolve(ObjectKind::Pipe, &parse::name(name)?)?;
                let pipe: &Pipe = scope.snapshot.catalog().get(&name)?;
                match &scope.runners {
                    Some(runners) => runners.pipe_status(pipe.header.id, &scope.snapshot).map(SystemAnswer::Text),
                    None => Err(SqlError::unsupported("SYSTEM$PIPE_STATUS", "No pipes run here.")),
                }
            }
            ("SYSTEM$STREAM_HAS_DATA" | "SYSTEM$PIPE_STATUS", _) => {
                Err(SqlError::invalid_value(format_args!("{function} takes one name")))
            }
            _ => Err(SqlError::unknown_function(function)),
        }
    }
}

/// A planned query.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) plan: LogicalPlan,
    /// Streams it reads, which a DML consumes.
    pub(crate) streams: BTreeSet<ObjectId>,
}

impl Query {
    pub(crate) fn of(plan: LogicalPlan) -> Result<Self, SqlError> {
        Ok(Self { streams: streams_read(&plan)?, plan })
    }

    /// Plans a rewritten query.
    pub(crate) fn plan(query: sql::Query, scope: &Scope) -> Result<Self, SqlError> {
        Self::of(Names::of(scope).plan(query)?)
    }

    /// Runs it: rows as DataFusion has them, with its schema.
    pub(crate) async fn run(self, state: &SessionState) -> Result<(SchemaRef, Vec<RecordBatch>), SqlError> {
        let physical = plan::physical(self.plan, state).await?;
        let schema = physical.schema();
        let batches = physical_plan::collect(physical, state.task_ctx()).await.map_err(sql_error)?;
        Ok((schema, batches))
    }
}

impl Query {
    /// Runs it, handing over each batch as it comes; ends when nobody takes them any more.
    pub(crate) async fn stream(self, state: &SessionState, to: mpsc::Sender<RecordBatch>) -> Result<(), SqlError> {
        let physical = plan::physical(self.plan, state).await?;
        let mut batches = physical_plan::execute_stream(physical, state.task_ctx()).map_err(sql_error)?;
        while let Some(batch) = batches.try_next().await.map_err(sql_error)? {
            if to.send(batch).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// A column's name without the number that tells it from others of the name.
fn shown_name(name: &str) -> &str {
    name.split(REPEATED).next().unwrap_or(name)
}

/// The first name that two columns of a query have, which only a client's result may.
pub(crate) fn repeated_name(plan: &LogicalPlan) -> Option<String> {
    let mut names = plan.schema().fields().iter().map(|field| field.name());
    names.find(|name| name.contains(REPEATED)).map(|name| shown_name(name).to_owned())
}

/// A query's rows as a client gets them.
pub(crate) fn result(names: &[String], schema: &SchemaRef, batches: &[RecordBatch]) -> Result<QueryResult, SqlError> {
    let columns = schema
        .fields()
        .iter()
        .zip(names)
        .map(|(field, name)| {
            let data_type = SqlType::from_arrow(field.data_type())?;
            Ok(ResultColumn::new(shown_name(name), data_type))
        })
        .collect::<Result<Vec<_>, SqlError>>()?;
    let fields = columns.iter().map(|column| Field::new(&column.name, column.data_type.to_arrow(), true));
    let shown = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let batches = batches
        .iter()
        .map(|batch| {
            let arrays = batch.columns().iter().zip(&columns);
            let arrays = arrays
                .map(|(array, column)| cast_column(array, column.data_type, CastMode::Implicit))
                .collect::<Result<Vec<_>, _>>()?;
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(Arc::clone(&shown), arrays, &options).map_err(SqlError::internal)
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(QueryResult { columns, batches, kind: StatementKind::Select })
}

/// The columns that a view's query has now.
pub(crate) fn view_columns(scope: &Scope, view: &View) -> Result<Vec<ResultColumn>, SqlError> {
    let plan = Names::of(scope).view(view)?;
    let columns = plan
        .schema()
        .fields()
        .iter()
        .map(|field| Ok(ResultColumn::new(field.name(), SqlType::from_arrow(field.data_type())?)));
    columns.collect()
}
