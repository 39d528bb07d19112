//! What a statement changes.

use super::{
    Inner, Snapshot, State, Version,
    group::{Group, appended_at, array_bytes, stored_rows, stored_schema},
    merge::{merge, sorted},
    records::Records,
    table::{GroupState, TableRows},
};
use crate::{
    SqlError,
    catalog::{Catalog, Column, FileLoad, LoadTarget, ObjectId, Stream, Table, TableId, TaskRun},
    parse::ObjectKind,
};
use datafusion::arrow::array::{Array, RecordBatch, UInt64Array};
use roaring::RoaringBitmap;
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fmt,
    sync::Arc,
};
use tokio::sync::OwnedMutexGuard;

/// Changes to any number of tables, streams and objects that become visible together, or not at all. Dropping it rolls
/// back. Holds the store's one write lock.
pub struct Transaction {
    pub(super) base: Arc<State>,
    work: Work,
    _writer: OwnedMutexGuard<()>,
    /// Last, so that the folder stays open for as long as groups may remove their files.
    pub(super) store: Arc<Inner>,
}

/// A point within a transaction to return to: a statement that fails half way takes back what it did.
#[derive(Debug)]
pub struct Savepoint(Work);

/// What the transaction has so far. Shares everything it has not changed, so a copy is cheap.
#[derive(Debug, Clone)]
struct Work {
    /// Still of the version that was committed, which is what bounds the streams that the transaction reads.
    state: State,
    consumed: BTreeSet<ObjectId>,
    records: Arc<Records>,
    /// Bytes of each table's groups that are in memory.
    memory: HashMap<TableId, u64>,
}

impl Transaction {
    pub(super) fn new(store: Arc<Inner>, base: Arc<State>, writer: OwnedMutexGuard<()>) -> Self {
        let state = base.as_ref().clone();
        let work = Work { state, consumed: BTreeSet::new(), records: Arc::default(), memory: HashMap::new() };
        Self { store, base, work, _writer: writer }
    }

    /// What is committed, with this transaction's changes so far.
    pub fn snapshot(&self) -> Snapshot {
        let state = Arc::new(self.work.state.clone());
        Snapshot { store: Arc::clone(&self.store), state, records: Arc::clone(&self.work.records) }
    }

    /// The version this will be, if it changes anything.
    pub fn version(&self) -> Version {
        Version(self.base.version.0 + 1)
    }

    pub fn catalog(&self) -> &Catalog {
        &self.work.state.catalog
    }

    pub fn catalog_mut(&mut self) -> &mut Catalog {
        &mut self.work.state.catalog
    }

    /// Appends rows: the table's columns in order, each of its Arrow type. NOT NULL and lengths are the caller's to check.
    pub fn insert(&mut self, table: TableId, rows: &RecordBatch) -> Result<(), SqlError> {
        self.table(table)?;
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let count = rows.num_rows() as u64;
        let first = self.rows(table).next_row_id;
        let ids = UInt64Array::from_iter_values(first..first + count);
        let appended_at = UInt64Array::from_iter_values(std::iter::repeat_n(self.version().0, rows.num_rows()));
        let group = self.group(table, rows, ids, appended_at)?;
        self.rows(table).next_row_id += count;
        self.push(table, group)
    }

    /// Replaces rows, which keep their ids: `rows` as for [`insert`](Self::insert), in the order of `row_ids`. Streams do
    /// not see it as an append.
    ///
    /// # Errors
    /// `internal` when an id is given twice or is no row of the table.
    pub fn update(&mut self, table: TableId, row_ids: &[u64], rows: &RecordBatch) -> Result<(), SqlError> {
        if row_ids.len() != rows.num_rows() {
            let (ids, rows) = (row_ids.len(), rows.num_rows());
            return Err(SqlError::internal(format_args!("an update of {ids} rows with {rows} images")));
        }
        self.table(table)?;
        if row_ids.is_empty() {
            return Ok(());
        }
        let store = Arc::clone(&self.store);
        let own = self.version();
        let places = self.rows(table).locate(row_ids, &store.cache)?;
        // A row that this transaction itself appended is, to streams, appended as the transaction leaves it.
        let mut appended = Vec::with_capacity(places.len());
        for (group, position) in &places {
            let group = &self.rows(table).groups[*group].group;
            let is_own = matches!(group.meta.appended, Some((_, last)) if last == own);
            let version = if is_own { stored_version(&group.load(&store.cache)?, *position) } else { None };
            appended.push(version.filter(|version| *version == own.0));
        }
        let images = self.group(table, rows, UInt64Array::from(row_ids.to_vec()), UInt64Array::from(appended))?;
        self.rows(table).delete(&places);
        self.push(table, images)
    }

