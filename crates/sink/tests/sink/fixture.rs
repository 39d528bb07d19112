//! A stack of its own for each test: records in, rows out.

use contract::{
    Customer, CustomerEvent, Operation,
    endpoints::{ObjectStore, Secret},
    schemas,
};
use hyper_util::rt::TokioIo;
use local_stack::{Options, Ports, Stack};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, CommitMode, Consumer},
    message::Headers,
    producer::{FutureProducer, FutureRecord},
};
use schema_registry_converter::{
    async_impl::schema_registry::{SrSettings, post_schema},
    schema_registry_common::{SchemaType, SuppliedSchema},
};
use sink::Config;
use std::{collections::BTreeMap, env, time::Duration};
use tokio::net::TcpStream;

use crate::{
    running::TIMEOUT,
    store::{self, StoredRow},
};

pub(crate) struct Fixture {
    stack: Stack,
    store: ObjectStore,
    state: tempfile::TempDir,
}

/// The store that the environment names, in place of the stack's; a bucket of its own for each fixture.
pub(crate) fn real_store() -> Option<ObjectStore> {
    let endpoint = env::var("TEST_S3").ok()?;
    let of = |name: &str| env::var(name).unwrap_or_else(|_| panic!("TEST_S3 is set, so {name} must be"));
    Some(ObjectStore {
        bucket: format!("lake-{}", uuid::Uuid::new_v4().simple()),
        prefix: String::new(),
        region: of("AWS_REGION"),
        endpoint: Some(endpoint),
        path_style: true,
        access_key_id: Some(of("AWS_ACCESS_KEY_ID")),
        secret_access_key: Some(Secret::new(of("AWS_SECRET_ACCESS_KEY"))),
    })
}

#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) number: u64,
    pub(crate) headers: BTreeMap<String, String>,
}

