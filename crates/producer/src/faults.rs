//! Where a producer can die. Tests hook in here and end the process at a chosen step; nobody else does.

use std::{fmt, sync::Arc};

/// A step of a batch on its way, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Events are drawn and nothing is written.
    Generated,
    /// The outbox holds them, on disk.
    Written,
    /// So many records are acknowledged, others may be on their way.
    Acknowledged(u64),
    /// All are acknowledged, and the outbox does not know.
    Delivered,
    /// The outbox is empty again.
    Marked,
}

/// Called at each step; does nothing unless a test gives it something to do.
#[derive(Clone, Default)]
pub struct FaultHook(Option<Arc<dyn Fn(Step) + Send + Sync>>);

impl FaultHook {
    pub fn new(hook: impl Fn(Step) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    pub(crate) fn reached(&self, step: Step) {
        if let Some(hook) = &self.0 {
            hook(step);
        }
    }
}

impl fmt::Debug for FaultHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "FaultHook(set)" } else { "FaultHook(none)" })
    }
}
