//! What may happen to the log itself: markers, compaction, deleted records.

use super::{admin, start};
use crate::{
    field::Field,
    running::{Running, TIMEOUT, eventually},
};
use rdkafka::{
    Offset, TopicPartitionList,
    admin::AdminOptions,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    producer::{BaseProducer, BaseRecord, Producer},
};
use sink::Start;

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_begins_at_the_first_record_of_a_time() {
    let Some(field) = start("timestamp", 1, &[("retention.ms", "-1")]).await else { return };
    field.produce_at(0..30, 1, |n| 1_700_000_000_000 + n as i64 * 1000).await;
    let mut config = field.config();
    config.start = Start::Timestamp(1_700_000_000_000 + 12_500);
    let running = Running::start(config);
    field.until_rows(17).await;
    running.stop().await;
    field.holds_once(13..30).await;
}

/// Records that were deleted before they were read are never jumped over in silence.
#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_gone_stop_the_partition_until_the_loss_is_accepted() {
    let Some(field) = start("gone", 1, &[]).await else { return };
    let running = Running::start(field.config());
    field.produce(0..20, 1).await;
    field.until_committed(0, 20).await;
    running.stop().await;
    field.produce(20..50, 1).await;
    delete_before(&field, 35).await;
    let running = Running::start(field.config());
    let why = running.until_unready("records 20 to 35 are gone").await;
    assert!(why.contains("accept-loss"), "{why}");
    running.stop().await;
    field.holds_once(0..20).await;

    let accepted = sink::accept_loss(&field.config(), &field.topic, 0).await.unwrap().unwrap();
    assert_eq!((accepted.start, accepted.next), (20, 35));
    assert!(sink::accept_loss(&field.config(), &field.topic, 0).await.unwrap().is_none(), "it is accepted once");
    let running = Running::start(field.config());
    field.until_rows(35).await;
    running.stop().await;
    let report = sink::verify(&field.config()).await.unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(field.numbers().await, (0..20).chain(35..50).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_chain_begins_where_the_log_begins_now() {
    let Some(field) = start("cut-before", 1, &[]).await else { return };
    field.produce(0..30, 1).await;
    delete_before(&field, 10).await;
    let running = Running::start(field.config());
    field.until_rows(20).await;
    running.stop().await;
    field.holds_once(10..30).await;
}

async fn delete_before(field: &Field, offset: i64) {
    let mut before = TopicPartitionList::new();
    before.add_partition_offset(&field.topic, 0, Offset::Offset(offset)).unwrap();
    let deleted = admin(field).delete_records(&before, &AdminOptions::new()).await.unwrap();
    deleted.elements()[0].error().unwrap();
}

/// Markers take offsets that no reader sees: at the beginning, between two files, at the end, and alone.
#[tokio::test(flavor = "multi_thread")]
async fn markers_of_transactions_at_every_edge_of_a_file_leave_no_gap() {
    let Some(field) = start("markers", 1, &[]).await else { return };
    let field = &field;
    let producer: BaseProducer = field.client().set("transactional.id", &field.topic).create().unwrap();
    producer.init_transactions(TIMEOUT).unwrap();
    let mut committed = 0;
    let mut transaction = |count: u64, end: End| {
        producer.begin_transaction().unwrap();
        for n in committed..committed + count {
            let (key, value) = field.record(n);
            producer.send(BaseRecord::to(&field.topic).partition(0).key(&key).payload(&value)).unwrap();
        }
        producer.flush(TIMEOUT).unwrap();
        match end {
            End::Commit => {
                producer.commit_transaction(TIMEOUT).unwrap();
                committed += count;
            }
            End::Abort => producer.abort_transaction(TIMEOUT).unwrap(),
        }
        committed
    };
    // An aborted transaction first: the log begins with what nobody reads.
    transaction(3, End::Abort);
    let mut config = field.config();
    config.roll.max_records = 1;
    for round in 0..3 {
        let running = Running::start(config.clone());
        for count in [1, 1, 2, 5] {
            transaction(count, End::Commit);
            transaction(round + 1, End::Abort);
        }
        let rows = transaction(1, End::Commit);
        field.until_rows(rows).await;
        // What is behind the last row is markers and aborted records alone when the next owner comes.
        transaction(2, End::Abort);
        running.stop().await;
        field.holds_once(0..rows).await;
        config.roll.max_records = 1 + round;
    }
}

#[derive(Clone, Copy)]
enum End {
    Commit,
    Abort,
}

/// Needs a cleaner that does not sleep for long: `log.cleaner.backoff.ms`.
#[tokio::test(flavor = "multi_thread")]
async fn what_compaction_took_is_a_gap_inside_files_and_none_between() {
    let settings = [
        ("cleanup.policy", "compact"),
        ("segment.bytes", "1048576"),
        ("segment.ms", "1000"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("min.compaction.lag.ms", "0"),
        ("max.compaction.lag.ms", "1000"),
    ];
    let Some(field) = start("compacted", 1, &settings).await else { return };
    let before = Running::start(field.config());
    field.produce(0..20, 1).await;
    field.until_committed(0, 20).await;
    before.stop().await;
    // Each key again and again; only the last of each may stay.
    let produced = 20 + 40 * 5;
    for _ in 0..5 {
        field.produce(100..140, 1).await;
    }
    eventually("the cleaner has been there", || async {
        // A segment is rolled by a record that comes after its time.
        field.produce(1000..1001, 1).await;
        let from_old = read(&field).await.iter().filter(|offset| (20..produced).contains(*offset)).count();
        if from_old <= 40 { Ok(()) } else { Err(format!("{from_old} of 200 records left")) }
    })
    .await;
    let running = Running::start(field.config());
    field.until_rows(20 + 40 + 1).await;
    running.stop().await;
    let report = sink::verify(&field.config()).await.unwrap();
    assert!(report.is_whole(), "{report:?}");
    // Of the last key there may be several still.
    let numbers: Vec<u64> = field.numbers().await.into_iter().filter(|number| *number < 1000).collect();
    assert_eq!(numbers, (0..20).chain(100..140).collect::<Vec<_>>());
}

/// Offsets that a reader finds.
async fn read(field: &Field) -> Vec<i64> {
    let consumer: BaseConsumer =
        field.client().set("group.id", "reader").set("enable.partition.eof", "true").create().unwrap();
    let topic = field.topic.clone();
    let read = move || {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&topic, 0, Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        let mut offsets = Vec::new();
        loop {
            match consumer.poll(TIMEOUT).expect("a record or the end in time") {
                Ok(message) => offsets.push(rdkafka::Message::offset(&message)),
                Err(KafkaError::PartitionEOF(_)) => return offsets,
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::task::spawn_blocking(read).await.unwrap()
}
