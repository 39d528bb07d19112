//! CREATE of every kind of object.

use super::{Outcome, make_room, table};
use crate::{
    SessionContext, SqlError,
    catalog::{
        Database, FileFormat, Header, Pipe, QualifiedName, Retention, Schedule, Schema, Stage, StageCredentials,
        StageFormat, Stream, StreamMode, Table, TableId, Task, TaskState, View, ViewColumn, Warehouse, quoted,
    },
    parse::{
        self, Create, CreateObject, CreatePipe, CreateStream, CreateTable, CreateTask, FileFormatRef, InitialRows,
        ObjectKind, StageOptions, TableSource, Transience, Use,
    },
    storage::Transaction,
    types::{Moment, SqlType},
};

/// CREATE of any object but a table AS a query. OR REPLACE makes a new object: a table's rows and load history are gone
/// and its streams stale, a stream's offset is lost, a pipe forgets what it loaded, a task is suspended.
///
/// # Errors
/// 002002 when the name is taken, 002003 when something the object refers to is not there, `unsupported` by name.
pub fn create(transaction: &mut Transaction, context: &SessionContext, create: &Create) -> Result<Outcome, SqlError> {
    let Some(header) = prepare(transaction, context, create)? else { return Ok(left_alone(create)) };
    let name = header.name.clone();
    match &create.object {
        CreateObject::Database(settings) => {
            transaction.catalog_mut().insert(Database { header, retention: retention(*settings) })?;
            // As on Snowflake, every database has it from the start.
            let public = QualifiedName::schema(&name.name, "PUBLIC");
            let text = format!("CREATE SCHEMA {public}");
            let public = new_header(transaction, context, public, None, text);
            transaction.catalog_mut().insert(Schema { header: public, retention: retention(*settings) })?;
        }
        CreateObject::Schema(settings) => {
            transaction.catalog_mut().insert(Schema { header, retention: retention(*settings) })?;
        }
        CreateObject::Table(definition) => {
            let columns = columns_of(transaction, context, definition)?;
            insert_table(transaction, header, definition, columns)?;
        }
        CreateObject::View(view) => {
            let columns = view
                .columns
                .iter()
                .map(|column| ViewColumn { name: column.name.clone(), comment: column.comment.clone() });
            let view = View { header, columns: columns.collect(), query: view.query_text.clone() };
            transaction.catalog_mut().insert(view)?;
        }
        CreateObject::Stage(options) => stage(transaction, context, header, options)?,
        CreateObject::FileFormat(parse::FileFormat::Avro) => transaction.catalog_mut().insert(FileFormat { header })?,
        CreateObject::Pipe(definition) => pipe(transaction, context, header, definition)?,
        CreateObject::Stream(definition) => stream(transaction, context, header, definition)?,
        CreateObject::Task(definition) => task(transaction, header, definition)?,
        CreateObject::Warehouse(options) => transaction.catalog_mut().insert(Warehouse {
            header,
            size: options.size.clone(),
            auto_suspend_seconds: options.auto_suspend_seconds,
            auto_resume: options.auto_resume,
            suspended: options.initially_suspended.unwrap_or(false),
        })?,
    }
    Ok(created(create, &name))
}

/// CREATE TABLE … AS, up to its rows: `columns` are the query's, with their names, types and whether they may be NULL.
/// `None`: the table is there and IF NOT EXISTS leaves it.
///
/// # Errors
/// As [`create`].
pub fn create_table_as(
    transaction: &mut Transaction,
    context: &SessionContext,
    create: &Create,
    columns: &[(String, SqlType, bool)],
) -> Result<(Outcome, Option<TableId>), SqlError> {
    let CreateObject::Table(definition) = &create.object else {
        return Err(SqlError::internal("CREATE … AS of something that is no table"));
    };
    let Some(header) = prepare(transaction, context, create)? else { return Ok((left_alone(create), None)) };
    let (name, id) = (header.name.clone(), TableId(header.id.0));
    insert_table(transaction, header, definition, table::from_query(definition, columns)?)?;
    Ok((created(create, &name), Some(id)))
}

