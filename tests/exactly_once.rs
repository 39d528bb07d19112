//! Kill -9 of the real processes: what was sent is in the topic, and what is in the topic is in the files, each once.

use crate::support::{
    bucket::Bucket,
    eventually, process,
    servers::Servers,
    topic::{self, Record},
};
use contract::schemas;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

const PATIENCE: Duration = Duration::from_mins(3);
/// Low, so that the group gives a killed member's partitions away soon.
const SESSION: &str = "6s";

fn seeded() -> ChaCha8Rng {
    let seed = std::env::var("SUITE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random::<u64>);
    println!("SUITE_SEED={seed}");
    ChaCha8Rng::seed_from_u64(seed)
}

fn producer_section(servers: &Servers, every: &str) -> String {
    let (topic, state) = (&servers.topic, servers.path().join("producer"));
    format!(
        "[producer]\ntopic = \"{topic}\"\nstate_dir = \"{}\"\npartitions = 3\nevery = \"{every}\"\nseed = 11\n\
        initial_customers = 100\n[producer.batch]\ncreates = 5\nupdates = 80\ndeletes = 4\nrecreates = 2\n",
        state.display()
    )
}

fn sink_section(servers: &Servers) -> String {
    let topic = &servers.topic;
    format!(
        "[sink]\ntopics = [\"{topic}\"]\ngroup_id = \"{topic}\"\nsession_timeout = \"{SESSION}\"\n\
        [sink.roll]\nwindow = \"1s\"\nmax_records = 150\n"
    )
}

async fn records(servers: &Servers) -> Vec<Record> {
    let (kafka, topic) = (servers.kafka.clone(), servers.topic.clone());
    tokio::task::spawn_blocking(move || topic::read(&kafka, &topic)).await.expect("reading the topic")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_killed_at_any_moment_loses_no_event_and_contradicts_none() {
    let servers = Servers::start("producer-kill").await;
    let config = servers.configuration(&producer_section(&servers, "200ms"));
    let mut random = seeded();
    for _ in 0..5 {
        let mut running = process::start(&config, &["producer", "run"]);
        // The moment is what is random; nothing is waited for but the process itself.
        let moment = Duration::from_millis(random.random_range(300..2_000));
        let ended = tokio::time::timeout(moment, running.wait()).await;
        assert!(ended.is_err(), "the producer ended by itself: {ended:?}");
        process::kill(running).await;
    }
    let running = process::start(&config, &["producer", "run"]);
    let before = records(&servers).await.len();
    eventually("the producer goes on after the kills", PATIENCE, || async {
        let now = records(&servers).await.len();
        if now > before { Ok(()) } else { Err(format!("{now} records")) }
    })
    .await;
    assert_eq!(process::stop(running, PATIENCE).await, Some(0));

    let schema = schemas::newest().parse().expect("schema");
    let mut by_customer: BTreeMap<_, BTreeMap<i64, Vec<u8>>> = BTreeMap::new();
    let records = records(&servers).await;
    for record in &records {
        let event = record.event(&schema);
        let value = record.value.clone().expect("a value");
        let sequences = by_customer.entry(event.customer_id).or_default();
        let first = sequences.entry(event.sequence).or_insert_with(|| value.clone());
        assert_eq!(*first, value, "two payloads for sequence {} of {}", event.sequence, event.customer_id);
    }
    assert!(by_customer.len() >= 100, "{} customers", by_customer.len());
    for (customer, sequences) in by_customer {
        let gapless = sequences.keys().copied().eq(1..=sequences.len() as i64);
        assert!(gapless, "{customer} has the sequences {:?}", sequences.keys());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_killed_at_any_moment_writes_each_record_once() {
    let servers = Servers::start("sink-kill").await;
    // Slow enough that a slow machine reads faster than this writes.
    let sections = [producer_section(&servers, "1s"), sink_section(&servers)].concat();
    let config = servers.configuration(&sections);
    let bucket = Bucket::new(&servers.store);
    let mut random = seeded();
    let producer = process::start(&config, &["producer", "run"]);
    let writing = async || {
        let before = bucket.files(&servers.topic).await.len();
        let sink = process::start(&config, &["sink", "run"]);
        eventually("the sink writes files", PATIENCE, || async {
            let now = bucket.files(&servers.topic).await.len();
            if now > before { Ok(()) } else { Err(format!("{now} files")) }
        })
        .await;
        sink
    };
    for _ in 0..3 {
        let mut sink = writing().await;
        let moment = Duration::from_millis(random.random_range(0..1_500));
        let ended = tokio::time::timeout(moment, sink.wait()).await;
        assert!(ended.is_err(), "the sink ended by itself: {ended:?}");
        process::kill(sink).await;
    }
    let sink = writing().await;
    assert_eq!(process::stop(producer, PATIENCE).await, Some(0));
    let expected: BTreeSet<_> =
        records(&servers).await.iter().map(|record| (record.partition, record.offset)).collect();
    eventually("every record is in a file", PATIENCE, || async {
        let rows = bucket.all_rows(&servers.topic).await.len();
        if rows >= expected.len() { Ok(()) } else { Err(format!("{rows} of {}", expected.len())) }
    })
    .await;
    assert_eq!(process::stop(sink, PATIENCE).await, Some(0));

    let rows = bucket.all_rows(&servers.topic).await;
    let written: BTreeSet<_> = rows.iter().map(|row| (row.partition, row.offset)).collect();
    assert_eq!(rows.len(), written.len(), "records are in the files twice");
    assert_eq!(written, expected);
    let verified = process::output(&config, &["sink", "verify"]).await;
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}
