//! What is in a topic, read by a plain consumer that skips aborted transactions.

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    message::Headers as _,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::load::Headers;

const TIMEOUT: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(100);

/// A committed record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp: Option<i64>,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Headers,
}

fn consumer(brokers: &str, isolation: &str) -> anyhow::Result<BaseConsumer> {
    Ok(ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "soak-reader")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", isolation)
        .set("fetch.wait.max.ms", "20")
        .set("auto.offset.reset", "error")
        .create()?)
}

/// Every committed record from these positions on to the end, in the order of partitions and offsets. No transaction may be
/// open for long: the end is waited for.
pub(crate) fn read(brokers: &str, topic: &str, from: &BTreeMap<i32, i64>) -> anyhow::Result<Vec<Record>> {
    let end = Instant::now() + PATIENCE;
    loop {
        wait_for_transactions(brokers, topic, from)?;
        if let Some(records) = read_once(brokers, topic, from)? {
            return Ok(records);
        }
        anyhow::ensure!(Instant::now() < end, "{topic} cannot be read from {from:?}");
        std::thread::sleep(PAUSE);
    }
}

/// `None` where a broker that is just back did not know its own log yet: the client then stops reading.
fn read_once(brokers: &str, topic: &str, from: &BTreeMap<i32, i64>) -> anyhow::Result<Option<Vec<Record>>> {
    let reader = consumer(brokers, "read_committed")?;
    let mut list = TopicPartitionList::new();
    for (partition, position) in from {
        list.add_partition_offset(topic, *partition, Offset::Offset(*position))?;
    }
    reader.assign(&list)?;
    let (mut records, mut ended) = (Vec::new(), BTreeSet::new());
    let end = Instant::now() + PATIENCE;
    while ended.len() < from.len() {
        anyhow::ensure!(Instant::now() < end, "{topic}: only {ended:?} were read to their ends");
        match reader.poll(TIMEOUT) {
            Some(Ok(message)) => {
                let headers = message.headers().map_or(Vec::new(), |headers| {
                    headers.iter().map(|one| (one.key.to_owned(), one.value.map(<[u8]>::to_vec))).collect()
                });
                records.push(Record {
                    partition: message.partition(),
                    offset: message.offset(),
                    timestamp: message.timestamp().to_millis(),
                    key: message.key().map(<[u8]>::to_vec),
                    value: message.payload().map(<[u8]>::to_vec),
                    headers,
                });
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                ended.insert(partition);
            }
            Some(Err(KafkaError::MessageConsumption(
                RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange,
            ))) => return Ok(None),
            // The client repeats by itself; a broker may be coming back.
            Some(Err(error)) => tracing::debug!(%error, topic, "reading"),
            None => {}
        }
    }
    records.sort_by_key(|record| (record.partition, record.offset));
    Ok(Some(records))
}

/// Waits until committed records end where the log does.
fn wait_for_transactions(brokers: &str, topic: &str, from: &BTreeMap<i32, i64>) -> anyhow::Result<()> {
    let (committed, all) = (consumer(brokers, "read_committed")?, consumer(brokers, "read_uncommitted")?);
    let end = Instant::now() + PATIENCE;
    for partition in from.keys() {
        loop {
            let ends = [&committed, &all].map(|reader| reader.fetch_watermarks(topic, *partition, TIMEOUT));
            match ends {
                [Ok((_, stable)), Ok((_, high))] if stable == high => break,
                [stable, high] if Instant::now() >= end => {
                    anyhow::bail!("{topic}[{partition}]: committed to {stable:?}, written to {high:?}")
                }
                _ => std::thread::sleep(PAUSE),
            }
        }
    }
    Ok(())
}

/// How many partitions a topic has; 0 where there is none.
pub(crate) fn partitions(brokers: &str, topic: &str) -> anyhow::Result<usize> {
    let metadata = consumer(brokers, "read_committed")?.fetch_metadata(Some(topic), TIMEOUT)?;
    Ok(metadata.topics().first().map_or(0, |topic| topic.partitions().len()))
}