/// A datum of a released version.
pub(crate) fn event(n: u64, version: usize, operation: Operation) -> Vec<u8> {
    let text = |field: &str| format!("{field} {n}");
    let customer = Customer {
        first_name: text("first"),
        last_name: text("last"),
        email: text("email"),
        phone: text("phone"),
        street: text("street"),
        city: text("city"),
        postal_code: text("code"),
        country: "PL".to_owned(),
        loyalty_tier: None,
        marketing_consent: (version == 2).then_some(true),
    };
    let event = CustomerEvent {
        event_id: uuid::Uuid::from_u128(n.into()),
        operation,
        customer_id: uuid::Uuid::from_u128(u128::from(n) + 1),
        sequence: 1,
        event_time: 1_700_000_000_000,
        customer: Some(customer),
    };
    event.encode(&schemas::released()[version - 1].parse().unwrap()).unwrap()
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        if let Ok(filter) = env::var("TEST_LOG") {
            let _ = telemetry::logs::init(telemetry::logs::Format::Text, &filter);
        }
        let state = tempfile::tempdir().unwrap();
        let options = Options { state: state.path().join("stack"), ports: Ports::default(), bucket: "lake".to_owned() };
        let stack = Stack::start(options).await.unwrap();
        let Some(store) = real_store() else {
            let store = stack.endpoints().store.clone();
            return Self { stack, store, state };
        };
        let fixture = Self { stack, store, state };
        let (client, bucket) = fixture.s3();
        client.create_bucket().bucket(bucket).send().await.unwrap();
        fixture
    }

    fn client(&self) -> ClientConfig {
        let kafka = &self.stack.endpoints().kafka;
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &kafka.bootstrap_servers);
        client
    }

    /// Registers a schema and returns its id.
    pub(crate) async fn register(&self, subject: &str, schema: &str) -> u32 {
        let settings = SrSettings::new(self.stack.endpoints().registry.url.clone());
        let schema = SuppliedSchema::new(None, SchemaType::Avro, schema.to_owned());
        post_schema(&settings, subject.to_owned(), schema).await.unwrap().id
    }

    /// Deletes a version, so that it can be asked for by those alone who want deleted ones too.
    pub(crate) async fn delete_version(&self, subject: &str, version: u32) {
        let url = &self.stack.endpoints().registry.url;
        let server = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(server)).await.unwrap();
        tokio::spawn(connection);
        let request =
            hyper::Request::delete(format!("/subjects/{subject}/versions/{version}")).header("host", "registry");
        let request = request.body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap();
        assert!(sender.send_request(request).await.unwrap().status().is_success());
    }

    pub(crate) async fn register_both(&self, topic: &str) -> (u32, u32) {
        let settings = SrSettings::new(self.stack.endpoints().registry.url.clone());
        let mut ids = Vec::new();
        for released in schemas::released() {
            let schema = SuppliedSchema::new(None, SchemaType::Avro, released.source.to_owned());
            ids.push(post_schema(&settings, contract::names::value_subject(topic), schema).await.unwrap().id);
        }
        (ids[0], ids[1])
    }

    pub(crate) async fn create_topic(&self, topic: &str, partitions: i32) {
        let admin: AdminClient<DefaultClientContext> = self.client().create().unwrap();
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        admin.create_topics([&new], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    }

    /// Sends records whose keys are their numbers.
    pub(crate) async fn produce(&self, topic: &str, records: &[(u64, Option<Vec<u8>>)]) {
        self.produce_at(topic, None, records).await;
    }

    /// The same, all with one timestamp.
    pub(crate) async fn produce_at(&self, topic: &str, time: Option<i64>, records: &[(u64, Option<Vec<u8>>)]) {
        let producer: FutureProducer = self.client().set("enable.idempotence", "true").create().unwrap();
        let sends = records.iter().map(|(number, value)| {
            let key = number.to_string();
            let producer = producer.clone();
            async move {
                let mut record: FutureRecord<'_, String, Vec<u8>> = FutureRecord::to(topic).key(&key);
                record.payload = value.as_ref();
                record.timestamp = time;
                producer.send(record, TIMEOUT).await.unwrap();
            }
        });
        futures::future::join_all(sends).await;
    }

    pub(crate) async fn commit(&self, group: &str, topic: &str, position: i64) {
        let consumer: BaseConsumer = self.client().set("group.id", group).create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, Offset::Offset(position)).unwrap();
        tokio::task::spawn_blocking(move || consumer.commit(&list, CommitMode::Sync).unwrap()).await.unwrap();
    }

    pub(crate) fn config(&self, topic: &str) -> Config {
        let endpoints = self.stack.endpoints();
        let mut config = Config::new(endpoints.kafka.clone(), endpoints.registry.clone(), self.store.clone());
        config.topics = vec![topic.to_owned()];
        config.session_timeout = Duration::from_secs(6);
        // Ends wherever the clock says, so in the middle of any test.
        config.roll.window = Duration::ZERO;
        config
    }

    /// Makes an upload in parts look as if it had begun at `time`.
    pub(crate) fn age_upload(&self, id: &str, time: std::time::SystemTime) {
        let path = self.state.path().join("stack/s3/uploads").join(id).join("upload.json");
        std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }

    /// A client of the store, and its bucket.
    pub(crate) fn s3(&self) -> (aws_sdk_s3::Client, String) {
        (store::client(&self.store), self.store.bucket.clone())
    }

    pub(crate) async fn rows(&self, topic: &str) -> Vec<StoredRow> {
        store::rows(&self.store, topic).await
    }

    /// The numbers of all rows, sorted; each as often as it is there.
    pub(crate) async fn numbers(&self, topic: &str) -> Vec<u64> {
        store::numbers(&self.rows(topic).await)
    }

    /// Reads a topic of one partition from its beginning until it has so many records.
    pub(crate) async fn dead_letters(&self, topic: &str, count: usize) -> Vec<Letter> {
        let consumer: BaseConsumer = self.client().set("group.id", "reader").create().unwrap();
        let topic = topic.to_owned();
        let read = move || {
            let mut list = TopicPartitionList::new();
            list.add_partition_offset(&topic, 0, Offset::Beginning).unwrap();
            consumer.assign(&list).unwrap();
            let mut letters = Vec::new();
            while letters.len() < count {
                let message = consumer.poll(TIMEOUT).expect("a dead letter in time").unwrap();
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let headers = message.headers().unwrap().iter();
                letters.push(Letter {
                    number: text(message.key().unwrap()).parse().unwrap(),
                    headers: headers.map(|header| (header.key.to_owned(), text(header.value.unwrap()))).collect(),
                });
            }
            letters
        };
        tokio::task::spawn_blocking(read).await.unwrap()
    }
}
