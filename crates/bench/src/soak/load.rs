//! What is produced: record `n` of a seed is the same every time, so a ledger of numbers is enough to know what must be in
//! the files. Both schema versions in turn, null keys, headers, tombstones, and now and then a record that no file can hold.

use contract::{Customer, CustomerEvent, Operation, framing::frame, schemas};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use schema_registry_converter::{
    async_impl::schema_registry::{SrSettings, post_schema},
    schema_registry_common::{SchemaType, SuppliedSchema},
};

pub(crate) const PARTITIONS: i32 = 12;
/// The header that says which record it is, eight big-endian bytes.
pub(crate) const NUMBER: &str = "n";
/// No registry gives this id.
const UNKNOWN_SCHEMA: u32 = 900_000_000;

pub(crate) type Headers = Vec<(String, Option<Vec<u8>>)>;

/// A record as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) partition: i32,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Headers,
    /// Milliseconds since 1970; not in the order of the records.
    pub(crate) timestamp: i64,
    pub(crate) fate: Fate,
}

/// Where a record must end up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    File,
    DeadLetter,
}

/// Makes records.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    seed: u64,
    /// Ids of the released schemas, oldest first.
    ids: Vec<u32>,
    schemas: Vec<apache_avro::Schema>,
}

impl Load {
    /// Registers the schemas, which changes nothing where they are registered already.
    pub(crate) async fn register(seed: u64, registry: &str, topic: &str) -> anyhow::Result<Self> {
        let settings = SrSettings::new(registry.trim_end_matches('/').to_owned());
        let (mut ids, mut parsed) = (Vec::new(), Vec::new());
        for released in schemas::released() {
            let schema = SuppliedSchema::new(None, SchemaType::Avro, released.compact()?);
            let posted = post_schema(&settings, contract::names::value_subject(topic), schema).await;
            ids.push(posted.map_err(|error| anyhow::anyhow!("registering {topic}'s schemas: {error}"))?.id);
            parsed.push(released.parse()?);
        }
        Ok(Self { seed, ids, schemas: parsed })
    }

    /// The schema with which values of this id were written.
    pub(crate) fn schema(&self, id: u32) -> Option<&apache_avro::Schema> {
        self.ids.iter().position(|known| *known == id).map(|index| &self.schemas[index])
    }

    /// A framed value of about so many bytes.
    pub(crate) fn large(&self, n: u64, bytes: usize) -> anyhow::Result<Vec<u8>> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed ^ n);
        let mut event = event(n, &mut random);
        if let Some(customer) = &mut event.customer {
            customer.street = (0..bytes).map(|_| random.random_range('a'..='z')).collect();
        }
        let newest = self.ids.len() - 1;
        Ok(frame(self.ids[newest], &event.encode(&self.schemas[newest])?))
    }

    pub(crate) fn record(&self, n: u64) -> anyhow::Result<Sent> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed ^ n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let version = random.random_range(0..self.ids.len());
        let (id, mut fate) = (self.ids[version], Fate::File);
        let datum = event(n, &mut random).encode(&self.schemas[version])?;
        let value = match random.random_range(0..100) {
            0..5 => None,
            5..8 => {
                fate = Fate::DeadLetter;
                Some(match random.random_range(0..5) {
                    0 => Vec::new(),
                    1 => b"{\"no\":\"frame\"}".to_vec(),
                    2 => frame(UNKNOWN_SCHEMA, &datum),
                    3 => frame(id, &datum[..datum.len() - 1]),
                    _ => frame(id, &[&datum[..], b"more"].concat()),
                })
            }
            _ => Some(frame(id, &datum)),
        };
        let mut headers = vec![(NUMBER.to_owned(), Some(n.to_be_bytes().to_vec()))];
        if random.random_ratio(1, 4) {
            headers.push(("trace".to_owned(), Some(vec![0xff; random.random_range(0..20)])));
        }
        if random.random_ratio(1, 8) {
            headers.push(("nothing".to_owned(), None));
        }
        Ok(Sent {
            partition: random.random_range(0..PARTITIONS),
            key: (!random.random_ratio(1, 10)).then(|| format!("key {}", n % 1000).into_bytes()),
            value,
            headers,
            timestamp: 1_700_000_000_000 + n as i64 * 10 - random.random_range(0..100_000),
            fate,
        })
    }
}

fn event(n: u64, random: &mut ChaCha8Rng) -> CustomerEvent {
    let mut text = |field: &str| format!("{field} {}", "ż".repeat(random.random_range(0..12)));
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
        marketing_consent: None,
    };
    let there = random.random_ratio(9, 10);
    CustomerEvent {
        event_id: uuid::Uuid::from_u128(n.into()),
        operation: if there { Operation::Update } else { Operation::Delete },
        customer_id: uuid::Uuid::from_u128(u128::from(n % 1000)),
        sequence: n as i64,
        event_time: 1_700_000_000_000 + n as i64,
        customer: there.then_some(customer),
    }
}
