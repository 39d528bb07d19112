//! Loads and runs that a transaction has recorded but not committed.

use crate::catalog::{FileLoad, LoadTarget, ObjectId, TaskRun};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, Default)]
pub(super) struct Records {
    pub(super) loads: BTreeMap<(ObjectId, String), FileLoad>,
    /// Targets whose committed loads are forgotten.
    pub(super) forgotten: BTreeSet<ObjectId>,
    pub(super) runs: Vec<TaskRun>,
}

impl Records {
    pub(super) fn is_empty(&self) -> bool {
        self.loads.is_empty() && self.forgotten.is_empty() && self.runs.is_empty()
    }

    /// What this transaction recorded of a file.
    pub(super) fn load(&self, target: LoadTarget, file: &str) -> Option<&FileLoad> {
        self.loads.get(&(target.object(), file.to_owned()))
    }

    /// Whether this transaction forgets what is committed of a target.
    pub(super) fn forgets(&self, target: LoadTarget) -> bool {
        self.forgotten.contains(&target.object())
    }

    /// Committed loads with this transaction's, by file name.
    pub(super) fn overlay(&self, target: LoadTarget, committed: Vec<FileLoad>) -> Vec<FileLoad> {
        let committed = if self.forgets(target) { Vec::new() } else { committed };
        let mut all: BTreeMap<String, FileLoad> = committed.into_iter().map(|load| (load.file.clone(), load)).collect();
        let own = self.loads.range((target.object(), String::new())..);
        let own = own.take_while(|((id, _), _)| *id == target.object());
        all.extend(own.map(|((_, file), load)| (file.clone(), load.clone())));
        all.into_values().collect()
    }

    /// Drops what was recorded for a target and what is committed of it.
    pub(super) fn forget(&mut self, target: ObjectId) {
        self.loads.retain(|(id, _), _| *id != target);
        self.forgotten.insert(target);
    }
}
