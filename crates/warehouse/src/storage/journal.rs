//! The commit records: an embedded key-value store (redb) in which one synced transaction is one commit of the warehouse.
//! What it does not name does not exist, whatever lies in the folder.
//!
//! Values are JSON, so that a state folder can be read by eye and fields can be added; sets of positions are roaring's
//! portable format.

use super::{
    State, Version,
    group::{Group, GroupMeta},
    records::Records,
    table::{GroupState, TableRows},
};
use crate::{
    SqlError,
    catalog::{Catalog, FileLoad, LoadTarget, Object, ObjectId, Table, TableId, TaskRun},
    types::Moment,
};
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition, TableError, WriteTransaction};
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
/// By object id.
const OBJECTS: TableDefinition<u64, &[u8]> = TableDefinition::new("objects");
/// The id of each table's next row.
const TABLES: TableDefinition<u64, u64> = TableDefinition::new("tables");
/// By table and group.
const GROUPS: TableDefinition<(u64, u64), &[u8]> = TableDefinition::new("groups");
/// By table, group and version: positions deleted in that version. Each commit adds only what it deleted.
const DELETIONS: TableDefinition<(u64, u64, u64), &[u8]> = TableDefinition::new("deletions");
/// By pipe or table and file.
const LOADS: TableDefinition<(u64, &str), &[u8]> = TableDefinition::new("loads");
/// In the order they were recorded.
const RUNS: TableDefinition<u64, &[u8]> = TableDefinition::new("runs");

const STATE: &str = "state";
const FORMAT: u32 = 1;
/// Deletion records of one group before they are folded into one.
const MAX_DELETION_RECORDS: u32 = 32;
/// Days for which `TASK_HISTORY` goes back.
const RUN_RETENTION_DAYS: i64 = 7;
/// How often loads that nothing remembers any more are removed.
const PRUNE_EVERY_DAYS: i64 = 1;
const CACHE_BYTES: usize = 8 << 20;

#[derive(Debug, Serialize, Deserialize)]
struct StoredState {
    format: u32,
    version: Version,
    last_object_id: u64,
}

pub(super) struct Journal {
    path: PathBuf,
    database: Database,
    pruned_at: Mutex<Moment>,
}

/// Why a commit is not known to be durable.
pub(super) enum CommitFailure {
    /// Nothing was recorded.
    NotDone(SqlError),
    /// The disk failed while recording: only the next open can tell.
    Unknown(SqlError),
}

