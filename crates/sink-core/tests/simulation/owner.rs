//! One process that owns the partition, or believes that it does: the real state machine and the bytes it decides about.

use contract::{Offset, Position};
use sink_core::{
    facts::FileFacts,
    genesis::{Genesis, Link},
    partition::{Admit, Appended, Command, Commands, Epoch, Partition, Record, Setup},
    roll::{RollPolicy, RollReason},
    stop::Stop,
};

use std::collections::VecDeque;

use crate::{Bug, world::Entry};

pub(crate) const POLICY: RollPolicy = RollPolicy { window: Some(50), idle: Some(20), max_bytes: 60, max_records: 5 };

/// What a process asks of a remote system.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    Kafka,
    Genesis,
    CreateGenesis(Genesis),
    List(Position),
    Head(Position),
    Create(FileFacts, Vec<i64>),
    Commit(Link),
    DeadLetter(i64),
}

/// What came of a step.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) asks: Vec<Ask>,
    pub(crate) finished: bool,
    pub(crate) stopped: Option<Stop>,
}

pub(crate) struct Owner {
    pub(crate) name: String,
    pub(crate) machine: Option<Partition>,
    /// Of the group, as far as this process knows.
    pub(crate) generation: u64,
    /// Counts its lives: a request of a former one has nobody to answer to.
    pub(crate) life: u64,
    /// Where it reads, if it does.
    pub(crate) reading: Option<i64>,
    open: Vec<i64>,
    sealed: VecDeque<(FileFacts, Vec<i64>)>,
    pub(crate) bug: Option<Bug>,
}

impl Owner {
    pub(crate) fn new(name: usize, bug: Option<Bug>) -> Self {
        Self {
            name: format!("owner {name}"),
            machine: None,
            generation: 0,
            life: 0,
            reading: None,
            open: Vec::new(),
            sealed: VecDeque::new(),
            bug,
        }
    }

    pub(crate) fn assign(&mut self, epoch: u64, generation: u64) -> Outcome {
        self.forget();
        self.generation = generation;
        let setup = Setup {
            topic: "t".into(),
            partition: 0,
            policy: POLICY,
            new_chain: format!("chain of {}", self.name),
            restart_after: 30,
        };
        let mut commands = Commands::new();
        self.machine = Some(Partition::assigned(setup, Epoch(epoch << 32), &mut commands));
        self.carry_out(commands)
    }

    /// The process dies, or the partition is taken from it.
    pub(crate) fn forget(&mut self) {
        self.machine = None;
        self.life += 1;
        self.reading = None;
        self.open.clear();
        self.sealed.clear();
    }

    pub(crate) fn with(&mut self, step: impl FnOnce(&mut Partition, &mut Commands)) -> Outcome {
        let mut commands = Commands::new();
        if let Some(machine) = &mut self.machine {
            step(machine, &mut commands);
        }
        self.carry_out(commands)
    }

    /// Reads one entry of the log.
    pub(crate) fn read(&mut self, log: &[Entry], now: i64) -> Outcome {
        let Some(at) = self.reading else { return Outcome::default() };
        let Some(entry) = log.get(at as usize) else { return Outcome::default() };
        self.reading = Some(at + 1);
        self.take(*entry, at, now)
    }

    /// A record from the client's buffer.
    pub(crate) fn take(&mut self, entry: Entry, at: i64, now: i64) -> Outcome {
        let what = match entry {
            Entry::Control => return Outcome::default(),
            Entry::Row => Record::Value(1),
            Entry::Tombstone => Record::Tombstone,
            Entry::Poison => Record::DeadLetter,
        };
        let Some(machine) = &mut self.machine else { return Outcome::default() };
        if machine.admit(Offset(at)) == Admit::Skip {
            return Outcome::default();
        }
        let mut asks = Vec::new();
        if what == Record::DeadLetter {
            asks.push(Ask::DeadLetter(at));
        } else {
            self.open.push(at);
        }
        let file_bytes = self.open.len() as u64 * 13;
        let mut commands = Commands::new();
        machine.appended(&Appended { offset: Offset(at), timestamp: Some(at), file_bytes, what }, now, &mut commands);
        let mut outcome = self.carry_out(commands);
        asks.append(&mut outcome.asks);
        Outcome { asks, ..outcome }
    }

    pub(crate) fn roll(&mut self, reason: RollReason) -> Outcome {
        self.with(|machine, commands| machine.roll(reason, commands))
    }

    fn carry_out(&mut self, commands: Commands) -> Outcome {
        let mut outcome = Outcome::default();
        for command in commands {
            match command {
                Command::AskKafka => outcome.asks.push(Ask::Kafka),
                Command::ReadGenesis => outcome.asks.push(Ask::Genesis),
                Command::CreateGenesis(genesis) => outcome.asks.push(Ask::CreateGenesis(genesis)),
                Command::List { from } => outcome.asks.push(Ask::List(from)),
                Command::Head { start } => outcome.asks.push(Ask::Head(start)),
                Command::Pause => self.reading = None,
                Command::Resume { at } => self.reading = Some(at.0),
                Command::Seal(facts) => {
                    if self.bug == Some(Bug::CommitBeforeCreate) {
                        let (start, next) = (facts.range.start, facts.range.next);
                        outcome.asks.push(Ask::Commit(Link { chain: facts.chain.clone(), start, next }));
                    }
                    let rows = std::mem::take(&mut self.open);
                    if self.bug == Some(Bug::ForgetDeadLetters) {
                        outcome.asks.push(Ask::Create(facts, rows));
                    } else {
                        self.sealed.push_back((facts, rows));
                    }
                }
                Command::Create { .. } => {
                    let last = self.bug == Some(Bug::LastSealedFirst);
                    let next = if last { self.sealed.pop_back() } else { self.sealed.pop_front() };
                    if let Some((facts, rows)) = next {
                        outcome.asks.push(Ask::Create(facts, rows));
                    }
                }
                Command::Discard => {
                    self.open.clear();
                    self.sealed.clear();
                }
                Command::Commit(mut link) => {
                    if self.bug == Some(Bug::CommitPastGap) {
                        link.next = Position(self.reading.unwrap_or(0).max(link.next.0));
                    }
                    outcome.asks.push(Ask::Commit(link));
                }
                Command::Finished => outcome.finished = true,
                Command::Stopped(stop) => outcome.stopped = Some(stop),
            }
        }
        outcome
    }
}
