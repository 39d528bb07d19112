//! What reading alone costs, and reading with the work that no sink can avoid: copying, compressing, checksumming. The
//! reading is that of the floor that other programs were measured beside: a plain poll loop with large fetches.

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};
use sha2::{Digest, Sha256};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);
const BLOCK: usize = 64 * 1024;

/// How much is done with what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Floor {
    /// Lengths are added up.
    Bare,
    /// Values are copied into blocks, compressed with snappy and checksummed.
    Snappy,
    /// Values are copied into blocks and checksummed.
    Null,
}

/// Reads `records` of a topic from its beginning; returns how many bytes their values had.
pub(crate) fn read(brokers: &str, topic: &str, records: u64, floor: Floor) -> anyhow::Result<u64> {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", brokers)
        .set("group.id", "bench-floor")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("fetch.message.max.bytes", "4194304")
        .set("queued.max.messages.kbytes", "131072");
    for (key, value) in crate::endpoints::properties()? {
        client.set(key, value);
    }
    let consumer: BaseConsumer = client.create()?;
    let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT)?;
    let mut list = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(rdkafka::metadata::MetadataTopic::partitions) {
        list.add_partition_offset(topic, partition.id(), Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    let (mut block, mut packed) = (Vec::with_capacity(2 * BLOCK), vec![0; snap::raw::max_compress_len(2 * BLOCK)]);
    let (mut digest, mut encoder) = (Sha256::new(), snap::raw::Encoder::new());
    let (mut read, mut bytes) = (0, 0);
    while read < records {
        let message = consumer.poll(TIMEOUT).ok_or_else(|| anyhow::anyhow!("nothing more after {read}"))??;
        let value = message.payload().unwrap_or_default();
        read += 1;
        bytes += value.len() as u64;
        if floor == Floor::Bare {
            continue;
        }
        block.extend_from_slice(value);
        if block.len() >= BLOCK {
            if floor == Floor::Snappy {
                let len = encoder.compress(&block, &mut packed)?;
                digest.update(&packed[..len]);
            } else {
                digest.update(&block);
            }
            block.clear();
        }
    }
    // Used, so that nothing of it can be left out.
    tracing::debug!(digest = ?digest.finalize());
    Ok(bytes)
}