impl Journal {
    pub(super) fn open(path: &Path) -> Result<Self, SqlError> {
        let database = redb::Builder::new().set_cache_size(CACHE_BYTES).create(path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => SqlError::internal(format_args!(
                "{} is in use: another warehouse runs on this folder. Stop it, or choose another folder.",
                path.display()
            )),
            other => SqlError::internal(format_args!("cannot open {}: {other}", path.display())),
        })?;
        Ok(Self { path: path.to_owned(), database, pruned_at: Mutex::new(Moment(i64::MIN)) })
    }

    /// The committed state; an empty one for a new folder.
    pub(super) fn restore(&self, folder: &Path) -> Result<State, SqlError> {
        self.try_restore(folder).map_err(|error| self.failed("read", &error))
    }

    fn try_restore(&self, folder: &Path) -> Result<State, Failure> {
        let read = self.database.begin_read()?;
        let Some(meta) = opened(read.open_table(META))? else { return Ok(State::default()) };
        let Some(stored) = meta.get(STATE)? else { return Ok(State::default()) };
        let stored: StoredState = decode(stored.value())?;
        if stored.format != FORMAT {
            let found = stored.format;
            return Err(Failure(format!(
                "it has format {found}, this program reads {FORMAT}: use the program that wrote it"
            )));
        }
        let mut objects = Vec::new();
        for entry in read.open_table(OBJECTS)?.iter()? {
            objects.push(decode::<Object>(entry?.1.value())?);
        }
        let mut tables: HashMap<TableId, TableRows> = HashMap::new();
        for entry in read.open_table(TABLES)?.iter()? {
            let (table, next_row_id) = entry?;
            let rows = TableRows { groups: Vec::new(), next_row_id: next_row_id.value() };
            tables.insert(TableId(table.value()), rows);
        }
        let mut deletions: BTreeMap<(u64, u64), (RoaringBitmap, u32)> = BTreeMap::new();
        for entry in read.open_table(DELETIONS)?.iter()? {
            let (key, positions) = entry?;
            let (table, group, _) = key.value();
            let (deleted, records) = deletions.entry((table, group)).or_default();
            *deleted |= RoaringBitmap::deserialize_from(positions.value())?;
            *records += 1;
        }
        for entry in read.open_table(GROUPS)?.iter()? {
            let (key, meta) = entry?;
            let (table, group) = key.value();
            let (deleted, deletion_records) = deletions.remove(&(table, group)).unwrap_or_default();
            let group = Arc::new(Group::committed(decode::<GroupMeta>(meta.value())?, folder));
            let state = GroupState { group, deleted: Arc::new(deleted), deletion_records };
            tables.entry(TableId(table)).or_default().groups.push(state);
        }
        Ok(State {
            version: stored.version,
            catalog: Catalog::restore(objects, stored.last_object_id),
            tables: tables.into_iter().map(|(id, rows)| (id, Arc::new(rows))).collect(),
        })
    }

    /// Records the difference between two states and what happened, as one commit. Counts the deletion records of `new`.
    pub(super) fn commit(&self, base: &State, new: &mut State, records: &Records) -> Result<(), CommitFailure> {
        let write = self.write(base, new, records);
        let write = write.map_err(|error| CommitFailure::NotDone(self.failed("write", &error)))?;
        write.commit().map_err(|error| CommitFailure::Unknown(self.failed("commit to", &Failure(error.to_string()))))
    }

    fn write(&self, base: &State, new: &mut State, records: &Records) -> Result<WriteTransaction, Failure> {
        let write = self.database.begin_write()?;
        let state = StoredState { format: FORMAT, version: new.version, last_object_id: new.catalog.last_id() };
        write.open_table(META)?.insert(STATE, encode(&state)?.as_slice())?;
        write_objects(&write, &base.catalog, &new.catalog)?;
        write_tables(&write, base, new)?;
        write_runs(&write, &records.runs)?;
        self.write_loads(&write, records, &new.catalog)?;
        Ok(write)
    }

    pub(super) fn load(&self, target: LoadTarget, file: &str) -> Result<Option<FileLoad>, SqlError> {
        let find = || -> Result<Option<FileLoad>, Failure> {
            let Some(loads) = opened(self.database.begin_read()?.open_table(LOADS))? else { return Ok(None) };
            let found = loads.get((target.object().0, file))?;
            found.map(|load| decode(load.value())).transpose()
        };
        let found = find().map_err(|error| self.failed("read", &error))?;
        Ok(found.filter(|load| is_remembered(load, target.retention_days())))
    }

    pub(super) fn loads(&self, target: LoadTarget) -> Result<Vec<FileLoad>, SqlError> {
        let find = || -> Result<Vec<FileLoad>, Failure> {
            let Some(loads) = opened(self.database.begin_read()?.open_table(LOADS))? else { return Ok(Vec::new()) };
            let ObjectId(id) = target.object();
            loads.range((id, "")..(id + 1, ""))?.map(|entry| decode(entry?.1.value())).collect()
        };
        let mut found = find().map_err(|error| self.failed("read", &error))?;
        found.retain(|load| is_remembered(load, target.retention_days()));
        Ok(found)
    }

    pub(super) fn runs(&self, limit: usize, keep: impl Fn(&TaskRun) -> bool) -> Result<Vec<TaskRun>, SqlError> {
        let find = || -> Result<Vec<TaskRun>, Failure> {
            let Some(runs) = opened(self.database.begin_read()?.open_table(RUNS))? else { return Ok(Vec::new()) };
            let oldest = Moment::now().minus_days(RUN_RETENTION_DAYS);
            let mut found = Vec::new();
            for entry in runs.iter()?.rev() {
                if found.len() == limit {
                    break;
                }
                let run: TaskRun = decode(entry?.1.value())?;
                if run.scheduled_at >= oldest && keep(&run) {
                    found.push(run);
                }
            }
            Ok(found)
        };
        find().map_err(|error| self.failed("read", &error))
    }

    fn write_loads(&self, write: &WriteTransaction, records: &Records, catalog: &Catalog) -> Result<(), Failure> {
        let mut table = write.open_table(LOADS)?;
        for ObjectId(id) in &records.forgotten {
            table.retain_in((*id, "")..(id + 1, ""), |_, _| false)?;
        }
        for ((ObjectId(id), file), load) in &records.loads {
            table.insert((*id, file.as_str()), encode(load)?.as_slice())?;
        }
        let now = Moment::now();
        let mut pruned_at = self.pruned_at.lock().unwrap_or_else(PoisonError::into_inner);
        if !records.loads.is_empty() && *pruned_at < now.minus_days(PRUNE_EVERY_DAYS) {
            table.retain(|(id, _), load| {
                let table = catalog.by_id::<Table>(TableId(id)).map(Table::id);
                let target = table.map_or(LoadTarget::Pipe(ObjectId(id)), LoadTarget::Table);
                let kept = |load: FileLoad| is_remembered(&load, target.retention_days());
                catalog.objects().contains_key(&ObjectId(id)) && decode(load).is_ok_and(kept)
            })?;
            *pruned_at = now;
        }
        Ok(())
    }

    fn failed(&self, tried: &str, failure: &Failure) -> SqlError {
        super::group::disk_error(tried, &self.path, &failure.0)
    }
}

