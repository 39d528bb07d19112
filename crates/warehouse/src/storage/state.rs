//! Everything committed at one version, as one value in memory.

use super::{
    Version,
    group::Group,
    table::{GroupState, TableRows},
};
use crate::catalog::{Catalog, Stream, TableId};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) version: Version,
    pub(super) catalog: Catalog,
    /// Tables that have had rows.
    pub(super) tables: HashMap<TableId, Arc<TableRows>>,
}

impl State {
    /// The least offset of a table's streams: what was deleted and is older may be forgotten. `None` without streams.
    pub(super) fn horizon(&self, table: TableId) -> Option<Version> {
        self.catalog.list::<Stream>().filter(|stream| stream.table == table).map(|stream| stream.offset).min()
    }

    /// Whether rows or objects are not the same as in `other`.
    pub(super) fn differs(&self, other: &Self) -> bool {
        let same = |(table, rows): (&TableId, &Arc<TableRows>)| {
            other.tables.get(table).is_some_and(|other| Arc::ptr_eq(rows, other))
        };
        self.tables.len() != other.tables.len() || !self.tables.iter().all(same) || self.catalog.differs(&other.catalog)
    }

    /// Forgets groups of which every row is gone, unless a stream still needs them.
    pub(super) fn drop_dead_groups(&mut self) {
        let tables: Vec<TableId> = self.tables.keys().copied().collect();
        for table in tables {
            let horizon = self.horizon(table);
            let is_dead = |state: &GroupState| state.live_rows() == 0 && !state.is_needed_after(horizon);
            if let Some(rows) = self.tables.get_mut(&table)
                && rows.groups.iter().any(is_dead)
            {
                Arc::make_mut(rows).groups.retain(|state| !is_dead(state));
            }
        }
    }

    /// Groups that `other` does not have.
    pub(super) fn groups_without(&self, other: &Self) -> Vec<Arc<Group>> {
        let mut found = Vec::new();
        for (table, rows) in &self.tables {
            let old = other.tables.get(table);
            if old.is_some_and(|old| Arc::ptr_eq(rows, old)) {
                continue;
            }
            let old = old.map(|old| old.group_ids()).unwrap_or_default();
            let new = rows.groups.iter().filter(|state| !old.contains(&state.group.meta.id));
            found.extend(new.map(|state| Arc::clone(&state.group)));
        }
        found
    }

    pub(super) fn group_ids(&self) -> HashSet<u64> {
        self.tables.values().flat_map(|rows| rows.group_ids()).collect()
    }
}