/// The header of the object to create, or `None` when IF NOT EXISTS leaves the one that is there.
fn prepare(
    transaction: &mut Transaction,
    context: &SessionContext,
    create: &Create,
) -> Result<Option<Header>, SqlError> {
    let kind = kind_of(&create.object);
    let name = context.resolve(kind, &create.name)?;
    if kind == ObjectKind::Schema && name.name == "INFORMATION_SCHEMA" {
        return Err(SqlError::already_exists(&name));
    }
    if !make_room(transaction.catalog_mut(), create.mode, kind, &name)? {
        return Ok(None);
    }
    Ok(Some(new_header(transaction, context, name, create.comment.clone(), create.text.clone())))
}

fn new_header(
    transaction: &mut Transaction,
    context: &SessionContext,
    name: QualifiedName,
    comment: Option<String>,
    text: String,
) -> Header {
    let id = transaction.catalog_mut().new_id();
    Header { id, name, created_on: Moment::now(), owner: context.role.clone(), comment, text }
}

fn columns_of(
    transaction: &Transaction,
    context: &SessionContext,
    definition: &CreateTable,
) -> Result<Vec<crate::catalog::Column>, SqlError> {
    match &definition.source {
        TableSource::Columns => table::declared(&definition.columns),
        TableSource::Like(other) => {
            let other = context.resolve(ObjectKind::Table, other)?;
            Ok(transaction.catalog().get::<Table>(&other)?.columns.clone())
        }
        TableSource::Query(_) => Err(SqlError::internal("CREATE TABLE … AS needs its query planned first")),
        TableSource::Clone(_) => Err(SqlError::unsupported("CREATE TABLE … CLONE", "Use CREATE TABLE … AS SELECT.")),
    }
}

fn insert_table(
    transaction: &mut Transaction,
    header: Header,
    definition: &CreateTable,
    columns: Vec<crate::catalog::Column>,
) -> Result<(), SqlError> {
    let keys = table::keys(&definition.keys, &columns)?;
    let next_column_id = columns.iter().map(|column| column.id + 1).max().unwrap_or(0);
    transaction.catalog_mut().insert(Table {
        header,
        retention: retention(definition.retention),
        columns,
        keys,
        cluster_by: definition.cluster_by.clone(),
        change_tracking: definition.change_tracking.unwrap_or(false),
        next_column_id,
    })
}

fn stage(
    transaction: &mut Transaction,
    context: &SessionContext,
    mut header: Header,
    options: &StageOptions,
) -> Result<(), SqlError> {
    let file_format =
        options.file_format.as_ref().map(|format| stage_format(transaction, context, format)).transpose()?;
    // The statement holds the keys, so what is kept for SHOW and GET_DDL is made anew without them.
    let url = options.url.as_deref().map(|url| format!(" URL = '{}'", url.replace('\'', "''"))).unwrap_or_default();
    header.text = format!("CREATE STAGE {}{url}", header.name);
    let credentials = options.credentials.as_ref().map(credentials);
    transaction.catalog_mut().insert(Stage { header, url: options.url.clone(), credentials, file_format })
}

pub(super) fn credentials(given: &parse::AwsCredentials) -> StageCredentials {
    let (key_id, secret_key, token) = (given.key_id.clone(), given.secret_key.clone(), given.token.clone());
    StageCredentials { key_id, secret_key, token }
}

/// A stage's format by its full name, which must be there.
pub(super) fn stage_format(
    transaction: &Transaction,
    context: &SessionContext,
    format: &FileFormatRef,
) -> Result<StageFormat, SqlError> {
    match format {
        FileFormatRef::Inline(parse::FileFormat::Avro) => Ok(StageFormat::Avro),
        FileFormatRef::Named(name) => {
            let name = context.resolve(ObjectKind::FileFormat, name)?;
            transaction.catalog().get::<FileFormat>(&name)?;
            Ok(StageFormat::Named(name))
        }
    }
}

/// What the COPY refers to must be there, in the pipe's own schema where it is not qualified.
fn pipe(
    transaction: &mut Transaction,
    context: &SessionContext,
    header: Header,
    definition: &CreatePipe,
) -> Result<(), SqlError> {
    let (within, copy) = (context.within(&header.name), &definition.copy);
    let catalog = transaction.catalog();
    catalog.get::<Stage>(&within.resolve(ObjectKind::Stage, &copy.source.stage)?)?;
    let target = catalog.get::<Table>(&within.resolve(ObjectKind::Table, &copy.table)?)?;
    if let Some(missing) = copy.columns.iter().find(|column| target.column(column).is_none()) {
        return Err(SqlError::invalid_identifier(quoted(missing)));
    }
    if let Some(format) = &copy.file_format {
        stage_format(transaction, &within, format)?;
    }
    let (auto_ingest, copy) = (definition.auto_ingest, definition.copy_text.clone());
    transaction.catalog_mut().insert(Pipe { header, auto_ingest, copy, paused: false })
}

