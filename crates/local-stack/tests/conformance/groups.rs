//! What the sink's group relies on: committed offsets, and partitions that move when members come and go.

use crate::{
    broker::{create_topic, producer, send},
    harness::{DEADLINE, TestStack, eventually, kafka, start, start_on},
};
use contract::endpoints::Kafka;
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer as _, StreamConsumer},
};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// A member that polls on a thread of its own until it is dropped, which leaves the group.
struct Member {
    consumer: Arc<BaseConsumer>,
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Member {
    fn join(stack: &TestStack, topic: &str) -> Self {
        let properties = [
            ("group.id", "sink"),
            ("enable.auto.commit", "false"),
            ("partition.assignment.strategy", "cooperative-sticky"),
            ("session.timeout.ms", "6000"),
            ("heartbeat.interval.ms", "200"),
        ];
        let consumer: Arc<BaseConsumer> = Arc::new(kafka(stack.kafka(), &properties).create().unwrap());
        consumer.subscribe(&[topic]).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (consumer, stop) = (Arc::clone(&consumer), Arc::clone(&stop));
            move || {
                while !stop.load(Ordering::Relaxed) {
                    let _ = consumer.poll(Duration::from_millis(50));
                }
            }
        });
        Self { consumer, stop, thread: Some(thread) }
    }

    fn partitions(&self) -> BTreeSet<i32> {
        let assignment = self.consumer.assignment().unwrap();
        assignment.elements().iter().map(rdkafka::topic_partition_list::TopicPartitionListElem::partition).collect()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Waits until the members have all partitions between them, each one's at one member only.
async fn settled(members: &[&Member], partitions: i32) -> Vec<BTreeSet<i32>> {
    eventually("the members share the partitions", || async {
        let shares: Vec<_> = members.iter().map(|member| member.partitions()).collect();
        let all: BTreeSet<_> = shares.iter().flatten().copied().collect();
        let count: usize = shares.iter().map(BTreeSet::len).sum();
        let is_fair = shares.iter().all(|share| !share.is_empty());
        (is_fair && count == all.len() && all == (0..partitions).collect()).then_some(shares)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_members_share_the_partitions_and_one_takes_over_what_the_other_leaves() {
    let stack = start().await;
    create_topic(stack.kafka(), "t", 4).await;
    let first = Member::join(&stack, "t");
    settled(&[&first], 4).await;
    let second = Member::join(&stack, "t");
    let shares = settled(&[&first, &second], 4).await;
    assert_eq!(shares.iter().map(BTreeSet::len).collect::<Vec<_>>(), [2, 2]);
    drop(first);
    settled(&[&second], 4).await;
}

fn commit(endpoint: &Kafka, position: i64) {
    let consumer: StreamConsumer =
        kafka(endpoint, &[("group.id", "g"), ("enable.auto.commit", "false")]).create().unwrap();
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset("t", 0, Offset::Offset(position)).unwrap();
    consumer.commit(&offsets, CommitMode::Sync).unwrap();
}

fn committed(endpoint: &Kafka) -> Vec<Offset> {
    let consumer: StreamConsumer = kafka(endpoint, &[("group.id", "g")]).create().unwrap();
    let mut asked = TopicPartitionList::new();
    asked.add_partition("t", 0);
    asked.add_partition("t", 1);
    let found = consumer.committed_offsets(asked, DEADLINE).unwrap();
    found.elements().iter().map(rdkafka::topic_partition_list::TopicPartitionListElem::offset).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_committed_position_is_kept_over_an_abrupt_end() {
    let folder = tempfile::tempdir().unwrap();
    let stack = start_on(folder.path()).await;
    let endpoint = stack.endpoints().kafka.clone();
    create_topic(&endpoint, "t", 2).await;
    send(&producer(&endpoint, "none"), "t", &["a".to_owned(), "b".to_owned(), "c".to_owned()]).await;
    assert_eq!(committed(&endpoint), [Offset::Invalid, Offset::Invalid]);
    commit(&endpoint, 2);
    drop(stack);
    let stack = start_on(folder.path()).await;
    assert_eq!(committed(&stack.endpoints().kafka), [Offset::Offset(2), Offset::Invalid]);
}
