//! What the suites share: servers, waiting, and what is in the topic and the bucket.

pub(crate) mod bucket;
pub(crate) mod process;
pub(crate) mod servers;
pub(crate) mod topic;

use std::{future::Future, time::Duration};
use tokio::time::Instant;

/// How often a condition that goes on changing may use up its patience.
const SLOWEST: u32 = 5;

/// Asks again until `condition` gives a value; panics with `what` and the refusal once that has stayed the same for `patience`:
/// on a busy machine what goes on is only slow.
pub(crate) async fn eventually<T, F>(what: &str, patience: Duration, mut condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let begun = Instant::now();
    let (mut last, mut since) = (String::new(), begun);
    let mut pause = tokio::time::interval(Duration::from_millis(100));
    loop {
        pause.tick().await;
        let refusal = match tokio::time::timeout_at(begun + patience * SLOWEST, condition()).await {
            Ok(Ok(value)) => return value,
            Ok(Err(refusal)) => refusal,
            Err(late) => panic!("{what}: {late}; before it: {last}"),
        };
        if refusal != last {
            (last, since) = (refusal, Instant::now());
        }
        assert!(since.elapsed() < patience, "{what}: nothing new for {patience:?}: {last}");
        assert!(begun.elapsed() < patience * SLOWEST, "{what}: not within {:?}: {last}", begun.elapsed());
    }
}
