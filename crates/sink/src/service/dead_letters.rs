//! Where records go that no file can hold: the original bytes to another topic, with headers that say where from and why.
//! At least once; a file that covers such a record is created only after this was acknowledged.

use contract::endpoints::Kafka;
use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord, Producer as _},
};
use std::{collections::HashSet, time::Duration};
use tokio::sync::Mutex;

const QUESTION_TIMEOUT: Duration = Duration::from_secs(10);

/// Header keys of a dead letter; the record's own headers come behind them.
pub mod header {
    pub const TOPIC: &str = "dead-letter.topic";
    pub const PARTITION: &str = "dead-letter.partition";
    pub const OFFSET: &str = "dead-letter.offset";
    pub const TIMESTAMP: &str = "dead-letter.timestamp";
    pub const REASON: &str = "dead-letter.reason";
}

/// A record that cannot be used, with its bytes.
#[derive(Debug)]
pub(crate) struct DeadLetter {
    pub(crate) to: String,
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp: Option<i64>,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    /// The record's own; keys are text there.
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
    pub(crate) reason: String,
}

/// Why a letter did not arrive.
#[derive(Debug)]
pub(crate) enum Unsent {
    /// The topic takes none of this size.
    TooLarge,
    Failed(String),
}

/// Of a letter, besides the record: headers that say where from and why.
const BESIDE_RECORD: usize = 64 * 1024;

impl DeadLetter {
    /// Memory.
    pub(crate) fn held(&self) -> usize {
        let headers = self.headers.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len));
        self.key.as_ref().map_or(0, Vec::len) + self.value.as_ref().map_or(0, Vec::len) + headers.sum::<usize>()
    }
}

pub(crate) struct DeadLetters {
    producer: FutureProducer,
    admin: AdminClient<DefaultClientContext>,
    /// Topics that are known to be there.
    ready: Mutex<HashSet<String>>,
    deadline: Duration,
    /// What a topic that is made here takes.
    max_bytes: String,
}

impl DeadLetters {
    /// For records of up to so many bytes.
    ///
    /// # Errors
    /// When librdkafka refuses the configuration.
    pub(crate) fn new(config: &Kafka, deadline: Duration, max_record: usize) -> Result<Self, KafkaError> {
        let mut client = clients::kafka::connection(config);
        let admin = client.create()?;
        client
            .set("enable.idempotence", "true")
            .set("message.max.bytes", "100000000")
            .set("message.timeout.ms", deadline.as_millis().to_string());
        let max_bytes = (max_record + BESIDE_RECORD).min(i32::MAX as usize).to_string();
        Ok(Self { producer: client.create()?, admin, ready: Mutex::default(), deadline, max_bytes })
    }

    /// Sends a dead letter and waits until the brokers have it.
    ///
    /// # Errors
    /// Says what failed, after the configured deadline at the latest.
    pub(crate) async fn send(&self, letter: &DeadLetter) -> Result<(), Unsent> {
        self.prepare(&letter.to).await.map_err(Unsent::Failed)?;
        let text = |key, value: String| Header { key, value: Some(value.into_bytes()) };
        let mut headers = OwnedHeaders::new()
            .insert(text_ref(&text(header::TOPIC, letter.topic.clone())))
            .insert(text_ref(&text(header::PARTITION, letter.partition.to_string())))
            .insert(text_ref(&text(header::OFFSET, letter.offset.to_string())))
            .insert(text_ref(&text(header::REASON, letter.reason.clone())));
        if let Some(timestamp) = letter.timestamp {
            headers = headers.insert(text_ref(&text(header::TIMESTAMP, timestamp.to_string())));
        }
        for (key, value) in &letter.headers {
            headers = headers.insert(Header { key, value: value.as_deref() });
        }
        let mut record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(&letter.to).headers(headers);
        record.key = letter.key.as_deref();
        record.payload = letter.value.as_deref();
        // Its own time is now: with the source's, which a header keeps, retention would take an old record's letter at once.
        match self.producer.send(record, self.deadline).await {
            Ok(_) => Ok(()),
            Err((error, _)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                Err(Unsent::TooLarge)
            }
            Err((error, _)) => Err(Unsent::Failed(format!("sending to {}: {error}", letter.to))),
        }
    }

    /// Whether the brokers have the topic, or make it now that it is asked for.
    async fn is_there(&self, topic: &str) -> bool {
        let (producer, name) = (self.producer.clone(), topic.to_owned());
        let asked =
            tokio::task::spawn_blocking(move || producer.client().fetch_metadata(Some(&name), QUESTION_TIMEOUT));
        let Ok(Ok(metadata)) = asked.await else { return false };
        metadata
            .topics()
            .iter()
            .any(|found| found.name() == topic && found.error().is_none() && !found.partitions().is_empty())
    }

    /// Makes the topic on first use, so that a pipeline without poison needs none. Where the brokers do not allow it,
    /// sending says whether it was there.
    async fn prepare(&self, topic: &str) -> Result<(), String> {
        let mut ready = self.ready.lock().await;
        if ready.contains(topic) {
            return Ok(());
        }
        let new = NewTopic::new(topic, 1, TopicReplication::Fixed(-1)).set("max.message.bytes", &self.max_bytes);
        // The client waits as long for a controller, which brokers that make no topics by request need not have.
        let options = AdminOptions::new()
            .request_timeout(Some(QUESTION_TIMEOUT.min(self.deadline)))
            .operation_timeout(Some(self.deadline));
        match self.admin.create_topics([&new], &options).await {
            Ok(results) => {
                if let Some(Err((_, code))) = results.into_iter().next()
                    && code != RDKafkaErrorCode::TopicAlreadyExists
                {
                    tracing::warn!(topic, %code, "could not make the dead-letter topic; it may be there");
                }
            }
            // Asking makes brokers that may do so make it with partitions of their own number: not before they were told ours.
            Err(_) if self.is_there(topic).await => {}
            Err(error) => return Err(format!("making {topic}: {error}")),
        }
        ready.insert(topic.to_owned());
        Ok(())
    }
}

fn text_ref<'a>(header: &'a Header<'a, Vec<u8>>) -> Header<'a, &'a Vec<u8>> {
    Header { key: header.key, value: header.value.as_ref() }
}
