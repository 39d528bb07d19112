//! The protocol for one partition, as decisions over plain data: what came in, what to do next. No I/O and no clock, so a
//! simulator can put every crash, stall and lost answer between any two steps.
//!
//! The owner of a `Partition` carries out each [`Command`] and brings its answer back as an [`Event`] together with the
//! [`Epoch`] that the command carried; answers of a former life are ignored. Between, it asks [`Partition::admit`] for
//! each record, appends it to the open file and tells [`Partition::appended`].
//!
//! Why it holds: a file's key depends on its start alone, creating is conditional, and every start is the chain's first
//! position or an existing file's `next`. So whoever creates, the files of a partition tile its log.

mod fill;
mod resolve;
mod search;

use contract::{Offset, Position};
use std::{collections::VecDeque, fmt};

use crate::{
    facts::{FileFacts, FoundFile},
    genesis::{Genesis, Identity, Link, same_topic},
    roll::{Millis, RollPolicy, RollReason},
    stop::Stop,
};
use fill::Filling;
use resolve::Resolving;

/// One life of a partition's state. Answers carry it, so that those of a former life are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// What a partition needs to know of its surroundings.
#[derive(Debug, Clone)]
pub struct Setup {
    pub topic: String,
    pub partition: i32,
    pub policy: RollPolicy,
    /// For a chain that this sink begins; random.
    pub new_chain: String,
    /// How long to wait before beginning again after the group dropped us, in milliseconds.
    pub restart_after: Millis,
}

/// What the brokers know of a partition. The committed position must be read before the chain's first object: a commit
/// follows its genesis, so a commit without genesis is then a contradiction and not a race.
#[derive(Debug, Clone)]
pub struct KafkaFacts {
    pub identity: Identity,
    /// The committed position and its metadata text.
    pub committed: Option<(Position, String)>,
    pub low: Position,
    pub high: Position,
    /// Where the configuration says a new chain begins.
    pub configured_first: Position,
    /// Partitions of the topic.
    pub partitions: i32,
}

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Answer: [`Event::Kafka`].
    AskKafka,
    /// Read this partition's genesis and that of partition 0. Answer: [`Event::Genesis`].
    ReadGenesis,
    /// Create-only. Answer: [`Event::Genesis`] with what is then there.
    CreateGenesis(Genesis),
    /// The starts of files from this position on, in order. Answer: [`Event::Listed`].
    List { from: Position },
    /// Answer: [`Event::Headed`].
    Head { start: Position },
    /// Stop reading this partition.
    Pause,
    /// Read on from here.
    Resume { at: Position },
    /// End the open file: its body and checksum are fixed from now on.
    Seal(FileFacts),
    /// Create the first of the sealed files, which is this one, under the key of its start. Answer: [`Event::Created`], [`Event::Exists`] or
    /// [`Event::Failed`].
    Create { start: Position },
    /// Throw away the open and all sealed files.
    Discard,
    /// Answer: [`Event::Committed`], [`Event::Dropped`] or [`Event::Failed`].
    Commit(Link),
    /// All is created and committed; the partition can be given up.
    Finished,
    /// Nothing more happens here until someone has looked.
    Stopped(Stop),
}

/// Answers to commands.
#[derive(Debug, Clone)]
pub enum Event {
    Kafka(KafkaFacts),
    /// This partition's genesis, and that of partition 0 if it is another.
    Genesis {
        own: Option<Genesis>,
        first_of_topic: Option<Genesis>,
    },
    /// Starts at or behind the position asked for, in order; `more` where the store has further ones.
    Listed {
        starts: Vec<Position>,
        more: More,
    },
    Headed(Option<FoundFile>),
    Created,
    /// The key was taken: by an earlier or later owner, or by ourselves where the answer was lost.
    Exists(FoundFile),
    Committed,
    /// The group does not know this member any more; whoever has the partition now continues the chain.
    Dropped,
    /// A record of this range reached the dead-letter topic.
    DeadLettered(Offset),
    /// A command failed for good.
    Failed(Stop),
}

/// Whether a listing was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum More {
    Yes,
    No,
}

/// Why a partition is paused although it could be filled. Each reason goes away by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// A file is due, and as many as may wait are waiting to be created.
    Upload = 1,
    /// A writer schema is being looked up.
    Schema = 2,
    /// Too many dead letters are on their way.
    DeadLetters = 4,
    /// The memory budget is used up.
    Memory = 8,
}

/// Whether a record is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admit {
    Take,
    /// Read before the last seek, or while paused: it will come again or is covered already.
    Skip,
}

