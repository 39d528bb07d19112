//! When each task is due next. A task's ticks are its interval's multiples from when it was last resumed.

use crate::{
    catalog::{ObjectId, Task, TaskState},
    types::Moment,
};
use std::{collections::HashMap, time::Duration};

#[derive(Debug, Default)]
pub(super) struct Timetable(HashMap<ObjectId, Entry>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    base: Moment,
    interval: Duration,
    next: Moment,
}

impl Timetable {
    /// Brings the table in line with the tasks there are now. A task that is new, resumed or of another schedule is due
    /// at its first tick after `now`.
    pub(super) fn keep<'a>(&mut self, tasks: impl Iterator<Item = &'a Task>, now: Moment) {
        let mut kept = HashMap::new();
        for task in tasks.filter(|task| task.state == TaskState::Started) {
            let Some(schedule) = &task.schedule else { continue };
            let base = base(task);
            let known = self.0.get(&task.header.id).copied();
            let entry = known.filter(|known| known.base == base && known.interval == schedule.interval);
            let next = || next_tick(base, schedule.interval, now);
            let entry = entry.unwrap_or_else(|| Entry { base, interval: schedule.interval, next: next() });
            kept.insert(task.header.id, entry);
        }
        self.0 = kept;
    }

    /// The tasks whose tick has come, with that tick; they are due next at the first tick after `now`.
    pub(super) fn take_due(&mut self, now: Moment) -> Vec<(ObjectId, Moment)> {
        let mut due = Vec::new();
        for (task, entry) in &mut self.0 {
            if entry.next <= now {
                due.push((*task, entry.next));
                entry.next = next_tick(entry.base, entry.interval, now);
            }
        }
        due.sort_unstable_by_key(|(task, tick)| (*tick, *task));
        due
    }

    pub(super) fn until_next(&self, now: Moment) -> Option<Duration> {
        let next = self.0.values().map(|entry| entry.next).min()?;
        Some(Duration::from_micros(u64::try_from(next.0 - now.0).unwrap_or(0)))
    }
}

/// A task's first tick after a moment, if it has a schedule and had it then.
pub(crate) fn tick_after(task: &Task, after: Moment) -> Option<Moment> {
    let schedule = task.schedule.as_ref().filter(|_| base(task) <= after)?;
    Some(next_tick(base(task), schedule.interval, after))
}

fn base(task: &Task) -> Moment {
    task.last_committed_on.unwrap_or(task.header.created_on)
}

/// The first of `base + k · interval`, k ≥ 1, after `now`.
fn next_tick(base: Moment, interval: Duration, now: Moment) -> Moment {
    let interval = i64::try_from(interval.as_micros()).unwrap_or(i64::MAX).max(1);
    let passed = now.0.saturating_sub(base.0).max(0) / interval;
    Moment(base.0.saturating_add(interval.saturating_mul(passed + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_multiples_from_the_base_and_late_ones_are_skipped() {
        let (base, minute) = (Moment(1_000), Duration::from_micros(60));
        assert_eq!(next_tick(base, minute, Moment(1_000)), Moment(1_060));
        assert_eq!(next_tick(base, minute, Moment(1_059)), Moment(1_060));
        assert_eq!(next_tick(base, minute, Moment(1_060)), Moment(1_120));
        assert_eq!(next_tick(base, minute, Moment(1_500)), Moment(1_540));
        assert_eq!(next_tick(base, minute, Moment(10)), Moment(1_060), "a clock set back waits for the first tick");
    }
}
