//! A topic for human eyes: records in their order, values decoded by the schema they were written with. What cannot be
//! decoded is shown as it is, with the reason; looking never fails on what it sees.

use crate::Error;
use apache_avro::Schema;
use clients::{
    kafka::{self, Log},
    registry::{Answer, Registry},
};
use contract::{
    endpoints::{Kafka, SchemaRegistry},
    event::decode_datum,
    framing,
};
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{Consumer, StreamConsumer},
    error::KafkaError,
    message::{BorrowedMessage, Headers},
};
use serde::Serialize;
use std::{collections::BTreeMap, collections::HashMap, fmt, ops::ControlFlow, sync::Arc, time::Duration};
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

/// One record. Its `Display` is a line like kcat's, its JSON for programs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TailRecord {
    pub partition: i32,
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp: Option<i64>,
    pub key: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    #[serde(flatten)]
    pub value: TailValue,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum TailValue {
    Avro { schema_id: u32, value: serde_json::Value },
    Undecodable { reason: String, text: String },
    Tombstone,
}

impl fmt::Display for TailRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} key={}", self.partition, self.offset, self.key.as_deref().unwrap_or("-"))?;
        for (name, value) in &self.headers {
            write!(f, " {name}={value}")?;
        }
        match &self.value {
            TailValue::Avro { schema_id, value } => write!(f, " schema={schema_id} {value}"),
            TailValue::Undecodable { reason, text } => write!(f, " undecodable ({reason}): {text}"),
            TailValue::Tombstone => f.write_str(" tombstone"),
        }
    }
}

/// Reads a topic and calls `each` for every record until the end, `shutdown`, or `ControlFlow::Break`; says how many.
/// Commits nothing and belongs to no group. Some brokers create a topic that is asked for.
///
/// # Errors
/// When Kafka does not answer. A registry that does not answer leaves values undecoded.
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
        .set("auto.offset.reset", "error");
    let consumer: Arc<StreamConsumer<Log>> = Arc::new(config.create_with_context(Log).map_err(failed)?);
    let (asked, topic, from) = (consumer.clone(), options.topic.clone(), options.from);
    let ranges = tokio::task::spawn_blocking(move || ranges(&asked, &topic, from)).await;
    let ranges = ranges.map_err(|_| Error::Interrupted("read the topic's positions"))?.map_err(failed)?;

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

/// Where to begin and where the end is now, by partition.
fn ranges(
    consumer: &StreamConsumer<Log>,
    topic: &str,
    from: TailFrom,
) -> Result<BTreeMap<i32, (i64, i64)>, KafkaError> {
    let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT)?;
    let mut ranges = BTreeMap::new();
    for partition in metadata.topics().iter().flat_map(rdkafka::metadata::MetadataTopic::partitions) {
        let (low, high) = consumer.fetch_watermarks(topic, partition.id(), TIMEOUT)?;
        let start = match from {
            TailFrom::Beginning => low,
            TailFrom::Last(records) => low.max(high - i64::from(records)),
            TailFrom::End => high,
        };
        ranges.insert(partition.id(), (start, high));
    }
    Ok(ranges)
}

struct Decoder {
    registry: Registry,
    topic: String,
    schemas: HashMap<u32, Schema>,
}

impl Decoder {
    fn new(options: &TailOptions) -> Result<Self, Error> {
        let registry = Registry::new(&options.registry)?;
        Ok(Self { registry, topic: options.topic.clone(), schemas: HashMap::new() })
    }

    async fn record(&mut self, message: &BorrowedMessage<'_>) -> TailRecord {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = message.headers().map(|headers| {
            headers.iter().map(|header| (header.key.to_owned(), header.value.map(text).unwrap_or_default())).collect()
        });
        let value = match message.payload() {
            None => TailValue::Tombstone,
            Some(payload) => match self.avro(payload).await {
                Ok((schema_id, value)) => TailValue::Avro { schema_id, value },
                Err(reason) => TailValue::Undecodable { reason, text: payload.escape_ascii().to_string() },
            },
        };
        TailRecord {
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis(),
            key: message.key().map(text),
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
            let schema = Schema::parse_str(&found.schema).map_err(|error| format!("schema {id}: {error}"))?;
            self.schemas.insert(id, schema);
        }
        let value = decode_datum(&self.schemas[&id], datum).map_err(|error| error.to_string())?;
        Ok((id, value.try_into().map_err(|error: apache_avro::Error| error.to_string())?))
    }
}
