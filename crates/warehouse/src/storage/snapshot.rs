//! What a statement reads.

use super::{
    GroupScan, Inner, State, Version,
    records::Records,
    scan::{Pick, scan_schema},
};
use crate::{
    SqlError,
    catalog::{Catalog, Column, FileLoad, LoadTarget, ObjectId, QualifiedName, Stream, Table, TableId, TaskRun},
    parse::ObjectKind,
};
use datafusion::arrow::{array::RecordBatch, datatypes::SchemaRef};
use std::sync::Arc;

/// The catalogue and all tables at one version; a transaction's also has its own changes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(super) state: Arc<State>,
    /// What a transaction has to say about loads and runs before it commits.
    pub(super) records: Arc<Records>,
    /// Last, so that the folder stays open for as long as groups may remove their files.
    pub(super) store: Arc<Inner>,
}

impl Snapshot {
    pub fn catalog(&self) -> &Catalog {
        &self.state.catalog
    }

    /// The last committed version it sees.
    pub fn version(&self) -> Version {
        self.state.version
    }

    /// The Arrow schema of scans of a table: its columns and [`super::ROW_ID`].
    pub fn schema(&self, table: TableId) -> Result<SchemaRef, SqlError> {
        Ok(scan_schema(&self.table(table)?.columns))
    }

    /// The table's rows, group by group.
    pub fn groups(&self, table: TableId) -> Result<Vec<GroupScan>, SqlError> {
        let scans =
            self.scans(table, |state| (state.live_rows() > 0).then(|| Pick::Live(Arc::clone(&state.deleted))))?;
        Ok(scans)
    }

    /// All rows of the table at once: its columns and [`super::ROW_ID`].
    pub fn scan(&self, table: TableId) -> Result<Vec<RecordBatch>, SqlError> {
        read_all(&self.groups(table)?)
    }

    /// Rows appended after `version` and committed, deleted since or not, as they were appended; not the images that
    /// UPDATE wrote, not a transaction's own rows. A row that one transaction both appends and updates is appended as it
    /// left it, one that it also deletes not at all.
    fn appended_since(&self, table: TableId, version: Version) -> Result<Vec<GroupScan>, SqlError> {
        let upto = self.state.version;
        self.scans(table, |state| {
            let (first, last) = state.group.meta.appended?;
            (last > version && first <= upto).then_some(Pick::Appended(version, upto))
        })
    }

    /// What a stream holds: its table's columns and [`super::ROW_ID`]. Within a transaction it stays the same until the
    /// commit, consumed or not.
    ///
    /// # Errors
    /// 002003 when there is no such stream, 091901 when its table is gone.
    pub fn stream(&self, stream: ObjectId) -> Result<Vec<GroupScan>, SqlError> {
        let stream = self.live_stream(stream)?;
        self.appended_since(stream.table, stream.offset)
    }

    /// Whether [`stream`](Self::stream) has rows; reads none.
    pub fn stream_has_data(&self, stream: ObjectId) -> Result<bool, SqlError> {
        Ok(!self.stream(stream)?.is_empty())
    }

    /// Whether a stream's table was dropped or replaced.
    pub fn stream_is_stale(&self, stream: &Stream) -> bool {
        self.catalog().by_id::<Table>(stream.table).is_none()
    }

    /// Rows of a table; 0 for one that is not there.
    pub fn row_count(&self, table: TableId) -> u64 {
        self.state.tables.get(&table).map_or(0, |rows| rows.live_rows())
    }

    /// Bytes of a table's files.
    pub fn byte_count(&self, table: TableId) -> u64 {
        self.state.tables.get(&table).map_or(0, |rows| rows.groups.iter().map(|state| state.group.meta.bytes).sum())
    }

    /// What became of a file, as far as it is remembered: `None` for one taken up longer ago than the target keeps.
    pub fn file_load(&self, target: LoadTarget, file: &str) -> Result<Option<FileLoad>, SqlError> {
        match self.records.load(target, file) {
            Some(own) => Ok(Some(own.clone())),
            None if self.records.forgets(target) => Ok(None),
            None => self.store.journal.load(target, file),
        }
    }

    /// All remembered loads of a pipe or table, by file name.
    pub fn file_loads(&self, target: LoadTarget) -> Result<Vec<FileLoad>, SqlError> {
        let stored = self.store.journal.loads(target)?;
        Ok(self.records.overlay(target, stored))
    }

    /// The latest `limit` runs of a task, or of all, latest first. A task is known by its name, as its history outlives
    /// its replacement.
    pub fn task_runs(&self, task: Option<&QualifiedName>, limit: usize) -> Result<Vec<TaskRun>, SqlError> {
        self.task_runs_where(limit, |run| task.is_none_or(|task| *task == run.task))
    }

    /// The latest `limit` of the runs to be kept, latest first.
    pub fn task_runs_where(&self, limit: usize, keep: impl Fn(&TaskRun) -> bool) -> Result<Vec<TaskRun>, SqlError> {
        self.store.journal.runs(limit, keep)
    }

    fn table(&self, table: TableId) -> Result<&Table, SqlError> {
        self.catalog().by_id::<Table>(table).ok_or_else(|| SqlError::does_not_exist(ObjectKind::Table, table))
    }

    pub(super) fn live_stream(&self, stream: ObjectId) -> Result<&Stream, SqlError> {
        let found = self.catalog().by_id::<Stream>(stream);
        let found = found.ok_or_else(|| SqlError::does_not_exist(ObjectKind::Stream, stream))?;
        if self.stream_is_stale(found) {
            return Err(SqlError::stale_stream(&found.header.name));
        }
        Ok(found)
    }

    fn scans(
        &self,
        table: TableId,
        pick: impl Fn(&super::table::GroupState) -> Option<Pick>,
    ) -> Result<Vec<GroupScan>, SqlError> {
        let columns: Arc<[Column]> = self.table(table)?.columns.clone().into();
        let schema = scan_schema(&columns);
        let Some(rows) = self.state.tables.get(&table) else { return Ok(Vec::new()) };
        let scan = |state: &super::table::GroupState| {
            let (columns, schema) = (Arc::clone(&columns), Arc::clone(&schema));
            let (store, group) = (Arc::clone(&self.store), Arc::clone(&state.group));
            pick(state).map(|pick| GroupScan { group, columns, schema, pick, store })
        };
        Ok(rows.groups.iter().filter_map(scan).collect())
    }
}

/// Reads scans to their ends.
pub(super) fn read_all(scans: &[GroupScan]) -> Result<Vec<RecordBatch>, SqlError> {
    let mut batches = Vec::new();
    for scan in scans {
        batches.append(&mut scan.read(None)?);
    }
    Ok(batches)
}
