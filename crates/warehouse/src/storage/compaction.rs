//! Merging: many small groups become few larger ones, and rows that are gone and that no stream needs are left out.
//!
//! The new group is written from a snapshot while others go on writing; only naming it in place of the old ones takes the
//! write lock. Rows keep their ids and the versions they were appended in, so neither readers nor streams notice.

use super::{
    State, Store, Transaction, Version,
    group::Group,
    merge::{GONE, merge},
    records::Records,
    table::{GroupState, TableRows},
};
use crate::{
    SqlError,
    catalog::{Table, TableId},
};
use roaring::RoaringBitmap;
use std::{sync::Arc, time::Duration};

/// Small groups of about one size that are worth a merge.
const FAN_IN: usize = 8;
/// Most groups of one merge.
const MAX_FAN_IN: usize = 32;
/// How long a finished merge waits for writers before it is given up and done anew later.
const WAIT_FOR_WRITERS: Duration = Duration::from_mins(1);

/// What [`Store::compact`] found to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compaction {
    /// Groups were merged; there may be more to do.
    Merged {
        groups: usize,
    },
    NothingToDo,
}

/// A merge that is written and not yet named.
struct Prepared {
    table: TableId,
    sources: Vec<GroupState>,
    positions: Vec<Vec<u32>>,
    /// `None` when no row was left.
    group: Option<Arc<Group>>,
}

impl Store {
    /// Merges the groups of one table, where that pays.
    ///
    /// # Errors
    /// 000625 when writers hold the lock for too long; `internal` when the disk fails. Nothing is lost either way.
    pub async fn compact(&self) -> Result<Compaction, SqlError> {
        let store = self.clone();
        let Some(prepared) = blocking(move || store.prepare()).await? else { return Ok(Compaction::NothingToDo) };
        let groups = prepared.sources.len();
        let transaction = self.begin(WAIT_FOR_WRITERS).await?;
        blocking(move || install(&transaction, prepared)).await?;
        Ok(Compaction::Merged { groups })
    }

    /// Merges after commits for as long as the program runs.
    pub async fn maintain(&self, shutdown: telemetry::Shutdown) {
        let mut commits = self.subscribe();
        commits.mark_changed();
        loop {
            tokio::select! {
                () = shutdown.requested() => return,
                changed = commits.changed() => if changed.is_err() { return },
            }
            while !shutdown.is_requested() {
                match self.compact().await {
                    Ok(Compaction::Merged { groups }) => tracing::debug!(groups, "merged groups of rows"),
                    Ok(Compaction::NothingToDo) => break,
                    Err(error) => {
                        tracing::warn!(%error, "could not merge groups of rows; trying again after the next commit");
                        break;
                    }
                }
            }
        }
    }

    fn prepare(&self) -> Result<Option<Prepared>, SqlError> {
        let state = self.inner.current();
        for (table, rows) in &state.tables {
            let horizon = state.horizon(*table);
            let chosen = choose(rows, horizon, self.inner.options.group_bytes as u64);
            let Some(columns) = state.catalog.by_id::<Table>(*table).map(|table| &table.columns) else { continue };
            if chosen.is_empty() {
                continue;
            }
            let sources: Vec<GroupState> = chosen.into_iter().map(|index| rows.groups[index].clone()).collect();
            let mut gathered = Vec::with_capacity(sources.len());
            for source in &sources {
                // Deleted rows that a stream may still show stay, deleted.
                let dropped = if source.is_needed_after(horizon) {
                    RoaringBitmap::new()
                } else {
                    source.deleted.as_ref().clone()
                };
                gathered.push((Arc::clone(&source.group), dropped));
            }
            let merged = merge(columns, &gathered, &self.inner.cache)?;
            let group = if merged.rows.num_rows() == 0 { None } else { Some(self.inner.write_group(&merged.rows)?) };
            return Ok(Some(Prepared { table: *table, sources, positions: merged.positions, group }));
        }
        Ok(None)
    }
}

/// Puts a merged group in the place of its sources, unless one of them is gone meanwhile.
fn install(transaction: &Transaction, prepared: Prepared) -> Result<(), SqlError> {
    let base = &transaction.base;
    let Some(rows) = base.tables.get(&prepared.table) else { return Ok(()) };
    let mut deleted = RoaringBitmap::new();
    for (source, positions) in prepared.sources.iter().zip(&prepared.positions) {
        let Some(now) = rows.groups.iter().find(|state| state.group.meta.id == source.group.meta.id) else {
            return Ok(());
        };
        // Both what was deleted before, where it was kept, and what was deleted since.
        deleted.extend(now.deleted.iter().map(|old| positions[old as usize]).filter(|new| *new != GONE));
    }
    let merged = prepared.group.map(|group| GroupState { group, deleted: Arc::new(deleted), deletion_records: 0 });
    let replaced =
        |state: &&GroupState| prepared.sources.iter().all(|source| source.group.meta.id != state.group.meta.id);
    let groups = rows.groups.iter().filter(replaced).cloned().chain(merged).collect();
    let mut state: State = base.as_ref().clone();
    state.tables.insert(prepared.table, Arc::new(TableRows { groups, next_row_id: rows.next_row_id }));
    state.drop_dead_groups();
    transaction.store.publish(base, state, &Records::default()).map(drop)
}

/// The groups of a table that are worth merging into one, by index: enough small ones of about one size, or one that is
/// mostly dead. What is written per row over its life is bounded, as its group grows at least threefold each time.
fn choose(rows: &TableRows, horizon: Option<Version>, group_bytes: u64) -> Vec<usize> {
    let mostly_dead = |state: &GroupState| {
        state.deleted.len() * 2 > u64::from(state.group.meta.rows) && !state.is_needed_after(horizon)
    };
    if let Some(index) = rows.groups.iter().position(mostly_dead) {
        return vec![index];
    }
    let mut sizes: Vec<Vec<usize>> = Vec::new();
    for (index, state) in rows.groups.iter().enumerate() {
        let bytes = state.group.meta.bytes;
        if bytes < group_bytes / 2 {
            // Steps of 4, from 64 KiB.
            let size = ((bytes >> 16).max(1).ilog2() / 2) as usize;
            if sizes.len() <= size {
                sizes.resize_with(size + 1, Vec::new);
            }
            sizes[size].push(index);
        }
    }
    let Some(many) = sizes.into_iter().find(|indexes| indexes.len() >= FAN_IN) else { return Vec::new() };
    let mut bytes = 0;
    let fits = |index: &usize| {
        bytes += rows.groups[*index].group.meta.bytes;
        bytes <= group_bytes * 2
    };
    many.into_iter().take(MAX_FAN_IN).take_while(fits).collect()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SqlError> + Send + 'static,
) -> Result<T, SqlError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(SqlError::internal(format_args!("merging groups did not finish: {error}"))))
}
