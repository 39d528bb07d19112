//! What the group and the topic's partitions may do while sinks run.

use super::{admin, create_topic, grow, start};
use crate::running::{Running, eventually};
use rdkafka::admin::AdminOptions;
use sink::{SinkError, Start};
use std::time::Duration;

/// Nobody has missed what is in a new partition: it is read from its beginning, whatever `start` says.
#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_are_added_are_read_from_their_beginning() {
    let Some(field) = start("growing", 2, &[]).await else { return };
    let mut config = field.config();
    config.start = Start::Latest;
    let running = Running::start(config.clone());
    eventually("both chains begin", || async {
        let chains = sink::verify(&config).await.unwrap().partitions.len();
        if chains == 2 { Ok(()) } else { Err(format!("{chains}")) }
    })
    .await;
    field.produce(0..20, 2).await;
    field.until_rows(20).await;
    grow(&field, 5).await;
    field.produce(20..70, 5).await;
    field.until_rows(70).await;
    running.stop().await;
    field.holds_once(0..70).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_made_again_is_refused_by_its_id() {
    let Some(field) = start("again", 1, &[]).await else { return };
    let running = Running::start(field.config());
    field.produce(0..20, 1).await;
    field.until_committed(0, 20).await;
    running.stop().await;
    admin(&field).delete_topics(&[&field.topic], &AdminOptions::new()).await.unwrap();
    create_topic(&field, &field.topic, 1, &[]).await;
    field.produce(20..60, 1).await;
    let running = Running::start(field.config());
    let why = running.until_unready("a topic of this name with id").await;
    assert!(why.contains("give this one a prefix or topic of its own"), "{why}");
    running.stop().await;
    field.holds_once(0..20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_made_again_under_a_running_sink_is_refused_too() {
    let Some(field) = start("under-way", 1, &[]).await else { return };
    let running = Running::start(field.config());
    field.produce(0..20, 1).await;
    field.until_committed(0, 20).await;
    admin(&field).delete_topics(&[&field.topic], &AdminOptions::new()).await.unwrap();
    create_topic(&field, &field.topic, 1, &[]).await;
    field.produce(20..60, 1).await;
    running.until_unready("a topic of this name with id").await;
    running.stop().await;
    field.holds_once(0..20).await;
}

/// Filled past our place before anything is fetched again, the successor is read on without an error.
#[tokio::test(flavor = "multi_thread")]
async fn records_of_a_topic_and_of_its_successor_are_never_in_one_file() {
    let Some(field) = start("successor", 1, &[]).await else { return };
    let mut config = field.config();
    config.roll.idle = Duration::ZERO;
    // Longer than making and filling the topic takes.
    config.kafka.properties.insert("fetch.error.backoff.ms".to_owned(), "10000".to_owned());
    let running = Running::start(config);
    field.produce(0..5, 1).await;
    running.until_read(&field.topic, 5).await;
    admin(&field).delete_topics(&[&field.topic], &AdminOptions::new()).await.unwrap();
    create_topic(&field, &field.topic, 1, &[]).await;
    field.produce(20..60, 1).await;
    running.until_unready("a topic of this name with id").await;
    running.stop().await;
    field.holds_once(0..0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_its_topic_does_not_take_stops_the_partition_and_says_the_way_out() {
    let Some(field) = start("large-letter", 1, &[]).await else { return };
    create_topic(&field, &format!("{}.dead-letter", field.topic), 1, &[("max.message.bytes", "100")]).await;
    let running = Running::start(field.config());
    field.produce(0..5, 1).await;
    field.poison(0, 1).await;
    let why = running.until_unready("larger than its dead-letter topic").await;
    assert!(why.contains("max.message.bytes"), "{why}");
    running.stop().await;
}

/// Offsets expire, and operators delete groups. The files say where to go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_was_deleted_goes_on_where_the_files_end() {
    let Some(field) = start("deleted-group", 2, &[]).await else { return };
    for round in 0..3 {
        let running = Running::start(field.config());
        field.produce(round * 30..round * 30 + 30, 2).await;
        field.until_committed(0, (round as i64 + 1) * 15).await;
        field.until_committed(1, (round as i64 + 1) * 15).await;
        running.stop().await;
        let admin = admin(&field);
        eventually("the group can be deleted", || async {
            let deleted = admin.delete_groups(&[&field.topic], &AdminOptions::new()).await.unwrap();
            deleted[0].clone().map(drop).map_err(|(_, code)| code.to_string())
        })
        .await;
        assert_eq!(field.committed(0).await, Ok(None));
    }
    field.holds_once(0..90).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_finds_a_topic_that_is_made_later() {
    let Some(field) = start("pattern", 1, &[]).await else { return };
    let mut config = field.config();
    // The topic's own name is matched as well, and what is made later carries it in front.
    config.topics = vec![format!("^{}.*", field.topic)];
    let running = Running::start(config.clone());
    field.produce(0..10, 1).await;
    field.until_rows(10).await;
    let later = format!("{}-later", field.topic);
    create_topic(&field, &later, 1, &[]).await;
    field.produce_to(&later, 10..30, 1).await;
    eventually("the later topic's rows", || async {
        let rows = sink::verify(&config).await.unwrap().rows();
        if rows == 30 { Ok(()) } else { Err(format!("{rows}")) }
    })
    .await;
    running.stop().await;
    assert!(sink::verify(&config).await.unwrap().is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_static_member_whose_name_is_taken_ends_and_says_so() {
    let Some(field) = start("fenced", 2, &[]).await else { return };
    let mut config = field.config();
    config.instance_id = Some("one".to_owned());
    let first = Running::start(config.clone());
    field.produce(0..20, 2).await;
    field.until_committed(0, 10).await;
    let second = Running::start(config);
    let ended = first.ended().await;
    assert!(matches!(ended, SinkError::Fenced), "{ended}");
    field.produce(20..40, 2).await;
    field.until_rows(40).await;
    second.stop().await;
    field.holds_once(0..40).await;
}
