//! Keeping to the memory budget: which files are rolled early, and when reading waits.

use sink_core::{
    partition::{Commands, Hold, Partition},
    roll::RollReason,
};

use super::Worker;
use crate::service::slot::{OpenFile, Slot};

/// Of the memory budget, in sixteenths: what open files may hold, above which the largest are rolled.
const OPEN_FILES: usize = 12;
/// What they and uploads may hold together, above which no records are taken.
const FULL: usize = 13;
/// Above this those that were taken already are given back, to be read again.
const OVERFULL: usize = 14;
/// And what open files may grow by before memory is looked at again, as a divisor: with the above, the budget is kept.
pub(super) const LOOKS: usize = 32;

/// Whether there is memory for reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Memory {
    Enough,
    /// What was fetched waits in the client, which fetches no more than it has room for.
    Short,
    /// Partitions are paused, which gives up what was fetched.
    None,
}

impl Worker {
    /// Rolls the largest files while all together hold more than their share of the budget, and reads nothing while they and
    /// what is being uploaded use it up. Uploads leave open files their share, however slow the store is: files that gave
    /// way to uploads would be small, and many.
    pub(super) fn stay_inside_memory(&mut self) {
        self.grown = 0;
        let held =
            |slot: &Option<Slot>| slot.as_ref().and_then(|slot| slot.open.as_ref()).map_or(0, OpenFile::capacity);
        let budget = self.config.memory_bytes;
        let share = |sixteenths: usize| budget / 16 * sixteenths;
        let limit = share(OPEN_FILES);
        let mut open = self.slots.iter().map(held).sum::<usize>();
        let sealed = |slots: &[Option<Slot>]| slots.iter().flatten().map(Slot::sealed_bytes).sum::<usize>();
        self.metrics.open_bytes.set((self.uploading + open + sealed(&self.slots)) as i64);
        if open > limit {
            let mut by_size: Vec<_> = self.slots.iter().map(held).enumerate().map(|(i, size)| (size, i)).collect();
            by_size.sort_unstable_by(|a, b| b.cmp(a));
            for (size, index) in by_size {
                if open <= limit {
                    break;
                }
                if let Some(slot) = &mut self.slots[index] {
                    slot.machine.roll(RollReason::Memory, &mut self.commands);
                    self.carry_out(index);
                    // Nothing where an upload of the partition is under way: the file is rolled behind it.
                    open -= size - held(&self.slots[index]).min(size);
                }
            }
        }
        let total = self.uploading + open + sealed(&self.slots);
        let memory = match total {
            total if total <= share(FULL) => Memory::Enough,
            total if total > share(OVERFULL) || self.memory == Memory::None => Memory::None,
            _ => Memory::Short,
        };
        let before = std::mem::replace(&mut self.memory, memory);
        if memory != before {
            tracing::debug!(open, uploading = self.uploading, ?memory, "memory");
        }
        match (before, memory) {
            (Memory::Enough | Memory::Short, Memory::None) => {
                self.of_all(|machine, commands| machine.hold(Hold::Memory, commands));
            }
            (Memory::None, Memory::Enough) => {
                self.of_all(|machine, commands| machine.release(Hold::Memory, commands));
            }
            _ => {}
        }
    }

    fn of_all(&mut self, change: impl Fn(&mut Partition, &mut Commands)) {
        for index in 0..self.slots.len() {
            let Some(slot) = &mut self.slots[index] else { continue };
            change(&mut slot.machine, &mut self.commands);
            self.carry_out(index);
        }
    }
}