fn is_remembered(load: &FileLoad, days: i64) -> bool {
    load.loaded_at >= Moment::now().minus_days(days)
}

fn write_objects(write: &WriteTransaction, base: &Catalog, new: &Catalog) -> Result<(), Failure> {
    let mut table = write.open_table(OBJECTS)?;
    for (id, object) in new.objects() {
        if base.objects().get(id).is_none_or(|old| !Arc::ptr_eq(old, object)) {
            table.insert(id.0, encode(object.as_ref())?.as_slice())?;
        }
    }
    for id in base.objects().keys().filter(|id| !new.objects().contains_key(id)) {
        table.remove(id.0)?;
    }
    Ok(())
}

fn write_tables(write: &WriteTransaction, base: &State, new: &mut State) -> Result<(), Failure> {
    let (mut tables, mut groups) = (write.open_table(TABLES)?, write.open_table(GROUPS)?);
    let mut deletions = write.open_table(DELETIONS)?;
    let nothing = Arc::new(TableRows::default());
    let version = new.version.0;
    for (id, rows) in &mut new.tables {
        let old = base.tables.get(id);
        if old.is_some_and(|old| Arc::ptr_eq(old, rows)) {
            continue;
        }
        let old: HashMap<u64, &GroupState> =
            old.unwrap_or(&nothing).groups.iter().map(|state| (state.group.meta.id, state)).collect();
        tables.insert(id.0, rows.next_row_id)?;
        for state in &mut Arc::make_mut(rows).groups {
            let group = state.group.meta.id;
            let before = old.get(&group);
            if before.is_none() {
                groups.insert((id.0, group), encode(&state.group.meta)?.as_slice())?;
            }
            let deleted = match before {
                Some(before) if Arc::ptr_eq(&before.deleted, &state.deleted) => continue,
                Some(before) if state.deletion_records < MAX_DELETION_RECORDS => &*state.deleted - &*before.deleted,
                _ => {
                    deletions.retain_in((id.0, group, 0)..=(id.0, group, u64::MAX), |_, _| false)?;
                    state.deletion_records = 0;
                    state.deleted.as_ref().clone()
                }
            };
            if !deleted.is_empty() {
                let mut bytes = Vec::with_capacity(deleted.serialized_size());
                deleted.serialize_into(&mut bytes)?;
                deletions.insert((id.0, group, version), bytes.as_slice())?;
                state.deletion_records += 1;
            }
        }
    }
    for (id, old) in &base.tables {
        let rows = new.tables.get(id);
        if rows.is_some_and(|rows| Arc::ptr_eq(old, rows)) {
            continue;
        }
        if rows.is_none() {
            tables.remove(id.0)?;
        }
        let kept = |group: u64| rows.is_some_and(|rows| rows.groups.iter().any(|state| state.group.meta.id == group));
        for group in old.groups.iter().map(|state| state.group.meta.id).filter(|group| !kept(*group)) {
            groups.remove((id.0, group))?;
            deletions.retain_in((id.0, group, 0)..=(id.0, group, u64::MAX), |_, _| false)?;
        }
    }
    Ok(())
}

fn write_runs(write: &WriteTransaction, runs: &[TaskRun]) -> Result<(), Failure> {
    let mut table = write.open_table(RUNS)?;
    if runs.is_empty() {
        return Ok(());
    }
    let mut sequence = table.last()?.map_or(0, |(last, _)| last.value());
    for run in runs {
        sequence += 1;
        table.insert(sequence, encode(run)?.as_slice())?;
    }
    let oldest = Moment::now().minus_days(RUN_RETENTION_DAYS);
    let mut expired = Vec::new();
    for entry in table.iter()? {
        let (sequence, run) = entry?;
        if decode::<TaskRun>(run.value())?.scheduled_at >= oldest {
            break;
        }
        expired.push(sequence.value());
    }
    for sequence in expired {
        table.remove(sequence)?;
    }
    Ok(())
}

/// A table that no commit has written to yet is an empty one.
fn opened<T>(table: Result<T, TableError>) -> Result<Option<T>, Failure> {
    match table {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn encode(value: &impl Serialize) -> Result<Vec<u8>, Failure> {
    Ok(serde_json::to_vec(value)?)
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    Ok(serde_json::from_slice(bytes)?)
}

/// Any error of the store below, in words.
struct Failure(String);

macro_rules! failures {
    ($($error:ty),+) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self { Self(error.to_string()) }
        })+
    };
}

failures!(redb::TransactionError, TableError, redb::StorageError, serde_json::Error, std::io::Error);
