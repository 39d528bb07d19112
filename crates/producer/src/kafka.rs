//! What all Kafka clients here have in common.

use contract::endpoints::Kafka;
use rdkafka::{
    ClientConfig,
    client::{ClientContext, DefaultClientContext},
    config::RDKafkaLogLevel,
    consumer::ConsumerContext,
};

/// The endpoint's own properties; callers add theirs.
pub(crate) fn client_config(kafka: &Kafka) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.extend(kafka.properties.clone());
    config.set("bootstrap.servers", &kafka.bootstrap_servers);
    config
}

/// librdkafka's log, without its remarks that a producer has no use for a consumer's property and the reverse: producers
/// and consumers share one list of properties, and nobody could mend it.
#[derive(Clone, Copy)]
pub(crate) struct Log;

impl ClientContext for Log {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        let other_kind = ["is a consumer property", "is a producer property"].iter().any(|is| message.contains(is));
        if facility != "CONFWARN" || !other_kind {
            DefaultClientContext.log(level, facility, message);
        }
    }
}

impl ConsumerContext for Log {}
