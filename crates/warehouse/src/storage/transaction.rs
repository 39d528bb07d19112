//! What a statement changes.

use super::{Snapshot, Version};
use crate::{
    SqlError,
    catalog::{Catalog, FileLoad, LoadTarget, ObjectId, TableId, TaskRun},
};
use datafusion::arrow::array::RecordBatch;

/// Changes to any number of tables, streams and objects that become visible together, or not at all. Dropping it rolls
/// back. Holds the store's one write lock.
#[derive(Debug)]
pub struct Transaction {
    catalog: Catalog,
}

/// A point within a transaction to return to: a statement that fails half way takes back what it did.
#[derive(Debug)]
pub struct Savepoint {}

impl Transaction {
    /// What is committed, with this transaction's changes so far.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::skeleton()
    }

    /// The version this will be, if it changes anything.
    pub fn version(&self) -> Version {
        Version(0)
    }

    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    pub fn catalog_mut(&mut self) -> &mut Catalog {
        &mut self.catalog
    }

    /// Appends rows: the table's columns in order, each of its Arrow type. NOT NULL and lengths are the caller's to check.
    pub fn insert(&mut self, table: TableId, rows: &RecordBatch) -> Result<(), SqlError> {
        let _ = (table, rows);
        Err(SqlError::internal("skeleton"))
    }

    /// Replaces rows, which keep their ids: `rows` as for [`insert`](Self::insert), in the order of `row_ids`. Streams do
    /// not see it as an append.
    ///
    /// # Errors
    /// `internal` when an id is given twice or is no row of the table.
    pub fn update(&mut self, table: TableId, row_ids: &[u64], rows: &RecordBatch) -> Result<(), SqlError> {
        let _ = (table, row_ids, rows);
        Err(SqlError::internal("skeleton"))
    }

    /// Deletes rows.
    ///
    /// # Errors
    /// `internal` when an id is given twice or is no row of the table.
    pub fn delete(&mut self, table: TableId, row_ids: &[u64]) -> Result<(), SqlError> {
        let _ = (table, row_ids);
        Err(SqlError::internal("skeleton"))
    }

    /// Deletes all rows and forgets which files were loaded into the table. Returns how many rows there were.
    pub fn truncate(&mut self, table: TableId) -> Result<u64, SqlError> {
        let _ = table;
        Err(SqlError::internal("skeleton"))
    }

    /// Moves a stream's offset, on commit, past everything that was committed when this transaction began.
    pub fn consume_stream(&mut self, stream: ObjectId) -> Result<(), SqlError> {
        let _ = stream;
        Err(SqlError::internal("skeleton"))
    }

    /// Remembers what became of a file, replacing what was known of it.
    pub fn record_load(&mut self, target: LoadTarget, load: FileLoad) {
        let _ = (target, load);
    }

    /// Remembers a task's run. A transaction of nothing else wakes no subscriber.
    pub fn record_run(&mut self, task: ObjectId, run: TaskRun) {
        let _ = (task, run);
    }

    pub fn savepoint(&self) -> Savepoint {
        Savepoint {}
    }

    /// Takes back everything done since the savepoint, which must be this transaction's own.
    pub fn rollback_to(&mut self, savepoint: Savepoint) {
        let _ = savepoint;
    }

    /// Makes the changes durable and visible. Runs to its end even when the caller stops waiting.
    ///
    /// # Errors
    /// When the disk fails; then nothing of it is visible.
    pub async fn commit(self) -> Result<Version, SqlError> {
        Err(SqlError::internal("skeleton"))
    }
}
