//! Taking records and events from the client. Records come by the batch from a queue of their own, events one by one from
//! the consumer's.

use contract::Offset;
use rdkafka::{
    consumer::Consumer as _,
    error::{KafkaError, RDKafkaErrorCode},
    message::{BorrowedMessage, Message as _},
};
use sink_core::partition::Admit;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Worker, wall_clock};
use crate::{error::SinkError, kafka, native::RecordQueue, slot::Resume, tasks::Asker};

/// Records taken before answers and events are looked at again.
const BATCH: usize = 1024;
/// Events taken before records are: more than the group ever sends at once.
const EVENTS: usize = 1024;

impl Worker {
    /// Takes what is there, or waits for it.
    pub(super) fn read(&mut self, wait: Duration) {
        // While nothing is assigned there are only events to wait for.
        self.serve_events(if self.by_place.is_empty() { wait } else { Duration::ZERO });
        // Out of reach meanwhile: a position that is sought within a batch would be followed by the batch's rest.
        let Some(mut records) = self.records.take() else { return };
        if !self.by_place.is_empty() {
            records.take(BATCH, wait);
            // The wait may have been long.
            self.tell_time(wall_clock());
        }
        while let Some(next) = records.next() {
            self.changed = true;
            match next {
                Ok(record) => self.record(&record),
                Err(code) => self.read_failed(KafkaError::MessageConsumption(code)),
            }
        }
        self.records = Some(records);
    }

    fn serve_events(&mut self, mut wait: Duration) {
        let consumer = Arc::clone(&self.consumer);
        for _ in 0..EVENTS {
            if wait.is_zero() && !self.records.as_ref().is_some_and(RecordQueue::has_events) {
                return;
            }
            match consumer.poll(wait) {
                Some(Ok(message)) => self.read_astray(&message),
                Some(Err(error)) => self.read_failed(error),
                None => {}
            }
            wait = Duration::ZERO;
        }
    }

    /// A record among the events was fetched before its partition was led to the queue of records. It is not taken, and
    /// if it was wanted, the partition goes back to it: those behind it may be in the other queue.
    fn read_astray(&mut self, message: &BorrowedMessage<'_>) {
        let place = (message.topic().to_owned(), message.partition());
        let Some(&index) = self.by_place.get(&place) else { return };
        let Some(slot) = &mut self.slots[index] else { return };
        let Some(at) = slot.machine.position() else { return };
        if slot.resume.is_some() || slot.machine.admit(Offset(message.offset())) == Admit::Skip {
            return;
        }
        if let Err(error) = kafka::pause(&self.consumer, &place) {
            tracing::debug!(topic = place.0, partition = place.1, %error, "pausing");
        }
        slot.resume = Some(Resume { at, since: Instant::now() });
        self.retry_resume(index);
    }

    fn read_failed(&mut self, error: KafkaError) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                tracing::warn!(%error, "a position is out of range; looking for the partition");
                self.ask_logs();
            }
            Some(RDKafkaErrorCode::FencedInstanceId | RDKafkaErrorCode::Fenced) => self.fatal = Some(SinkError::Fenced),
            _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => {
                let fenced = self.consumer.client().fatal_error();
                self.fatal = Some(match fenced {
                    Some((RDKafkaErrorCode::FencedInstanceId, _)) => SinkError::Fenced,
                    _ => SinkError::Kafka { tried: "reading", source: error },
                });
            }
            // The client repeats by itself; while it cannot read, nothing is lost.
            _ => tracing::warn!(%error, "reading from Kafka"),
        }
    }

    /// Librdkafka does not say whose position was out of range: every partition's is compared with its log.
    fn ask_logs(&mut self) {
        for index in 0..self.slots.len() {
            if let Some(slot) = &self.slots[index]
                && slot.machine.position().is_some()
            {
                let asker = Asker { slot: index, epoch: slot.machine.epoch() };
                self.tasks.ask_log(asker, slot.place.clone());
                self.owed += 1;
            }
        }
    }
}
