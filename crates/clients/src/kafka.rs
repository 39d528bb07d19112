//! What every Kafka client has set, whatever it is for.

use contract::endpoints::Kafka;
use rdkafka::{
    ClientConfig,
    client::{ClientContext, DefaultClientContext},
    config::RDKafkaLogLevel,
    consumer::ConsumerContext,
    error::{KafkaError, RDKafkaErrorCode},
};

/// Prefixes of librdkafka's properties that are about the connection, and not about producing or consuming.
const CONNECTION: [&str; 13] = [
    "security.",
    "sasl.",
    "ssl.",
    "enable.ssl.",
    "enable.sasl.",
    "https.",
    "socket.",
    "broker.",
    "client.",
    "reconnect.",
    "metadata.",
    "topic.metadata.",
    "debug",
];

/// A client with all properties that the user gave; callers add theirs.
pub fn client(kafka: &Kafka) -> ClientConfig {
    with(kafka, |_| true)
}

/// A client with those properties that are about the connection: for one of another kind than the user's properties are for.
pub fn connection(kafka: &Kafka) -> ClientConfig {
    with(kafka, |property| CONNECTION.iter().any(|prefix| property.starts_with(prefix)))
}

fn with(kafka: &Kafka, wanted: impl Fn(&str) -> bool) -> ClientConfig {
    let mut client = ClientConfig::new();
    for (property, value) in kafka.properties.iter().filter(|(property, _)| wanted(property)) {
        client.set(property, value);
    }
    client.set("bootstrap.servers", &kafka.bootstrap_servers);
    client
}

/// Whether a topic is the brokers' or the registry's own. A regular expression must not match it: `__consumer_offsets` would
/// feed on the commits of whoever reads it, for ever.
pub fn is_internal(topic: &str) -> bool {
    topic.starts_with("__") || topic == "_schemas" || topic.starts_with("_confluent")
}

/// Internal topics as a regular expression of librdkafka's property `topic.blacklist`.
pub const INTERNAL: &str = "^__.*,^_schemas$,^_confluent.*";

/// librdkafka's log, without its remarks that a producer has no use for a consumer's property and the reverse: producers
/// and consumers share one list of properties, and nobody could mend it.
#[derive(Clone, Copy)]
pub struct Log;

impl ClientContext for Log {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        let other_kind = ["is a consumer property", "is a producer property"].iter().any(|is| message.contains(is));
        if facility != "CONFWARN" || !other_kind {
            DefaultClientContext.log(level, facility, message);
        }
    }

    /// The end of a partition is what a reader waits for, and not an error.
    fn error(&self, error: KafkaError, reason: &str) {
        if error != KafkaError::Global(RDKafkaErrorCode::PartitionEOF) {
            DefaultClientContext.error(error, reason);
        }
    }
}

impl ConsumerContext for Log {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_of_another_kind_shares_the_connection_and_nothing_else() {
        let properties = [("sasl.username", "u"), ("fetch.min.bytes", "9"), ("bootstrap.servers", "elsewhere")];
        let properties = properties.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let kafka = Kafka { bootstrap_servers: "here:9092".to_owned(), properties };
        let shared = connection(&kafka);
        assert_eq!((shared.get("sasl.username"), shared.get("fetch.min.bytes")), (Some("u"), None));
        assert_eq!(shared.get("bootstrap.servers"), Some("here:9092"));
        assert_eq!(client(&kafka).get("fetch.min.bytes"), Some("9"));
    }

    #[test]
    fn topics_of_the_brokers_and_the_registry_are_internal() {
        for topic in ["__consumer_offsets", "__transaction_state", "_schemas", "_confluent-metrics"] {
            assert!(is_internal(topic), "{topic}");
        }
        for topic in ["customers.events", "_own", "schemas", "a__b"] {
            assert!(!is_internal(topic), "{topic}");
        }
    }
}
