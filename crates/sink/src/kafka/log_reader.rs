//! Reads a stretch of one partition's log without belonging to a group and without committing anything: what was committed
//! by its producers, to the end as it was when asked. Blocks; meant for threads that may.

use contract::{Position, Range};
use rdkafka::{
    Message as _, Offset,
    consumer::Consumer as _,
    error::{KafkaError, RDKafkaErrorCode},
    message::BorrowedMessage,
};
use std::{
    cell::Cell,
    time::{Duration, Instant},
};
use telemetry::Shutdown;

use crate::{
    config::Config,
    error::SinkError,
    kafka::{self, Consumer, Place},
};

/// How long one poll waits.
const POLL: Duration = Duration::from_millis(200);

/// A partition's log from a position on.
pub(crate) struct LogReader {
    consumer: Consumer,
    place: Place,
    until: Position,
    patience: Duration,
    shutdown: Shutdown,
    ended: Cell<bool>,
}

impl LogReader {
    /// Reads a range, or to the log's end where that comes first.
    ///
    /// # Errors
    /// When librdkafka refuses the configuration.
    pub(crate) fn open(config: &Config, place: &Place, range: Range, shutdown: &Shutdown) -> Result<Self, SinkError> {
        let consumer = kafka::reader(config)?;
        let tried = "taking a partition to read";
        kafka::list(std::slice::from_ref(place), Offset::Offset(range.start.0))
            .and_then(|list| consumer.assign(&list))
            .map_err(|source| SinkError::Kafka { tried, source })?;
        Ok(Self {
            consumer,
            place: place.clone(),
            until: range.next,
            patience: config.deadlines.kafka,
            shutdown: shutdown.clone(),
            ended: Cell::new(range.start >= range.next),
        })
    }

    /// The next record, in the order of offsets; `None` at the end.
    ///
    /// # Errors
    /// When Kafka does not answer for the configured deadline, the log was cut meanwhile, or a stop was asked for.
    pub(crate) fn next(&self) -> Result<Option<BorrowedMessage<'_>>, SinkError> {
        let end = Instant::now() + self.patience;
        let mut reason = "no record and no end of the log".to_owned();
        while !self.ended.get() {
            if self.shutdown.is_requested() {
                return Err(SinkError::Interrupted);
            }
            match self.consumer.poll(POLL) {
                Some(Ok(message)) if message.offset() < self.until.0 => return Ok(Some(message)),
                Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => self.ended.set(true),
                Some(Err(error)) if is_out_of_range(&error) => {
                    let (topic, partition) = &self.place;
                    let reason = format!("{topic}[{partition}] was cut while it was read: {error}");
                    return Err(SinkError::Unanswered { reason });
                }
                // The client repeats by itself.
                Some(Err(error)) => reason = error.to_string(),
                None => {}
            }
            if Instant::now() >= end && !self.ended.get() {
                let (topic, partition) = &self.place;
                return Err(SinkError::Unanswered { reason: format!("reading {topic}[{partition}]: {reason}") });
            }
        }
        Ok(None)
    }
}

impl Drop for LogReader {
    fn drop(&mut self) {
        // The context would keep what the consumer gives up for a worker that is not there.
        self.consumer.context().close();
        if let Err(error) = self.consumer.unassign() {
            tracing::debug!(%error, "giving a partition up after reading it");
        }
    }
}

fn is_out_of_range(error: &KafkaError) -> bool {
    matches!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange))
}