    /// Deletes rows.
    ///
    /// # Errors
    /// `internal` when an id is given twice or is no row of the table.
    pub fn delete(&mut self, table: TableId, row_ids: &[u64]) -> Result<(), SqlError> {
        self.table(table)?;
        if row_ids.is_empty() {
            return Ok(());
        }
        let store = Arc::clone(&self.store);
        let rows = self.rows(table);
        let places = rows.locate(row_ids, &store.cache)?;
        rows.delete(&places);
        Ok(())
    }

    /// Deletes all rows and forgets which files were loaded into the table. Returns how many rows there were.
    pub fn truncate(&mut self, table: TableId) -> Result<u64, SqlError> {
        self.table(table)?;
        let rows = self.rows(table);
        let count = rows.live_rows();
        for state in &mut rows.groups {
            Arc::make_mut(&mut state.deleted).insert_range(0..state.group.meta.rows);
        }
        Arc::make_mut(&mut self.work.records).forget(table.into());
        Ok(count)
    }

    /// Moves a stream's offset, on commit, past everything that was committed when this transaction began.
    ///
    /// # Errors
    /// 002003 when there is no such stream, 091901 when its table is gone.
    pub fn consume_stream(&mut self, stream: ObjectId) -> Result<(), SqlError> {
        self.snapshot().live_stream(stream)?;
        self.work.consumed.insert(stream);
        Ok(())
    }

    /// Remembers what became of a file, replacing what was known of it.
    pub fn record_load(&mut self, target: LoadTarget, load: FileLoad) {
        Arc::make_mut(&mut self.work.records).loads.insert((target.object(), load.file.clone()), load);
    }

    /// Remembers a task's run. A transaction of nothing else wakes no subscriber.
    pub fn record_run(&mut self, run: TaskRun) {
        Arc::make_mut(&mut self.work.records).runs.push(run);
    }

    pub fn savepoint(&self) -> Savepoint {
        Savepoint(self.work.clone())
    }

    /// Takes back everything done since the savepoint, which must be this transaction's own.
    pub fn rollback_to(&mut self, savepoint: Savepoint) {
        self.work = savepoint.0;
    }

    /// Makes the changes durable and visible. Runs to its end even when the caller stops waiting. Returns the version
    /// that has them, which is the old one when nothing was changed but histories.
    ///
    /// # Errors
    /// When the disk fails; then nothing of it is visible.
    pub async fn commit(self) -> Result<Version, SqlError> {
        let done = tokio::task::spawn_blocking(move || self.commit_blocking()).await;
        done.unwrap_or_else(|error| Err(SqlError::internal(format_args!("a commit did not finish: {error}"))))
    }

    fn commit_blocking(mut self) -> Result<Version, SqlError> {
        let live: HashSet<TableId> = self.catalog().list::<Table>().map(Table::id).collect();
        self.work.state.tables.retain(|table, _| live.contains(table));
        for table in live {
            self.settle(table, Settle::ForCommit)?;
        }
        let offset = self.base.version;
        for stream in std::mem::take(&mut self.work.consumed) {
            // A stream dropped since has no offset to move; one that this transaction created stands further already.
            if self.catalog().by_id::<Stream>(stream).is_some_and(|stream| stream.offset < offset) {
                self.catalog_mut().update_by_id(stream, |stream: &mut Stream| stream.offset = offset);
            }
        }
        let Work { mut state, records, .. } = self.work;
        if state.differs(&self.base) {
            state.version = Version(self.base.version.0 + 1);
        } else if records.is_empty() {
            return Ok(self.base.version);
        }
        state.drop_dead_groups();
        self.store.publish(&self.base, state, &records)
    }

