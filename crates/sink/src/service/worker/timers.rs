//! When which partition is due by the clock. A partition for which nothing is
//! due has no entry and costs nothing.

use sink_core::roll::Millis;
use std::collections::BTreeSet;

/// At most one time for each slot.
#[derive(Debug, Default)]
pub(super) struct Timers {
    due: BTreeSet<(Millis, usize)>,
    /// By slot.
    set: Vec<Option<Millis>>,
}

impl Timers {
    #[inline]
    pub(super) fn is_set(&self, slot: usize) -> bool {
        self.set.get(slot).is_some_and(Option::is_some)
    }

    /// Replaces the time that was set before.
    pub(super) fn set(&mut self, slot: usize, at: Option<Millis>) {
        if self.set.len() <= slot {
            self.set.resize(slot + 1, None);
        }
        if let Some(before) = std::mem::replace(&mut self.set[slot], at) {
            self.due.remove(&(before, slot));
        }
        if let Some(at) = at {
            self.due.insert((at, slot));
        }
    }

    /// Takes out one slot that is due.
    pub(super) fn pop(&mut self, now: Millis) -> Option<usize> {
        let (at, slot) = *self.due.first()?;
        if at > now {
            return None;
        }
        self.set(slot, None);
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slot_is_due_once_at_the_time_set_last() {
        let mut timers = Timers::default();
        timers.set(3, Some(50));
        timers.set(0, Some(20));
        timers.set(3, Some(10));
        timers.set(7, Some(11));
        timers.set(7, None);
        assert!(timers.is_set(3) && !timers.is_set(7) && !timers.is_set(99));
        assert_eq!(timers.pop(9), None);
        assert_eq!((timers.pop(20), timers.pop(20), timers.pop(Millis::MAX)), (Some(3), Some(0), None));
        assert!(!timers.is_set(3));
    }
}
