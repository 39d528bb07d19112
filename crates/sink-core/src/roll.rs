//! When a file ends. Any policy is allowed: exactly once does not rest on where files are cut.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Milliseconds since 1970 by the wall clock.
pub type Millis = i64;

/// When files are rolled. What is `None` never rolls one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollPolicy {
    /// Length of a window in milliseconds; windows are aligned to the wall clock (2 minutes: at :00, :02, :04).
    pub window: Option<Millis>,
    /// After this long without a further record, in milliseconds.
    pub idle: Option<Millis>,
    /// A file is rolled once it holds this many bytes, as written.
    pub max_bytes: u64,
    pub max_records: u64,
}

/// Why a file was rolled; a file says so in its metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RollReason {
    Window,
    Idle,
    Bytes,
    Records,
    Schema,
    Memory,
    /// The disk of the spool folder was full.
    Spool,
    Revoke,
    Shutdown,
    /// The next record cannot be held by any file: the partition stops once this file is created.
    Stop,
    /// Records that an operator has accepted as lost.
    Loss,
}

impl RollReason {
    pub const ALL: [Self; 11] = [
        Self::Window,
        Self::Idle,
        Self::Bytes,
        Self::Records,
        Self::Schema,
        Self::Memory,
        Self::Spool,
        Self::Revoke,
        Self::Shutdown,
        Self::Stop,
        Self::Loss,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Window => "window",
            Self::Idle => "idle",
            Self::Bytes => "bytes",
            Self::Records => "records",
            Self::Schema => "schema",
            Self::Memory => "memory",
            Self::Spool => "spool",
            Self::Revoke => "revoke",
            Self::Shutdown => "shutdown",
            Self::Stop => "stop",
            Self::Loss => "loss",
        }
    }
}

impl fmt::Display for RollReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A stretch of wall-clock time, `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub start: Millis,
    pub end: Millis,
}

impl RollPolicy {
    /// The window that `now` falls into.
    pub fn window_at(&self, now: Millis) -> Option<Window> {
        let length = self.window?.max(1);
        let start = now - now.rem_euclid(length);
        Some(Window { start, end: start.saturating_add(length) })
    }

    /// When an open file is due by the clock, at the earliest: its window's end or its idle time.
    pub fn due(&self, window: Option<Window>, last_record: Millis) -> Option<(Millis, RollReason)> {
        let by_window = window.map(|window| (window.end, RollReason::Window));
        let by_idle = self.idle.map(|idle| (last_record.saturating_add(idle), RollReason::Idle));
        [by_window, by_idle].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// Whether a file of this size is full.
    #[inline]
    pub fn full(&self, bytes: u64, records: u64) -> Option<RollReason> {
        if bytes >= self.max_bytes {
            Some(RollReason::Bytes)
        } else if records >= self.max_records {
            Some(RollReason::Records)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RollPolicy = RollPolicy { window: Some(120_000), idle: Some(5_000), max_bytes: 100, max_records: 10 };

    #[test]
    fn windows_are_aligned_to_the_wall_clock_before_1970_too() {
        assert_eq!(POLICY.window_at(121_000), Some(Window { start: 120_000, end: 240_000 }));
        assert_eq!(POLICY.window_at(120_000), Some(Window { start: 120_000, end: 240_000 }));
        assert_eq!(POLICY.window_at(-1), Some(Window { start: -120_000, end: 0 }));
    }

    #[test]
    fn the_earlier_of_window_and_idle_time_is_due() {
        let window = POLICY.window_at(0);
        assert_eq!(POLICY.due(window, 1_000), Some((6_000, RollReason::Idle)));
        assert_eq!(POLICY.due(window, 119_000), Some((120_000, RollReason::Window)));
        assert_eq!(RollPolicy { window: None, idle: None, ..POLICY }.due(None, 0), None);
    }

    #[test]
    fn a_file_is_full_at_its_bounds() {
        assert_eq!(POLICY.full(99, 9), None);
        assert_eq!(POLICY.full(100, 1), Some(RollReason::Bytes));
        assert_eq!(POLICY.full(1, 10), Some(RollReason::Records));
    }
}
