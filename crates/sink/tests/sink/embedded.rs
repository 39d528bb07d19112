//! The sink against the embedded broker, registry and S3: what was produced is in the files, each record once.

mod limits;
mod losses;
mod schemas;
mod tampering;
mod tools;

use contract::{Operation, framing::frame};
use sink::dead_letter_header;
use std::{collections::BTreeMap, time::Duration};

use crate::{
    fixture::{Fixture, event},
    running::{Running, until_rows},
    store,
};

/// Creates, updates and deletes of both schema versions, a tombstone, records with headers and poison.
#[tokio::test(flavor = "multi_thread")]
async fn every_record_is_in_a_file_or_a_dead_letter() {
    let fixture = Fixture::start().await;
    let (v1, v2) = fixture.register_both("events").await;
    let mut sent = Vec::new();
    for n in 0..300u64 {
        let (version, id) = if n % 3 == 0 { (1, v1) } else { (2, v2) };
        let value = match n {
            50 => None,
            60 => Some(b"{\"not\": \"framed\"}".to_vec()),
            61 => Some(frame(id, b"not a datum")),
            _ => Some(frame(id, &event(n, version, Operation::Update))),
        };
        sent.push((n, value));
    }
    fixture.create_topic("events", 3).await;
    fixture.produce("events", &sent).await;
    let mut config = fixture.config("events");
    config.roll.idle = Duration::from_millis(300);
    config.roll.max_records = 40;
    let running = Running::start(config.clone());
    until_rows(&config, 298).await;
    let summary = running.stop().await;
    assert_eq!((summary.rows, summary.dead_letters), (298, 2));

    let rows = fixture.rows("events").await;
    let expected: Vec<u64> = (0..300).filter(|n| *n != 60 && *n != 61).collect();
    assert_eq!(store::numbers(&rows), expected);
    assert!(rows.iter().all(|row| row.has_value == (row.number != 50)));

    let letters = fixture.dead_letters("events.dead-letter", 2).await;
    let reasons: BTreeMap<u64, String> =
        letters.iter().map(|letter| (letter.number, letter.headers[dead_letter_header::REASON].clone())).collect();
    assert!(reasons[&60].starts_with("not framed"), "{reasons:?}");
    assert!(reasons[&61].starts_with("not one whole datum of schema"), "{reasons:?}");
    assert!(letters.iter().all(|letter| letter.headers[dead_letter_header::TOPIC] == "events"));
}

/// The embedded broker keeps no commit metadata: the chain of files alone says where to go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_sink_goes_on_where_the_last_one_stopped() {
    let fixture = Fixture::start().await;
    let (_, id) = fixture.register_both("events").await;
    fixture.create_topic("events", 2).await;
    let mut config = fixture.config("events");
    config.roll.max_records = 7;
    for round in 0..3u64 {
        let batch: Vec<_> =
            (round * 50..round * 50 + 50).map(|n| (n, Some(frame(id, &event(n, 2, Operation::Create))))).collect();
        fixture.produce("events", &batch).await;
        let running = Running::start(config.clone());
        // The rest of a round is in the files that the stop rolls, or it is the next round's.
        until_rows(&config, round * 50 + 35).await;
        running.stop().await;
    }
    config.roll.idle = Duration::from_millis(200);
    let running = Running::start(config.clone());
    until_rows(&config, 150).await;
    running.stop().await;
    let report = sink::verify(&config).await.unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(report.rows(), 150);
    assert_eq!(fixture.numbers("events").await, (0..150).collect::<Vec<_>>());
}

/// Partitions move between two members while records come in.
#[tokio::test(flavor = "multi_thread")]
async fn two_sinks_share_the_partitions() {
    let fixture = Fixture::start().await;
    let (_, id) = fixture.register_both("events").await;
    fixture.create_topic("events", 4).await;
    let mut config = fixture.config("events");
    config.roll.idle = Duration::from_millis(200);
    let first = Running::start(config.clone());
    let batch = |from: u64| -> Vec<_> {
        (from..from + 100).map(|n| (n, Some(frame(id, &event(n, 2, Operation::Create))))).collect()
    };
    fixture.produce("events", &batch(0)).await;
    until_rows(&config, 100).await;
    let second = Running::start(config.clone());
    fixture.produce("events", &batch(100)).await;
    second.until_ready().await;
    fixture.produce("events", &batch(200)).await;
    until_rows(&config, 300).await;
    first.stop().await;
    fixture.produce("events", &batch(300)).await;
    until_rows(&config, 400).await;
    second.stop().await;
    assert!(sink::verify(&config).await.unwrap().is_whole());
    assert_eq!(fixture.numbers("events").await, (0..400).collect::<Vec<_>>());
}

/// A position that the group has, but no file ends at, is not guessed around.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fits_no_file_stops_the_partition_and_says_the_way_out() {
    let fixture = Fixture::start().await;
    let (_, id) = fixture.register_both("events").await;
    fixture.create_topic("events", 1).await;
    let batch: Vec<_> = (0..20).map(|n| (n, Some(frame(id, &event(n, 2, Operation::Create))))).collect();
    fixture.produce("events", &batch).await;
    fixture.commit("sink", "events", 13).await;
    let running = Running::start(fixture.config("events"));
    let reasons = running.until_unready("committed position 13").await;
    assert!(reasons.contains("use another consumer group"), "{reasons}");
    running.stop().await;
    assert_eq!(fixture.rows("events").await.len(), 0);
}
