//! Decoded groups kept in memory, within a bound in bytes.

use datafusion::arrow::array::RecordBatch;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Groups by id; the least recently used go first. A group larger than the bound is never kept.
#[derive(Debug)]
pub(super) struct Cache {
    bound: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<u64, Entry>,
    /// Ids by the tick of their last use.
    order: BTreeMap<u64, u64>,
    tick: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    batches: Arc<Vec<RecordBatch>>,
    bytes: usize,
    tick: u64,
}

impl Cache {
    pub(super) fn new(bound: usize) -> Self {
        Self { bound, state: Mutex::default() }
    }

    pub(super) fn get(&self, group: u64) -> Option<Arc<Vec<RecordBatch>>> {
        let mut state = self.lock();
        let tick = state.next_tick();
        let entry = state.entries.get_mut(&group)?;
        let used = std::mem::replace(&mut entry.tick, tick);
        let batches = Arc::clone(&entry.batches);
        state.order.remove(&used);
        state.order.insert(tick, group);
        Some(batches)
    }

    pub(super) fn put(&self, group: u64, batches: &Arc<Vec<RecordBatch>>, bytes: usize) {
        if bytes > self.bound {
            return;
        }
        let mut state = self.lock();
        state.remove(group);
        while state.bytes + bytes > self.bound {
            let Some((_, oldest)) = state.order.first_key_value() else { break };
            let oldest = *oldest;
            state.remove(oldest);
        }
        let tick = state.next_tick();
        state.bytes += bytes;
        state.order.insert(tick, group);
        state.entries.insert(group, Entry { batches: Arc::clone(batches), bytes, tick });
    }

    /// Forgets a group that no table has any more.
    pub(super) fn remove(&self, group: u64) {
        self.lock().remove(group);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change leaves the state whole, so a panic elsewhere is no reason to stop reading.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next_tick(&mut self) -> u64 {
        self.tick += 1;
        self.tick
    }

    fn remove(&mut self, group: u64) {
        if let Some(entry) = self.entries.remove(&group) {
            self.bytes -= entry.bytes;
            self.order.remove(&entry.tick);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_keeps_to_its_bound_and_lets_the_least_recently_used_go() {
        let cache = Cache::new(100);
        let batches = Arc::new(Vec::new());
        cache.put(1, &batches, 40);
        cache.put(2, &batches, 40);
        assert!(cache.get(1).is_some());
        cache.put(3, &batches, 40);
        assert!(cache.get(2).is_none());
        assert!(cache.get(1).is_some() && cache.get(3).is_some());
        cache.put(4, &batches, 101);
        assert!(cache.get(4).is_none());
        assert_eq!(cache.lock().bytes, 80);
        cache.remove(1);
        assert_eq!(cache.lock().bytes, 40);
        assert_eq!(cache.lock().order.len(), 1);
    }
}
