//! Taking records and events from the client. Records come by the batch from a queue of their own, events one by one from
//! the consumer's.

use contract::{Offset, Position};
use rdkafka::{
    consumer::Consumer as _,
    error::{KafkaError, RDKafkaErrorCode},
    message::{BorrowedMessage, Message as _},
};
use sink_core::{partition::Admit, stop::Stop};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{BUSY_WAIT, Worker, memory::Memory, records::Flow, wall_clock};
use crate::{
    error::SinkError,
    kafka,
    kafka::native::{Failed, RecordQueue},
    service::slot::{Failing, Resume},
    service::tasks::Asker,
};

/// Records taken before answers and events are looked at again.
const BATCH: usize = 1024;
/// Events taken before records are: more than the group ever sends at once.
const EVENTS: usize = 1024;

/// How long a partition rests that could not be read.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// An error that comes later than this behind another has nothing to do with it: between them there was nothing to read.
const STILL_FAILING: Duration = Duration::from_secs(30);

/// How long a batch waits for a schema before its partition is paused for it.
const STALL: Duration = Duration::from_millis(250);

/// A batch that waits for a schema. Nothing is sought meanwhile, since the queue is out of reach, and the group's events are served.
pub(super) struct Stall {
    records: RecordQueue<kafka::Context>,
    topic: usize,
    id: u32,
    until: Instant,
}

impl Worker {
    /// Takes what is there, or waits for it.
    pub(super) fn read(&mut self, wait: Duration) {
        // While nothing is assigned, or there is no memory, there are only events to wait for.
        let takes_records = !self.by_place.is_empty() && self.memory == Memory::Enough;
        self.serve_events(if takes_records { Duration::ZERO } else { wait });
        if !takes_records {
            return;
        }
        // Out of reach meanwhile: a position that is sought within a batch would be followed by the batch's rest.
        let mut records = match self.stall.take() {
            Some(stall) if self.is_asking(&stall) && Instant::now() < stall.until => {
                self.stall = Some(stall);
                return self.serve_events(BUSY_WAIT);
            }
            Some(Stall { records, topic, id, .. }) => {
                self.stalled_out = Some((topic, id));
                records
            }
            None => {
                let Some(mut records) = self.records.take() else { return };
                records.take(BATCH, wait);
                records
            }
        };
        // The wait may have been long.
        self.tell_time(wall_clock());
        loop {
            let (topic, id, kept) = match records.next() {
                None => break,
                Some(Err(failed)) => {
                    self.changed = true;
                    self.partition_failed(&failed);
                    continue;
                }
                Some(Ok(record)) => {
                    self.changed = true;
                    let Flow::Stall { topic, id } = self.record(&record) else { continue };
                    (topic, id, record.keep())
                }
            };
            records.put_back(kept);
            self.stall = Some(Stall { records, topic, id, until: Instant::now() + STALL });
            return;
        }
        self.stalled_out = None;
        self.records = Some(records);
    }

    fn is_asking(&self, stall: &Stall) -> bool {
        self.topics.get(stall.topic).is_some_and(|topic| topic.asking.contains_key(&stall.id))
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
        self.read_again(index, at, Instant::now());
    }

    /// What follows a partition's error must not be taken: the client goes on behind a batch that it could not read, and where
    /// it says that it had handed out everything before the error, a rebalance makes it go on behind a record. The partition
    /// is read again from where the last record was taken.
    fn partition_failed(&mut self, Failed { place, code }: &Failed) {
        let error = KafkaError::MessageConsumption(*code);
        let Some(place) = place else { return self.read_failed(error) };
        let Some(&index) = self.by_place.get(place) else { return };
        if matches!(code, RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) {
            tracing::warn!(topic = place.0, partition = place.1, %error, "out of range; asking where the log begins and ends");
            return self.ask_log(index);
        }
        let Some(slot) = &mut self.slots[index] else { return };
        let Some(at) = slot.machine.position() else { return };
        if slot.resume.is_some() || slot.machine.admit(Offset(at.0)) == Admit::Skip {
            return;
        }
        tracing::warn!(topic = place.0, partition = place.1, at = at.0, %error, "reading again from here");
        let now = Instant::now();
        let first = match slot.failing {
            Some(before) if before.at == at && now.duration_since(before.last) < STILL_FAILING => before.first,
            _ => now,
        };
        slot.failing = Some(Failing { at, first, last: now });
        if now.duration_since(first) >= self.config.deadlines.kafka {
            let stop = Stop::Remote { what: "reading", reason: error.to_string() };
            slot.machine.stop(stop, &mut self.commands);
            return self.carry_out(index);
        }
        self.read_again(index, at, now + READ_AGAIN_AFTER);
    }

    /// Takes no more of a partition until it is sought in.
    fn read_again(&mut self, index: usize, at: Position, since: Instant) {
        let Some(slot) = &mut self.slots[index] else { return };
        kafka::pause(&self.consumer, &slot.place);
        slot.resume = Some(Resume { at, since });
        self.retry_resume(index);
    }

    /// An error that is no partition's, or one of a partition that was not led to the queue of records yet.
    fn read_failed(&mut self, error: KafkaError) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                tracing::warn!(%error, "a position is out of range; looking for the partition");
                (0..self.slots.len()).for_each(|index| self.ask_log(index));
            }
            Some(RDKafkaErrorCode::FencedInstanceId | RDKafkaErrorCode::Fenced) => self.fatal = Some(SinkError::Fenced),
            _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => {
                let fenced = self.consumer.client().fatal_error();
                self.fatal = Some(match fenced {
                    Some((RDKafkaErrorCode::FencedInstanceId, _)) => SinkError::Fenced,
                    _ => SinkError::Kafka { tried: "reading", source: error },
                });
            }
            // The client repeats by itself.
            _ => tracing::warn!(%error, "reading from Kafka"),
        }
    }

    /// Compares a partition's position with its log.
    fn ask_log(&mut self, index: usize) {
        if let Some(slot) = &mut self.slots[index]
            && slot.machine.position().is_some()
            && !std::mem::replace(&mut slot.asking, true)
        {
            let asker = Asker { slot: index, epoch: slot.machine.epoch() };
            self.tasks.ask_log(asker, slot.place.clone());
            self.owed += 1;
        }
    }
}
