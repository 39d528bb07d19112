//! Accepting that records will be in no file, which nothing else may decide: a stretch that retention or a cut log took before it
//! was read, or one record that no file can hold. Either is written down as a file without rows whose range covers it. So the
//! chain stays whole and says what happened, and a sink goes on after it as after any file.

use contract::{Position, Range, framing::unframe};
use rdkafka::message::Message as _;
use sink_core::{
    container::FileBuilder, facts::FileFacts, families::FileShape, partition::KafkaFacts, roll::RollReason,
};
use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};
use telemetry::Shutdown;

use crate::{
    config::Config,
    error::SinkError,
    kafka::{self, Place, log_reader::LogReader, questions},
    spool::Spool,
    store::{Put, Store},
    tools::verify,
};

/// What was written down as lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct AcceptedLoss {
    /// First position that is gone.
    pub start: i64,
    /// Where the log begins now.
    pub next: i64,
}

/// A record that was given up.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct GivenUp {
    pub offset: i64,
    /// Where the file that covers it begins: at the record itself, or before it where the log holds no record between.
    pub start: i64,
    /// Milliseconds since 1970, where Kafka has one.
    pub timestamp: Option<i64>,
    pub key: Option<Vec<u8>>,
    /// Length of the value; `None` for a tombstone.
    pub bytes: Option<u64>,
    /// As the value names it, if it is framed.
    pub schema_id: Option<u32>,
}

/// Closes the gap between the end of a partition's files and the beginning of its log. `None` where there is none.
///
/// # Errors
/// When the files themselves are not whole, or a remote system does not answer.
pub async fn accept_loss(config: &Config, topic: &str, partition: i32) -> Result<Option<AcceptedLoss>, SinkError> {
    let chain = Chain::read(config, topic, partition).await?;
    let (low, end) = (chain.kafka.low, chain.end);
    if low <= end {
        return Ok(None);
    }
    match chain.link(config, low, None).await? {
        Put::Created => Ok(Some(AcceptedLoss { start: end.0, next: low.0 })),
        Put::AlreadyExists => Err(chain.refuse(end.0, TAKEN.0.to_owned(), TAKEN.1)),
    }
}

/// Gives up the record at `offset`, which must be the next one after the end of the partition's files, so that a sink that
/// stopped before it goes on after it. Its value is written to the file `save` first.
///
/// # Errors
/// When another record comes next, the files are not whole, a member of the group is there, the value cannot be saved, or a
/// remote system does not answer. Nothing is given up then.
pub async fn give_up(
    config: &Config,
    topic: &str,
    partition: i32,
    offset: i64,
    save: Option<&Path>,
) -> Result<GivenUp, SinkError> {
    let chain = Chain::read(config, topic, partition).await?;
    let (end, KafkaFacts { low, high, .. }) = (chain.end, &chain.kafka);
    if end < *low {
        let found = format!("the files end at {end} and the log begins at {low}");
        return Err(chain.refuse(offset, found, "accept that loss first, without --offset"));
    }
    if offset < end.0 {
        let found = format!("the files end at {end} and cover it");
        return Err(chain.refuse(offset, found, "`pipeline sink verify` says whether they are whole"));
    }
    if offset >= high.0 {
        return Err(chain.refuse(offset, format!("the log ends at {high}"), STOPPED_AT));
    }
    let (asked, place) = (Arc::new(config.clone()), chain.place.clone());
    let save = save.map(Path::to_owned);
    let range = Range { start: end, next: Position(offset + 1) };
    let reading = tokio::task::spawn_blocking(move || {
        let consumer = kafka::unsubscribed(&asked)?;
        questions::refuse_members(&consumer, &asked.group_id)?;
        read(&asked, &place, range, save)
    });
    let record = match reading.await.map_err(|_| SinkError::Panicked)?? {
        Some(record) if record.offset == offset => record,
        Some(GivenUp { offset: next, .. }) => {
            let found = format!("the files end at {end}, and the next record is at offset {next}");
            return Err(chain.refuse(offset, found, "give up that one, or let the sink write it"));
        }
        None => {
            let found = format!("the log holds no committed record from {end} to {offset}");
            return Err(chain.refuse(offset, found, STOPPED_AT));
        }
    };
    match chain.link(config, range.next, Some(&record)).await? {
        Put::Created => Ok(record),
        Put::AlreadyExists => Err(chain.refuse(offset, TAKEN.0.to_owned(), TAKEN.1)),
    }
}

