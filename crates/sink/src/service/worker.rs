//! The one thread that reads Kafka: it feeds records to partitions, carries out what they decide, and never waits for a
//! remote system. Between two batches of records it takes answers, the group's events and the time.

mod carry_out;
mod group;
mod memory;
mod reading;
mod records;
mod report;
mod timers;

use rdkafka::consumer::Consumer as _;
use sink_core::{
    container::Scratch,
    families::FileShape,
    intake::TopicSchemas,
    partition::{Commands, Event, Hold},
    roll::{Millis, RollReason},
    stop::{Blame, Stop},
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, mpsc::Receiver},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use telemetry::{Health, Shutdown};

use crate::{
    Summary,
    config::Config,
    error::SinkError,
    kafka::native::{RecordQueue, TopicHandle},
    kafka::{self, Consumer, GroupEvent, Place},
    metrics::{Metrics, PartitionLabel},
    service::Prepared,
    service::commits::Commits,
    service::slot::Slot,
    service::tasks::{Answer, Asker, Tasks},
};
use memory::Memory;
use reading::Stall;
use timers::Timers;

/// What health calls having partitions.
pub(crate) const ASSIGNMENT: &str = "sink: assignment";
/// Left for leaving the group where finishing files took all the time that a stop has.
const LEAST_TO_LEAVE: Duration = Duration::from_secs(2);
/// How long to wait for a record: short while an answer is expected.
const BUSY_WAIT: Duration = Duration::from_millis(5);
const IDLE_WAIT: Duration = Duration::from_millis(100);
/// Time between two looks at the clock's triggers.
const TICK: Duration = Duration::from_millis(50);

/// Time between two looks at lag.
const REPORT: Duration = Duration::from_secs(5);
/// Time between two questions for schemas that the registry did not know.
const ASK_AGAIN: Duration = Duration::from_mins(1);

/// A topic with partitions here.
struct Topic {
    name: String,
    schemas: TopicSchemas,
    /// Schema ids that are being looked up, each with how far the partitions' logs were known to reach when the registry was asked:
    /// if it answers that there is no such schema after all patience, it lags behind none of these records.
    asking: HashMap<u32, Vec<(i32, i64)>>,
}

/// Partitions on their way to another member.
struct HandOver {
    places: Vec<Place>,
    deadline: Instant,
}

pub(crate) struct Worker {
    config: Arc<Config>,
    /// Dropped before the consumer; `None` while its batch is being worked off, and at the end.
    records: Option<RecordQueue<kafka::Context>>,
    /// The same queue with the rest of its batch, while that waits for a schema.
    stall: Option<Stall>,
    /// The lookup that was waited for in vain: its records are read again once it ends.
    stalled_out: Option<(usize, u32)>,
    consumer: Arc<Consumer>,
    /// What tasks ask the brokers with.
    asking: Arc<Consumer>,
    tasks: Tasks,
    answers: Receiver<Answer>,
    health: Health,
    metrics: Metrics,
    shutdown: Shutdown,

    slots: Vec<Option<Slot>>,
    by_place: HashMap<Place, usize>,
    by_handle: HashMap<(TopicHandle, i32), usize>,
    /// The slot of the last record: they come in runs.
    last: usize,
    topics: Vec<Topic>,
    commits: Commits,
    /// Answers that tasks owe.
    owed: usize,
    assignments: u64,
    hand_over: Option<HandOver>,
    /// For files without a value.
    none_yet: Arc<FileShape>,
    scratch: Scratch,
    commands: Commands,
    now: Millis,
    timers: Timers,
    /// Partitions that are to be read on and could not be yet.
    resuming: BTreeSet<usize>,
    /// Something happened since the last look at memory and health.
    changed: bool,
    ticked: Instant,
    reported: Instant,
    asked_again: Instant,
    /// Bytes in memory of files being uploaded and of dead letters under way.
    uploading: usize,
    /// What open files grew by since memory was last looked at.
    grown: usize,
    memory: Memory,
    /// When the disk of the spool folder was last found full.
    spool_full: Option<Instant>,
    /// What is assigned from now on is not begun.
    stopping: bool,
    /// What ends the sink once everything else is finished.
    fatal: Option<SinkError>,
    summary: Summary,
}

