//! CREATE of every kind of object.

use super::{CopyInto, FileFormat, FileFormatRef, Name};
use datafusion::sql::sqlparser::ast as sql;
use std::{fmt, time::Duration};

/// `CREATE …`: what all kinds share, and the kind's own part.
#[derive(Debug, Clone)]
pub struct Create {
    pub mode: CreateMode,
    pub name: Name,
    pub comment: Option<String>,
    /// The statement as the client sent it, without the final semicolon. Holds a stage's credentials: never show it for
    /// a stage.
    pub text: String,
    pub object: CreateObject,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateMode {
    /// An object of that name is an error.
    New,
    OrReplace,
    IfNotExists,
}

#[derive(Debug, Clone)]
pub enum CreateObject {
    Database(Retention),
    Schema(Retention),
    Table(CreateTable),
    View(CreateView),
    Stage(StageOptions),
    FileFormat(FileFormat),
    Pipe(CreatePipe),
    Stream(CreateStream),
    Task(CreateTask),
    Warehouse(WarehouseOptions),
}

/// `TRANSIENT` and `DATA_RETENTION_TIME_IN_DAYS`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    pub transience: Transience,
    pub days: Option<u32>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transience {
    #[default]
    Permanent,
    Transient,
}

#[derive(Debug, Clone)]
pub struct CreateTable {
    pub retention: Retention,
    /// Empty where the columns come from `source`.
    pub columns: Vec<Column>,
    /// `PRIMARY KEY` and `UNIQUE` outside a column; Snowflake records but does not enforce them.
    pub keys: Vec<Key>,
    /// `CLUSTER BY` expressions as written, without the parentheses.
    pub cluster_by: Option<String>,
    pub change_tracking: Option<bool>,
    pub source: TableSource,
}

#[derive(Debug, Clone)]
pub enum TableSource {
    Columns,
    /// `AS SELECT …`
    Query(Box<sql::Query>),
    Like(Name),
    Clone(Name),
}

#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    pub data_type: sql::DataType,
    pub nullability: Nullability,
    pub default: Option<sql::Expr>,
    pub comment: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nullability {
    Nullable,
    NotNull,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub kind: KeyKind,
    pub columns: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    Primary,
    Unique,
}

#[derive(Debug, Clone)]
pub struct CreateView {
    /// Names and comments given after the view's name; empty when the query names its columns.
    pub columns: Vec<ViewColumn>,
    pub query: Box<sql::Query>,
    /// The query as written: what the catalogue keeps, to be parsed again in the view's own schema.
    pub query_text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewColumn {
    pub name: String,
    pub comment: Option<String>,
}

/// What CREATE STAGE and ALTER STAGE … SET may say; `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct StageOptions {
    /// `s3://bucket/prefix/`
    pub url: Option<String>,
    pub credentials: Option<AwsCredentials>,
    pub file_format: Option<FileFormatRef>,
}

/// Keys of a stage. `Debug` shows the key id alone.
#[derive(Clone, PartialEq, Eq)]
pub struct AwsCredentials {
    pub key_id: String,
    pub secret_key: String,
    pub token: Option<String>,
}

impl fmt::Debug for AwsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsCredentials").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone)]
pub struct CreatePipe {
    pub auto_ingest: bool,
    pub copy: CopyInto,
    /// The COPY statement as written: the pipe's definition.
    pub copy_text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateStream {
    pub table: Name,
    pub mode: StreamMode,
    /// `SHOW_INITIAL_ROWS = TRUE`
    pub initial_rows: InitialRows,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamMode {
    Default,
    AppendOnly,
}

/// Whether a new stream starts with the rows that are already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitialRows {
    Hidden,
    Shown,
}

#[derive(Debug, Clone)]
pub struct CreateTask {
    pub options: TaskOptions,
    pub when: Option<TaskCondition>,
    /// The statement after AS, as written.
    pub definition: String,
}

/// What CREATE TASK and ALTER TASK … SET may say; `None` leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskOptions {
    pub warehouse: Option<String>,
    pub schedule: Option<Schedule>,
    pub allow_overlapping_execution: Option<bool>,
    pub suspend_after_failures: Option<u32>,
    pub timeout: Option<Duration>,
    /// `USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE`, for a task without a warehouse.
    pub managed_initial_warehouse_size: Option<String>,
}

/// `SCHEDULE = '2 MINUTE'`; CRON is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    pub interval: Duration,
    /// As written, which is what SHOW TASKS returns.
    pub text: String,
}

/// A task's WHEN: `SYSTEM$STREAM_HAS_DATA` calls joined by AND, OR and NOT.
#[derive(Debug, Clone)]
pub struct TaskCondition {
    pub expr: sql::Expr,
    pub text: String,
}

/// Settings of a virtual warehouse: recorded and shown, since there is nothing to size here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WarehouseOptions {
    /// Folded as SHOW WAREHOUSES shows it, such as `X-Small`.
    pub size: Option<String>,
    pub auto_suspend_seconds: Option<u32>,
    pub auto_resume: Option<bool>,
    pub initially_suspended: Option<bool>,
}