    /// Rows with these ids as a group in memory.
    fn group(
        &self,
        table: TableId,
        rows: &RecordBatch,
        ids: UInt64Array,
        appended_at: UInt64Array,
    ) -> Result<Group, SqlError> {
        let columns = &self.table(table)?.columns;
        let schema = stored_schema(columns.iter().map(|column| (column.id, column.data_type.to_arrow())));
        let stored = stored_rows(schema, rows.columns().to_vec(), ids, appended_at)?;
        Group::in_memory(self.store.new_group_id(), &sorted(stored)?)
    }

    /// Adds a group in memory, and writes the table's groups out when they have become many.
    fn push(&mut self, table: TableId, group: Group) -> Result<(), SqlError> {
        let memory = self.work.memory.entry(table).or_default();
        *memory += group.meta.bytes;
        let is_full = *memory > self.store.options.group_bytes as u64;
        self.rows(table).groups.push(GroupState::new(Arc::new(group)));
        if is_full { self.settle(table, Settle::Memory) } else { Ok(()) }
    }

    /// Writes this transaction's rows of a table to files, without those that it deleted itself.
    fn settle(&mut self, table: TableId, settle: Settle) -> Result<(), SqlError> {
        let Some(rows) = self.work.state.tables.get(&table) else { return Ok(()) };
        if self.base.tables.get(&table).is_some_and(|base| Arc::ptr_eq(base, rows)) {
            return Ok(());
        }
        let committed: HashSet<u64> = self.base.tables.get(&table).map(|base| base.group_ids()).unwrap_or_default();
        let is_own = |state: &GroupState| !committed.contains(&state.group.meta.id);
        let (in_memory, others): (Vec<_>, Vec<_>) =
            rows.groups.iter().cloned().partition(|state| state.group.is_in_memory());
        let (dirty, mut groups): (Vec<_>, Vec<_>) = others
            .into_iter()
            .partition(|state| matches!(settle, Settle::ForCommit) && is_own(state) && !state.deleted.is_empty());
        if in_memory.is_empty() && dirty.is_empty() {
            return Ok(());
        }
        let next_row_id = rows.next_row_id;
        let columns = self.table(table)?.columns.clone();
        if !in_memory.is_empty() {
            groups.extend(self.rewrite(&columns, &in_memory)?);
        }
        for state in dirty {
            groups.extend(self.rewrite(&columns, &[state])?);
        }
        self.work.memory.remove(&table);
        self.work.state.tables.insert(table, Arc::new(TableRows { groups, next_row_id }));
        Ok(())
    }

    /// The live rows of some groups in new files.
    fn rewrite(&self, columns: &[Column], groups: &[GroupState]) -> Result<Vec<GroupState>, SqlError> {
        let live: Vec<(Arc<Group>, RoaringBitmap)> =
            groups.iter().map(|state| (Arc::clone(&state.group), state.deleted.as_ref().clone())).collect();
        let merged = merge(columns, &live, &self.store.cache)?.rows;
        // One batch may be of any size; files are not.
        let pieces = (array_bytes(&merged) / self.store.options.group_bytes as u64 + 1) as usize;
        let size = merged.num_rows().div_ceil(pieces).max(1);
        let starts = (0..merged.num_rows()).step_by(size);
        let write = |start: usize| {
            let piece = merged.slice(start, size.min(merged.num_rows() - start));
            self.store.write_group(&piece).map(GroupState::new)
        };
        starts.map(write).collect()
    }

    fn table(&self, table: TableId) -> Result<&Table, SqlError> {
        self.catalog().by_id::<Table>(table).ok_or_else(|| SqlError::does_not_exist(ObjectKind::Table, table))
    }

    fn rows(&mut self, table: TableId) -> &mut TableRows {
        Arc::make_mut(self.work.state.tables.entry(table).or_default())
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("version", &self.version()).finish_non_exhaustive()
    }
}

/// Which of a transaction's own groups are written anew.
#[derive(Clone, Copy)]
enum Settle {
    /// Those in memory.
    Memory,
    /// Also those in files that have deleted rows: nothing a transaction takes back itself reaches a stream.
    ForCommit,
}

/// The version in which the row at a position was appended.
fn stored_version(batches: &[RecordBatch], position: u32) -> Option<u64> {
    let mut start = 0;
    for batch in batches {
        let offset = position as usize - start;
        if offset < batch.num_rows() {
            let versions = appended_at(batch);
            return versions.is_valid(offset).then(|| versions.value(offset));
        }
        start += batch.num_rows();
    }
    None
}
