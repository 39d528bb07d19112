//! Topics with more than one schema: types that share a topic, versions that are gone from the registry, and ids that never were
//! in it.

use crate::{
    fixture::Fixture,
    running::{Running, until_rows},
};
use contract::framing::frame;
use sink::Watch;
use std::time::{Duration, Instant};
use telemetry::Shutdown;

const HEARTBEAT: &str = r#"{"type":"record","name":"Heartbeat","fields":[{"name":"ts","type":"long"}]}"#;
const ORDER: &str = r#"{"type":"record","name":"Order","namespace":"shop-eu.orders","fields":[{"name":"ts","type":"long"},
    {"name":"amount","type":"int"},{"name":"customer","type":"string"}]}"#;
const LATER_ORDER: &str = r#"{"type":"record","name":"Order","namespace":"shop-eu.orders","fields":[{"name":"ts","type":"long"},
    {"name":"amount","type":"int"},{"name":"customer","type":"string"},{"name":"note","type":"string","default":"-"}]}"#;

async fn whole(config: &sink::Config) -> sink::Report {
    let report = sink::verify_deep(config, Watch::new(Shutdown::new(), |_| ())).await.unwrap();
    assert!(report.is_whole(), "{report:?}");
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn two_record_types_on_a_topic_share_its_files() {
    let fixture = Fixture::start().await;
    let heartbeat = fixture.register("events-Heartbeat", HEARTBEAT).await;
    let order = fixture.register("events-shop-eu.orders.Order", ORDER).await;
    fixture.create_topic("events", 1).await;
    let value = |n: u64| match n % 2 {
        0 => frame(heartbeat, &[2]),
        _ => frame(order, b"\x02\x54\x06Ada"),
    };
    let sent: Vec<_> = (0..1000).map(|n| (n, Some(value(n)))).collect();
    fixture.produce("events", &sent).await;
    let mut config = fixture.config("events");
    config.roll.idle = Duration::from_millis(300);
    let running = Running::start(config.clone());
    until_rows(&config, 1000).await;
    let summary = running.stop().await;
    assert!(summary.files <= 3, "{summary:?}: each new type ends a file once");
    assert_eq!(fixture.numbers("events").await, (0..1000).collect::<Vec<_>>());
    whole(&config).await;

    let later = fixture.register("events-shop-eu.orders.Order", LATER_ORDER).await;
    let more: Vec<_> = (1000..1100).map(|n| (n, Some(frame(later, b"\x02\x54\x06Ada\x02!")))).collect();
    fixture.produce("events", &more).await;
    fixture.produce("events", &sent[..100]).await;
    let running = Running::start(config.clone());
    until_rows(&config, 1200).await;
    assert!(running.stop().await.files <= 4);
    whole(&config).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn older_versions_of_several_types_are_compared_by_value_with_what_the_file_has() {
    let fixture = Fixture::start().await;
    let heartbeat = fixture.register("events-Heartbeat", HEARTBEAT).await;
    let (order, later) = (ORDER.replace("shop-eu.orders", "shop"), LATER_ORDER.replace("shop-eu.orders", "shop"));
    let order = fixture.register("events-shop.Order", &order).await;
    let later = fixture.register("events-shop.Order", &later).await;
    fixture.create_topic("events", 1).await;
    let value = |n: u64| match n % 3 {
        0 => frame(heartbeat, &[2]),
        1 => frame(order, b"\x02\x54\x06Ada"),
        _ => frame(later, b"\x02\x54\x06Ada\x02!"),
    };
    let sent: Vec<_> = (0..300).map(|n| (n, Some(value(n)))).collect();
    fixture.produce("events", &sent).await;
    let mut config = fixture.config("events");
    config.roll.idle = Duration::from_millis(300);
    let running = Running::start(config.clone());
    until_rows(&config, 300).await;
    running.stop().await;
    let report = whole(&config).await;
    let deep = report.partitions[0].deep.as_ref().unwrap();
    assert_eq!(deep.files.iter().map(|file| file.by_value).sum::<u64>(), 300, "{deep:?}");
    assert_eq!(deep.structurally(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_soft_deleted_is_an_older_version_still() {
    let fixture = Fixture::start().await;
    let versions = [
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"long"},{"name":"b","type":"int","default":7}]}"#,
    ];
    let old = fixture.register("events-value", versions[0]).await;
    let new = fixture.register("events-value", versions[1]).await;
    fixture.delete_version("events-value", 1).await;
    fixture.create_topic("events", 1).await;
    let value = |n: u64| if n.is_multiple_of(2) { frame(old, &[2]) } else { frame(new, &[2, 4]) };
    let sent: Vec<_> = (0..200).map(|n| (n, Some(value(n)))).collect();
    fixture.produce("events", &sent).await;
    let mut config = fixture.config("events");
    config.roll.idle = Duration::from_millis(300);
    let running = Running::start(config.clone());
    until_rows(&config, 200).await;
    let summary = running.stop().await;
    assert!(summary.files <= 2, "{summary:?}");
    let report = whole(&config).await;
    let deep = report.partitions[0].deep.as_ref().unwrap();
    let by_value: u64 = deep.files.iter().map(|file| file.by_value).sum();
    assert_eq!((by_value, deep.structurally()), (200, 0), "each value was compared, also those that were converted");
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_the_registry_never_had_cost_its_patience_once_and_not_each() {
    let fixture = Fixture::start().await;
    let known = fixture.register("events-value", HEARTBEAT).await;
    fixture.create_topic("events", 1).await;
    // Longs of eight bytes, which begin like a framed value.
    let garbage = (0..100u64).map(|n| (n, Some((0x0000_1000_0000_0000 + (n << 24)).to_be_bytes().to_vec())));
    let sent: Vec<_> = garbage.chain([(100, Some(frame(known, &[2])))]).collect();
    fixture.produce("events", &sent).await;
    let mut config = fixture.config("events");
    config.roll.idle = Duration::from_millis(300);
    config.deadlines.unknown_schema = Duration::from_secs(3);
    let begun = Instant::now();
    let running = Running::start(config.clone());
    until_rows(&config, 1).await;
    // One after another they would take five minutes.
    assert!(begun.elapsed() < 20 * config.deadlines.unknown_schema, "{:?}", begun.elapsed());
    assert_eq!(running.stop().await.dead_letters, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_not_the_registrys_is_waited_for_and_dead_letters_nothing() {
    let fixture = Fixture::start().await;
    let (_, id) = fixture.register_both("events").await;
    fixture.create_topic("events", 1).await;
    let value = frame(id, &crate::fixture::event(0, 2, contract::Operation::Create));
    fixture.produce("events", &[(0, Some(value))]).await;
    let mut config = fixture.config("events");
    config.registry.url.push_str("/not/here");
    config.deadlines.unknown_schema = Duration::from_millis(300);
    let running = Running::start(config.clone());
    let reasons = running.until_unready("/not/here/schemas/ids/").await;
    assert!(reasons.contains("404") && reasons.contains("registry.url"), "{reasons}");
    let summary = running.stop().await;
    assert_eq!((summary.rows, summary.dead_letters), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_heard_while_the_store_does_not_answer() {
    let fixture = Fixture::start().await;
    let mut config = fixture.config("events");
    // A port that takes connections and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    config.store.endpoint = Some(format!("http://{}", silent.local_addr().unwrap()));
    let running = Running::start(config);
    let (_connection, _) = silent.accept().await.unwrap();
    let begun = Instant::now();
    let summary = running.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(summary.files, 0);
}
