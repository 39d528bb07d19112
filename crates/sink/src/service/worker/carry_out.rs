//! Carrying out what a partition decided.

use contract::Position;
use rdkafka::consumer::Consumer as _;
use sink_core::{
    intake::Poison,
    partition::{Command, Event, Hold},
    stop::Stop,
};
use std::time::{Duration, Instant};

use super::{Worker, wall_clock};
use crate::{
    config::Unreadable,
    kafka::{self, Place},
    metrics::{PartitionLabel, ReasonLabel, SchemaLabel, TopicLabel},
    registry::Lookup,
    service::slot::{Resume, Writing},
    service::tasks::{Asker, Uploaded},
};

/// How long a client may refuse to seek in a partition that it reads: it has given it up then, as it does where a broker said
/// that the position was out of range, and must be given it anew.
const RESTART_AFTER: Duration = Duration::from_secs(1);

impl Worker {
    /// Carries out the commands of one partition, in order; what comes up on the way is added behind them.
    pub(super) fn carry_out(&mut self, index: usize) {
        while let Some(command) = self.commands.pop_front() {
            let Some(asker) = self.asker(index) else {
                self.commands.clear();
                return;
            };
            let Some(slot) = &mut self.slots[index] else { return };
            let place = slot.place.clone();
            match command {
                Command::AskKafka => self.tasks.ask_kafka(asker, place),
                Command::ReadGenesis => self.tasks.read_genesis(asker, place),
                Command::CreateGenesis(genesis) => self.tasks.create_genesis(asker, genesis),
                Command::List { from } => self.tasks.list(asker, place, from),
                Command::Head { start } => self.tasks.head(asker, place, start),
                Command::Create { .. } => {
                    let Some((file, facts)) = slot.sealed.pop_front() else { continue };
                    self.uploading += file.body.held();
                    let topic_id = slot.machine.topic_id().map(str::to_owned);
                    self.tasks.create(asker, place, topic_id, file, facts);
                }
                Command::Pause => {
                    slot.resume = None;
                    if slot.begun {
                        kafka::pause(&self.consumer, &place);
                    }
                    continue;
                }
                Command::Resume { at } => {
                    slot.resume = Some(Resume { at, since: Instant::now() });
                    self.retry_resume(index);
                    continue;
                }
                Command::Seal(facts) => {
                    let mut writing = Writing {
                        dir: &self.config.spool_dir,
                        in_memory: self.config.in_memory_bytes,
                        scratch: &mut self.scratch,
                    };
                    if let Err(error) = slot.seal(facts, &self.none_yet, self.config.codec, &mut writing) {
                        let stop = error.stop();
                        slot.machine.stop(stop, &mut self.commands);
                    }
                    continue;
                }
                Command::Discard | Command::Finished => {
                    slot.discard();
                    continue;
                }
                Command::Commit(link) => {
                    self.commits.push(place, asker, link);
                    continue;
                }
                Command::Stopped(stop) => {
                    self.stopped(index, stop);
                    continue;
                }
            }
            self.owed += 1;
        }
    }

    /// Reads a partition on, as soon as the client can: right after an assignment it may not be able to yet.
    pub(super) fn retry_resume(&mut self, index: usize) {
        let Some(slot) = &mut self.slots[index] else { return };
        let Some(Resume { at, since }) = slot.resume else { return };
        let Some(records) = self.records.as_ref().filter(|_| Instant::now() >= since) else {
            self.resuming.insert(index);
            return;
        };
        // While the group waits for an answer, giving a partition back would be taken for it.
        let quiet = self.hand_over.is_none() && !self.consumer.context().is_waiting() && !records.has_events();
        if slot.begun && since.elapsed() >= RESTART_AFTER && quiet {
            match kafka::unassign(&self.consumer, std::slice::from_ref(&slot.place)) {
                Ok(()) => {
                    slot.begun = false;
                    if let Some(handle) = slot.handle.take() {
                        self.by_handle.remove(&(handle, slot.place.1));
                    }
                }
                Err(error) => tracing::debug!(topic = slot.place.0, partition = slot.place.1, %error, "giving back"),
            }
        }
        let reading = if slot.begun { kafka::resume } else { kafka::begin };
        match reading(&self.consumer, records, &slot.place, at) {
            Ok(()) => {
                (slot.begun, slot.resume) = (true, None);
                tracing::debug!(topic = slot.place.0, partition = slot.place.1, at = at.0, "reading on");
            }
            Err(error) if since.elapsed() < self.config.deadlines.kafka => {
                tracing::debug!(topic = slot.place.0, partition = slot.place.1, %error, "not yet ready to read");
                self.resuming.insert(index);
            }
            Err(error) => {
                let stop = Stop::Remote { what: "seek", reason: error.to_string() };
                slot.machine.stop(stop, &mut self.commands);
                self.carry_out(index);
            }
        }
    }

