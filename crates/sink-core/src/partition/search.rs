//! Finds the last file of a chain before a bound with few listings: object stores list forward only, so it lists once from
//! the chain's beginning and, where that page is cut, halves what is left.

use contract::Position;

use super::More;

/// Looks for the greatest start below `bound`.
#[derive(Debug)]
pub(super) struct Search {
    best: Option<Position>,
    /// No start is at or above it.
    bound: Position,
    from: Position,
}

pub(super) enum Found {
    /// List from here and come back.
    Ask(Position),
    Last(Option<Position>),
}

impl Search {
    pub(super) fn new(first: Position, bound: Position) -> Self {
        Self { best: None, bound, from: first }
    }

    pub(super) fn ask(&self) -> Position {
        self.from
    }

    pub(super) fn listed(&mut self, starts: &[Position], more: More) -> Found {
        let below = starts.partition_point(|start| *start < self.bound);
        match starts[..below].last() {
            Some(last) => self.best = Some(*last),
            None => self.bound = self.from,
        }
        let whole = below < starts.len() || more == More::No;
        let Some(best) = self.best else { return Found::Last(None) };
        if (below > 0 && whole) || self.bound.0 - best.0 <= 1 {
            return Found::Last(Some(best));
        }
        self.from = Position(best.0 + ((self.bound.0 - best.0) / 2).max(1));
        Found::Ask(self.from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    fn last_by_search(starts: &[i64], first: i64, bound: i64, page: usize) -> (Option<Position>, usize) {
        let mut search = Search::new(Position(first), Position(bound));
        let (mut from, mut asked) = (search.ask(), 1);
        loop {
            let all: Vec<_> = starts.iter().map(|n| Position(*n)).filter(|start| *start >= from).collect();
            let more = if all.len() > page { More::Yes } else { More::No };
            match search.listed(&all[..all.len().min(page)], more) {
                Found::Last(last) => return (last, asked),
                Found::Ask(next) => (from, asked) = (next, asked + 1),
            }
        }
    }

    #[test]
    fn the_last_file_before_a_bound_is_found_in_few_listings() {
        let seed = 7;
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        for round in 0..2_000 {
            let mut starts: Vec<i64> = (0..random.random_range(0..60)).map(|_| random.random_range(0..400)).collect();
            starts.sort_unstable();
            starts.dedup();
            let bound = if random.random() { i64::MAX } else { random.random_range(0..500) };
            let page = random.random_range(1..9);
            let expected = starts.iter().rev().find(|start| **start < bound).map(|n| Position(*n));
            let (last, asked) = last_by_search(&starts, 0, bound, page);
            assert_eq!(last, expected, "seed {seed}, round {round}: {starts:?} below {bound} by {page}");
            assert!(asked <= 70, "seed {seed}, round {round}: {asked} listings");
        }
    }
}
