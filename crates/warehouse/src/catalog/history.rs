//! What happened: files loaded by a pipe or into a table, and runs of tasks. Kept beside the catalogue, one record each,
//! because they grow with time and a transaction must not copy them.

use super::{ObjectId, QualifiedName, TableId};
use crate::types::Moment;
use serde::{Deserialize, Serialize};

/// Whose memory of loaded files: a pipe remembers for 14 days, a table (for COPY INTO) for 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LoadTarget {
    Pipe(ObjectId),
    Table(TableId),
}

impl LoadTarget {
    /// Days for which a load is remembered (docs.snowflake.com: "Load metadata").
    pub const fn retention_days(self) -> i64 {
        match self {
            Self::Pipe(_) => 14,
            Self::Table(_) => 64,
        }
    }

    pub(crate) const fn object(self) -> ObjectId {
        match self {
            Self::Pipe(id) => id,
            Self::Table(id) => ObjectId(id.0),
        }
    }
}

/// One file that a pipe or COPY INTO took up, loaded or failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileLoad {
    /// The file's path below the stage's location; with the target it identifies the record.
    pub file: String,
    /// The stage's location as `COPY_HISTORY` shows it, such as `s3://bucket/prefix/`.
    pub location: String,
    pub etag: Option<String>,
    pub size_bytes: u64,
    pub last_modified: Option<Moment>,
    /// When a pipe learnt of the file; for COPY INTO the same as `loaded_at`.
    pub received_at: Moment,
    pub loaded_at: Moment,
    pub status: LoadStatus,
    pub rows_parsed: u64,
    pub rows_loaded: u64,
    pub errors: u64,
    pub first_error: Option<String>,
    /// Row of the file, from 1.
    pub first_error_row: Option<u64>,
    pub first_error_column: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadStatus {
    Loaded,
    PartiallyLoaded,
    Failed,
}

/// One scheduled or manual run of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRun {
    /// The task's name at the time: its history outlives its replacement.
    pub task: QualifiedName,
    pub query_id: Option<String>,
    pub state: RunState,
    pub scheduled_at: Moment,
    /// `None` when the run was skipped.
    pub started_at: Option<Moment>,
    pub completed_at: Option<Moment>,
    /// Code and message of the error that ended it; code alone says why it was skipped.
    pub error_code: Option<String>,
    pub error_message: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    Succeeded,
    Failed,
    Skipped,
    Cancelled,
}
