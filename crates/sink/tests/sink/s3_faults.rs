//! The sink in front of an object store that misbehaves: whatever a request meets, the files hold each record once.
//!
//! Faults are drawn from a seed by what a request is and how often it was made, so a seed replays whatever the order that
//! requests come in. `FAULT_SEED=<n>` replays one; `FAULT=<name>` runs one of the named faults alone, `TEST_LOG=sink=debug`
//! shows what the sink makes of them. The store is the embedded
//! one, or the one that `TEST_S3` and the AWS_* variables name.

mod errors;
mod plan;
mod proxy;
mod refusals;

use contract::{Customer, CustomerEvent, Operation, framing::frame, schemas};
use plan::{Mix, seed};
use proxy::{Deed, Fault, Proxy, Seen};
use sink::Config;
use std::{sync::Arc, time::Duration};

use crate::{
    fixture::{Fixture, event},
    running::{Running, until_rows},
};

/// Records of each topic, in two files.
const RECORDS: u64 = 30;
/// In one file of two parts.
const LARGE_RECORDS: u64 = 100;

/// A topic for each fault, which happens to requests for that topic alone, and one for all of them by chance.
struct Topics(Vec<(String, Mix)>);

impl Topics {
    fn of(faults: &[Fault]) -> Self {
        let only = std::env::var("FAULT").ok();
        let named = faults.iter().filter(|fault| only.as_deref().is_none_or(|only| fault.name() == only));
        let mut topics: Vec<_> = named.map(|fault| (fault.name(), Mix::only(*fault))).collect();
        if only.is_none() {
            topics.push(("mixed".to_owned(), Mix::of(faults)));
        }
        assert!(!topics.is_empty(), "no fault is named {only:?}");
        Self(topics)
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| name.clone()).collect()
    }
}

fn impatient(fixture: &Fixture, topics: Vec<String>, proxy: &Proxy) -> Config {
    let mut config = fixture.config("any");
    config.topics = topics;
    config.store.endpoint = Some(proxy.url.clone());
    config.roll.idle = Duration::from_millis(500);
    config.roll.max_records = 20;
    config.uploads = 32;
    // Short enough for a request that is never answered, long enough for one that is only delayed.
    config.deadlines.store_attempt = Duration::from_secs(1);
    config
}

