//! The customer event as a Rust type, and its Avro form in any released version.

use apache_avro::{Schema, reader::datum::GenericDatumReader, types::Value, writer::datum::GenericDatumWriter};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    io::{self, Read},
    str::FromStr,
};
use uuid::Uuid;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    Create,
    Update,
    Delete,
}

/// One change of one customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomerEvent {
    pub event_id: Uuid,
    pub operation: Operation,
    pub customer_id: Uuid,
    /// Rises from 1 for each customer; gaps are allowed. The one order that counts.
    pub sequence: i64,
    /// Milliseconds since 1970, UTC.
    pub event_time: i64,
    /// The whole customer after the change; `None` for a delete.
    pub customer: Option<Customer>,
}

/// A customer's attributes in the newest released version; those that a version lacks are `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub phone: String,
    pub street: String,
    pub city: String,
    pub postal_code: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    pub loyalty_tier: Option<String>,
    pub marketing_consent: Option<bool>,
}

#[derive(Debug, thiserror::Error)]
pub enum EventError {
    #[error("the event does not fit the schema: {0}")]
    Encode(#[source] Box<apache_avro::Error>),
    #[error("the bytes are not a datum of the schema: {0}")]
    Decode(#[source] Box<apache_avro::Error>),
    #[error("the bytes end within the datum")]
    Truncated,
    #[error("{0} bytes are left behind the datum")]
    Trailing(usize),
    #[error("the datum is not a customer event: field `{0}` is missing or of another type")]
    Field(&'static str),
}

impl Operation {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Operation {
    type Err = EventError;

    fn from_str(text: &str) -> Result<Self, EventError> {
        [Self::Create, Self::Update, Self::Delete]
            .into_iter()
            .find(|operation| operation.as_str() == text)
            .ok_or(EventError::Field("operation"))
    }
}

impl CustomerEvent {
    /// The Kafka record's key.
    pub fn key(&self) -> String {
        self.customer_id.to_string()
    }

    /// The event as one Avro datum of `schema`. Attributes that the schema lacks are left out, fields that the event
    /// lacks take the schema's default.
    pub fn encode(&self, schema: &Schema) -> Result<Vec<u8>, EventError> {
        let failed = |error| EventError::Encode(Box::new(error));
        let value = self.to_value().resolve(schema).map_err(failed)?;
        let writer = GenericDatumWriter::builder(schema).build().map_err(failed)?;
        writer.write_value_to_vec(value).map_err(failed)
    }

    /// Reads one whole datum written with `schema`.
    pub fn decode(schema: &Schema, datum: &[u8]) -> Result<Self, EventError> {
        Self::from_value(&decode_datum(schema, datum)?)
    }

    fn to_value(&self) -> Value {
        let field = |name: &str, value: Value| (name.to_owned(), value);
        let customer = self.customer.as_ref().map_or(Value::Null, Customer::to_value);
        Value::Record(vec![
            field("event_id", Value::Uuid(self.event_id)),
            field("operation", Value::String(self.operation.as_str().to_owned())),
            field("customer_id", Value::Uuid(self.customer_id)),
            field("sequence", Value::Long(self.sequence)),
            field("event_time", Value::TimestampMillis(self.event_time)),
            field("customer", customer),
        ])
    }

    fn from_value(value: &Value) -> Result<Self, EventError> {
        let uuid = |name| match get(value, name) {
            Some(Value::Uuid(uuid)) => Ok(*uuid),
            _ => Err(EventError::Field(name)),
        };
        let long = |name| match get(value, name) {
            Some(Value::Long(long) | Value::TimestampMillis(long)) => Ok(*long),
            _ => Err(EventError::Field(name)),
        };
        let Some(Value::Enum(_, operation)) = get(value, "operation") else {
            return Err(EventError::Field("operation"));
        };
        Ok(Self {
            event_id: uuid("event_id")?,
            operation: operation.parse()?,
            customer_id: uuid("customer_id")?,
            sequence: long("sequence")?,
            event_time: long("event_time")?,
            customer: match get(value, "customer") {
                Some(Value::Null) => None,
                Some(customer) => Some(Customer::from_value(customer)?),
                None => return Err(EventError::Field("customer")),
            },
        })
    }
}

impl Customer {
    fn to_value(&self) -> Value {
        let text = |name: &str, text: &str| (name.to_owned(), Value::String(text.to_owned()));
        let tier = self.loyalty_tier.clone().map_or(Value::Null, Value::String);
        let consent = self.marketing_consent.map_or(Value::Null, Value::Boolean);
        Value::Record(vec![
            text("first_name", &self.first_name),
            text("last_name", &self.last_name),
            text("email", &self.email),
            text("phone", &self.phone),
            text("street", &self.street),
            text("city", &self.city),
            text("postal_code", &self.postal_code),
            text("country", &self.country),
            ("loyalty_tier".to_owned(), tier),
            ("marketing_consent".to_owned(), consent),
        ])
    }

    fn from_value(value: &Value) -> Result<Self, EventError> {
        let text = |name| match get(value, name) {
            Some(Value::String(text)) => Ok(text.clone()),
            _ => Err(EventError::Field(name)),
        };
        Ok(Self {
            first_name: text("first_name")?,
            last_name: text("last_name")?,
            email: text("email")?,
            phone: text("phone")?,
            street: text("street")?,
            city: text("city")?,
            postal_code: text("postal_code")?,
            country: text("country")?,
            loyalty_tier: match get(value, "loyalty_tier") {
                Some(Value::String(tier)) => Some(tier.clone()),
                Some(Value::Null) | None => None,
                Some(_) => return Err(EventError::Field("loyalty_tier")),
            },
            marketing_consent: match get(value, "marketing_consent") {
                Some(Value::Boolean(consent)) => Some(*consent),
                Some(Value::Null) | None => None,
                Some(_) => return Err(EventError::Field("marketing_consent")),
            },
        })
    }
}

/// Reads one whole datum written with `schema`, whatever record it is.
pub fn decode_datum(schema: &Schema, datum: &[u8]) -> Result<Value, EventError> {
    let failed = |error| EventError::Decode(Box::new(error));
    let mut bytes = Whole { rest: datum, overrun: false };
    let value = GenericDatumReader::builder(schema).build().and_then(|reader| reader.read_value(&mut bytes));
    // First, for apache-avro takes the end of the bytes for a null where a union or a text should begin.
    if bytes.overrun {
        return Err(EventError::Truncated);
    }
    if !bytes.rest.is_empty() && value.is_ok() {
        return Err(EventError::Trailing(bytes.rest.len()));
    }
    value.map_err(failed)
}

/// Bytes that remember whether more were asked for than there are.
struct Whole<'a> {
    rest: &'a [u8],
    overrun: bool,
}

impl Read for Whole<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.overrun |= buffer.len() > self.rest.len();
        self.rest.read(buffer)
    }
}

/// A record's field, out of its union.
fn get<'a>(record: &'a Value, name: &str) -> Option<&'a Value> {
    let record = if let Value::Union(_, inner) = record { inner } else { record };
    let Value::Record(fields) = record else { return None };
    let (_, value) = fields.iter().find(|(field, _)| field == name)?;
    Some(if let Value::Union(_, inner) = value { inner } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schemas;
    use proptest::prelude::*;

    fn customer() -> impl Strategy<Value = Customer> {
        let text = "\\PC{0,20}";
        let names = (text, text, text, text, text, text, text, "[A-Z]{2}");
        (names, proptest::option::of(text), proptest::option::of(any::<bool>())).prop_map(
            |((first_name, last_name, email, phone, street, city, postal_code, country), tier, consent)| Customer {
                first_name,
                last_name,
                email,
                phone,
                street,
                city,
                postal_code,
                country,
                loyalty_tier: tier,
                marketing_consent: consent,
            },
        )
    }

    fn event() -> impl Strategy<Value = CustomerEvent> {
        let operation = prop_oneof![Just(Operation::Create), Just(Operation::Update), Just(Operation::Delete)];
        (any::<u128>(), operation, any::<u128>(), any::<i64>(), any::<i64>(), proptest::option::of(customer()))
            .prop_map(|(event_id, operation, customer_id, sequence, event_time, customer)| CustomerEvent {
                event_id: Uuid::from_u128(event_id),
                operation,
                customer_id: Uuid::from_u128(customer_id),
                sequence,
                event_time,
                customer,
            })
    }

    proptest! {
        #[test]
        fn any_event_comes_back_from_the_newest_schema(event in event()) {
            let schema = schemas::newest().parse().unwrap();
            let datum = event.encode(&schema).unwrap();
            prop_assert_eq!(CustomerEvent::decode(&schema, &datum).unwrap(), event);
        }

        #[test]
        fn an_older_schema_drops_the_newer_attributes_and_nothing_else(event in event()) {
            let schema = schemas::released()[0].parse().unwrap();
            let decoded = CustomerEvent::decode(&schema, &event.encode(&schema).unwrap()).unwrap();
            let mut expected = event;
            if let Some(customer) = &mut expected.customer {
                customer.loyalty_tier = None;
                customer.marketing_consent = None;
            }
            prop_assert_eq!(decoded, expected);
        }

        #[test]
        fn a_cut_or_lengthened_datum_is_refused(event in event(), cut in 1usize..8) {
            let schema = schemas::newest().parse().unwrap();
            let mut datum = event.encode(&schema).unwrap();
            let short = &datum[..datum.len() - cut.min(datum.len())];
            prop_assert!(matches!(CustomerEvent::decode(&schema, short), Err(EventError::Truncated)));
            datum.push(0);
            prop_assert!(matches!(CustomerEvent::decode(&schema, &datum), Err(EventError::Trailing(1))));
        }
    }
}
