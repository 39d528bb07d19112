//! The hot path: one record from the client's buffer into the open block of its partition's file.

use contract::Offset;
use rdkafka::consumer::Consumer as _;
use sink_core::{
    container::{Row, RowValue},
    families::FileShape,
    intake::{Intake, Poison},
    partition::{self, Admit, Appended, Hold},
    roll::RollReason,
    stop::Stop,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Worker, memory::LOOKS};
use crate::{
    kafka::native::{self, Record},
    metrics::TopicLabel,
    service::dead_letters::DeadLetter,
    service::slot::{OpenFile, Room, Slot, Writing},
    service::tasks::Asker,
};

/// Dead letters of one partition that may be under way.
pub(super) const MAX_DEAD_PENDING: usize = 64;

/// Logs at most one dead letter per partition in each interval. Every dead letter is counted in the metrics.
const SAY_AGAIN: Duration = Duration::from_secs(10);

/// What becomes of the rest of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    On,
    /// It waits, and the record with it, for this schema.
    Stall {
        topic: usize,
        id: u32,
    },
}

/// What is left to do with a record.
enum Verdict {
    Done,
    /// End the open file, begin one of this shape, and look at the record again.
    Begin(Arc<FileShape>),
    Ask(u32),
    Dead(Poison),
    TooLarge(Stop),
    Failed(Stop),
}

fn bug(error: &dyn std::error::Error) -> Stop {
    Stop::Bug(format!("composing a file's schema: {error}"))
}

impl Worker {
    #[inline]
    pub(super) fn record(&mut self, message: &Record<'_>) -> Flow {
        let Some(index) = self.slot_of(message) else { return Flow::On };
        // A file that cannot take the record is ended and another begun; that one can.
        for _ in 0..3 {
            let Some(slot) = &mut self.slots[index] else { return Flow::On };
            // Where the partition is about to be read from elsewhere, this record is from before that.
            if slot.resume.is_some() || slot.machine.admit(Offset(message.offset())) == Admit::Skip {
                return Flow::On;
            }
            match self.take(index, message) {
                Verdict::Done => {
                    if !self.commands.is_empty() {
                        self.carry_out(index);
                    }
                    if self.grown > self.config.memory_bytes / LOOKS {
                        self.stay_inside_memory();
                    }
                    return Flow::On;
                }
                Verdict::Begin(shape) => self.begin(index, shape),
                Verdict::Ask(id) => return self.ask_schema(index, id, message.offset()),
                Verdict::Dead(poison) => {
                    self.dead_letter(index, message, &poison);
                    return Flow::On;
                }
                Verdict::TooLarge(stop) => {
                    self.stop_before(index, stop);
                    return Flow::On;
                }
                Verdict::Failed(stop) => {
                    self.stop(index, stop);
                    return Flow::On;
                }
            }
        }
        // Going on without the record would be a gap.
        self.stop(index, Stop::Bug(format!("no file takes the record at offset {}", message.offset())));
        Flow::On
    }

    fn stop(&mut self, index: usize, stop: Stop) {
        if let Some(slot) = &mut self.slots[index] {
            slot.machine.stop(stop, &mut self.commands);
            self.carry_out(index);
        }
    }

    /// Stops before the record at hand.
    fn stop_before(&mut self, index: usize, stop: Stop) {
        if let Some(slot) = &mut self.slots[index] {
            slot.machine.stop_before_next(stop, &mut self.commands);
            self.carry_out(index);
        }
    }

    #[inline]
    fn slot_of(&mut self, message: &Record<'_>) -> Option<usize> {
        let (handle, partition) = (message.topic_handle(), message.partition());
        if let Some(Some(slot)) = self.slots.get(self.last)
            && slot.place.1 == partition
            && slot.handle == Some(handle)
        {
            return Some(self.last);
        }
        self.last = match self.by_handle.get(&(handle, partition)) {
            Some(index) => *index,
            None => self.meet(message)?,
        };
        Some(self.last)
    }

