//! What the suites share: servers, waiting, and what is in the topic and the bucket.

pub(crate) mod bucket;
pub(crate) mod process;
pub(crate) mod servers;
pub(crate) mod topic;

use std::{future::Future, time::Duration};
use tokio::time::Instant;

/// Asks again until `condition` gives a value; panics with `what` and the last refusal after `deadline`.
pub(crate) async fn eventually<T, F>(what: &str, deadline: Duration, mut condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let end = Instant::now() + deadline;
    let mut pause = tokio::time::interval(Duration::from_millis(100));
    loop {
        pause.tick().await;
        match condition().await {
            Ok(value) => return value,
            Err(refusal) => assert!(Instant::now() < end, "{what}: not within {deadline:?}: {refusal}"),
        }
    }
}
