//! What is in the topic and the registry after ticks, trouble and stops.

use crate::common::{DEADLINE, PARTITIONS, Servers, decode, histories};
use chrono::{DateTime, Utc};
use contract::{Operation, framing, names, schemas};
use producer::{
    Created, Error, Metrics, Producer, TailBytes, TailFrom, TailOptions, TailUntil, TailValue, TopicSpec, ensure_topic,
    run, tail,
};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use std::{collections::BTreeSet, ops::ControlFlow, time::Duration};
use telemetry::{
    Health, Shutdown,
    prometheus_client::{encoding::text::encode, registry::Registry},
};

fn time(tick: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_700_000_040_000 + tick * 120_000).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_what_its_report_says() {
    let servers = Servers::start().await;
    let mut producer = Producer::open(servers.config(), Metrics::default()).await.unwrap();
    let first = producer.tick(time(0)).await.unwrap();
    assert_eq!((first.number, first.tally.created, first.records, first.resent), (1, 30, 30, 0));
    let second = producer.tick(time(1)).await.unwrap();
    assert_eq!((second.number, second.tally.created, second.tally.updated, second.tally.deleted), (2, 5, 40, 6));
    assert_eq!(second.records, second.tally.events());
    assert_eq!(producer.last_tick(), Some(time(1)));

    let records = servers.records();
    assert_eq!(records.len() as u64, first.records + second.records);
    let bytes: usize = records.iter().map(|record| record.key.len() + record.value.len()).sum();
    assert_eq!(bytes as u64, first.bytes + second.bytes);
    for partition in 0..PARTITIONS {
        let count = records.iter().filter(|record| record.partition == partition).count();
        assert_eq!(second.positions[&partition].0, count as i64);
    }
    assert_eq!(records.iter().filter(|record| decode(record).operation == Operation::Delete).count(), 6);
    let histories = histories(&records);
    assert_eq!(histories.len(), 35);
    assert!(histories.values().any(|events| events.len() > 2), "nobody changed twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_schema_versions_are_written_and_the_registry_knows_them_in_order() {
    let servers = Servers::start().await;
    let mut config = servers.config();
    config.schema_version = Some(1);
    let mut producer = Producer::open(config, Metrics::default()).await.unwrap();
    producer.tick(time(0)).await.unwrap();
    drop(producer);
    let mut producer = Producer::open(servers.config(), Metrics::default()).await.unwrap();
    producer.tick(time(1)).await.unwrap();

    let records = servers.records();
    let ids: BTreeSet<u32> = records.iter().map(|record| framing::unframe(&record.value).unwrap().0).collect();
    assert_eq!(ids.len(), 2);
    let subject = names::value_subject(&servers.topic);
    for (released, id) in schemas::released().iter().zip(ids) {
        let url = format!("{}/subjects/{subject}/versions/{}", servers.registry_url, released.version);
        let answer: serde_json::Value = reqwest_tls::get(url).await.unwrap().json().await.unwrap();
        assert_eq!(answer["id"], id);
        assert_eq!(answer["schema"], released.compact().unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_broker_costs_time_and_no_events() {
    let servers = Servers::start().await;
    let Some(broker) = servers.mock() else { return };
    let mut config = servers.config();
    // Short for the outage, long enough for a batch on a slow machine.
    config.delivery_timeout = Duration::from_secs(5);
    let mut producer = Producer::open(config, Metrics::default()).await.unwrap();
    producer.tick(time(0)).await.unwrap();
    broker.broker_down(-1).unwrap();
    let error = producer.tick(time(1)).await.unwrap_err();
    assert!(matches!(error, Error::Delivery { .. }) && error.may_pass(), "{error}");
    assert!(producer.pending() > 0);
    // The outbox does not grow: what is left goes first.
    let left = producer.pending();
    assert!(producer.tick(time(2)).await.is_err());
    assert_eq!(producer.pending(), left);
    broker.broker_up(-1).unwrap();
    // librdkafka waits a little longer after each failure to connect.
    let deadline = tokio::time::Instant::now() + DEADLINE;
    let report = loop {
        match producer.tick(time(2)).await {
            Ok(report) => break report,
            Err(error) => assert!(error.may_pass() && tokio::time::Instant::now() < deadline, "{error}"),
        }
    };
    assert_eq!((report.resent, report.number, producer.pending()), (left, 3, 0));
    let histories = histories(&servers.records());
    assert_eq!(histories.values().map(Vec::len).sum::<usize>() as u64, 30 + left + report.tally.events());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_the_broker_refuses_for_good_is_sent_by_a_new_client() {
    let servers = Servers::start().await;
    let Some(broker) = servers.mock() else { return };
    let mut producer = Producer::open(servers.config(), Metrics::default()).await.unwrap();
    producer.tick(time(0)).await.unwrap();
    let fenced = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH; 3];
    broker.request_errors(RDKafkaApiKey::Produce, &fenced);
    let _ = producer.tick(time(1)).await;
    broker.clear_request_errors(RDKafkaApiKey::Produce);
    producer.tick(time(2)).await.unwrap();
    assert_eq!(producer.pending(), 0);
    histories(&servers.records());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_ticks_by_the_wall_clock_and_stops_when_asked() {
    let servers = Servers::start().await;
    let mut config = servers.config();
    config.every = Duration::from_millis(200);
    let (health, shutdown) = (Health::new(), Shutdown::new());
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let running = tokio::spawn(run(config.clone(), metrics, health.clone(), shutdown.clone()));
    until(|| metric(&registry, "producer_batches_total") >= 3).await;
    assert!(health.is_ready());
    shutdown.request();
    let summary = tokio::time::timeout(DEADLINE, running).await.unwrap().unwrap().unwrap();
    assert!(summary.batches >= 3 && summary.pending == 0, "{summary:?}");
    let records = servers.records();
    assert_eq!(records.len() as u64, summary.records);
    histories(&records);
    // And it goes on where it stopped.
    let producer = Producer::open(config, Metrics::default()).await.unwrap();
    assert_eq!(producer.last_tick().unwrap().timestamp_millis() % 200, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_does_not_wait_for_a_broker_that_is_gone() {
    let servers = Servers::start().await;
    let Some(broker) = servers.mock() else { return };
    let mut config = servers.config();
    config.every = Duration::from_millis(200);
    config.shutdown_timeout = Duration::from_millis(300);
    config.delivery_timeout = DEADLINE * 2;
    let shutdown = Shutdown::new();
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let running = tokio::spawn(run(config.clone(), metrics, Health::new(), shutdown.clone()));
    until(|| metric(&registry, "producer_batches_total") >= 1).await;
    broker.broker_down(-1).unwrap();
    until(|| metric(&registry, "producer_outbox_pending_records") > 0).await;
    shutdown.request();
    let summary = tokio::time::timeout(DEADLINE, running).await.unwrap().unwrap().unwrap();
    broker.broker_up(-1).unwrap();
    // Whether the last batch was on its way or only about to be, nothing of it is missing.
    let mut producer = Producer::open(config, Metrics::default()).await.unwrap();
    assert_eq!(producer.pending(), summary.pending);
    producer.resume().await.unwrap();
    let events = histories(&servers.records()).values().map(Vec::len).sum::<usize>();
    assert_eq!(events as u64, summary.records + summary.pending);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_the_registry_refuses_ends_the_start_at_once() {
    let servers = Servers::start().await;
    let subject = names::value_subject(&servers.topic);
    let other = r#"{"type":"record","name":"Other","fields":[{"name":"n","type":"int"}]}"#;
    let url = format!("{}/subjects/{subject}", servers.registry_url);
    let client = reqwest_tls::Client::new();
    let level = client.put(format!("{}/config/{subject}", servers.registry_url));
    level.json(&serde_json::json!({"compatibility": "BACKWARD"})).send().await.unwrap().error_for_status().unwrap();
    let posted = client.post(format!("{url}/versions")).json(&serde_json::json!({"schema": other})).send().await;
    posted.unwrap().error_for_status().unwrap();
    let error = Producer::open(servers.config(), Metrics::default()).await.err().unwrap();
    assert!(matches!(error, Error::Registry(_)) && !error.may_pass(), "{error}");
    assert!(error.to_string().contains(&subject) && error.to_string().contains("409"), "{error}");
}

/// Waits for a condition, with a deadline.
async fn until(holds: impl Fn() -> bool) {
    let mut looks = tokio::time::interval(Duration::from_millis(10));
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while !holds() {
        assert!(looks.tick().await < deadline, "it did not happen in time");
    }
}

/// A metric's value as a scrape sees it; 0 while it is not there.
fn metric(registry: &Registry, name: &str) -> u64 {
    let mut text = String::new();
    encode(&mut text, registry).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
    line.map_or(0, |value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_broker_the_start_ends_in_time_and_says_why() {
    let servers = Servers::start().await;
    let mut config = servers.config();
    config.kafka.bootstrap_servers = "127.0.0.1:1".to_owned();
    config.startup_timeout = Duration::from_secs(1);
    let error =
        tokio::time::timeout(DEADLINE, Producer::open(config, Metrics::default())).await.unwrap().err().unwrap();
    assert!(matches!(error, Error::Kafka { .. }) && error.may_pass(), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_registry_the_start_ends_in_time_and_says_why() {
    let servers = Servers::start().await;
    let mut config = servers.config();
    config.registry.url = "http://127.0.0.1:1".to_owned();
    config.startup_timeout = Duration::from_secs(1);
    let error =
        tokio::time::timeout(DEADLINE, Producer::open(config, Metrics::default())).await.unwrap().err().unwrap();
    assert!(matches!(error, Error::Registry(_)) && error.to_string().contains("127.0.0.1:1"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_there_keeps_its_partitions() {
    let servers = Servers::start().await;
    let (config, retention) = (servers.config(), Duration::from_hours(1));
    let mut spec = TopicSpec { name: servers.topic.clone(), partitions: PARTITIONS, replication: None, retention };
    let first = ensure_topic(&config.kafka, &spec, DEADLINE).await.unwrap();
    let expected = if servers.mock().is_some() { Created::Before } else { Created::Now };
    assert_eq!((first.created, first.partitions), (expected, PARTITIONS));
    spec.partitions = 12;
    let ensured = ensure_topic(&config.kafka, &spec, DEADLINE).await.unwrap();
    assert_eq!((ensured.created, ensured.partitions), (Created::Before, PARTITIONS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tail_shows_every_record_and_why_one_cannot_be_read() {
    let servers = Servers::start().await;
    let config = servers.config();
    let mut producer = Producer::open(config.clone(), Metrics::default()).await.unwrap();
    producer.tick(time(0)).await.unwrap();
    let raw: rdkafka::producer::FutureProducer =
        rdkafka::ClientConfig::new().set("bootstrap.servers", &servers.brokers).create().unwrap();
    let poison = rdkafka::producer::FutureRecord::to(&config.topic).key("poison").payload("{\"json\":1}").partition(0);
    raw.send(poison, DEADLINE).await.unwrap();
    let tombstone: rdkafka::producer::FutureRecord<'_, str, [u8]> =
        rdkafka::producer::FutureRecord::to(&config.topic).key("gone").partition(1);
    raw.send(tombstone, DEADLINE).await.unwrap();

    let options = TailOptions {
        kafka: config.kafka,
        registry: config.registry,
        topic: config.topic,
        from: TailFrom::Beginning,
        until: TailUntil::End,
    };
    let mut seen = Vec::new();
    let shown = tail(options.clone(), Shutdown::new(), |record| {
        seen.push(record);
        ControlFlow::Continue(())
    });
    assert_eq!(tokio::time::timeout(DEADLINE, shown).await.unwrap().unwrap(), 32);
    let events = seen.iter().filter(|record| {
        matches!(&record.value, TailValue::Avro { value, .. }
        if value["operation"] == "CREATE" && Some(value["customer_id"].as_str().unwrap()) == record.key.as_ref().and_then(TailBytes::as_str))
    });
    assert_eq!(events.count(), 30);
    let lines: Vec<String> = seen.iter().map(ToString::to_string).collect();
    assert!(
        lines.iter().any(|line| line.contains("key=poison undecodable (value begins with byte 0x7b")),
        "{lines:#?}"
    );
    assert!(lines.iter().any(|line| line.contains("key=gone tombstone")), "{lines:#?}");

    let last = TailOptions { from: TailFrom::Last(1), ..options };
    assert_eq!(tail(last, Shutdown::new(), |_| ControlFlow::Continue(())).await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_a_topic_that_does_not_exist_is_an_error_and_creates_nothing() {
    let servers = Servers::start().await;
    let config = servers.config();
    let retention = Duration::from_hours(1);
    let spec = TopicSpec { name: servers.topic.clone(), partitions: PARTITIONS, replication: None, retention };
    ensure_topic(&config.kafka, &spec, DEADLINE).await.unwrap();
    let options = TailOptions {
        kafka: config.kafka,
        registry: config.registry,
        topic: "misspelt".to_owned(),
        from: TailFrom::Beginning,
        until: TailUntil::Stopped,
    };
    for _ in 0..2 {
        let read = tail(options.clone(), Shutdown::new(), |_| ControlFlow::Continue(()));
        let error = tokio::time::timeout(DEADLINE, read).await.unwrap().unwrap_err().to_string();
        assert!(error.contains("`misspelt`") && error.contains(&format!("`{}`", config.topic)), "{error}");
    }
}
