//! What a tick did, for people and for the demo's conditions.

use contract::Position;
use std::{collections::BTreeMap, time::Duration};

/// Events by what they did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    pub created: u64,
    pub updated: u64,
    pub deleted: u64,
    pub recreated: u64,
    /// Asked for by the mix but impossible: a delete without customers.
    pub skipped: u64,
}

impl Tally {
    pub fn events(&self) -> u64 {
        self.created + self.updated + self.deleted + self.recreated
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.created += other.created;
        self.updated += other.updated;
        self.deleted += other.deleted;
        self.recreated += other.recreated;
        self.skipped += other.skipped;
    }
}

/// What one tick made and sent.
#[derive(Debug, Clone, Default)]
pub struct BatchReport {
    /// Of the batch, from 1; 0 when nothing was left to do.
    pub number: u64,
    /// New events.
    pub tally: Tally,
    /// Records acknowledged by Kafka, including those sent again.
    pub records: u64,
    /// Records that an earlier run had written to the outbox and not marked as sent: some may be in the topic twice.
    pub resent: u64,
    /// Keys and values of those records.
    pub bytes: u64,
    /// Behind the last acknowledged record of each partition.
    pub positions: BTreeMap<i32, Position>,
    /// From the first send to the last acknowledgement.
    pub sending: Duration,
}
