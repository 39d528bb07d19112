//! Threads with room for the deepest datum. `sink verify --deep` decodes data with apache-avro, which recurses once for each level
//! and needs up to 60 KB a level where it is not optimised; on a thread of the usual 2 MiB, one nested record would end the
//! process.

use crate::error::SinkError;

/// For [`sink_core::skip::MAX_DEPTH`] levels. Pages that are not used cost nothing.
const STACK: usize = 64 * 1024 * 1024;

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
    use apache_avro::{Schema, reader::datum::GenericDatumReader};
    use sink_core::{skip::MAX_DEPTH, value_schema::ValueSchema};

    #[tokio::test]
    async fn the_deepest_datum_that_passes_can_be_decoded() {
        let text = r#"{"type":"record","name":"L","fields":[{"name":"next","type":{"type":"array","items":"L"}}]}"#;
        let (ours, theirs) = (ValueSchema::parse(text).unwrap(), Schema::parse_str(text).unwrap());
        let nested = |depth: usize| [vec![2; depth], vec![0; depth + 1]].concat();
        let deepest = (1..MAX_DEPTH as usize).take_while(|depth| ours.check(&nested(*depth)).is_ok()).last().unwrap();
        assert!(deepest > 200, "{deepest}");
        let decoded = run("test", move || {
            GenericDatumReader::builder(&theirs).build().unwrap().read_value(&mut &nested(deepest)[..]).is_ok()
        });
        assert!(decoded.await.unwrap());
    }
}
