//! Progress and cancellation of long readings.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};
use telemetry::Shutdown;

use crate::error::SinkError;

/// The progress of a long reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Work done, of `total`: bytes of files, or offsets of a log.
    pub done: u64,
    pub total: u64,
    /// Records seen.
    pub records: u64,
}

/// Receives the progress of a long reading, and can end it.
pub struct Watch {
    shutdown: Shutdown,
    tell: Box<dyn Fn(Progress) + Send + Sync>,
    done: AtomicU64,
    total: AtomicU64,
    records: AtomicU64,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("progress", &self.progress()).finish_non_exhaustive()
    }
}

impl Watch {
    /// `tell` is called often, from several threads.
    pub fn new(shutdown: Shutdown, tell: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        let zero = AtomicU64::default;
        Self { shutdown, tell: Box::new(tell), done: zero(), total: zero(), records: zero() }
    }

    pub(crate) fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    pub(crate) fn expect(&self, more: u64) {
        self.total.fetch_add(more, Ordering::Relaxed);
    }

    /// Adds to the progress.
    ///
    /// # Errors
    /// When a stop was requested.
    pub(crate) fn advance(&self, done: u64, records: u64) -> Result<(), SinkError> {
        if self.shutdown.is_requested() {
            return Err(SinkError::Interrupted);
        }
        self.done.fetch_add(done, Ordering::Relaxed);
        self.records.fetch_add(records, Ordering::Relaxed);
        (self.tell)(self.progress());
        Ok(())
    }

    fn progress(&self) -> Progress {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Progress { done: read(&self.done), total: read(&self.total), records: read(&self.records) }
    }
}
