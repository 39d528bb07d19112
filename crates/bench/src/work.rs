//! The work item: customer events of about 220 bytes, the same every time, in a topic of 4 partitions.

use anyhow::{Context, bail};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer},
};
use schema_registry_converter::{
    async_impl::schema_registry::{SrSettings, post_schema},
    schema_registry_common::{SchemaType, SuppliedSchema},
};
use sink_core::varint::{put_bytes, put_long};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

const PARTITIONS: i32 = 4;
const TIMEOUT: Duration = Duration::from_mins(1);
const SCHEMA: &str = r#"{"type":"record","name":"BenchEvent","namespace":"bench","fields":[
{"name":"event_id","type":{"type":"string","logicalType":"uuid"}},
{"name":"operation","type":{"type":"enum","name":"Operation","symbols":["CREATE","UPDATE","DELETE"]}},
{"name":"customer_id","type":"string"},{"name":"sequence","type":"long"},
{"name":"event_time","type":{"type":"long","logicalType":"timestamp-millis"}},
{"name":"first_name","type":"string"},{"name":"last_name","type":"string"},
{"name":"email","type":["null","string"],"default":null},{"name":"phone","type":["null","string"],"default":null},
{"name":"street","type":"string"},{"name":"city","type":"string"},{"name":"country","type":"string"},
{"name":"postal_code","type":"string"},{"name":"channel","type":"string"},{"name":"source","type":"string"},
{"name":"trace_id","type":"string"},{"name":"consent","type":"boolean"}]}"#;

/// A small generator whose numbers never change with a library's version.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[(self.next() % of.len() as u64) as usize]
    }
}

const FIRST: [&str; 12] =
    ["Anna", "Marek", "Sofía", "Liam", "Chloé", "Jürgen", "Olga", "Yuki", "Amara", "Noah", "Ingrid", "Mateo"];
const LAST: [&str; 12] = [
    "Nowak",
    "García",
    "Smith",
    "Müller",
    "Dubois",
    "Kowalczyk",
    "Rossi",
    "Tanaka",
    "Okafor",
    "Johansson",
    "Silva",
    "Brown",
];
const STREET: [&str; 8] = [
    "Station Road",
    "Hauptstraße",
    "Rue de la Paix",
    "ul. Mickiewicza",
    "Via Garibaldi",
    "Calle Mayor",
    "King Street",
    "Linden Avenue",
];
const CITY: [&str; 8] = ["London", "Berlin", "Paris", "Warszawa", "Milano", "Madrid", "Manchester", "Wien"];
const COUNTRY: [&str; 8] = ["GB", "DE", "FR", "PL", "IT", "ES", "GB", "AT"];
const CHANNEL: [&str; 4] = ["web-checkout", "mobile-app", "call-centre", "partner-api"];

/// The work item's records, one after another.
pub(crate) struct Events {
    numbers: Numbers,
    schema_id: u32,
    sequence: u64,
    value: Vec<u8>,
}

impl Events {
    pub(crate) fn new(schema_id: u32) -> Self {
        Self { numbers: Numbers(42), schema_id, sequence: 0, value: Vec::new() }
    }

    /// Key and value.
    pub(crate) fn next(&mut self) -> (String, &[u8]) {
        let key = event(&mut self.value, self.schema_id, self.sequence, &mut self.numbers);
        self.sequence += 1;
        (key, &self.value)
    }
}

fn event(out: &mut Vec<u8>, schema_id: u32, sequence: u64, numbers: &mut Numbers) -> String {
    out.clear();
    out.push(contract::framing::MAGIC);
    out.extend_from_slice(&schema_id.to_be_bytes());
    let (high, low) = (numbers.next(), numbers.next());
    let mut text = |text: &str| put_bytes(out, text.as_bytes());
    text(&format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    ));
    put_long(out, (numbers.next() % 3) as i64);
    let customer = format!("C-{:09}", numbers.next() % 250_000);
    put_bytes(out, customer.as_bytes());
    put_long(out, sequence as i64);
    put_long(out, 1_790_000_000_000 + sequence as i64 * 7);
    let (first, last) = (numbers.pick(&FIRST), numbers.pick(&LAST));
    put_bytes(out, first.as_bytes());
    put_bytes(out, last.as_bytes());
    for (odds, value) in [
        (20, format!("{}.{}@mail.example.org", first.to_lowercase(), numbers.next() % 100_000)),
        (5, format!("+{} {:03} {:06}", 30 + numbers.next() % 60, numbers.next() % 1000, numbers.next() % 1_000_000)),
    ] {
        if numbers.next().is_multiple_of(odds) {
            put_long(out, 0);
        } else {
            put_long(out, 1);
            put_bytes(out, value.as_bytes());
        }
    }
    put_bytes(out, format!("{} {}", 1 + numbers.next() % 240, numbers.pick(&STREET)).as_bytes());
    put_bytes(out, numbers.pick(&CITY).as_bytes());
    put_bytes(out, numbers.pick(&COUNTRY).as_bytes());
    put_bytes(out, format!("{:02}-{:03}", numbers.next() % 100, numbers.next() % 1000).as_bytes());
    put_bytes(out, numbers.pick(&CHANNEL).as_bytes());
    put_bytes(out, format!("src:{:016x}", numbers.next()).as_bytes());
    put_bytes(out, format!("{:016x}{:016x}", numbers.next(), numbers.next()).as_bytes());
    out.push((numbers.next() & 1) as u8);
    customer
}

