//! Records that a well-behaved producer would not send like this: one customer whose second event arrives long after its
//! third, an event that is sent twice, and bytes that are no event. The tables must come out as if nothing had happened.

use anyhow::Context;
use apache_avro::Schema;
use chrono::Utc;
use clients::registry::Registry;
use contract::{Customer, CustomerEvent, Operation, framing, names, schemas};
use local_stack::Endpoints;
use rdkafka::producer::{FutureProducer, FutureRecord};
use std::time::Duration;
use uuid::Uuid;

const TIMEOUT: Duration = Duration::from_secs(20);

/// One customer beside the generated ones.
pub(crate) struct Extras {
    topic: String,
    kafka: FutureProducer,
    schema: Schema,
    schema_id: u32,
    customer_id: Uuid,
    born: i64,
}

impl Extras {
    /// Looks up the newest schema's id; registers it where nobody has yet.
    pub(crate) async fn new(endpoints: &Endpoints, topic: &str) -> anyhow::Result<Self> {
        let Endpoints { kafka, registry, .. } = endpoints;
        let newest = schemas::newest();
        let schema_id = Registry::new(registry)?.register(&names::value_subject(topic), &newest.compact()?).await?;
        let mut config = clients::kafka::client(kafka);
        config.set("partitioner", "murmur2_random");
        Ok(Self {
            topic: topic.to_owned(),
            kafka: config.create().context("a Kafka producer for the demo's own records")?,
            schema: newest.parse()?,
            schema_id,
            customer_id: Uuid::new_v4(),
            born: Utc::now().timestamp_millis(),
        })
    }

    pub(crate) fn customer_id(&self) -> Uuid {
        self.customer_id
    }

    /// The first and the third event of the customer; the third one twice, as by a producer that retries blindly.
    pub(crate) async fn early_and_twice(&self) -> anyhow::Result<()> {
        self.send(&self.event(1)).await?;
        self.send(&self.event(3)).await?;
        self.send(&self.event(3)).await
    }

    /// The second event, when the third has long been merged.
    pub(crate) async fn late(&self) -> anyhow::Result<()> {
        self.send(&self.event(2)).await
    }

    /// Bytes that are no event.
    pub(crate) async fn poison(&self) -> anyhow::Result<()> {
        self.produce(&self.customer_id.to_string(), b"{\"not\": \"Avro\"}").await
    }

    /// Event `sequence` of a customer who moves from Oslo to Lima and then to Cairo; the same bytes at every call.
    fn event(&self, sequence: i64) -> CustomerEvent {
        let (operation, city, postal_code, country) = match sequence {
            1 => (Operation::Create, "Oslo", "0150", "NO"),
            2 => (Operation::Update, "Lima", "15001", "PE"),
            _ => (Operation::Update, "Cairo", "11511", "EG"),
        };
        CustomerEvent {
            event_id: Uuid::from_u128(self.customer_id.as_u128() ^ sequence as u128),
            operation,
            customer_id: self.customer_id,
            sequence,
            event_time: self.born + sequence,
            customer: Some(Customer {
                first_name: "Ada".into(),
                last_name: "Late".into(),
                email: "ada.late@example.com".into(),
                phone: "+47 22 00 00 00".into(),
                street: "1 Example Street".into(),
                city: city.into(),
                postal_code: postal_code.into(),
                country: country.into(),
                loyalty_tier: (sequence > 1).then(|| "gold".into()),
                marketing_consent: Some(sequence != 2),
            }),
        }
    }

    async fn send(&self, event: &CustomerEvent) -> anyhow::Result<()> {
        self.produce(&event.key(), &framing::frame(self.schema_id, &event.encode(&self.schema)?)).await
    }

    async fn produce(&self, key: &str, value: &[u8]) -> anyhow::Result<()> {
        let record = FutureRecord::to(&self.topic).key(key).payload(value);
        self.kafka
            .send(record, TIMEOUT)
            .await
            .map_err(|(error, _)| error)
            .context("sending one of the demo's own records")?;
        Ok(())
    }
}
