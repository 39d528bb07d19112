//! The producer's own book: each transaction's records before it is committed, its outcome after. A line is written before
//! the step it announces, so that a soak killed at any moment knows what may be in the topic.

use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::Path,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    Committed,
    Aborted,
    /// Nobody answered: all of its records are in the topic, or none.
    Unknown,
}

/// Records `first` to `first + count`, in one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Transaction {
    pub(crate) id: u64,
    pub(crate) first: u64,
    pub(crate) count: u64,
    pub(crate) outcome: Outcome,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Begin { id: u64, first: u64, count: u64 },
    End { id: u64, outcome: Outcome },
}

#[derive(Debug)]
pub(crate) struct Ledger {
    file: File,
    /// Of those that no check has seen.
    transactions: Vec<Transaction>,
    next_id: u64,
    next_record: u64,
}

impl Ledger {
    /// Opens the book, or begins one. Transactions before `checked` are left out.
    pub(crate) fn open(path: &Path, checked: u64) -> io::Result<Self> {
        let mut ledger = Self {
            file: OpenOptions::new().create(true).append(true).open(path)?,
            transactions: Vec::new(),
            next_id: 0,
            next_record: 0,
        };
        let written = fs::read_to_string(path)?;
        for line in written.lines() {
            match serde_json::from_str(line) {
                Ok(Line::Begin { id, first, count }) => ledger.note_begin(id, first, count),
                Ok(Line::End { id, outcome }) => ledger.note_end(id, outcome),
                // Cut short by a kill; the step it announces was not taken.
                Err(_) => {}
            }
        }
        if !written.is_empty() && !written.ends_with('\n') {
            writeln!(ledger.file)?;
        }
        ledger.forget_before(checked);
        Ok(ledger)
    }

    /// Writes down that records are about to be sent; returns the transaction's id and its first record.
    pub(crate) fn begin(&mut self, count: u64) -> io::Result<(u64, u64)> {
        let (id, first) = (self.next_id, self.next_record);
        self.write(&Line::Begin { id, first, count })?;
        self.note_begin(id, first, count);
        Ok((id, first))
    }

    pub(crate) fn end(&mut self, id: u64, outcome: Outcome) -> io::Result<()> {
        self.write(&Line::End { id, outcome })?;
        self.note_end(id, outcome);
        Ok(())
    }

    pub(crate) fn unchecked(&self) -> Vec<Transaction> {
        self.transactions.clone()
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.next_id
    }

    pub(crate) fn forget_before(&mut self, checked: u64) {
        self.transactions.retain(|transaction| transaction.id >= checked);
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        self.file.write_all(text.as_bytes())
    }

    fn note_begin(&mut self, id: u64, first: u64, count: u64) {
        self.transactions.push(Transaction { id, first, count, outcome: Outcome::Unknown });
        (self.next_id, self.next_record) = (id + 1, first + count);
    }

    fn note_end(&mut self, id: u64, outcome: Outcome) {
        if let Some(transaction) = self.transactions.iter_mut().rev().find(|transaction| transaction.id == id) {
            transaction.outcome = outcome;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn a_killed_producers_last_transaction_is_unknown_and_its_numbers_are_not_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let mut ledger = Ledger::open(&path, 0).unwrap();
        for (count, outcome) in [(5, Some(Outcome::Committed)), (7, Some(Outcome::Aborted)), (9, None)] {
            let (id, _) = ledger.begin(count).unwrap();
            if let Some(outcome) = outcome {
                ledger.end(id, outcome).unwrap();
            }
        }
        ledger.file.write_all(b"{\"begin\":{\"id\":3,").unwrap();
        let mut again = Ledger::open(&path, 1).unwrap();
        let expected = [(1, 5, 7, Outcome::Aborted), (2, 12, 9, Outcome::Unknown)];
        let expected = expected.map(|(id, first, count, outcome)| Transaction { id, first, count, outcome });
        assert_eq!(again.unchecked(), expected);
        assert_eq!(again.begin(1).unwrap(), (3, 21));
        assert_eq!(Ledger::open(&path, 3).unwrap().unchecked().len(), 1);
    }
}
