//! What is in a topic, read by a plain consumer.

use contract::{CustomerEvent, framing};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(20);

/// A record as Kafka holds it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
}

impl Record {
    /// The event in the newest schema's framing.
    pub(crate) fn event(&self, schema: &apache_avro::Schema) -> CustomerEvent {
        let (_, datum) = framing::unframe(self.value.as_deref().expect("a value")).expect("framed");
        CustomerEvent::decode(schema, datum).expect("an event")
    }
}

/// Every record of a topic, by partition and offset. Blocking.
pub(crate) fn read(kafka: &contract::endpoints::Kafka, topic: &str) -> Vec<Record> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &kafka.bootstrap_servers).set("group.id", "test-reader");
    config.set("enable.auto.commit", "false").set("enable.partition.eof", "true");
    for (key, value) in &kafka.properties {
        config.set(key, value);
    }
    let consumer: BaseConsumer = config.create().expect("consumer");
    let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT).expect("metadata");
    let mut records = Vec::new();
    for partition in metadata.topics()[0].partitions() {
        let (low, high) = consumer.fetch_watermarks(topic, partition.id(), TIMEOUT).expect("watermarks");
        if low == high {
            continue;
        }
        let mut assignment = TopicPartitionList::new();
        assignment.add_partition_offset(topic, partition.id(), Offset::Offset(low)).expect("assignment");
        consumer.assign(&assignment).expect("assign");
        loop {
            let message = match consumer.poll(TIMEOUT).expect("a record in time") {
                Ok(message) => message,
                Err(rdkafka::error::KafkaError::PartitionEOF(_)) => break,
                Err(error) => panic!("reading {topic}: {error}"),
            };
            records.push(Record {
                partition: message.partition(),
                offset: message.offset(),
                key: message.key().map(<[u8]>::to_vec),
                value: message.payload().map(<[u8]>::to_vec),
            });
            if message.offset() + 1 >= high {
                break;
            }
        }
    }
    records.sort_by_key(|record| (record.partition, record.offset));
    records
}
