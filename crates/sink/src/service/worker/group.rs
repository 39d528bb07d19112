//! What the group gives and takes. Partitions that are taken are finished first; until they are given back, the client has
//! all of them paused.

use rdkafka::error::KafkaError;
use sink_core::{
    partition::{Epoch, Partition, Setup},
    roll::RollReason,
};
use std::{collections::HashMap, time::Instant};

use super::{ASSIGNMENT, HandOver, Topic, Worker};
use crate::{
    error::SinkError,
    kafka::{self, GroupEvent, Place},
    metrics::PartitionLabel,
    service::commits::Outcome,
    service::slot::Slot,
    service::tasks::Asker,
};

/// Epochs of one assignment; a partition's state counts on within them.
const EPOCHS: u64 = 1 << 32;
/// How long to wait before beginning again when the group dropped us without a rebalance, in milliseconds.
const RESTART_AFTER: i64 = 2_000;

impl Worker {
    pub(super) fn take_group_events(&mut self) {
        use rdkafka::consumer::Consumer as _;
        for event in self.consumer.context().take() {
            self.changed = true;
            match event {
                GroupEvent::Assigned(places) => self.assigned(&places),
                GroupEvent::Revoked(places) => self.revoked(places),
                GroupEvent::Lost(places) => {
                    tracing::warn!(partitions = places.len(), "partitions lost: another member has them now");
                    self.metrics.rebalances.inc();
                    self.health.unready(ASSIGNMENT, "the group took partitions away; waiting for others");
                    self.hand_over = None;
                    self.give_up(&places);
                }
                GroupEvent::Commits(answers) => {
                    for (place, at, code) in answers {
                        if code.is_some() {
                            self.metrics.commit_failures.inc();
                        }
                        match self.commits.answered(&place, at, code) {
                            Outcome::Event(asker, event) => {
                                if code.is_none() {
                                    self.note_commit(&place, at);
                                }
                                self.answered(asker, *event);
                            }
                            Outcome::Fenced => self.fatal = Some(SinkError::Fenced),
                            Outcome::Nothing => {}
                        }
                    }
                }
            }
        }
    }

    fn assigned(&mut self, places: &[Place]) {
        self.metrics.rebalances.inc();
        tracing::info!(partitions = places.len(), "partitions assigned");
        if let Err(source) = kafka::accept(&self.consumer) {
            self.group_failed("taking partitions on", source);
            return;
        }
        for place in places {
            self.assignments += 1;
            let setup = Setup {
                topic: place.0.clone(),
                partition: place.1,
                policy: self.config.roll.policy(),
                new_chain: uuid::Uuid::new_v4().to_string(),
                restart_after: RESTART_AFTER,
            };
            let machine = Partition::assigned(setup, Epoch(self.assignments * EPOCHS), &mut self.commands);
            let slot = Slot {
                place: place.clone(),
                handle: None,
                topic: self.topic_index(&place.0),
                machine,
                open: None,
                sealed: std::collections::VecDeque::new(),
                dead_pending: 0,
                letters_said: None,
                letters_unsaid: 0,
                begun: false,
                resume: None,
                failing: None,
                asking: false,
                settled: 0,
                stopped: None,
            };
            let index = self.insert(slot);
            self.carry_out(index);
            if self.stopping
                && let Some(slot) = &mut self.slots[index]
            {
                slot.machine.finish(RollReason::Shutdown, &mut self.commands);
                self.carry_out(index);
            }
        }
        self.health.ready(ASSIGNMENT);
    }

    fn insert(&mut self, slot: Slot) -> usize {
        let place = slot.place.clone();
        let free = self.slots.iter().position(Option::is_none);
        let index = free.unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[index] = Some(slot);
        self.by_place.insert(place, index);
        index
    }

    fn topic_index(&mut self, name: &str) -> usize {
        let known = self.topics.iter().position(|topic| topic.name == name);
        known.unwrap_or_else(|| {
            self.topics.push(Topic {
                name: name.to_owned(),
                schemas: sink_core::intake::TopicSchemas::default(),
                asking: HashMap::new(),
            });
            self.topics.len() - 1
        })
    }

    fn revoked(&mut self, places: Vec<Place>) {
        self.metrics.rebalances.inc();
        tracing::info!(partitions = places.len(), "finishing partitions that move to another member");
        for place in &places {
            if let Some(&index) = self.by_place.get(place)
                && let Some(slot) = &mut self.slots[index]
            {
                slot.machine.finish(RollReason::Revoke, &mut self.commands);
                self.carry_out(index);
            }
        }
        let deadline = Instant::now() + self.config.deadlines.revoke;
        self.hand_over = Some(HandOver { places, deadline });
        self.check_hand_over();
    }

    /// Gives partitions up once they are finished, or their deadline has passed: the next owner then adopts what was
    /// created and reads the rest again.
    pub(super) fn check_hand_over(&mut self) {
        let Some(hand_over) = &self.hand_over else { return };
        let busy = |place: &&Place| {
            let slot = self.by_place.get(*place).and_then(|index| self.slots[*index].as_ref());
            slot.is_some_and(|slot| !slot.machine.is_finished() && !slot.machine.is_stopped())
        };
        let left = hand_over.places.iter().filter(busy).count();
        if left > 0 && Instant::now() < hand_over.deadline {
            return;
        }
        if left > 0 {
            tracing::warn!(left, "hand-over deadline passed; the next owner reads again what is not created");
        }
        if let Some(hand_over) = self.hand_over.take() {
            self.give_up(&hand_over.places);
        }
    }

    fn give_up(&mut self, places: &[Place]) {
        self.changed = true;
        for place in places {
            self.commits.forget(place);
            if let Some(index) = self.by_place.remove(place) {
                if let Some(handle) = self.slots[index].take().and_then(|slot| slot.handle) {
                    self.by_handle.remove(&(handle, place.1));
                }
                self.timers.set(index, None);
            }
            let label = PartitionLabel { topic: place.0.clone(), partition: place.1 };
            self.metrics.position.remove(&label);
            self.metrics.committed.remove(&label);
            self.metrics.committed_at.remove(&label);
            self.metrics.lag.remove(&label);
        }
        if let Err(source) = kafka::unassign(&self.consumer, places) {
            self.group_failed("giving partitions up", source);
        }
    }

    fn group_failed(&mut self, tried: &'static str, source: KafkaError) {
        tracing::error!(tried, error = %source, "consumer group");
        self.fatal = Some(SinkError::Kafka { tried, source });
    }

    pub(super) fn asker(&self, index: usize) -> Option<Asker> {
        let slot = self.slots.get(index)?.as_ref()?;
        Some(Asker { slot: index, epoch: slot.machine.epoch() })
    }
}