    /// The first record of a partition: from now on its topic's handle is known.
    #[cold]
    fn meet(&mut self, message: &Record<'_>) -> Option<usize> {
        let (handle, partition) = (message.topic_handle(), message.partition());
        let index = *self.by_place.get(&(message.topic()?.to_owned(), partition))?;
        let slot = self.slots[index].as_mut()?;
        if let Some(former) = slot.handle.replace(handle) {
            self.by_handle.remove(&(former, partition));
        }
        self.by_handle.insert((handle, partition), index);
        Some(index)
    }

    #[inline]
    fn take(&mut self, index: usize, message: &Record<'_>) -> Verdict {
        let Some(slot) = &mut self.slots[index] else { return Verdict::Done };
        let schemas = &mut self.topics[slot.topic].schemas;
        let (value, what) = match message.value() {
            None => {
                if slot.open.is_none() {
                    return match schemas.shape() {
                        Ok(shape) => Verdict::Begin(shape.unwrap_or_else(|| Arc::clone(&self.none_yet))),
                        Err(error) => Verdict::Failed(bug(&error)),
                    };
                }
                (RowValue::Tombstone, partition::Record::Tombstone)
            }
            Some(payload) if payload.len() > self.config.max_record_bytes => {
                let (bytes, limit) = (payload.len(), self.config.max_record_bytes);
                return Verdict::TooLarge(Stop::TooLarge { offset: message.offset(), bytes, limit });
            }
            Some(payload) => match schemas.intake(payload, slot.open.as_ref().map(|open| &*open.shape)) {
                Intake::Take { id, branch, datum } => {
                    (RowValue::Datum { schema_id: id, branch, datum }, partition::Record::Value(id))
                }
                Intake::Begin(shape) => return Verdict::Begin(shape),
                Intake::Ask(id) => return Verdict::Ask(id),
                Intake::Dead(poison) => return Verdict::Dead(poison),
                Intake::Failed(error) => return Verdict::Failed(bug(&error)),
            },
        };
        let Some(open) = &mut slot.open else { return Verdict::Done };
        let mut writing =
            Writing { dir: &self.config.spool_dir, in_memory: self.config.in_memory_bytes, scratch: &mut self.scratch };
        let row = Row { offset: message.offset(), timestamp: message.timestamp(), key: message.key(), value };
        let before = open.capacity();
        let room = match open.append(&row, message.headers(), &mut writing) {
            Ok(room) => room,
            Err(error) => return Verdict::Failed(error.stop()),
        };
        self.grown += open.capacity().saturating_sub(before);
        let appended =
            Appended { offset: Offset(row.offset), timestamp: row.timestamp, file_bytes: open.bytes(), what };
        slot.machine.appended(&appended, self.now, &mut self.commands);
        if !self.timers.is_set(index) {
            self.timers.set(index, slot.machine.due());
        }
        if room == Room::None {
            self.spool_is_full(index);
        }
        Verdict::Done
    }

    /// Ends a file early: its upload makes room on the disk. Until then files stay as small as what is kept in memory.
    #[cold]
    fn spool_is_full(&mut self, index: usize) {
        if let Some(slot) = &mut self.slots[index] {
            slot.machine.roll(RollReason::Spool, &mut self.commands);
        }
        if self.spool_full.replace(Instant::now()).is_none() {
            let reason = format!("the disk of {} is full; files are rolled early", self.config.spool_dir.display());
            tracing::warn!(reason, "spool");
            self.health.unready("sink: spool", reason);
        }
    }

    /// Begins a file of this shape, ending the one that is open. Where that has to wait for an upload, the record is
    /// read again later.
    fn begin(&mut self, index: usize, shape: Arc<FileShape>) {
        if let Some(slot) = &mut self.slots[index]
            && slot.open.is_some()
        {
            slot.machine.roll(RollReason::Schema, &mut self.commands);
            self.carry_out(index);
        }
        if let Some(slot) = &mut self.slots[index]
            && (slot.open.is_none() || !slot.machine.has_records())
        {
            let open = OpenFile::begin(&slot.place, shape, self.config.codec);
            self.grown += open.capacity();
            slot.open = Some(open);
        }
    }

