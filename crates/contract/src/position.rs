//! Places in a partition's log. An [`Offset`] is a record's own; a [`Position`] is the next offset to read. Mixing them up
//! is off by one and loses a record, hence two types.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The offset of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offset(pub i64);

/// The next offset to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub i64);

impl Offset {
    /// The position behind this record.
    pub fn next(self) -> Position {
        Position(self.0 + 1)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What one file covers: the half-open stretch `[start, next)` of a partition's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Range {
    pub start: Position,
    pub next: Position,
}

impl Range {
    pub fn contains(self, offset: Offset) -> bool {
        self.start.0 <= offset.0 && offset.0 < self.next.0
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.start, self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_half_open() {
        let range = Range { start: Position(3), next: Offset(5).next() };
        assert_eq!(range.to_string(), "[3, 6)");
        assert!(!range.contains(Offset(2)) && range.contains(Offset(3)));
        assert!(range.contains(Offset(5)) && !range.contains(Offset(6)));
    }
}
