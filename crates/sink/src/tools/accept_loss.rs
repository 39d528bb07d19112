//! Accepting that records are gone: retention or a cut log took them before they were read. Written down as a file without
//! rows that covers them, so that the chain stays whole and says what happened. Nothing else may close a gap.

use contract::{Position, Range};
use sink_core::{container::FileBuilder, facts::FileFacts, intake::Writer, roll::RollReason};

use crate::{
    config::Config,
    error::SinkError,
    kafka::questions,
    spool::Spool,
    store::{Put, Store},
    tools::verify,
};

/// What was written down as lost.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct AcceptedLoss {
    /// First position that is gone.
    pub start: i64,
    /// Where the log begins now.
    pub next: i64,
}

/// Closes the gap between the end of a partition's files and the beginning of its log. `None` where there is none.
///
/// # Errors
/// When the files themselves are not whole, or a remote system does not answer.
pub async fn accept_loss(config: &Config, topic: &str, partition: i32) -> Result<Option<AcceptedLoss>, SinkError> {
    config.check()?;
    let store = Store::connect(config, None).await;
    let verify::Chain { genesis, report, .. } = verify::chain(&store, topic, partition).await?;
    if let Some(fault) = report.faults.first() {
        return Err(SinkError::NotWhole { topic: topic.to_owned(), partition, fault: fault.clone() });
    }
    let facts = questions::facts(config, (topic.to_owned(), partition)).await?;
    genesis.check(&facts.identity).map_err(|mismatch| SinkError::Partition {
        topic: topic.to_owned(),
        partition,
        stop: mismatch.into(),
    })?;
    let (low, end) = (facts.low, Position(report.next));
    if low <= end {
        return Ok(None);
    }
    let facts = FileFacts {
        range: Range { start: end, next: low },
        chain: report.chain,
        reason: RollReason::Loss,
        rows: 0,
        dead_letters: 0,
        offsets: None,
        times: None,
        window: None,
        schema_ids: Vec::new(),
    };
    let writer = Writer::none_yet()
        .map_err(|error| SinkError::Local { what: "making an empty file", source: std::io::Error::other(error) })?;
    let mut spool = Spool::default();
    FileBuilder::new(topic, partition, &writer.schema, config.codec, uuid::Uuid::new_v4().into_bytes(), spool.out());
    let body = spool.seal();
    let metadata = facts.to_metadata(&body.sha256_hex(), "accept-loss");
    match store.create_file(topic, partition, end, &body, &metadata).await? {
        Put::Created => Ok(Some(AcceptedLoss { start: end.0, next: low.0 })),
        Put::AlreadyExists => {
            let found = "a file was created meanwhile: a sink is running".to_owned();
            let way_out = "stop every sink of the group and look again";
            Err(SinkError::NotAcceptable { topic: topic.to_owned(), partition, offset: end.0, found, way_out })
        }
    }
}
