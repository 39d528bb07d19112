//! The warehouse's memory: rows of all tables and the catalogue, under one commit.
//!
//! A table is a list of immutable files of rows ("groups") and, for each, the set of its rows that are gone. A commit
//! writes new groups, then one record in an embedded key-value store that names them, moves stream offsets and holds the
//! catalogue's changes; that record is the commit. Readers hold a snapshot, which nothing changes under them.

mod scan;
mod snapshot;
mod transaction;

pub use scan::{GroupScan, ROW_ID};
pub use snapshot::Snapshot;
pub use transaction::{Savepoint, Transaction};

use crate::SqlError;
use serde::{Deserialize, Serialize};
use std::{fmt, path::Path, time::Duration};
use tokio::sync::watch;

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
    /// Rows of one transaction and table kept in memory before they go to a file, in bytes; also about the size of the
    /// largest groups that merging makes.
    pub group_bytes: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { cache_bytes: 128 << 20, group_bytes: 16 << 20 }
    }
}

/// The open state folder; clones share it.
#[derive(Debug, Clone)]
pub struct Store {}

impl Store {
    /// Opens the folder, making it when it is not there, and removes what a crash left behind.
    ///
    /// # Errors
    /// When another process has it open, when it is of a newer format, or when the disk fails.
    pub fn open(dir: &Path) -> Result<Self, SqlError> {
        Self::open_with(dir, StoreOptions::default())
    }

    /// As [`open`](Self::open), with other bounds.
    pub fn open_with(dir: &Path, options: StoreOptions) -> Result<Self, SqlError> {
        let _ = (dir, options);
        Err(SqlError::internal("skeleton"))
    }

    /// What is committed now; never changes afterwards. Cheap.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::skeleton()
    }

    /// Starts a transaction once no other is open: there is one writer at a time.
    ///
    /// # Errors
    /// 000625 when that takes longer than `wait`.
    pub async fn begin(&self, wait: Duration) -> Result<Transaction, SqlError> {
        let _ = wait;
        Err(SqlError::internal("skeleton"))
    }

    /// Follows the latest [`Version`], so that runners wait for commits instead of polling.
    pub fn subscribe(&self) -> watch::Receiver<Version> {
        watch::channel(Version(0)).1
    }
}
