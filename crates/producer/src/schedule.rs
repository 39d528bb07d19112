//! When batches are due: at whole multiples of the interval since 1970, UTC, so that the ticks of all producers and of
//! all restarts fall on the same instants. Pure; times in milliseconds since 1970.

use crate::config::MissedTicks;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    /// To make now, oldest first.
    pub(crate) ticks: Vec<i64>,
    /// Of these, so many are late by more than an interval.
    pub(crate) caught_up: u64,
    /// Due but never to be made.
    pub(crate) skipped: u64,
    /// The tick to wait for afterwards.
    pub(crate) next: i64,
}

/// What is due at `now` when the latest batch was that of `last`.
pub(crate) fn due(last: Option<i64>, now: i64, every: i64, missed: MissedTicks, limit: u32) -> Due {
    let current = now - now.rem_euclid(every);
    let next = current + every;
    let passed = match last {
        Some(last) if last <= current => (current - (last - last.rem_euclid(every))) / every,
        // Set back by less than an interval: the tick was made. By more: the old time may be years away.
        Some(last) if last - now < every => 0,
        Some(_) | None => 1,
    };
    let make = match missed {
        MissedTicks::CatchUp => passed.min(i64::from(limit.max(1))),
        MissedTicks::Skip => passed.min(1),
    };
    Due {
        ticks: (0..make).rev().map(|back| current - back * every).collect(),
        caught_up: (make - 1).max(0) as u64,
        skipped: (passed - make) as u64,
        next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: i64 = 120_000;

    fn at(last: Option<i64>, now: i64, missed: MissedTicks) -> Due {
        due(last, now, EVERY, missed, 30)
    }

    #[test]
    fn the_first_batch_is_that_of_the_interval_begun() {
        let due = at(None, 1_000_000, MissedTicks::CatchUp);
        assert_eq!(due, Due { ticks: vec![960_000], caught_up: 0, skipped: 0, next: 1_080_000 });
    }

    #[test]
    fn nothing_is_due_twice() {
        for now in [960_000, 960_001, 1_079_999] {
            let due = at(Some(960_000), now, MissedTicks::CatchUp);
            assert_eq!((due.ticks, due.next), (vec![], 1_080_000));
        }
        assert_eq!(at(Some(960_000), 1_080_000, MissedTicks::CatchUp).ticks, [1_080_000]);
    }

    #[test]
    fn a_tick_off_the_grid_counts_for_its_interval() {
        assert_eq!(at(Some(970_000), 1_000_000, MissedTicks::CatchUp).ticks, Vec::<i64>::new());
        assert_eq!(at(Some(970_000), 1_080_000, MissedTicks::CatchUp).ticks, [1_080_000]);
    }

    #[test]
    fn missed_ticks_are_caught_up_in_order_or_skipped_as_configured() {
        let now = 960_000 + 3 * EVERY + 5;
        let caught_up = at(Some(960_000), now, MissedTicks::CatchUp);
        assert_eq!(caught_up.ticks, [1_080_000, 1_200_000, 1_320_000]);
        assert_eq!((caught_up.caught_up, caught_up.skipped), (2, 0));
        let skipped = at(Some(960_000), now, MissedTicks::Skip);
        assert_eq!((skipped.ticks, skipped.caught_up, skipped.skipped), (vec![1_320_000], 0, 2));
    }

    #[test]
    fn a_long_absence_is_caught_up_only_to_the_limit() {
        let due = at(Some(0), 1_000 * EVERY, MissedTicks::CatchUp);
        assert_eq!((due.ticks.len(), due.caught_up, due.skipped), (30, 29, 970));
        assert_eq!(due.ticks.last(), Some(&(1_000 * EVERY)));
    }

    #[test]
    fn a_clock_set_back_neither_doubles_a_tick_nor_stops_the_producer() {
        assert_eq!(at(Some(1_080_000), 1_079_000, MissedTicks::CatchUp).ticks, Vec::<i64>::new());
        assert_eq!(at(Some(1_080_000), 1_079_000, MissedTicks::CatchUp).next, 1_080_000);
        assert_eq!(at(Some(900 * EVERY), 5 * EVERY, MissedTicks::CatchUp).ticks, [5 * EVERY]);
    }
}
