//! A broker, a registry, and what a topic must look like whatever happened to its producer.

use contract::{CustomerEvent, Operation, endpoints::Kafka, endpoints::SchemaRegistry, framing, names, schemas};
use producer::{Config, Locale, Mix};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    mocking::MockCluster,
    producer::DefaultProducerContext,
};
use std::{collections::BTreeMap, collections::HashMap, env, path::Path, time::Duration};
use telemetry::Shutdown;
use tokio::net::TcpListener;
use uuid::Uuid;

pub(crate) const PARTITIONS: i32 = 3;
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// librdkafka's mock cluster (it does not create topics for admin clients) and the project's registry, both on loopback;
/// or those that `KAFKA_BOOTSTRAP_SERVERS` and `REGISTRY_URL` name, with a topic of the test's own.
pub(crate) struct Servers {
    pub(crate) brokers: String,
    pub(crate) registry_url: String,
    pub(crate) topic: String,
    pub(crate) folder: tempfile::TempDir,
    mock: Option<MockCluster<'static, DefaultProducerContext>>,
    shutdown: Shutdown,
}

impl Servers {
    pub(crate) async fn start() -> Self {
        // The registry's client, the same crate in every part of the workspace, may be built with TLS.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (folder, shutdown) = (tempfile::tempdir().unwrap(), Shutdown::new());
        let named = ["KAFKA_BOOTSTRAP_SERVERS", "REGISTRY_URL"].map(|name| env::var(name).ok());
        if let [Some(brokers), Some(registry_url)] = named {
            let topic = format!("producer-test.{}", Uuid::from_u128(rand::random()));
            return Self { brokers, registry_url, topic, folder, mock: None, shutdown };
        }
        let mock = MockCluster::new(1).unwrap();
        let topic = names::DEFAULT_TOPIC.to_owned();
        mock.create_topic(&topic, PARTITIONS, 1).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let registry_url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(registry::run(listener, folder.path().join("schemas.jsonl"), shutdown.clone()));
        Self { brokers: mock.bootstrap_servers(), registry_url, topic, folder, mock: Some(mock), shutdown }
    }

    /// For faults that only the mock cluster can have on demand.
    pub(crate) fn mock(&self) -> Option<&MockCluster<'static, DefaultProducerContext>> {
        self.mock.as_ref()
    }

    pub(crate) fn config(&self) -> Config {
        config(&self.brokers, &self.registry_url, &self.topic, self.folder.path())
    }

    /// The whole topic, partition by partition, in order of offsets.
    pub(crate) fn records(&self) -> Vec<Stored> {
        read_topic(&self.brokers, &self.topic)
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.shutdown.request();
    }
}

/// A small, lively population with a fixed seed.
pub(crate) fn config(brokers: &str, registry: &str, topic: &str, folder: &Path) -> Config {
    let kafka = Kafka { bootstrap_servers: brokers.to_owned(), properties: BTreeMap::new() };
    let registry = SchemaRegistry { url: registry.to_owned(), user: None, password: None };
    let mut config = Config::new(kafka, registry, folder.join("producer"));
    topic.clone_into(&mut config.topic);
    config.partitions = PARTITIONS;
    config.initial_customers = 30;
    config.batch = Mix { creates: 5, updates: 40, deletes: 6, recreates: 3 };
    config.locales = vec![Locale::DeDe, Locale::EnGb, Locale::JaJp];
    config.seed = Some(11);
    config.delivery_timeout = Duration::from_secs(20);
    config
}

/// One record as it lies in the topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stored {
    pub(crate) partition: i32,
    pub(crate) key: String,
    pub(crate) value: Vec<u8>,
}

fn read_topic(brokers: &str, topic: &str) -> Vec<Stored> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "test")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        assignment.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    let (mut records, mut open) = (Vec::new(), PARTITIONS);
    while open > 0 {
        match consumer.poll(DEADLINE).expect("an answer in time") {
            Ok(message) => records.push(Stored {
                partition: message.partition(),
                key: String::from_utf8(message.key().unwrap().to_vec()).unwrap(),
                value: message.payload().unwrap().to_vec(),
            }),
            Err(rdkafka::error::KafkaError::PartitionEOF(_)) => open -= 1,
            Err(error) => panic!("{error}"),
        }
    }
    records.sort_by_key(|record| record.partition);
    records
}

pub(crate) fn decode(record: &Stored) -> CustomerEvent {
    let (_, datum) = framing::unframe(&record.value).unwrap();
    let schema = schemas::newest().parse().unwrap();
    let event = CustomerEvent::decode(&schema, datum).unwrap();
    assert_eq!(event.key(), record.key);
    event
}

/// The topic without what was sent twice: for each customer, the bytes of sequence 1, 2, 3 and so on. Panics at a
/// sequence that is missing or used for two payloads, at a customer in two partitions, and at events that contradict
/// each other.
pub(crate) fn histories(records: &[Stored]) -> BTreeMap<Uuid, Vec<Vec<u8>>> {
    let mut events: BTreeMap<Uuid, BTreeMap<i64, &Stored>> = BTreeMap::new();
    let mut ids: HashMap<Uuid, (Uuid, i64)> = HashMap::new();
    for record in records {
        let event = decode(record);
        let place = (event.customer_id, event.sequence);
        assert_eq!(*ids.entry(event.event_id).or_insert(place), place, "an event id used twice");
        let first = *events.entry(event.customer_id).or_default().entry(event.sequence).or_insert(record);
        assert_eq!(first, record, "sequence {} of customer {} has two payloads", event.sequence, event.customer_id);
    }
    let mut histories = BTreeMap::new();
    for (customer, events) in events {
        let mut before: Option<CustomerEvent> = None;
        for (stored, sequence) in events.values().zip(1..) {
            let event = decode(stored);
            assert_eq!(event.sequence, sequence, "customer {customer} lost an event");
            let alive = before.as_ref().is_some_and(|before| before.operation != Operation::Delete);
            assert_eq!(event.operation == Operation::Create, !alive, "customer {customer}: {before:?}, then {event:?}");
            before = Some(event);
        }
        histories.insert(customer, events.into_values().map(|stored| stored.value.clone()).collect());
    }
    histories
}
