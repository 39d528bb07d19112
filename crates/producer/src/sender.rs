//! Records on their way to Kafka: idempotent, acknowledged by all replicas in sync, each within a deadline.

use crate::{
    Error,
    faults::{FaultHook, Step},
    outbox::Record,
};
use clients::kafka::Log;
use contract::{Offset, Position, endpoints::Kafka};
use rdkafka::{
    error::KafkaError,
    producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _},
    types::RDKafkaErrorCode,
};
use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};
use uuid::Uuid;

/// What librdkafka may hold back; a batch is written to the outbox in pieces smaller than this.
const QUEUE_KBYTES: &str = "65536";

/// What a broker said to a list of records.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    pub(crate) positions: BTreeMap<i32, Position>,
    pub(crate) took: Duration,
}

pub(crate) struct Sender {
    kafka: Kafka,
    topic: String,
    timeout: Duration,
    client: FutureProducer<Log>,
}

impl Sender {
    pub(crate) fn connect(kafka: &Kafka, topic: &str, timeout: Duration) -> Result<Self, Error> {
        let client = client(kafka, timeout)?;
        Ok(Self { kafka: kafka.clone(), topic: topic.to_owned(), timeout, client })
    }

    /// Sends all records in their order and waits for every acknowledgement.
    ///
    /// # Errors
    /// [`Error::Delivery`] when one is not acknowledged in time; the others may be in the topic. Sending all of them
    /// again is right.
    pub(crate) async fn send(&mut self, records: &[Record], faults: &FaultHook) -> Result<Delivered, Error> {
        // A fatal error (a sequence the broker cannot place) ends a client's life, not the producer's.
        if let Some((code, reason)) = self.client.client().fatal_error() {
            tracing::warn!(%code, reason, "the Kafka client failed for good; connecting anew");
            self.client = client(&self.kafka, self.timeout)?;
        }
        let begun = Instant::now();
        let mut waiting: VecDeque<(DeliveryFuture, usize)> = VecDeque::new();
        let mut tally = Acknowledgements::default();
        for record in records {
            let key = record.customer_id.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()).to_owned();
            let mut next = FutureRecord::to(&self.topic).key(&key).payload(&record.value);
            let size = key.len() + record.value.len();
            loop {
                match self.client.send_result(next) {
                    Ok(delivery) => break waiting.push_back((delivery, size)),
                    // Full: whoever waits longest makes room.
                    Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                        let Some((oldest, size)) = waiting.pop_front() else { break tally.fail(queue_full()) };
                        tally.take(oldest, size, faults).await;
                        next = back;
                    }
                    Err((error, _)) => break tally.fail(error),
                }
            }
        }
        for (delivery, size) in waiting {
            tally.take(delivery, size, faults).await;
        }
        match tally.first_error {
            Some(first) => Err(Error::Delivery {
                failed: tally.failed,
                total: records.len(),
                seconds: self.timeout.as_secs(),
                first,
            }),
            None => Ok(Delivered { took: begun.elapsed(), ..tally.delivered }),
        }
    }
}

#[derive(Default)]
struct Acknowledgements {
    delivered: Delivered,
    failed: usize,
    first_error: Option<KafkaError>,
}

impl Acknowledgements {
    async fn take(&mut self, delivery: DeliveryFuture, size: usize, faults: &FaultHook) {
        match delivery.await {
            Ok(Ok(place)) => {
                self.delivered.records += 1;
                self.delivered.bytes += size as u64;
                let position = Offset(place.offset).next();
                let behind = self.delivered.positions.entry(place.partition).or_insert(position);
                *behind = (*behind).max(position);
                faults.reached(Step::Acknowledged(self.delivered.records));
            }
            Ok(Err((error, _))) => self.fail(error),
            Err(_) => self.fail(KafkaError::Canceled),
        }
    }

    fn fail(&mut self, error: KafkaError) {
        self.failed += 1;
        self.first_error.get_or_insert(error);
    }
}

fn queue_full() -> KafkaError {
    KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)
}

fn client(kafka: &Kafka, timeout: Duration) -> Result<FutureProducer<Log>, Error> {
    let mut config = clients::kafka::client(kafka);
    for (property, default) in [("compression.codec", "zstd"), ("client.id", "producer"), ("linger.ms", "20")] {
        if config.get(property).is_none() {
            config.set(property, default);
        }
    }
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("partitioner", "murmur2_random")
        .set("message.timeout.ms", timeout.as_millis().to_string())
        .set("queue.buffering.max.kbytes", QUEUE_KBYTES);
    config
        .create_with_context(Log)
        .map_err(|source| Error::Kafka { doing: "accept the producer's settings".to_owned(), source })
}
