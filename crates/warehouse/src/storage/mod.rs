//! The warehouse's memory: rows of all tables and the catalogue, under one commit.
//!
//! A table is a list of immutable files of rows ("groups") and, for each, the set of its rows that are gone. A commit
//! writes new groups, then one record in an embedded key-value store that names them, moves stream offsets and holds the
//! catalogue's changes; that record is the commit. Readers hold a snapshot, which nothing changes under them. What a
//! commit writes grows with what it changes, not with the table.

mod cache;
mod compaction;
mod group;
mod journal;
mod merge;
mod records;
mod scan;
mod snapshot;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod transaction;

pub use compaction::Compaction;
pub use scan::{GroupScan, ROW_ID};
pub use snapshot::Snapshot;
pub use transaction::{Savepoint, Transaction};

use crate::SqlError;
use arc_swap::ArcSwap;
use cache::Cache;
use datafusion::arrow::array::RecordBatch;
use group::{Group, disk_error};
use journal::{CommitFailure, Journal};
use records::Records;
use serde::{Deserialize, Serialize};
use state::State;
use std::{
    fmt,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Mutex, watch};

const JOURNAL_FILE: &str = "warehouse.redb";
const GROUP_FOLDER: &str = "groups";

/// Counts commits that changed rows or the catalogue. A row knows the version it was appended in; a stream's offset is
/// the version up to which it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u64);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How a store spends memory and disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreOptions {
    /// Decoded groups kept in memory, in bytes; the least recently used go first.
    pub cache_bytes: usize,
    /// Rows of one transaction and table kept in memory before they go to a file, in bytes; also about the size from
    /// which a group is no longer merged with others.
    pub group_bytes: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { cache_bytes: 128 << 20, group_bytes: 16 << 20 }
    }
}

/// The open state folder; clones share it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    groups: PathBuf,
    options: StoreOptions,
    journal: Journal,
    cache: Cache,
    current: ArcSwap<State>,
    writer: Arc<Mutex<()>>,
    last_group_id: AtomicU64,
    /// Set when a commit's fate is unknown: another commit on top of a guess could lose it.
    is_uncertain: AtomicBool,
    #[cfg(test)]
    probe: std::sync::Mutex<Option<tests::Probe>>,
    /// Last, as its end says that the folder is closed.
    versions: watch::Sender<Version>,
}

/// The moments of a commit at which a crash would leave something different behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    FileWritten,
    FilesSynced,
    Recorded,
    Published,
}

impl Store {
    /// Opens the folder, making it when it is not there, and removes what a crash left behind.
    ///
    /// # Errors
    /// When another process has it open, when it is of another format, or when the disk fails.
    pub fn open(dir: &Path) -> Result<Self, SqlError> {
        Self::open_with(dir, StoreOptions::default())
    }

