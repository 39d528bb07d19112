//! One table's rows at one version: its groups and which of their rows are gone.

use super::{Version, cache::Cache, group::Group};
use crate::SqlError;
use roaring::RoaringBitmap;
use std::{collections::HashSet, sync::Arc};

#[derive(Debug, Clone, Default)]
pub(super) struct TableRows {
    pub(super) groups: Vec<GroupState>,
    /// The id the next new row gets.
    pub(super) next_row_id: u64,
}

#[derive(Debug, Clone)]
pub(super) struct GroupState {
    pub(super) group: Arc<Group>,
    /// Positions of rows that were deleted, or replaced by an image in another group.
    pub(super) deleted: Arc<RoaringBitmap>,
    /// How many records in the store make up `deleted`.
    pub(super) deletion_records: u32,
}

impl GroupState {
    pub(super) fn new(group: Arc<Group>) -> Self {
        Self { group, deleted: Arc::default(), deletion_records: 0 }
    }

    pub(super) fn live_rows(&self) -> u64 {
        u64::from(self.group.meta.rows) - self.deleted.len()
    }

    /// Whether a stream that was read up to `horizon` may still need the group's deleted rows; without a horizon there is
    /// no stream.
    pub(super) fn is_needed_after(&self, horizon: Option<Version>) -> bool {
        match (self.group.meta.appended, horizon) {
            (Some((_, latest)), Some(horizon)) => latest > horizon,
            _ => false,
        }
    }
}

impl TableRows {
    /// Where the live images of these rows are: for each id the group's index and the position in it, in the order given.
    pub(super) fn locate(&self, row_ids: &[u64], cache: &Cache) -> Result<Vec<(usize, u32)>, SqlError> {
        let mut order: Vec<usize> = (0..row_ids.len()).collect();
        order.sort_unstable_by_key(|index| row_ids[*index]);
        let ascending: Vec<u64> = order.iter().map(|index| row_ids[*index]).collect();
        if let Some((_, twice)) = ascending.iter().zip(ascending.iter().skip(1)).find(|(one, next)| one == next) {
            return Err(SqlError::internal(format_args!("row {twice} is changed twice by one statement")));
        }
        let mut found = vec![None; row_ids.len()];
        for (index, state) in self.groups.iter().enumerate() {
            for (row, position) in state.group.locate(&ascending, &state.deleted, cache)? {
                found[order[row]] = Some((index, position));
            }
        }
        let missing = |index: usize| SqlError::internal(format_args!("the table has no row {}", row_ids[index]));
        found.into_iter().enumerate().map(|(index, place)| place.ok_or_else(|| missing(index))).collect()
    }

    /// Marks rows as gone.
    pub(super) fn delete(&mut self, places: &[(usize, u32)]) {
        for (group, position) in places {
            Arc::make_mut(&mut self.groups[*group].deleted).insert(*position);
        }
    }

    pub(super) fn group_ids(&self) -> HashSet<u64> {
        self.groups.iter().map(|state| state.group.meta.id).collect()
    }

    pub(super) fn live_rows(&self) -> u64 {
        self.groups.iter().map(GroupState::live_rows).sum()
    }
}