fn stream(
    transaction: &mut Transaction,
    context: &SessionContext,
    header: Header,
    definition: &CreateStream,
) -> Result<(), SqlError> {
    if definition.mode != parse::StreamMode::AppendOnly {
        let hint = "Say APPEND_ONLY = TRUE.";
        return Err(SqlError::unsupported("standard streams", hint));
    }
    if definition.initial_rows == InitialRows::Shown {
        return Err(SqlError::unsupported("SHOW_INITIAL_ROWS = TRUE", "Read the table itself once."));
    }
    let table_name = context.resolve(ObjectKind::Table, &definition.table)?;
    if transaction.catalog().find::<View>(&table_name).is_some() {
        return Err(SqlError::unsupported("CREATE STREAM … ON a view", "Create it on the view's table."));
    }
    let table = transaction.catalog().get::<Table>(&table_name)?.id();
    // Snowflake switches it on with the first stream.
    transaction.catalog_mut().update(&table_name, |table: &mut Table| table.change_tracking = true)?;
    // From this transaction on: nothing that it or any before it appended.
    let offset = transaction.version();
    let mode = StreamMode::AppendOnly;
    transaction.catalog_mut().insert(Stream { header, table, table_name, mode, offset })
}

fn task(transaction: &mut Transaction, header: Header, definition: &CreateTask) -> Result<(), SqlError> {
    let options = &definition.options;
    transaction.catalog_mut().insert(Task {
        header,
        warehouse: options.warehouse.clone(),
        managed_initial_warehouse_size: options.managed_initial_warehouse_size.clone(),
        schedule: options.schedule.as_ref().map(schedule),
        condition: definition.when.as_ref().map(|when| when.text.clone()),
        definition: definition.definition.clone(),
        state: TaskState::Suspended,
        allow_overlapping_execution: options.allow_overlapping_execution,
        suspend_after_failures: options.suspend_after_failures,
        timeout: options.timeout,
        last_committed_on: None,
        last_suspended_on: None,
        failures_in_a_row: 0,
    })
}

pub(super) fn schedule(given: &parse::Schedule) -> Schedule {
    Schedule { interval: given.interval, text: given.text.clone() }
}

fn retention(given: parse::Retention) -> Retention {
    Retention { transient: given.transience == Transience::Transient, days: given.days }
}

fn kind_of(object: &CreateObject) -> ObjectKind {
    match object {
        CreateObject::Database(_) => ObjectKind::Database,
        CreateObject::Schema(_) => ObjectKind::Schema,
        CreateObject::Table(_) => ObjectKind::Table,
        CreateObject::View(_) => ObjectKind::View,
        CreateObject::Stage(_) => ObjectKind::Stage,
        CreateObject::FileFormat(_) => ObjectKind::FileFormat,
        CreateObject::Pipe(_) => ObjectKind::Pipe,
        CreateObject::Stream(_) => ObjectKind::Stream,
        CreateObject::Task(_) => ObjectKind::Task,
        CreateObject::Warehouse(_) => ObjectKind::Warehouse,
    }
}

fn left_alone(create: &Create) -> Outcome {
    Outcome::new(format!("{} already exists, statement succeeded.", quoted(&create.name.name)))
}

fn created(create: &Create, name: &QualifiedName) -> Outcome {
    let kind = kind_of(&create.object);
    let area = if kind == ObjectKind::Stage { " area" } else { "" };
    let status = format!("{kind}{area} {} successfully created.", quoted(&name.name));
    let uses = match kind {
        ObjectKind::Database => Some(Use::Database(name.name.clone())),
        ObjectKind::Schema => Some(Use::Schema { database: Some(name.database.clone()), schema: name.name.clone() }),
        _ => None,
    };
    Outcome { status, uses }
}