impl Worker {
    pub(crate) fn new(prepared: Prepared, metrics: Metrics, shutdown: Shutdown) -> Self {
        let Prepared { consumer, asking, tasks, answers, none_yet } = prepared;
        let config = Arc::clone(&tasks.config);
        Self {
            commits: Commits::new(config.deadlines.kafka),
            health: tasks.health.clone(),
            config,
            records: RecordQueue::new(Arc::clone(&consumer)),
            stall: None,
            stalled_out: None,
            consumer,
            asking,
            tasks,
            answers,
            metrics,
            shutdown,
            slots: Vec::new(),
            by_place: HashMap::new(),
            by_handle: HashMap::new(),
            last: 0,
            topics: Vec::new(),
            owed: 0,
            assignments: 0,
            hand_over: None,
            none_yet,
            scratch: Scratch::default(),
            commands: Commands::new(),
            now: wall_clock(),
            timers: Timers::default(),
            resuming: BTreeSet::new(),
            changed: true,
            ticked: Instant::now(),
            reported: Instant::now(),
            asked_again: Instant::now(),
            uploading: 0,
            grown: 0,
            memory: Memory::Enough,
            spool_full: None,
            stopping: false,
            fatal: None,
            summary: Summary::default(),
        }
    }

    /// Reads until a stop is asked for or something fails for good, then finishes what is open.
    pub(crate) fn run(mut self) -> Result<Summary, SinkError> {
        self.health.unready(ASSIGNMENT, "waiting for the group to assign partitions");
        while !self.shutdown.is_requested() && self.fatal.is_none() {
            self.step();
        }
        let end = Instant::now() + self.config.deadlines.shutdown;
        self.finish_all(end);
        self.leave(end.max(Instant::now() + LEAST_TO_LEAVE))
    }

    fn step(&mut self) {
        self.tell_time(wall_clock());
        self.take_group_events();
        self.take_answers();
        if self.ticked.elapsed() >= TICK {
            self.ticked = Instant::now();
            self.tick();
        }
        self.send_commits();
        let waiting = self.owed > 0 || !self.commits.is_empty() || self.hand_over.is_some();
        self.read(if waiting { BUSY_WAIT } else { IDLE_WAIT });
    }

    fn tell_time(&mut self, now: Millis) {
        let set_back = now < self.now;
        self.now = now;
        if set_back {
            // What was due by the old time may be due earlier by the new one.
            (0..self.slots.len()).for_each(|index| self.set_timer(index));
        }
    }

    /// After a file was begun or its partition's state changed.
    fn set_timer(&mut self, index: usize) {
        let slot = self.slots.get(index).and_then(Option::as_ref);
        self.timers.set(index, slot.and_then(|slot| slot.machine.due()));
    }

    fn take_answers(&mut self) {
        while let Ok(answer) = self.answers.try_recv() {
            match answer {
                Answer::Partition(asker, event) => {
                    self.owed = self.owed.saturating_sub(1);
                    self.answered(asker, event);
                }
                Answer::Upload(asker, event, uploaded) => {
                    self.owed = self.owed.saturating_sub(1);
                    self.changed = true;
                    self.note_upload(asker, &event, &uploaded);
                    self.answered(asker, event);
                }
                Answer::Letter(asker, event, held) => {
                    self.owed = self.owed.saturating_sub(1);
                    self.uploading = self.uploading.saturating_sub(held);
                    self.changed = true;
                    self.answered(asker, event);
                }
                Answer::Schema { topic, id, lookup } => {
                    self.owed = self.owed.saturating_sub(1);
                    self.schema_found(topic, id, lookup);
                }
                Answer::Lag(asker, behind) => {
                    if let Some(slot) = self.slots.get_mut(asker.slot).and_then(Option::as_mut)
                        && slot.machine.epoch() == asker.epoch
                    {
                        slot.asking = false;
                        let (topic, partition) = slot.place.clone();
                        if let Some(behind) = behind {
                            let label = PartitionLabel { topic, partition };
                            self.metrics.lag.get_or_create(&label).set(behind.max(0));
                        }
                    }
                }
                Answer::Log(asker, facts) => {
                    self.owed = self.owed.saturating_sub(1);
                    if let Some(slot) = self.slots.get_mut(asker.slot).and_then(Option::as_mut) {
                        self.changed = true;
                        slot.asking = false;
                        slot.machine.check_log(asker.epoch, &facts, &mut self.commands);
                        self.carry_out(asker.slot);
                        self.set_timer(asker.slot);
                    }
                }
            }
        }
    }

