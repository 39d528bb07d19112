//! The objects themselves, as the store keeps them (JSON) and as SHOW and DESCRIBE read them.

use super::{ObjectId, QualifiedName, TableId};
use crate::{
    parse::ObjectKind,
    storage::Version,
    types::{Moment, SqlType},
};
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// What every object has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    pub id: ObjectId,
    pub name: QualifiedName,
    pub created_on: Moment,
    /// The role that created it.
    pub owner: String,
    pub comment: Option<String>,
    /// The CREATE statement, for `GET_DDL` and SHOW; a stage's without its credentials.
    pub text: String,
}

/// `TRANSIENT` and `DATA_RETENTION_TIME_IN_DAYS`: recorded and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Retention {
    pub transient: bool,
    pub days: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Database {
    pub header: Header,
    pub retention: Retention,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    pub header: Header,
    pub retention: Retention,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    pub header: Header,
    pub retention: Retention,
    pub columns: Vec<Column>,
    /// Recorded and shown, not enforced, as on Snowflake.
    pub keys: Vec<Key>,
    pub cluster_by: Option<String>,
    pub change_tracking: bool,
    /// The id the next new column gets.
    pub next_column_id: u32,
}

impl Table {
    pub fn id(&self) -> TableId {
        TableId(self.header.id.0)
    }

    /// The column of this (folded) name and its position.
    pub fn column(&self, name: &str) -> Option<(usize, &Column)> {
        self.columns.iter().enumerate().find(|(_, column)| column.name == name)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Names the column's data in files for as long as the table lives, through renames.
    pub id: u32,
    pub name: String,
    pub data_type: SqlType,
    pub nullable: bool,
    /// SQL text of the DEFAULT.
    pub default: Option<String>,
    pub comment: Option<String>,
}

/// `PRIMARY KEY` or `UNIQUE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub primary: bool,
    pub columns: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    pub header: Header,
    /// Empty when the query names its columns.
    pub columns: Vec<ViewColumn>,
    /// To be parsed again in the view's own schema.
    pub query: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewColumn {
    pub name: String,
    pub comment: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    pub header: Header,
    /// `s3://bucket/prefix/`
    pub url: Option<String>,
    /// In clear, as the store's folder is the local user's own; never shown.
    pub credentials: Option<StageCredentials>,
    pub file_format: Option<StageFormat>,
}

/// Keys for a stage's bucket. `Debug` shows the key id alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageCredentials {
    pub key_id: String,
    pub secret_key: String,
    pub token: Option<String>,
}

impl fmt::Debug for StageCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StageCredentials").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// What a stage's `FILE_FORMAT` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageFormat {
    Named(QualifiedName),
    /// `TYPE = AVRO` with its defaults, the one format there is.
    Avro,
}

/// An Avro format with Snowflake's defaults, the one kind there is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileFormat {
    pub header: Header,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pipe {
    pub header: Header,
    pub auto_ingest: bool,
    /// The COPY statement, to be parsed again in the pipe's own schema.
    pub copy: String,
    pub paused: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    pub header: Header,
    /// Stale once no table has this id.
    pub table: TableId,
    /// What the table was called when the stream was created.
    pub table_name: QualifiedName,
    pub mode: StreamMode,
    /// The stream holds what was appended after this version.
    pub offset: Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamMode {
    AppendOnly,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub header: Header,
    pub warehouse: Option<String>,
    /// For a task without a warehouse.
    pub managed_initial_warehouse_size: Option<String>,
    pub schedule: Option<Schedule>,
    /// The WHEN condition's text.
    pub condition: Option<String>,
    /// The statement after AS, to be parsed again in the task's own schema.
    pub definition: String,
    pub state: TaskState,
    pub allow_overlapping_execution: Option<bool>,
    pub suspend_after_failures: Option<u32>,
    pub timeout: Option<Duration>,
    /// When its definition last took effect (RESUME).
    pub last_committed_on: Option<Moment>,
    pub last_suspended_on: Option<Moment>,
    /// Failed runs since the last success or RESUME.
    pub failures_in_a_row: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    pub interval: Duration,
    /// As written.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    Started,
    Suspended,
}

/// A virtual warehouse: settings recorded and shown, since there is nothing to size here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Warehouse {
    pub header: Header,
    pub size: Option<String>,
    pub auto_suspend_seconds: Option<u32>,
    pub auto_resume: Option<bool>,
    pub suspended: bool,
}

/// A kind of object: lets [`super::Catalog`] find and list by type.
pub trait Entity: Sized + 'static {
    const KIND: ObjectKind;
    fn of(object: &Object) -> Option<&Self>;
    fn of_mut(object: &mut Object) -> Option<&mut Self>;
    fn header(&self) -> &Header;
}

macro_rules! objects {
    ($($kind:ident),+) => {
        /// One object of any kind.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Object { $($kind($kind)),+ }

        impl Object {
            pub fn kind(&self) -> ObjectKind {
                match self { $(Self::$kind(_) => ObjectKind::$kind),+ }
            }

            pub fn header(&self) -> &Header {
                match self { $(Self::$kind(object) => &object.header),+ }
            }

            pub fn header_mut(&mut self) -> &mut Header {
                match self { $(Self::$kind(object) => &mut object.header),+ }
            }
        }

        $(
            impl From<$kind> for Object {
                fn from(object: $kind) -> Self { Self::$kind(object) }
            }

            impl Entity for $kind {
                const KIND: ObjectKind = ObjectKind::$kind;
                fn of(object: &Object) -> Option<&Self> {
                    if let Object::$kind(found) = object { Some(found) } else { None }
                }
                fn of_mut(object: &mut Object) -> Option<&mut Self> {
                    if let Object::$kind(found) = object { Some(found) } else { None }
                }
                fn header(&self) -> &Header { &self.header }
            }
        )+
    };
}

objects!(Database, Schema, Table, View, Stage, FileFormat, Pipe, Stream, Task, Warehouse);
