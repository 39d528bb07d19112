//! What producer and sink rely on in the embedded broker, apart from groups.

use crate::harness::{DEADLINE, kafka, start, start_on};
use contract::endpoints::Kafka;
use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{Consumer as _, StreamConsumer},
    message::{Header, Headers as _, OwnedHeaders, OwnedMessage},
    producer::{FutureProducer, FutureRecord, Producer as _},
};
use std::time::Instant;
use tokio::time::timeout;

pub(crate) async fn create_topic(endpoint: &Kafka, topic: &str, partitions: i32) {
    let admin: AdminClient<DefaultClientContext> = kafka(endpoint, &[]).create().unwrap();
    let topic = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let created = admin.create_topics([&topic], &AdminOptions::new()).await.unwrap();
    for topic in created {
        topic.unwrap();
    }
}

pub(crate) fn producer(endpoint: &Kafka, codec: &str) -> FutureProducer {
    let properties = [("enable.idempotence", "true"), ("acks", "all"), ("compression.type", codec), ("linger.ms", "2")];
    kafka(endpoint, &properties).create().unwrap()
}

/// Sends them all at once and waits for each; partition 0.
pub(crate) async fn send(producer: &FutureProducer, topic: &str, values: &[String]) {
    let sent = values.iter().map(|value| {
        let headers = OwnedHeaders::new().insert(Header { key: "about", value: Some(value.as_str()) });
        let record = FutureRecord::to(topic).partition(0).key("key").payload(value).headers(headers);
        producer.send_result(record).unwrap()
    });
    for sent in sent.collect::<Vec<_>>() {
        timeout(DEADLINE, sent).await.unwrap().unwrap().unwrap();
    }
}

/// Everything in partition 0 up to its end.
pub(crate) async fn read(endpoint: &Kafka, topic: &str) -> Vec<OwnedMessage> {
    let (consumer, end) = at_the_beginning(endpoint, topic);
    let mut messages = Vec::new();
    read_on(&consumer, end, &mut messages).await;
    messages
}

async fn read_on(consumer: &StreamConsumer, end: i64, messages: &mut Vec<OwnedMessage>) {
    while messages.last().map_or(0, |last| last.offset() + 1) < end {
        messages.push(next(consumer).await);
    }
}

async fn next(consumer: &StreamConsumer) -> OwnedMessage {
    timeout(DEADLINE, consumer.recv()).await.unwrap().unwrap().detach()
}

/// A reader of partition 0, and the partition's end.
fn at_the_beginning(endpoint: &Kafka, topic: &str) -> (StreamConsumer, i64) {
    let properties = [("group.id", "reader"), ("enable.auto.commit", "false"), ("fetch.wait.max.ms", "50")];
    let consumer: StreamConsumer = kafka(endpoint, &properties).create().unwrap();
    let (_, end) = consumer.fetch_watermarks(topic, 0, DEADLINE).unwrap();
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
    consumer.assign(&assignment).unwrap();
    (consumer, end)
}

pub(crate) fn payloads(messages: &[OwnedMessage]) -> Vec<String> {
    messages.iter().map(|m| String::from_utf8(m.payload().unwrap().to_vec()).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_every_codec_come_back_as_they_were_sent() {
    let stack = start().await;
    create_topic(stack.kafka(), "t", 1).await;
    let mut expected = Vec::new();
    for codec in ["none", "gzip", "lz4", "zstd"] {
        let values: Vec<_> = (0..50).map(|n| format!("{codec} {n} {}", "x".repeat(n * 20))).collect();
        send(&producer(stack.kafka(), codec), "t", &values).await;
        expected.extend(values);
    }
    let messages = read(stack.kafka(), "t").await;
    assert_eq!(payloads(&messages), expected);
    for (message, offset) in messages.iter().zip(0..) {
        assert_eq!((message.offset(), message.key()), (offset, Some(&b"key"[..])));
        let header = message.headers().unwrap().get_as::<str>(0).unwrap();
        assert_eq!((header.key, header.value.map(str::as_bytes)), ("about", message.payload()));
        assert!(message.timestamp().to_millis().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn null_keys_and_values_stay_null() {
    let stack = start().await;
    create_topic(stack.kafka(), "t", 1).await;
    let producer = producer(stack.kafka(), "none");
    let tombstone: FutureRecord<'_, str, str> = FutureRecord::to("t").partition(0).key("gone");
    producer.send_result(tombstone).unwrap().await.unwrap().unwrap();
    let keyless: FutureRecord<'_, str, str> = FutureRecord::to("t").partition(0).payload("value");
    producer.send_result(keyless).unwrap().await.unwrap().unwrap();
    let messages = read(stack.kafka(), "t").await;
    let shapes: Vec<_> = messages.iter().map(|message| (message.key(), message.payload())).collect();
    assert_eq!(shapes, [(Some(&b"gone"[..]), None), (None, Some(&b"value"[..]))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_has_the_partitions_it_was_made_with_and_honest_watermarks() {
    let stack = start().await;
    create_topic(stack.kafka(), "t", 6).await;
    let producer = producer(stack.kafka(), "zstd");
    let metadata = producer.client().fetch_metadata(Some("t"), DEADLINE).unwrap();
    assert_eq!(metadata.topics()[0].partitions().len(), 6);
    assert_eq!(producer.client().fetch_watermarks("t", 0, DEADLINE).unwrap(), (0, 0));
    send(&producer, "t", &["a".to_owned(), "b".to_owned()]).await;
    assert_eq!(producer.client().fetch_watermarks("t", 0, DEADLINE).unwrap(), (0, 2));
    assert_eq!(producer.client().fetch_watermarks("t", 5, DEADLINE).unwrap(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_records_of_a_backlog_are_there_long_before_the_last() {
    let stack = start().await;
    create_topic(stack.kafka(), "t", 1).await;
    let values: Vec<_> = (0..5_000).map(|n| format!("{n:0200}")).collect();
    send(&producer(stack.kafka(), "lz4"), "t", &values).await;
    let (consumer, end) = at_the_beginning(stack.kafka(), "t");
    let started = Instant::now();
    let mut messages = vec![next(&consumer).await];
    let first = started.elapsed();
    read_on(&consumer, end, &mut messages).await;
    let last = started.elapsed();
    assert_eq!(payloads(&messages), values);
    // With librdkafka's own fetch limits the first comes together with the last; see the stack's properties.
    assert!(first < last / 2, "the first after {first:?}, the last after {last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_an_abrupt_end_on_other_ports() {
    let folder = tempfile::tempdir().unwrap();
    let stack = start_on(folder.path()).await;
    let endpoint = stack.endpoints().kafka.clone();
    create_topic(&endpoint, "t", 1).await;
    let values: Vec<_> = (0..500).map(|n| format!("value {n}")).collect();
    send(&producer(&endpoint, "zstd"), "t", &values).await;
    let ports = stack.ports();
    drop(stack);

    let stack = start_on(folder.path()).await;
    assert_ne!(stack.ports(), ports);
    let endpoint = &stack.endpoints().kafka;
    assert_eq!(payloads(&read(endpoint, "t").await), values);
    send(&producer(endpoint, "zstd"), "t", &["after".to_owned()]).await;
    assert_eq!(payloads(&read(endpoint, "t").await).last().unwrap(), "after");
}