    /// Brings an answer to the partition that asked.
    fn answered(&mut self, asker: Asker, event: Event) {
        let Some(slot) = self.slots.get_mut(asker.slot).and_then(Option::as_mut) else { return };
        if slot.machine.epoch() != asker.epoch {
            return;
        }
        self.changed = true;
        let dead_lettered = matches!(event, Event::DeadLettered(_));
        slot.machine.handle(asker.epoch, event, self.now, &mut self.commands);
        if dead_lettered {
            slot.dead_pending = slot.dead_pending.saturating_sub(1);
            if slot.dead_pending < records::MAX_DEAD_PENDING / 2 {
                slot.machine.release(Hold::DeadLetters, &mut self.commands);
            }
        }
        self.carry_out(asker.slot);
        self.set_timer(asker.slot);
    }

    fn tick(&mut self) {
        while let Some(index) = self.timers.pop(self.now) {
            let Some(slot) = &mut self.slots[index] else { continue };
            slot.machine.tick(self.now, &mut self.commands);
            // Due again only later: what is due now was just rolled.
            let again = slot.machine.due().filter(|at| *at > self.now);
            self.timers.set(index, again);
            self.changed = true;
            self.carry_out(index);
        }
        for index in std::mem::take(&mut self.resuming) {
            self.retry_resume(index);
        }
        for (asker, event) in self.commits.overdue() {
            self.answered(asker, event);
        }
        self.check_hand_over();
        if std::mem::take(&mut self.changed) {
            self.stay_inside_memory();
            self.report_health();
        }
        if self.reported.elapsed() >= REPORT {
            self.reported = Instant::now();
            self.report_places();
            // Has no records; what it says of connections would pile up.
            while self.asking.poll(Duration::ZERO).is_some() {}
            self.report_spool();
        }
        if self.asked_again.elapsed() >= ASK_AGAIN {
            self.asked_again = Instant::now();
            self.ask_unknown_again();
        }
    }

    /// A schema that was unknown may be registered by now. Meanwhile its records go to the dead letters.
    fn ask_unknown_again(&mut self) {
        for (index, topic) in self.topics.iter_mut().enumerate() {
            for id in topic.schemas.unknown() {
                if topic.asking.insert(id, Vec::new()).is_none() {
                    self.tasks.look_up(index, topic.name.clone(), id, Duration::ZERO);
                    self.owed += 1;
                }
            }
        }
    }

    fn send_commits(&mut self) {
        match self.commits.flush(&self.consumer) {
            Ok(sent) => {
                self.metrics.commits.inc_by(sent as u64);
            }
            Err(error) => {
                self.metrics.commit_failures.inc();
                tracing::warn!(%error, "the client did not take a commit, trying again");
            }
        }
    }

    fn finish_all(&mut self, deadline: Instant) {
        tracing::info!(partitions = self.by_place.len(), "finishing open files");
        self.stopping = true;
        for index in 0..self.slots.len() {
            if let Some(slot) = &mut self.slots[index] {
                slot.machine.finish(RollReason::Shutdown, &mut self.commands);
                self.carry_out(index);
            }
        }
        let busy = |slot: &Slot| !slot.machine.is_finished() && !slot.machine.is_stopped();
        while self.slots.iter().flatten().any(busy) || self.hand_over.is_some() {
            if Instant::now() >= deadline {
                let left = self.slots.iter().flatten().filter(|slot| busy(slot)).count();
                tracing::warn!(left, "stop deadline passed; what is not created is read again by the next owner");
                return;
            }
            self.step();
        }
    }

    /// Leaves the group, so that others need not wait for a timeout.
    fn leave(mut self, deadline: Instant) -> Result<Summary, SinkError> {
        let given_back = self.hand_over.take().map(|hand_over| GroupEvent::Revoked(hand_over.places));
        let unanswered = self.consumer.context().close();
        given_back.into_iter().chain(unanswered).for_each(|event| kafka::let_go(&self.consumer, &event));
        (self.records, self.stall) = (None, None);
        self.health.unready(ASSIGNMENT, "stopped");
        if kafka::close((self.consumer, self.asking), deadline).is_err() {
            tracing::warn!("not left the group in time; it learns of the end by the session's timeout");
        }
        match self.fatal {
            Some(error) => Err(error),
            None => Ok(self.summary),
        }
    }

    fn stopped(&mut self, index: usize, stop: Stop) {
        let Some(slot) = &mut self.slots[index] else { return };
        let (topic, partition) = slot.place.clone();
        tracing::error!(topic, partition, %stop, "partition stopped");
        if stop.blame() != Blame::Operator && self.fatal.is_none() {
            self.fatal = Some(SinkError::Partition { topic, partition, stop: stop.clone() });
        }
        slot.stopped = Some(stop);
        self.changed = true;
    }
}

/// Milliseconds since 1970.
pub(crate) fn wall_clock() -> Millis {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as Millis)
}
