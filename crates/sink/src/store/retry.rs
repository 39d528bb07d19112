//! Retries of requests that failed. Every retry ends: one attempt after a time that grows with the bytes that it carries, the
//! whole operation at a deadline.

use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    Store, Watched,
    failure::{Failure, Retry},
    operation::Operation,
};
use crate::{
    error::{FailedRequest, StoreError},
    metrics::RequestLabel,
};

/// The name of this part in the process's health.
const PART: &str = "sink: object store";
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Bytes a second below which a transfer counts as stuck.
const SLOWEST: u64 = 1024 * 1024;

/// How long an operation may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) end: Instant,
    /// For one attempt.
    attempt: Duration,
}

/// Pauses that grow, each shortened at random: clients that failed together should not retry together.
pub(super) struct Pauses(Duration);

impl Pauses {
    pub(super) fn new() -> Self {
        Self(FIRST_PAUSE)
    }

    pub(super) fn next(&mut self) -> Duration {
        let pause = self.0.mul_f64(rand::random_range(0.5..=1.0));
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
        pause
    }
}

/// Returns the time that so many bytes take at the slowest rate.
fn transfer(bytes: u64) -> Duration {
    Duration::from_secs(bytes / SLOWEST)
}

impl Store {
    /// Returns the patience with an operation that carries so many bytes.
    pub(super) fn patience(&self, bytes: u64) -> Patience {
        let moving = transfer(bytes);
        Patience { end: Instant::now() + self.deadline + moving, attempt: self.attempt + moving }
    }

    /// Returns the patience with one request of an operation, which carries so many of its bytes.
    pub(super) fn share(&self, whole: &Patience, bytes: u64) -> Patience {
        Patience { end: whole.end, attempt: self.attempt + transfer(bytes) }
    }

    /// Retries `attempt` with growing pauses until it succeeds, cannot succeed, or its time is over.
    pub(super) async fn repeat<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        operation: Operation,
        key: &str,
        patience: Patience,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, StoreError> {
        let mut pauses = Pauses::new();
        loop {
            if let Some(Watched { metrics, .. }) = &self.watched {
                metrics.store_requests.get_or_create(&RequestLabel { request: operation.name() }).inc();
            }
            let limit = patience.end.min(Instant::now() + patience.attempt);
            let failure = match timeout_at(limit, attempt()).await {
                Ok(Ok(done)) => {
                    if let Some(Watched { health, .. }) = &self.watched {
                        health.ready(PART);
                    }
                    return Ok(done);
                }
                Ok(Err(failure)) => failure,
                Err(_) => Failure::worthwhile(&format!("no answer within {:?}", patience.attempt)),
            };
            let request = self.failed(operation, key, &failure);
            if failure.retry == Retry::Useless {
                return Err(StoreError::Refused { request });
            }
            let pause = pauses.next().max(failure.after.unwrap_or_default());
            if Instant::now() + pause >= patience.end {
                return Err(StoreError::Deadline { request });
            }
            tracing::warn!(%request, pause_ms = pause.as_millis() as u64, "object store, trying again");
            if let Some(Watched { metrics, health }) = &self.watched {
                health.unready(PART, request.to_string());
                metrics.store_retries.inc();
            }
            sleep(pause).await;
        }
    }

    /// Describes a failed request for an error.
    pub(super) fn failed(&self, operation: Operation, key: &str, failure: &Failure) -> FailedRequest {
        FailedRequest {
            operation: operation.name(),
            url: self.url(key),
            server: self.server.clone(),
            found: failure.found.clone(),
            way_out: failure.way_out(operation),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_differ() {
        let drawn = || {
            let mut pauses = Pauses::new();
            (0..20).map(|_| pauses.next()).collect::<Vec<_>>()
        };
        let (one, two) = (drawn(), drawn());
        assert!(one[0] <= FIRST_PAUSE && one[0] >= FIRST_PAUSE / 2, "{one:?}");
        assert!(one.iter().all(|pause| *pause <= LONGEST_PAUSE) && one[19] >= LONGEST_PAUSE / 2, "{one:?}");
        assert_ne!(one, two);
    }
}