    /// Has a schema looked up. Most answers come within milliseconds, so the batch waits a moment for this one: pausing the partition
    /// would throw away what its client has fetched.
    fn ask_schema(&mut self, index: usize, id: u32, offset: i64) -> Flow {
        let Some(slot) = &mut self.slots[index] else { return Flow::On };
        let at = slot.topic;
        let is_settled = offset < slot.settled;
        let topic = &mut self.topics[at];
        if !topic.asking.contains_key(&id) {
            // A registry may lag behind the producers. Where it was asked with patience already when this record was in the log, it
            // knew of all that the record could name.
            let patience = if is_settled { Duration::ZERO } else { self.config.deadlines.unknown_schema };
            let own = topic.name.clone();
            let reached = if is_settled { Vec::new() } else { self.reached(at, index, offset) };
            self.topics[at].asking.insert(id, reached);
            self.tasks.look_up(at, own, id, patience);
            self.owed += 1;
        }
        if self.stalled_out != Some((at, id)) {
            return Flow::Stall { topic: at, id };
        }
        if let Some(slot) = &mut self.slots[index] {
            slot.machine.hold(Hold::Schema, &mut self.commands);
            self.carry_out(index);
        }
        Flow::On
    }

    /// How far the logs of a topic's partitions are known to reach; of the one at hand at least to the record.
    fn reached(&self, topic: usize, index: usize, offset: i64) -> Vec<(i32, i64)> {
        let of_topic = |(at, slot): (usize, &Option<Slot>)| {
            let slot = slot.as_ref().filter(|slot| slot.topic == topic)?;
            let known = native::known_end(self.consumer.client(), &slot.place.0, slot.place.1);
            let least = if at == index { offset + 1 } else { 0 };
            Some((slot.place.1, known.unwrap_or(0).max(least)))
        };
        self.slots.iter().enumerate().filter_map(of_topic).collect()
    }

    fn dead_letter(&mut self, index: usize, message: &Record<'_>, poison: &Poison) {
        let Some(slot) = &mut self.slots[index] else { return };
        let (topic, partition) = slot.place.clone();
        let reason = poison.to_string();
        if slot.letters_said.is_none_or(|at| at.elapsed() >= SAY_AGAIN) {
            slot.letters_said = Some(Instant::now());
            let since = std::mem::take(&mut slot.letters_unsaid);
            let offset = message.offset();
            tracing::warn!(topic, partition, offset, reason, others_since = since, "record goes to the dead letters");
        } else {
            slot.letters_unsaid += 1;
        }
        self.metrics.dead_letters.get_or_create(&TopicLabel { topic: topic.clone() }).inc();
        self.summary.dead_letters += 1;
        let owned = |(key, value): (&[u8], Option<&[u8]>)| {
            (String::from_utf8_lossy(key).into_owned(), value.map(<[u8]>::to_vec))
        };
        let letter = DeadLetter {
            to: self.config.dead_letters_of(&topic),
            topic,
            partition,
            offset: message.offset(),
            timestamp: message.timestamp(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.value().map(<[u8]>::to_vec),
            headers: message.headers().map(owned).collect(),
            reason,
        };
        let asker = Asker { slot: index, epoch: slot.machine.epoch() };
        self.uploading += letter.held();
        self.grown += letter.held();
        self.tasks.dead_letter(asker, letter);
        self.owed += 1;
        let appended = Appended {
            offset: Offset(message.offset()),
            timestamp: message.timestamp(),
            file_bytes: slot.open.as_ref().map_or(0, OpenFile::bytes),
            what: partition::Record::DeadLetter,
        };
        slot.machine.appended(&appended, self.now, &mut self.commands);
        self.timers.set(index, slot.machine.due());
        slot.dead_pending += 1;
        if slot.dead_pending >= MAX_DEAD_PENDING {
            slot.machine.hold(Hold::DeadLetters, &mut self.commands);
        }
        self.carry_out(index);
    }
}