/// Runs a sink behind the proxy until it has written everything, and reads the files past the proxy.
async fn each_record_once(faults: &[Fault], multipart_bytes: u64) {
    let seed = seed();
    let topics = Topics::of(faults);
    let fixture = Fixture::start().await;
    for topic in topics.names() {
        let (_, id) = fixture.register_both(&topic).await;
        fixture.create_topic(&topic, 1).await;
        let records: Vec<_> = (0..RECORDS).map(|n| (n, Some(frame(id, &event(n, 2, Operation::Create))))).collect();
        fixture.produce(&topic, &records).await;
    }
    let proxy = Proxy::start(&fixture, plan::by_topic(seed, topics.0.clone())).await;
    let mut config = impatient(&fixture, topics.names(), &proxy);
    config.objects.multipart_bytes = multipart_bytes;
    let direct = Config { store: fixture.config("any").store, ..config.clone() };

    let running = Running::start(config);
    until_rows(&direct, RECORDS * topics.0.len() as u64).await;
    let summary = running.stop().await;
    assert_eq!((summary.rows, summary.gave_way), (RECORDS * topics.0.len() as u64, 0));

    let report = sink::verify(&direct).await.unwrap();
    assert!(report.is_whole(), "{report:?}");
    for topic in topics.names() {
        assert_eq!(fixture.numbers(&topic).await, (0..RECORDS).collect::<Vec<_>>(), "{topic}");
    }
    for (name, mix) in &topics.0 {
        if let Some(fault) = mix.single() {
            assert!(proxy.hits(fault) > 0, "{name} never happened");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_in_one_put_hold_each_record_once_whatever_a_request_meets() {
    let faults: Vec<_> = Fault::ALL.into_iter().filter(|fault| fault.concerns_puts()).collect();
    each_record_once(&faults, u64::MAX >> 32).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_in_parts_hold_each_record_once_whatever_a_request_meets() {
    each_record_once(&Fault::ALL, 0).await;
}

/// Of several parts, with all faults by chance but the one that would hold up a part for longest.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_holds_each_record_once() {
    let fixture = Fixture::start().await;
    let (_, id) = fixture.register_both("large").await;
    fixture.create_topic("large", 1).await;
    let records: Vec<_> = (0..LARGE_RECORDS).map(|n| (n, Some(frame(id, &large_event(n))))).collect();
    fixture.produce("large", &records).await;
    let faults: Vec<_> = Fault::ALL.into_iter().filter(|fault| *fault != Fault::Hang).collect();
    let proxy = Proxy::start(&fixture, plan::by_topic(seed(), vec![("large".to_owned(), Mix::of(&faults))])).await;
    let mut config = impatient(&fixture, vec!["large".to_owned()], &proxy);
    config.codec = sink::Codec::Null;
    config.roll.max_records = LARGE_RECORDS;
    config.objects.multipart_bytes = 1 << 20;
    config.deadlines.store_attempt = Duration::from_secs(3);
    let direct = Config { store: fixture.config("any").store, ..config.clone() };
    let running = Running::start(config);
    until_rows(&direct, LARGE_RECORDS).await;
    running.stop().await;
    let report = sink::verify(&direct).await.unwrap();
    assert!(report.is_whole() && report.partitions[0].bytes > 8 << 20, "{report:?}");
    assert_eq!(fixture.numbers("large").await, (0..LARGE_RECORDS).collect::<Vec<_>>());
}

/// Four files share three quarters of the budget: the largest has a quarter of them at least when it is rolled.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_store_holds_up_reading_and_neither_overruns_the_budget_nor_makes_files_small() {
    const PARTITIONS: i32 = 4;
    let fixture = Fixture::start().await;
    let (_, id) = fixture.register_both("slow").await;
    fixture.create_topic("slow", PARTITIONS).await;
    let records: Vec<_> = (0..LARGE_RECORDS).map(|n| (n, Some(frame(id, &large_event(n))))).collect();
    fixture.produce("slow", &records).await;
    let slow = |seen: &Seen| match seen.operation {
        proxy::Operation::Put => Deed::Fault(Fault::Delay),
        _ => Deed::Pass,
    };
    let proxy = Proxy::start(&fixture, Arc::new(slow)).await;
    let mut config = impatient(&fixture, vec!["slow".to_owned()], &proxy);
    config.codec = sink::Codec::Null;
    // Longer than reading is ever held up: what is not read looks idle.
    config.roll.idle = Duration::from_secs(20);
    config.roll.max_records = LARGE_RECORDS;
    config.uploads = 2;
    config.memory_bytes = 2 << 20;
    config.in_memory_bytes = 2 << 20;
    let budget = config.memory_bytes as u64;
    let direct = Config { store: fixture.config("any").store, ..config.clone() };

    let running = Running::start(config);
    let most_held = async {
        let mut most = 0;
        loop {
            most = most.max(running.metric("sink_open_bytes"));
            assert!(most <= budget, "{most} bytes of {budget}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        () = until_rows(&direct, LARGE_RECORDS) => {}
        () = most_held => {}
    }
    let summary = running.stop().await;
    let least = budget / 16 * 12 / PARTITIONS as u64;
    let most_files = summary.bytes / least + PARTITIONS as u64;
    assert!(summary.files <= most_files, "{summary:?}, more than {most_files} files");
    let report = sink::verify(&direct).await.unwrap();
    assert!(report.is_whole() && report.rows() == LARGE_RECORDS, "{report:?}");
}

/// As large as the embedded broker hands on at a time; a hundred make two parts.
fn large_event(n: u64) -> Vec<u8> {
    let customer = Customer {
        first_name: format!("first {n}"),
        last_name: String::new(),
        email: String::new(),
        phone: String::new(),
        street: "x".repeat(90_000),
        city: String::new(),
        postal_code: String::new(),
        country: "PL".to_owned(),
        loyalty_tier: None,
        marketing_consent: Some(true),
    };
    let event = CustomerEvent {
        event_id: uuid::Uuid::from_u128(n.into()),
        operation: Operation::Create,
        customer_id: uuid::Uuid::from_u128(n.into()),
        sequence: 1,
        event_time: 1_700_000_000_000,
        customer: Some(customer),
    };
    event.encode(&schemas::released()[1].parse().unwrap()).unwrap()
}
