//! What a statement says, once parsed. Queries and DML keep sqlparser's nodes, which the engine plans; everything else
//! has its own types here, so that a clause is either a field of one of them or an error that names it.
//!
//! Identifiers are already folded: unquoted ones to upper case, quoted ones as they stand.

use datafusion::sql::sqlparser::ast as sql;
use std::{fmt, time::Duration};

/// The name of an object as written: parts left out are the session's to fill in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name {
    pub database: Option<String>,
    pub schema: Option<String>,
    pub name: String,
}

/// One statement of a text. `Show` and `Describe` belong to [`crate::show`], `Create`, `Alter`, `Drop` and `Comment` to
/// [`crate::ddl`], the rest to [`crate::engine`].
#[derive(Debug, Clone)]
pub enum Statement {
    Query(Box<sql::Query>),
    Insert(Box<sql::Insert>),
    Update(Box<sql::Update>),
    Delete(Box<sql::Delete>),
    Merge(Box<sql::Merge>),
    Truncate { if_exists: bool, table: Name },
    Copy(Box<CopyInto>),
    List(StagePath),
    Create(Box<Create>),
    Alter(Box<Alter>),
    Drop(Drop),
    Comment(Comment),
    ExecuteTask(Name),
    Show(Show),
    Describe(Describe),
    Use(Use),
    AlterSession(Vec<SessionParameter>),
    Begin,
    Commit,
    Rollback,
}

/// The kinds of object the warehouse keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectKind {
    Database,
    Schema,
    Table,
    View,
    Stage,
    FileFormat,
    Pipe,
    Stream,
    Task,
    Warehouse,
}

impl ObjectKind {
    pub const ALL: [Self; 10] = [
        Self::Database,
        Self::Schema,
        Self::Table,
        Self::View,
        Self::Stage,
        Self::FileFormat,
        Self::Pipe,
        Self::Stream,
        Self::Task,
        Self::Warehouse,
    ];

    /// The kind as statements spell it.
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::Database => &["DATABASE"],
            Self::Schema => &["SCHEMA"],
            Self::Table => &["TABLE"],
            Self::View => &["VIEW"],
            Self::Stage => &["STAGE"],
            Self::FileFormat => &["FILE", "FORMAT"],
            Self::Pipe => &["PIPE"],
            Self::Stream => &["STREAM"],
            Self::Task => &["TASK"],
            Self::Warehouse => &["WAREHOUSE"],
        }
    }

    /// The same as one text.
    pub fn keyword(self) -> String {
        self.words().join(" ")
    }
}

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

/// `FILE_FORMAT = (FORMAT_NAME = …)` or `FILE_FORMAT = (TYPE = …)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileFormatRef {
    Named(Name),
    Inline(FileFormat),
}

/// A file format. Avro with Snowflake's defaults is the one kind there is: every other type and option is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    Avro,
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

/// `COPY INTO table [(columns)] FROM @stage/path | (SELECT … FROM @stage/path)`
#[derive(Debug, Clone)]
pub struct CopyInto {
    pub table: Name,
    /// Columns that the transformation's items fill, in order; empty: the table's own order.
    pub columns: Vec<String>,
    pub source: StagePath,
    pub transformation: Option<CopyTransformation>,
    pub file_format: Option<FileFormatRef>,
    /// `FILES = (…)`, relative to the source's path.
    pub files: Vec<String>,
    /// `PATTERN = '…'`: a regular expression that the whole path after the stage's URL must match.
    pub pattern: Option<String>,
    pub on_error: Option<OnError>,
    /// `FORCE = TRUE`: load files again that were loaded before.
    pub force: bool,
}

/// A stage and a path below its URL; the path has no slash in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagePath {
    pub stage: Name,
    pub path: String,
}

/// The SELECT of a COPY: its items see `$1`, `alias.$1`, `METADATA$FILENAME`, `METADATA$FILE_ROW_NUMBER` and
/// `METADATA$START_SCAN_TIME`.
#[derive(Debug, Clone)]
pub struct CopyTransformation {
    pub items: Vec<sql::SelectItem>,
    pub alias: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    AbortStatement,
    Continue,
    SkipFile,
}

#[derive(Debug, Clone)]
pub struct Alter {
    pub if_exists: bool,
    pub name: Name,
    pub action: AlterAction,
}

#[derive(Debug, Clone)]
pub enum AlterAction {
    Table(AlterTable),
    Stage(StageOptions),
    Task(AlterTask),
    Pipe(AlterPipe),
    Warehouse(AlterWarehouse),
    /// `ALTER kind name SET COMMENT = '…'` or `UNSET COMMENT`
    Comment {
        kind: ObjectKind,
        comment: Option<String>,
    },
    /// `ALTER kind name RENAME TO …`
    Rename {
        kind: ObjectKind,
        to: Name,
    },
}

#[derive(Debug, Clone)]
pub enum AlterTable {
    AddColumns { if_not_exists: bool, columns: Vec<Column> },
    DropColumns { if_exists: bool, columns: Vec<String> },
    RenameColumn { from: String, to: String },
    SetNullability { column: String, nullability: Nullability },
    SetDataType { column: String, data_type: sql::DataType },
    SetColumnComment { column: String, comment: Option<String> },
    SetChangeTracking(bool),
    SetRetentionDays(u32),
    ClusterBy(Option<String>),
}

#[derive(Debug, Clone)]
pub enum AlterTask {
    Resume,
    Suspend,
    Set(TaskOptions),
    ModifyDefinition(String),
    ModifyCondition(Box<TaskCondition>),
    RemoveCondition,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterPipe {
    SetPaused(bool),
    /// `REFRESH [PREFIX = '…']`
    Refresh {
        prefix: Option<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterWarehouse {
    Resume { if_suspended: bool },
    Suspend,
    Set(WarehouseOptions),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drop {
    pub kind: ObjectKind,
    pub if_exists: bool,
    pub name: Name,
    /// `RESTRICT` refuses to drop a container that is not empty; CASCADE is Snowflake's default.
    pub restrict: bool,
}

/// `COMMENT [IF EXISTS] ON kind name IS '…'`; a column's name is its table's plus `column`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub if_exists: bool,
    pub kind: ObjectKind,
    pub name: Name,
    pub column: Option<String>,
    pub comment: String,
}

/// `SHOW [TERSE] kind [LIKE '…'] [IN …] [STARTS WITH '…'] [LIMIT n]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Show {
    pub kind: ShowKind,
    /// Only the first columns, as Snowflake names them for TERSE.
    pub terse: bool,
    /// A pattern with `%` and `_`, compared without regard to case.
    pub like: Option<String>,
    pub scope: Option<ShowScope>,
    pub starts_with: Option<String>,
    pub limit: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShowKind {
    Objects(ObjectKind),
    Columns,
    Parameters,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShowScope {
    Account,
    /// `None`: the session's own.
    Database(Option<String>),
    /// `None`: the session's own.
    Schema(Option<Name>),
    /// For SHOW COLUMNS.
    Table(Name),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Describe {
    pub kind: ObjectKind,
    pub name: Name,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    Database(String),
    Schema { database: Option<String>, schema: String },
    Warehouse(String),
    Role(String),
}

/// One `NAME = value` of ALTER SESSION SET; `None` for UNSET.
#[derive(Debug, Clone)]
pub struct SessionParameter {
    pub name: String,
    pub value: Option<sql::Expr>,
}