const STOPPED_AT: &str = "give the offset that the sink stopped at";

/// What was found where somebody else's file took the place, and the way out.
const TAKEN: (&str, &str) =
    ("a file was created there meanwhile", "stop every sink of the group, and see what `pipeline sink verify` says");

/// Reads the first record of a range; saves its value if it is the range's last.
fn read(config: &Config, place: &Place, range: Range, save: Option<PathBuf>) -> Result<Option<GivenUp>, SinkError> {
    let reader = LogReader::open(config, place, range, &Shutdown::new())?;
    let Some(message) = reader.next()? else { return Ok(None) };
    let value = message.payload();
    if let Some(path) = save.filter(|_| message.offset() + 1 == range.next.0) {
        let saved = File::create_new(&path).and_then(|mut file| {
            file.write_all(value.unwrap_or_default())?;
            file.sync_all()
        });
        saved.map_err(|source| SinkError::Save { path, source })?;
    }
    Ok(Some(GivenUp {
        offset: message.offset(),
        start: range.start.0,
        timestamp: message.timestamp().to_millis(),
        key: message.key().map(<[u8]>::to_vec),
        bytes: value.map(|value| value.len() as u64),
        schema_id: value.and_then(|value| unframe(value).ok()).map(|(id, _)| id),
    }))
}

/// A whole chain and what the brokers know of its partition.
struct Chain {
    store: Store,
    place: Place,
    id: String,
    /// Where the files end.
    end: Position,
    kafka: KafkaFacts,
}

impl Chain {
    async fn read(config: &Config, topic: &str, partition: i32) -> Result<Self, SinkError> {
        config.check()?;
        let store = Store::connect(config, None).await;
        let verify::Chain { genesis, report, .. } = verify::chain(&store, topic, partition).await?;
        if let Some(fault) = report.faults.first() {
            return Err(SinkError::NotWhole { topic: topic.to_owned(), partition, fault: fault.clone() });
        }
        let kafka = questions::facts(config, (topic.to_owned(), partition)).await?;
        genesis.check(&kafka.identity).map_err(|mismatch| SinkError::Partition {
            topic: topic.to_owned(),
            partition,
            stop: mismatch.into(),
        })?;
        Ok(Self { store, place: (topic.to_owned(), partition), id: report.chain, end: Position(report.next), kafka })
    }

    /// Creates the file without rows from the end of the files to `next`.
    async fn link(&self, config: &Config, next: Position, record: Option<&GivenUp>) -> Result<Put, SinkError> {
        let (topic, partition) = &self.place;
        let facts = FileFacts {
            range: Range { start: self.end, next },
            chain: self.id.clone(),
            reason: RollReason::Loss,
            rows: 0,
            dead_letters: 0,
            offsets: record.map(|record| (record.offset, record.offset)),
            times: None,
            window: None,
            schema_ids: record.and_then(|record| record.schema_id).into_iter().collect(),
        };
        let shape = FileShape::unknown()
            .map_err(|error| SinkError::Local { what: "making an empty file", source: std::io::Error::other(error) })?;
        let mut spool = Spool::default();
        let sync = uuid::Uuid::new_v4().into_bytes();
        FileBuilder::new(topic, *partition, shape.schema(), config.codec, sync, spool.out());
        let body = spool.seal();
        let metadata = facts.to_metadata(&body.sha256_hex(), "accept-loss");
        Ok(self.store.create_file(topic, *partition, self.end, &body, &metadata).await?)
    }

    fn refuse(&self, offset: i64, found: String, way_out: &'static str) -> SinkError {
        let (topic, partition) = self.place.clone();
        SinkError::NotAcceptable { topic, partition, offset, found, way_out }
    }
}
