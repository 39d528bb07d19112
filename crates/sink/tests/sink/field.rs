//! A topic on a Kafka that a test brings, with the embedded registry and store: records in, rows out.

use contract::{CustomerEvent, Operation, endpoints::Kafka, framing::frame, schemas};
use local_stack::{Options, Ports, Stack};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    producer::{FutureProducer, FutureRecord},
};
use schema_registry_converter::{
    async_impl::schema_registry::{SrSettings, post_schema},
    schema_registry_common::{SchemaType, SuppliedSchema},
};
use sink::Config;
use std::{collections::BTreeMap, ops::Range, time::Duration};

use crate::{
    running::{TIMEOUT, eventually, until_rows},
    store,
};

pub(crate) struct Field {
    pub(crate) topic: String,
    kafka: Kafka,
    stack: Stack,
    /// Of the newest schema.
    schema_id: u32,
    _state: tempfile::TempDir,
}

fn event(n: u64) -> CustomerEvent {
    CustomerEvent {
        event_id: uuid::Uuid::from_u128(n.into()),
        operation: Operation::Delete,
        customer_id: uuid::Uuid::from_u128(u128::from(n) + 1),
        sequence: 1,
        event_time: 1_700_000_000_000,
        customer: None,
    }
}

impl Field {
    pub(crate) async fn start(bootstrap_servers: String, topic: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        if let Ok(filter) = std::env::var("TEST_LOG") {
            let _ = telemetry::logs::init(telemetry::logs::Format::Text, &filter);
        }
        let state = tempfile::tempdir().unwrap();
        let options = Options { state: state.path().join("stack"), ports: Ports::default(), bucket: "lake".to_owned() };
        let stack = Stack::start(options).await.unwrap();
        let settings = SrSettings::new(stack.endpoints().registry.url.clone());
        let schema = SuppliedSchema::new(None, SchemaType::Avro, schemas::newest().source.to_owned());
        let posted = post_schema(&settings, contract::names::value_subject(topic), schema).await.unwrap();
        Self {
            topic: topic.to_owned(),
            kafka: Kafka { bootstrap_servers, properties: BTreeMap::new() },
            stack,
            schema_id: posted.id,
            _state: state,
        }
    }

    pub(crate) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.kafka.bootstrap_servers);
        client
    }

    /// A sink's configuration: files of few records, soon. The chain's group is the topic's name.
    pub(crate) fn config(&self) -> Config {
        let endpoints = self.stack.endpoints();
        let mut config = Config::new(self.kafka.clone(), endpoints.registry.clone(), endpoints.store.clone());
        for (key, value) in [
            ("fetch.wait.max.ms", "50"),
            ("heartbeat.interval.ms", "500"),
            ("topic.metadata.refresh.interval.ms", "1000"),
            ("reconnect.backoff.max.ms", "500"),
        ] {
            config.kafka.properties.insert(key.to_owned(), value.to_owned());
        }
        if let Ok(parts) = std::env::var("TEST_DEBUG") {
            config.kafka.properties.insert("debug".to_owned(), parts);
        }
        config.topics = vec![self.topic.clone()];
        config.group_id.clone_from(&self.topic);
        config.session_timeout = Duration::from_secs(6);
        config.roll.idle = Duration::from_millis(100);
        config.roll.max_records = 10;
        config
    }

    /// Sends records whose keys are their numbers, in turn to the topic's partitions.
    pub(crate) async fn produce(&self, numbers: Range<u64>, partitions: i32) {
        self.produce_to(&self.topic, numbers, partitions).await;
    }

    pub(crate) async fn produce_to(&self, topic: &str, numbers: Range<u64>, partitions: i32) {
        self.send(topic, numbers, partitions, |_| None).await;
    }

    /// With these timestamps, in milliseconds since 1970.
    pub(crate) async fn produce_at(&self, numbers: Range<u64>, partitions: i32, time: impl Fn(u64) -> i64) {
        self.send(&self.topic, numbers, partitions, |n| Some(time(n))).await;
    }

    async fn send(&self, topic: &str, numbers: Range<u64>, partitions: i32, time: impl Fn(u64) -> Option<i64>) {
        let producer: FutureProducer = self.client().create().unwrap();
        let sends = numbers.map(|n| {
            let ((key, value), time, producer) = (self.record(n), time(n), producer.clone());
            async move {
                let partition = (n % partitions as u64) as i32;
                let mut record = FutureRecord::to(topic).key(&key).payload(&value).partition(partition);
                record.timestamp = time;
                producer.send(record, TIMEOUT).await.unwrap();
            }
        });
        futures::future::join_all(sends).await;
    }

    /// Key and framed value of a record.
    pub(crate) fn record(&self, n: u64) -> (String, Vec<u8>) {
        let datum = event(n).encode(&schemas::newest().parse().unwrap()).unwrap();
        (n.to_string(), frame(self.schema_id, &datum))
    }

    /// Sends records that no file can hold.
    pub(crate) async fn poison(&self, partition: i32, count: usize) {
        let producer: FutureProducer = self.client().create().unwrap();
        for _ in 0..count {
            let record = FutureRecord::to(&self.topic).key("poison").payload("not framed").partition(partition);
            producer.send(record, TIMEOUT).await.unwrap();
        }
    }

    /// The numbers in the files, sorted; each as often as it is there.
    pub(crate) async fn numbers(&self) -> Vec<u64> {
        store::numbers(&store::rows(&self.stack.endpoints().store, &self.topic).await)
    }

    /// Waits until the files hold so many rows.
    pub(crate) async fn until_rows(&self, rows: u64) {
        until_rows(&self.config(), rows).await;
    }

    /// The files tile, and hold each of these numbers once and no other.
    pub(crate) async fn holds_once(&self, numbers: Range<u64>) {
        let report = sink::verify(&self.config()).await.unwrap();
        assert!(report.is_whole(), "{report:?}");
        assert_eq!(self.numbers().await, numbers.collect::<Vec<_>>());
    }

    /// The group's position in a partition, or why nobody says.
    pub(crate) async fn committed(&self, partition: i32) -> Result<Option<i64>, KafkaError> {
        let consumer: BaseConsumer = self.client().set("group.id", &self.topic).create().unwrap();
        let topic = self.topic.clone();
        let ask = move || {
            let mut list = TopicPartitionList::new();
            list.add_partition(&topic, partition);
            let committed = consumer.committed_offsets(list, TIMEOUT)?;
            Ok(match committed.elements()[0].offset() {
                Offset::Offset(position) => Some(position),
                _ => None,
            })
        };
        tokio::task::spawn_blocking(ask).await.unwrap()
    }

    /// Waits until the group has committed a position.
    pub(crate) async fn until_committed(&self, partition: i32, position: i64) {
        eventually("a committed position", || async {
            let committed = self.committed(partition).await;
            if committed == Ok(Some(position)) { Ok(()) } else { Err(format!("{committed:?}, not {position}")) }
        })
        .await;
    }
}