/// Fills the topic once; a topic that holds exactly `records` is left as it is.
pub(crate) async fn prepare(servers: &BTreeMap<&'static str, String>, topic: &str, records: u64) -> anyhow::Result<()> {
    let named = |name: &str| servers.get(name).with_context(|| format!("{name} is not known"));
    let (brokers, registry) = (named("BROKERS")?, named("REGISTRY")?);
    let client: BaseConsumer = ClientConfig::new().set("bootstrap.servers", brokers).create()?;
    create_topics(brokers, &[topic.to_owned()], PARTITIONS).await?;
    let mut there = 0;
    for partition in 0..PARTITIONS {
        let (low, high) = watermarks(&client, topic, partition).await?;
        there += high - low;
    }
    if there as u64 == records {
        return Ok(());
    }
    anyhow::ensure!(there == 0, "{topic} holds {there} records, not {records}: name another topic");
    let id = register(registry, &[topic.to_owned()]).await?;
    let (brokers, topic) = (brokers.clone(), topic.to_owned());
    tokio::task::spawn_blocking(move || produce(&brokers, &topic, records, id)).await?
}

/// Makes topics that are not there yet.
pub(crate) async fn create_topics(brokers: &str, topics: &[String], partitions: i32) -> anyhow::Result<()> {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new().set("bootstrap.servers", brokers).create()?;
    let new: Vec<_> = topics.iter().map(|topic| NewTopic::new(topic, partitions, TopicReplication::Fixed(1))).collect();
    for made in admin.create_topics(&new, &AdminOptions::new().operation_timeout(Some(TIMEOUT))).await? {
        match made {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => bail!("making {topic}: {code}"),
        }
    }
    Ok(())
}

pub(crate) async fn delete_topics(brokers: &str, topics: &[String]) -> anyhow::Result<()> {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new().set("bootstrap.servers", brokers).create()?;
    let names: Vec<&str> = topics.iter().map(String::as_str).collect();
    for deleted in admin.delete_topics(&names, &AdminOptions::new()).await? {
        deleted.map_err(|(topic, code)| anyhow::anyhow!("deleting {topic}: {code}"))?;
    }
    Ok(())
}

/// Registers the work item's schema for topics; one text has one id in all subjects.
pub(crate) async fn register(registry: &str, topics: &[String]) -> anyhow::Result<u32> {
    let settings = SrSettings::new(registry.to_owned());
    let mut id = 0;
    for topic in topics {
        let schema = SuppliedSchema::new(None, SchemaType::Avro, SCHEMA.replace('\n', ""));
        let posted = post_schema(&settings, contract::names::value_subject(topic), schema).await;
        id = posted.map_err(|error| anyhow::anyhow!("{error}"))?.id;
    }
    Ok(id)
}

/// A topic that was just made is not known everywhere at once.
async fn watermarks(client: &BaseConsumer, topic: &str, partition: i32) -> anyhow::Result<(i64, i64)> {
    let end = Instant::now() + TIMEOUT;
    loop {
        match client.fetch_watermarks(topic, partition, TIMEOUT) {
            Ok(found) => return Ok(found),
            Err(error) if Instant::now() >= end => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

fn produce(brokers: &str, topic: &str, records: u64, schema_id: u32) -> anyhow::Result<()> {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("compression.type", "lz4")
        .set("linger.ms", "20")
        .set("batch.size", "262144")
        .set("enable.idempotence", "true")
        .set("queue.buffering.max.messages", "500000")
        .create()?;
    let mut events = Events::new(schema_id);
    for sequence in 0..records {
        let (key, value) = events.next();
        let partition = (sequence % PARTITIONS as u64) as i32;
        let mut record = BaseRecord::to(topic).partition(partition).key(&key).payload(value);
        while let Err((error, back)) = producer.send(record) {
            let KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) = error else { return Err(error.into()) };
            producer.poll(Duration::from_millis(5));
            record = back;
        }
    }
    producer.flush(TIMEOUT).context("flushing")
}