/// A record that was put into the open file, or sent to the dead letters.
#[derive(Debug, Clone, Copy)]
pub struct Appended {
    pub offset: Offset,
    pub timestamp: Option<Millis>,
    /// Size of the file with it, in bytes as written.
    pub file_bytes: u64,
    pub what: Record,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    Tombstone,
    /// A value written with the schema of this id.
    Value(u32),
    /// On its way to the dead-letter topic.
    DeadLetter,
}

enum State {
    Resolving(Resolving),
    Filling(Filling),
    /// The group dropped us; begin again then, unless the partition is taken away first.
    Dropped {
        retry_at: Millis,
    },
    Stopped,
    Finished,
}

/// The commands of one step, in order, all of one epoch.
pub type Commands = VecDeque<Command>;

/// One assigned partition.
pub struct Partition {
    setup: Setup,
    epoch: Epoch,
    state: State,
    /// Whose log it was when this life began.
    identity: Option<Identity>,
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}] {} in epoch {}", self.setup.topic, self.setup.partition, self.state_name(), self.epoch.0)
    }
}

impl Partition {
    /// A partition that was just assigned; epochs must be new each time.
    pub fn assigned(setup: Setup, epoch: Epoch, out: &mut Commands) -> Self {
        Self { setup, epoch, state: State::Resolving(Resolving::begin(out)), identity: None }
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// For logs and health.
    pub fn state_name(&self) -> &'static str {
        match &self.state {
            State::Resolving(_) => "finding its place",
            State::Filling(_) => "filling",
            State::Dropped { .. } => "dropped by the group",
            State::Stopped => "stopped",
            State::Finished => "finished",
        }
    }

    pub fn is_stopped(&self) -> bool {
        matches!(self.state, State::Stopped)
    }

    pub fn is_finished(&self) -> bool {
        matches!(self.state, State::Finished)
    }

    /// The next offset wanted, once that is known.
    pub fn position(&self) -> Option<Position> {
        match &self.state {
            State::Filling(filling) => Some(filling.next()),
            _ => None,
        }
    }

    /// Takes an answer. Those of another epoch are ignored.
    pub fn handle(&mut self, epoch: Epoch, event: Event, now: Millis, out: &mut Commands) {
        if epoch != self.epoch {
            return;
        }
        match &event {
            Event::Failed(stop) => return self.stop(stop.clone(), out),
            Event::Dropped => return self.dropped(now, out),
            Event::Kafka(facts) => self.identity = Some(facts.identity.clone()),
            _ => {}
        }
        let next = match &mut self.state {
            State::Resolving(resolving) => resolving.handle(&self.setup, event, out),
            State::Filling(filling) => filling.handle(&self.setup, event, now, out),
            State::Dropped { .. } | State::Stopped | State::Finished => Ok(Next::Stay),
        };
        match next {
            Ok(Next::Stay) => {}
            Ok(Next::Fill(ready)) => {
                out.push_back(Command::Resume { at: ready.at });
                let mut filling = Filling::new(ready.chain, ready.at);
                if let Some(from) = ready.commit_from {
                    filling.want_commit(from, out);
                }
                self.state = State::Filling(filling);
            }
            Ok(Next::Walk(resolving)) => {
                // Whatever is still on its way belongs to files that will never be.
                self.epoch.0 += 1;
                self.state = State::Resolving(*resolving);
            }
            Ok(Next::Finished) => self.finished(out),
            Err(stop) => self.stop(stop, out),
        }
    }

    /// Whether to take the record at this offset.
    #[inline]
    pub fn admit(&self, offset: Offset) -> Admit {
        match &self.state {
            State::Filling(filling) if filling.admits(offset) => Admit::Take,
            _ => Admit::Skip,
        }
    }

    /// Notes a record that was taken. The file may be due with it.
    #[inline]
    pub fn appended(&mut self, record: &Appended, now: Millis, out: &mut Commands) {
        if let State::Filling(filling) = &mut self.state
            && let Some(reason) = filling.appended(&self.setup.policy, record, now)
        {
            filling.roll(reason, out);
        }
    }

    /// Ends the open file, if there is one, now or once the one before it is created.
    pub fn roll(&mut self, reason: RollReason, out: &mut Commands) {
        if let State::Filling(filling) = &mut self.state {
            filling.roll(reason, out);
        }
    }

    /// When [`Self::tick`] has something to do at the earliest, as things are; `None` where time changes nothing.
    pub fn due(&self) -> Option<Millis> {
        match &self.state {
            State::Filling(filling) => filling.due(&self.setup.policy),
            State::Dropped { retry_at } => Some(*retry_at),
            State::Resolving(_) | State::Stopped | State::Finished => None,
        }
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Millis, out: &mut Commands) {
        match &mut self.state {
            State::Filling(filling) => filling.tick(&self.setup.policy, now, out),
            State::Dropped { retry_at } if *retry_at <= now => self.state = State::Resolving(Resolving::begin(out)),
            _ => {}
        }
    }