    pub(super) fn schema_found(&mut self, topic: usize, id: u32, lookup: Lookup) {
        let Some(known) = self.topics.get_mut(topic) else { return };
        let reached = known.asking.remove(&id).unwrap_or_default();
        let name = known.name.clone();
        let (mut unusable, mut down) = (None, None);
        match lookup {
            Lookup::Schema(home, schema) => {
                let (subject, version) =
                    (home.as_ref().map(|home| &home.subject), home.as_ref().map(|home| home.version));
                tracing::info!(topic = name, id, subject, version, "writer schema found");
                known.schemas.found(id, home, *schema);
                let label = SchemaLabel { topic: name, schema_id: id };
                self.metrics.schemas.get_or_create(&label).set(i64::from(version.unwrap_or(0)));
            }
            Lookup::Missing => {
                tracing::warn!(
                    topic = name,
                    id,
                    "the registry knows no such schema; its records go to the dead letters"
                );
                known.schemas.unusable(id, Poison::UnknownSchema(id));
                for (partition, end) in reached {
                    let index = self.by_place.get(&(name.clone(), partition));
                    if let Some(slot) = index.and_then(|index| self.slots[*index].as_mut()) {
                        slot.settled = slot.settled.max(end);
                    }
                }
            }
            Lookup::NotAvro(kind) => known.schemas.unusable(id, Poison::NotAvro { id, kind }),
            Lookup::Unusable(reason) => match self.config.unreadable_schema {
                Unreadable::Stop => unusable = Some(reason),
                Unreadable::DeadLetter => {
                    tracing::warn!(
                        topic = name,
                        id,
                        reason,
                        "files cannot hold this schema; its records go to the dead letters"
                    );
                    known.schemas.unusable(id, Poison::Unreadable { id, reason });
                }
            },
            Lookup::Down(reason) => down = Some(Stop::Remote { what: "schema registry", reason }),
        }
        for index in 0..self.slots.len() {
            let Some(slot) = &mut self.slots[index] else { continue };
            if slot.topic != topic {
                continue;
            }
            let is_held = slot.machine.is_held(Hold::Schema);
            match (&unusable, &down, slot.machine.position()) {
                (None, None, _) => slot.machine.release(Hold::Schema, &mut self.commands),
                (Some(reason), _, Some(at)) if is_held => {
                    let stop = Stop::Schema { at, id, reason: reason.clone() };
                    slot.machine.stop_before_next(stop, &mut self.commands);
                }
                (_, Some(stop), _) if is_held => slot.machine.stop(stop.clone(), &mut self.commands),
                _ => {}
            }
            self.carry_out(index);
        }
    }

    pub(super) fn note_upload(&mut self, asker: Asker, event: &Event, uploaded: &Uploaded) {
        self.uploading = self.uploading.saturating_sub(uploaded.held);
        let Some(slot) = self.slots.get(asker.slot).and_then(Option::as_ref) else { return };
        let (topic, partition) = &slot.place;
        let facts = &uploaded.facts;
        self.metrics.upload_seconds.observe(uploaded.seconds);
        match event {
            Event::Created => {
                let label = TopicLabel { topic: topic.clone() };
                self.metrics.rows.get_or_create(&label).inc_by(facts.rows);
                self.metrics.files.get_or_create(&ReasonLabel { reason: facts.reason.name() }).inc();
                self.metrics.uploaded_bytes.inc_by(uploaded.bytes);
                self.summary.files += 1;
                self.summary.rows += facts.rows;
                self.summary.bytes += uploaded.bytes;
                let (range, rows, bytes) = (facts.range, facts.rows, uploaded.bytes);
                tracing::info!(topic, partition, %range, rows, bytes, reason = %facts.reason, "file created");
            }
            Event::Exists(found) if found.range == facts.range => {
                self.metrics.adopted.inc();
                self.summary.adopted += 1;
                tracing::info!(topic, partition, range = %found.range, writer = found.writer, "file was there already");
            }
            Event::Exists(found) => {
                self.metrics.gave_way.inc();
                self.summary.gave_way += 1;
                let (ours, theirs) = (facts.range, found.range);
                tracing::info!(topic, partition, %ours, %theirs, "another owner's file; going on behind it");
            }
            _ => {}
        }
    }

    pub(super) fn note_commit(&mut self, (topic, partition): &Place, at: Position) {
        let label = PartitionLabel { topic: topic.clone(), partition: *partition };
        self.metrics.committed.get_or_create(&label).set(at.0);
        self.metrics.committed_at.get_or_create(&label).set(wall_clock() / 1000);
    }
}
