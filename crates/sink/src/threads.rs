//! Threads with room for the deepest datum. A datum of an older schema version is read by apache-avro, which recurses once
//! for each level and needs up to 60 KB a level where it is not optimised; on a thread of the usual 2 MiB, one nested record
//! would end the process, and end it again after each start.

use crate::error::SinkError;

/// For [`sink_core::skip::MAX_DEPTH`] levels, three times over. Pages that are not used cost nothing.
const STACK: usize = 32 * 1024 * 1024;

/// Runs blocking work on a thread of its own.
///
/// # Errors
/// When the thread cannot be started or panics.
pub(crate) async fn run<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SinkError> {
    let (done, ended) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name(name.to_owned())
        .stack_size(STACK)
        .spawn(move || {
            let _ = done.send(work());
        })
        .map_err(|source| SinkError::Local { what: "starting a thread", source })?;
    ended.await.map_err(|_| SinkError::Panicked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sink_core::{skip::MAX_DEPTH, value_schema::ValueSchema};

    #[tokio::test]
    async fn the_deepest_datum_that_passes_can_be_brought_into_a_newer_shape() {
        let list = |more: &str| {
            let text = format!(
                r#"{{"type":"record","name":"L","fields":[{{"name":"next","type":{{"type":"array","items":"L"}}}}{more}]}}"#
            );
            ValueSchema::parse(&text).unwrap()
        };
        let (old, new) = (list(""), list(r#",{"name":"n","type":"int","default":7}"#));
        let nested = |depth: usize| [vec![2; depth], vec![0; depth + 1]].concat();
        let deepest = (1..MAX_DEPTH as usize).take_while(|depth| old.check(&nested(*depth)).is_ok()).last().unwrap();
        assert!(deepest > 50, "{deepest}");
        let converted = run("test", move || {
            let mut out = Vec::new();
            new.convert(&old, &nested(deepest), &mut out)
                .map(|()| new.check(&out).is_ok() && new.same_value(&old, &nested(deepest), &out).unwrap())
        });
        assert!(converted.await.unwrap().unwrap());
    }
}