    /// Stops reading for a while.
    pub fn hold(&mut self, hold: Hold, out: &mut Commands) {
        if let State::Filling(filling) = &mut self.state {
            filling.hold(hold, out);
        }
    }

    /// Reads on from the next record wanted, if nothing else holds the partition.
    pub fn release(&mut self, hold: Hold, out: &mut Commands) {
        if let State::Filling(filling) = &mut self.state {
            filling.release(hold, out);
        }
    }

    /// Whether the open file covers a record.
    pub fn has_records(&self) -> bool {
        matches!(&self.state, State::Filling(filling) if filling.has_records())
    }

    /// Whether the partition is paused for this reason, perhaps among others.
    pub fn is_held(&self, hold: Hold) -> bool {
        matches!(&self.state, State::Filling(filling) if filling.is_held(hold))
    }

    /// Creates and commits what is there, then [`Command::Finished`]. No record is taken any more.
    pub fn finish(&mut self, reason: RollReason, out: &mut Commands) {
        match &mut self.state {
            State::Filling(filling) => {
                if let Next::Finished = filling.finish(reason, out) {
                    self.finished(out);
                }
            }
            State::Finished => {}
            _ => self.finished(out),
        }
    }

    /// Of the topic whose chain this is, where the brokers have ids.
    pub fn topic_id(&self) -> Option<&str> {
        self.identity.as_ref()?.topic_id.as_deref()
    }

    /// Compares the place read from with the log, after a read was out of range: a log that was cut, emptied or made again
    /// stops the partition. Where the place is inside after all, it is read on from there: a broker that has just become
    /// leader may not have known its own log, and a client that was told so does not ask again.
    pub fn check_log(&mut self, epoch: Epoch, facts: &KafkaFacts, out: &mut Commands) {
        let State::Filling(filling) = &self.state else { return };
        let (at, low, high) = (filling.next(), facts.low, facts.high);
        if epoch != self.epoch {
            return;
        }
        if let Err(mismatch) = same_topic(self.topic_id(), facts.identity.topic_id.as_deref()) {
            self.stop(mismatch.into(), out);
        } else if at < low {
            self.stop(Stop::Gone { at, low }, out);
        } else if at > high {
            self.stop(Stop::BeyondEnd { at, high }, out);
        } else if filling.is_reading() {
            out.push_back(Command::Resume { at });
        }
    }

    /// Stops before the next record, which no file can hold, once the files hold everything that precedes it. Otherwise each
    /// run would read the same records and stop at the same place with nothing to show, and nobody could give the record up.
    pub fn stop_before_next(&mut self, stop: Stop, out: &mut Commands) {
        let State::Filling(filling) = &mut self.state else { return self.stop(stop, out) };
        if let Err(stop) = filling.stop_after(stop, out) {
            self.stop(stop, out);
        }
    }

    /// Stops for a reason that the shell found.
    pub fn stop(&mut self, stop: Stop, out: &mut Commands) {
        if matches!(self.state, State::Stopped | State::Finished) {
            return;
        }
        self.epoch.0 += 1;
        self.state = State::Stopped;
        out.push_back(Command::Pause);
        out.push_back(Command::Discard);
        out.push_back(Command::Stopped(stop));
    }

    fn dropped(&mut self, now: Millis, out: &mut Commands) {
        if matches!(self.state, State::Stopped | State::Finished) {
            return;
        }
        self.epoch.0 += 1;
        out.push_back(Command::Pause);
        out.push_back(Command::Discard);
        if matches!(&self.state, State::Filling(filling) if filling.is_finishing()) {
            return self.finished(out);
        }
        self.state = State::Dropped { retry_at: now.saturating_add(self.setup.restart_after) };
    }

    fn finished(&mut self, out: &mut Commands) {
        self.epoch.0 += 1;
        self.state = State::Finished;
        out.push_back(Command::Finished);
    }
}

/// Where a state leads.
enum Next {
    Stay,
    Fill(Ready),
    /// Find the place behind a file of another owner.
    Walk(Box<Resolving>),
    Finished,
}

/// A place in the chain where no file begins yet.
struct Ready {
    chain: String,
    at: Position,
    /// The start of the last file before, where Kafka's committed position lags behind.
    commit_from: Option<Position>,
}

#[cfg(test)]
#[path = "partition_tests.rs"]
mod tests;
