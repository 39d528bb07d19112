//! What a statement reads.

use super::{GroupScan, Version};
use crate::{
    SqlError,
    catalog::{Catalog, FileLoad, LoadTarget, ObjectId, TableId, TaskRun},
};
use datafusion::arrow::{array::RecordBatch, datatypes::SchemaRef};

/// The catalogue and all tables at one version; a transaction's also has its own changes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Snapshot {
    catalog: Catalog,
}

impl Snapshot {
    pub(super) fn skeleton() -> Self {
        Self { catalog: Catalog::default() }
    }

    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The last committed version it sees.
    pub fn version(&self) -> Version {
        Version(0)
    }

    /// The Arrow schema of scans of a table: its columns and [`super::ROW_ID`].
    pub fn schema(&self, table: TableId) -> Result<SchemaRef, SqlError> {
        let _ = table;
        Err(SqlError::internal("skeleton"))
    }

    /// The table's rows, group by group.
    pub fn groups(&self, table: TableId) -> Result<Vec<GroupScan>, SqlError> {
        let _ = table;
        Err(SqlError::internal("skeleton"))
    }

    /// All rows of the table at once: its columns and [`super::ROW_ID`].
    pub fn scan(&self, table: TableId) -> Result<Vec<RecordBatch>, SqlError> {
        let _ = table;
        Err(SqlError::internal("skeleton"))
    }

    /// Rows appended after `version` and committed, deleted since or not, as they were appended; not the images that
    /// UPDATE wrote, not a transaction's own rows.
    pub fn appended_since(&self, table: TableId, version: Version) -> Result<Vec<GroupScan>, SqlError> {
        let _ = (table, version);
        Err(SqlError::internal("skeleton"))
    }

    /// What a stream holds: its table's columns and [`super::ROW_ID`]. Within a transaction it stays the same until the
    /// commit, consumed or not.
    ///
    /// # Errors
    /// 002003 when there is no such stream, 091901 when its table is gone.
    pub fn stream(&self, stream: ObjectId) -> Result<Vec<GroupScan>, SqlError> {
        let _ = stream;
        Err(SqlError::internal("skeleton"))
    }

    /// Whether [`stream`](Self::stream) has rows; reads none.
    pub fn stream_has_data(&self, stream: ObjectId) -> Result<bool, SqlError> {
        let _ = stream;
        Err(SqlError::internal("skeleton"))
    }

    /// Rows of a table; 0 for one that is not there.
    pub fn row_count(&self, table: TableId) -> u64 {
        let _ = table;
        0
    }

    /// Bytes of a table's files.
    pub fn byte_count(&self, table: TableId) -> u64 {
        let _ = table;
        0
    }

    /// What became of a file, as far as it is remembered.
    pub fn file_load(&self, target: LoadTarget, file: &str) -> Result<Option<FileLoad>, SqlError> {
        let _ = (target, file);
        Err(SqlError::internal("skeleton"))
    }

    /// All remembered loads of a pipe or table, by file name.
    pub fn file_loads(&self, target: LoadTarget) -> Result<Vec<FileLoad>, SqlError> {
        let _ = target;
        Err(SqlError::internal("skeleton"))
    }

    /// The latest `limit` runs of a task, latest first.
    pub fn task_runs(&self, task: ObjectId, limit: usize) -> Result<Vec<TaskRun>, SqlError> {
        let _ = (task, limit);
        Err(SqlError::internal("skeleton"))
    }
}