    /// As [`open`](Self::open), with other bounds.
    pub fn open_with(dir: &Path, options: StoreOptions) -> Result<Self, SqlError> {
        let groups = dir.join(GROUP_FOLDER);
        fs::create_dir_all(&groups).map_err(|error| disk_error("create", &groups, &error))?;
        let journal = Journal::open(&dir.join(JOURNAL_FILE))?;
        let state = journal.restore(&groups)?;
        let last_group_id = remove_orphans(&groups, &state)?;
        let inner = Inner {
            groups,
            options,
            journal,
            cache: Cache::new(options.cache_bytes),
            versions: watch::Sender::new(state.version),
            current: ArcSwap::from_pointee(state),
            writer: Arc::default(),
            last_group_id: AtomicU64::new(last_group_id),
            is_uncertain: AtomicBool::new(false),
            #[cfg(test)]
            probe: std::sync::Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What is committed now; never changes afterwards. Cheap.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { store: Arc::clone(&self.inner), state: self.inner.current(), records: Arc::default() }
    }

    /// Starts a transaction once no other is open: there is one writer at a time.
    ///
    /// # Errors
    /// 000625 when that takes longer than `wait`; `internal` after a disk failure whose outcome only a restart can tell.
    pub async fn begin(&self, wait: Duration) -> Result<Transaction, SqlError> {
        let lock = Arc::clone(&self.inner.writer).lock_owned();
        let writer = tokio::time::timeout(wait, lock).await.map_err(|_| SqlError::lock_timeout())?;
        if self.inner.is_uncertain.load(Ordering::Acquire) {
            return Err(SqlError::internal(
                "the disk failed during a commit: restart the warehouse to learn its outcome",
            ));
        }
        Ok(Transaction::new(Arc::clone(&self.inner), self.inner.current(), writer))
    }

    /// Follows the latest [`Version`], so that runners wait for commits instead of polling.
    pub fn subscribe(&self) -> watch::Receiver<Version> {
        self.inner.versions.subscribe()
    }

    /// Waits until nothing has the folder open any more, so that another store can: no clone, no snapshot, and no commit
    /// that goes on without the caller that stopped waiting for it.
    pub fn closed(self) -> impl Future<Output = ()> + Send {
        let mut versions = self.subscribe();
        drop(self);
        async move { while versions.changed().await.is_ok() {} }
    }
}

impl Inner {
    fn current(&self) -> Arc<State> {
        self.current.load_full()
    }

    fn new_group_id(&self) -> u64 {
        self.last_group_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Writes stored rows to a new group's file. Until a commit names it, dropping the group removes it.
    fn write_group(&self, rows: &RecordBatch) -> Result<Arc<Group>, SqlError> {
        let group = Group::write(self.new_group_id(), rows, &self.groups, &self.cache)?;
        self.reached(Step::FileWritten);
        Ok(Arc::new(group))
    }

    /// The commit: records `new`, whose groups are all in files, and lets readers see it. The caller holds the write lock,
    /// under which `base` is what is committed.
    fn publish(&self, base: &State, mut new: State, records: &Records) -> Result<Version, SqlError> {
        let (added, removed) = (new.groups_without(base), base.groups_without(&new));
        if !added.is_empty() {
            let folder = File::open(&self.groups).and_then(|folder| folder.sync_all());
            folder.map_err(|error| disk_error("sync", &self.groups, &error))?;
        }
        self.reached(Step::FilesSynced);
        // Before the record: a file may be left without one, but no record without its files.
        for group in &added {
            group.set_kept(true);
        }
        match self.journal.commit(base, &mut new, records) {
            Ok(()) => {}
            Err(CommitFailure::NotDone(error)) => {
                for group in &added {
                    group.set_kept(false);
                }
                return Err(error);
            }
            Err(CommitFailure::Unknown(error)) => {
                self.is_uncertain.store(true, Ordering::Release);
                return Err(error);
            }
        }
        self.reached(Step::Recorded);
        let version = new.version;
        self.current.store(Arc::new(new));
        for group in removed {
            // Its file goes with the last snapshot that reads it.
            group.set_kept(false);
            self.cache.remove(group.meta.id);
        }
        if version != base.version {
            self.versions.send_replace(version);
        }
        self.reached(Step::Published);
        Ok(version)
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_self)]
    fn reached(&self, _: Step) {}

    #[cfg(test)]
    fn reached(&self, step: Step) {
        if let Some(probe) = self.probe.lock().unwrap().as_mut() {
            probe(step);
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("groups", &self.groups).field("options", &self.options).finish_non_exhaustive()
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// Removes files of rows that no commit names; returns the last group id in use.
fn remove_orphans(groups: &Path, state: &State) -> Result<u64, SqlError> {
    let known = state.group_ids();
    let failed = |error: std::io::Error| disk_error("clean", groups, &error);
    for entry in fs::read_dir(groups).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let id = entry.file_name().to_str().and_then(group::group_of_file);
        if id.is_some_and(|id| !known.contains(&id)) {
            tracing::info!(path = %entry.path().display(), "removing rows that were never committed");
            fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(known.into_iter().max().unwrap_or(0))
}
