//! A topic for human eyes: records in their order, values decoded by the schema they were written with. What cannot be
//! decoded is shown as it is, with the reason. Reading never fails on what a record holds.

mod decode;
#[cfg(test)]
mod decode_tests;
mod record;

pub use record::{TailBytes, TailHeader, TailRecord, TailValue};

use crate::Error;
use clients::{
    kafka::{self, Log},
    registry::{Answer, Registry},
};
use contract::{
    endpoints::{Kafka, SchemaRegistry},
    framing,
};
use decode::Writer;
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{Consumer, StreamConsumer},
    error::KafkaError,
    message::{BorrowedMessage, Header, Headers},
    metadata::MetadataTopic,
};
use std::{collections::BTreeMap, collections::HashMap, ops::ControlFlow, sync::Arc, time::Duration};
use telemetry::Shutdown;

const TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Debug, Clone)]
pub struct TailOptions {
    pub kafka: Kafka,
    pub registry: SchemaRegistry,
    pub topic: String,
    pub from: TailFrom,
    pub until: TailUntil,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TailFrom {
    Beginning,
    /// The last so many records of each partition.
    Last(u32),
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TailUntil {
    /// What the topic held when the reading began.
    End,
    /// Until asked to stop.
    Stopped,
}

/// Reads a topic and calls `each` for every record until the end, `shutdown`, or `ControlFlow::Break`. Returns the number of
/// records. It commits nothing, belongs to no group and creates no topic.
///
/// # Errors
/// When the topic does not exist, or Kafka does not answer. A registry that does not answer leaves values undecoded.
pub async fn tail(
    options: TailOptions,
    shutdown: Shutdown,
    mut each: impl FnMut(TailRecord) -> ControlFlow<()>,
) -> Result<u64, Error> {
    let failed = |source| Error::Kafka { doing: format!("read topic `{}`", options.topic), source };
    let mut config = kafka::client(&options.kafka);
    config
        .set("group.id", "pipeline-tail")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        // The end of a log is told with an answer, and somebody looks on.
        .set("fetch.wait.max.ms", "100")
        .set("auto.offset.reset", "error");
    let consumer: Arc<StreamConsumer<Log>> = Arc::new(config.create_with_context(Log).map_err(failed)?);
    let (asked, topic, from) = (consumer.clone(), options.topic.clone(), options.from);
    let ranges = tokio::task::spawn_blocking(move || ranges(&asked, &topic, from)).await;
    let ranges = ranges.map_err(|_| Error::Interrupted("read the topic's positions"))?.map_err(failed)?;
    let ranges = ranges.map_err(|known| Error::MissingTopic { topic: options.topic.clone(), known })?;

    let mut assignment = TopicPartitionList::new();
    let mut open: HashMap<i32, i64> = HashMap::new();
    for (partition, (start, end)) in ranges {
        if options.until == TailUntil::Stopped || start < end {
            assignment.add_partition_offset(&options.topic, partition, Offset::Offset(start)).map_err(failed)?;
            open.insert(partition, end);
        }
    }
    consumer.assign(&assignment).map_err(failed)?;
    let mut decoder = Decoder::new(&options)?;
    let mut shown = 0;
    while !open.is_empty() {
        let message = tokio::select! { message = consumer.recv() => message, () = shutdown.requested() => break };
        let (partition, next) = match message {
            Ok(message) => {
                let place = (message.partition(), message.offset() + 1);
                if options.until == TailUntil::End && open.get(&place.0).is_none_or(|end| place.1 > *end) {
                    continue;
                }
                shown += 1;
                if each(decoder.record(&message).await).is_break() {
                    break;
                }
                place
            }
            // Also where the last offsets hold no records, as those of transactions.
            Err(KafkaError::PartitionEOF(partition)) => (partition, i64::MAX),
            Err(source) => return Err(failed(source)),
        };
        if options.until == TailUntil::End && open.get(&partition).is_some_and(|end| next >= *end) {
            open.remove(&partition);
        }
    }
    Ok(shown)
}

/// The first offset to read and the end of each partition; the topics that exist when this one does not.
type Ranges = Result<BTreeMap<i32, (i64, i64)>, Vec<String>>;

fn ranges(consumer: &StreamConsumer<Log>, topic: &str, from: TailFrom) -> Result<Ranges, KafkaError> {
    // Some brokers create a topic that is asked for by its name, so the question is for all of them.
    let metadata = consumer.fetch_metadata(None, TIMEOUT)?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
        let names = metadata.topics().iter().map(MetadataTopic::name).filter(|name| !kafka::is_internal(name));
        return Ok(Err(names.map(str::to_owned).collect()));
    };
    let mut ranges = BTreeMap::new();
    for partition in found.partitions() {
        let (low, high) = consumer.fetch_watermarks(topic, partition.id(), TIMEOUT)?;
        let start = match from {
            TailFrom::Beginning => low,
            TailFrom::Last(records) => low.max(high - i64::from(records)),
            TailFrom::End => high,
        };
        ranges.insert(partition.id(), (start, high));
    }
    Ok(Ok(ranges))
}

/// Two upper-case digits a byte.
fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02X}");
        text
    })
}

struct Decoder {
    registry: Registry,
    topic: String,
    schemas: HashMap<u32, Writer>,
}

impl Decoder {
    fn new(options: &TailOptions) -> Result<Self, Error> {
        let registry = Registry::new(&options.registry)?;
        Ok(Self { registry, topic: options.topic.clone(), schemas: HashMap::new() })
    }

    async fn record(&mut self, message: &BorrowedMessage<'_>) -> TailRecord {
        let headers = message.headers().map(|headers| {
            let header = |header: Header<'_, &[u8]>| TailHeader {
                name: header.key.to_owned(),
                value: header.value.map(TailBytes::new),
            };
            headers.iter().map(header).collect()
        });
        let value = match message.payload() {
            None => TailValue::Tombstone,
            Some(payload) => match self.avro(payload).await {
                Ok((schema_id, value)) => TailValue::Avro { schema_id, value },
                Err(reason) => TailValue::Undecodable { reason, value: TailBytes::new(payload) },
            },
        };
        TailRecord {
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis(),
            key: message.key().map(TailBytes::new),
            headers: headers.unwrap_or_default(),
            value,
        }
    }

    async fn avro(&mut self, payload: &[u8]) -> Result<(u32, serde_json::Value), String> {
        let (id, datum) = framing::unframe(payload).map_err(|error| error.to_string())?;
        if !self.schemas.contains_key(&id) {
            let found = match self.registry.look_up(&self.topic, id).await {
                Answer::Found(found) => found,
                Answer::Missing => return Err(format!("schema {id}: the registry does not have it")),
                Answer::Down(reason) => return Err(format!("schema {id}: {reason}")),
            };
            if found.kind != "AVRO" {
                return Err(format!("schema {id}: expected an Avro schema, found {}", found.kind));
            }
            let schema = found.references.as_ref().map_err(Clone::clone);
            let schema = schema.and_then(|references| Writer::parse(&found.schema, references));
            let schema = schema.map_err(|error| format!("schema {id}: {error}"))?;
            self.schemas.insert(id, schema);
        }
        Ok((id, self.schemas[&id].decode(datum)?))
    }
}
