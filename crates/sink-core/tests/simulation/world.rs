//! What all processes share: the log, the group, the store. Requests take effect one at a time, in any order, also after
//! the process that sent them has died; answers may be lost, and then the request is sent again.

use contract::{Offset, Position, Range};
use sink_core::{
    facts::FoundFile,
    genesis::{Genesis, Identity},
    partition::{Epoch, Event, KafkaFacts, More},
    roll::RollReason,
    stop::Blame,
};
use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Bug,
    owner::{Ask, Outcome, Owner},
};

/// What is at an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Row,
    Tombstone,
    Poison,
    /// A transaction's marker, or a record that compaction removed.
    Control,
}

struct Object {
    file: FoundFile,
    rows: Vec<i64>,
}

/// A request on its way to a server.
#[derive(Clone)]
struct Request {
    owner: usize,
    life: u64,
    epoch: Epoch,
    ask: Ask,
}

struct Answer {
    owner: usize,
    life: u64,
    epoch: Epoch,
    event: Event,
}

/// Starts listed on a page.
const PAGE: usize = 3;

pub(crate) struct World {
    pub(crate) log: Vec<Entry>,
    pub(crate) now: i64,
    pub(crate) trace: Vec<String>,
    pub(crate) failure: Option<String>,
    genesis: Option<Genesis>,
    /// By start, and by what else a bug puts into the key.
    objects: BTreeMap<(i64, i64), Object>,
    committed: Option<(Position, String)>,
    keeps_metadata: bool,
    generation: u64,
    member: Option<usize>,
    /// Waiting for the member to finish.
    moving_to: Option<usize>,
    owners: Vec<Owner>,
    requests: Vec<Request>,
    answers: Vec<Answer>,
    dead: BTreeSet<i64>,
    assignments: u64,
    bug: Option<Bug>,
}

impl World {
    pub(crate) fn new(owners: usize, keeps_metadata: bool, bug: Option<Bug>) -> Self {
        Self {
            log: Vec::new(),
            now: 1_000,
            trace: Vec::new(),
            failure: None,
            genesis: None,
            objects: BTreeMap::new(),
            committed: None,
            keeps_metadata,
            generation: 0,
            member: None,
            moving_to: None,
            owners: (0..owners).map(|name| Owner::new(name, bug)).collect(),
            requests: Vec::new(),
            answers: Vec::new(),
            dead: BTreeSet::new(),
            assignments: 0,
            bug,
        }
    }

    pub(crate) fn owners(&self) -> usize {
        self.owners.len()
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.len()
    }

    pub(crate) fn answers(&self) -> usize {
        self.answers.len()
    }

    fn say(&mut self, text: impl FnOnce() -> String) {
        self.trace.push(text());
    }

    fn fail(&mut self, what: String) {
        self.failure.get_or_insert(what);
    }

    pub(crate) fn append(&mut self, entry: Entry) {
        let offset = self.log.len();
        self.say(|| format!("log: {entry:?} at {offset}"));
        self.log.push(entry);
    }

    /// The group gives the partition to an owner; whoever has it is not told.
    pub(crate) fn assign(&mut self, owner: usize) {
        self.generation += 1;
        self.assignments += 1;
        self.member = Some(owner);
        self.moving_to = None;
        let (epoch, generation) = (self.assignments, self.generation);
        self.say(|| format!("group: generation {generation} belongs to owner {owner}"));
        let outcome = self.owners[owner].assign(epoch, generation);
        self.after(owner, outcome);
    }

    /// The group asks the member to finish, then gives the partition to `to`.
    pub(crate) fn revoke(&mut self, to: usize) {
        let Some(member) = self.member else { return self.assign(to) };
        if self.moving_to.is_some() || self.owners[member].machine.is_none() {
            return self.assign(to);
        }
        self.say(|| format!("group: owner {member} is to hand over to owner {to}"));
        self.moving_to = Some(to);
        let outcome = self.owners[member].with(|machine, commands| machine.finish(RollReason::Revoke, commands));
        self.after(member, outcome);
    }

    /// A process learns that it lost the partition.
    pub(crate) fn lose(&mut self, owner: usize) {
        if self.member != Some(owner) && self.owners[owner].machine.is_some() {
            self.say(|| format!("owner {owner} learns that it lost the partition"));
            self.owners[owner].forget();
        }
    }

    pub(crate) fn crash(&mut self, owner: usize) {
        self.say(|| format!("owner {owner} dies"));
        self.owners[owner].forget();
        if self.member == Some(owner) {
            self.member = None;
        }
    }

    /// All of a group's offsets expire.
    pub(crate) fn expire(&mut self) {
        self.say(|| "group: offsets expire".to_owned());
        self.committed = None;
    }

    pub(crate) fn read(&mut self, owner: usize) {
        let outcome = self.owners[owner].read(&self.log, self.now);
        self.after(owner, outcome);
    }

    /// A record that was fetched before the last seek.
    pub(crate) fn read_stale(&mut self, owner: usize, offset: usize) {
        let next = self.owners[owner].machine.as_ref().and_then(sink_core::partition::Partition::position);
        if let (Some(next), Some(entry)) = (next, self.log.get(offset).copied())
            && (offset as i64) < next.0
        {
            let outcome = self.owners[owner].take(entry, offset as i64, self.now);
            self.after(owner, outcome);
        }
    }

    pub(crate) fn roll(&mut self, owner: usize) {
        let outcome = self.owners[owner].roll(RollReason::Schema);
        self.after(owner, outcome);
    }

    pub(crate) fn tick(&mut self, millis: i64) {
        self.now += millis;
        let now = self.now;
        for owner in 0..self.owners.len() {
            let outcome = self.owners[owner].with(|machine, commands| machine.tick(now, commands));
            self.after(owner, outcome);
        }
    }

    fn after(&mut self, owner: usize, outcome: Outcome) {
        let life = self.owners[owner].life;
        if let Some(machine) = &self.owners[owner].machine {
            let epoch = machine.epoch();
            self.requests.extend(outcome.asks.into_iter().map(|ask| Request { owner, life, epoch, ask }));
        }
        match outcome.stopped {
            Some(stop) if stop.blame() == Blame::Operator => self.fail(format!("owner {owner} stopped: {stop}")),
            Some(_) => self.crash(owner),
            None => {}
        }
        if outcome.finished && self.member == Some(owner) {
            self.say(|| format!("owner {owner} has finished"));
            self.owners[owner].forget();
            self.member = None;
            if let Some(to) = self.moving_to.take() {
                self.assign(to);
            }
        }
    }

    /// A request takes effect; its answer is on its way.
    pub(crate) fn perform(&mut self, index: usize) {
        let request = self.requests.remove(index);
        let event = self.effect(&request);
        self.answers.push(Answer { owner: request.owner, life: request.life, epoch: request.epoch, event });
    }

    /// A request takes effect, its answer is lost, and a process that still lives asks again.
    pub(crate) fn perform_unanswered(&mut self, index: usize) {
        let request = self.requests[index].clone();
        self.effect(&request);
        self.say(|| format!("  (the answer to owner {} is lost)", request.owner));
        if self.owners[request.owner].life != request.life {
            self.requests.remove(index);
        }
    }

    pub(crate) fn deliver(&mut self, index: usize) {
        let answer = self.answers.remove(index);
        let owner = &mut self.owners[answer.owner];
        let forgets = self.bug == Some(Bug::ForgetEpoch);
        if owner.life != answer.life && !forgets {
            return;
        }
        let now = self.now;
        let outcome = owner.with(|machine, commands| {
            let epoch = if forgets { machine.epoch() } else { answer.epoch };
            machine.handle(epoch, answer.event, now, commands);
        });
        self.after(answer.owner, outcome);
    }

    fn effect(&mut self, request: &Request) -> Event {
        let owner = request.owner;
        match request.ask.clone() {
            Ask::Kafka => Event::Kafka(KafkaFacts {
                identity: Identity { cluster_id: "k".into(), topic_id: None, group: "g".into() },
                committed: self.committed.clone(),
                low: Position(0),
                high: Position(self.log.len() as i64),
                configured_first: Position(0),
                partitions: 1,
            }),
            Ask::Genesis => Event::Genesis { own: self.genesis.clone(), first_of_topic: None },
            Ask::CreateGenesis(genesis) => {
                let own = self.genesis.get_or_insert(genesis).clone();
                self.say(|| format!("store: genesis for owner {owner}: {}", own.chain));
                Event::Genesis { own: Some(own), first_of_topic: None }
            }
            Ask::List(from) => {
                let starts: Vec<_> =
                    self.objects.range((from.0, 0)..).map(|((start, _), _)| Position(*start)).collect();
                let more = if starts.len() > PAGE { More::Yes } else { More::No };
                Event::Listed { starts: starts.into_iter().take(PAGE).collect(), more }
            }
            Ask::Head(_) if self.bug == Some(Bug::SkipAdoption) && self.committed.is_some() => Event::Headed(None),
            Ask::Head(start) => {
                let mut found = self.objects.range((start.0, 0)..=(start.0, i64::MAX));
                Event::Headed(found.next().map(|(_, object)| object.file.clone()))
            }
            Ask::Create(facts, rows) => {
                let discriminant = match (self.bug, facts.window) {
                    (Some(Bug::DateInKey), Some(window)) => window.start,
                    _ => 0,
                };
                let key = (facts.range.start.0, discriminant);
                if let Some(object) = self.objects.get(&key)
                    && self.bug != Some(Bug::Overwrite)
                {
                    let file = object.file.clone();
                    self.say(|| format!("store: {} for owner {owner}: taken by {}", facts.range, file.range));
                    let ignores = self.bug == Some(Bug::IgnoreOthersFile);
                    return if ignores { Event::Created } else { Event::Exists(file) };
                }
                self.say(|| format!("store: owner {owner} creates {} ({})", facts.range, facts.reason));
                let file = FoundFile {
                    range: facts.range,
                    chain: facts.chain,
                    writer: self.owners[owner].name.clone(),
                    sha256: String::new(),
                    rows: facts.rows,
                    dead_letters: facts.dead_letters,
                    is_loss: false,
                    bytes: 1,
                };
                self.check_file(&file, &rows);
                self.objects.insert(key, Object { file, rows });
                Event::Created
            }
            Ask::Commit(link) => {
                // A member that lost the partition but not its membership may still commit: every third such commit.
                let stale = self.owners[owner].generation != self.generation && self.member != Some(owner);
                if stale && !self.generation.is_multiple_of(3) {
                    self.say(|| format!("group: owner {owner} is not known any more"));
                    return Event::Dropped;
                }
                self.say(|| format!("group: owner {owner} commits {}", link.next));
                let metadata = if self.keeps_metadata { link.to_metadata() } else { String::new() };
                self.committed = Some((link.next, metadata));
                Event::Committed
            }
            Ask::DeadLetter(offset) => {
                self.dead.insert(offset);
                Event::DeadLettered(Offset(offset))
            }
        }
    }

    /// What must hold of each file as it is created.
    fn check_file(&mut self, file: &FoundFile, rows: &[i64]) {
        let wanted = |entry: Entry| matches!(entry, Entry::Row | Entry::Tombstone);
        let expected: Vec<i64> = (file.range.start.0..file.range.next.0)
            .filter(|offset| self.log.get(*offset as usize).copied().is_some_and(wanted))
            .collect();
        if rows != expected {
            self.fail(format!("file {} holds {rows:?}, its range {expected:?}", file.range));
        }
        let unsent = (file.range.start.0..file.range.next.0)
            .find(|offset| self.log.get(*offset as usize) == Some(&Entry::Poison) && !self.dead.contains(offset));
        if let Some(offset) = unsent {
            self.fail(format!("file {} covers {offset}, which is in no dead letter", file.range));
        }
    }

    /// All faults end: what is on its way arrives, and one healthy owner finishes the log.
    pub(crate) fn heal(&mut self) {
        self.say(|| "-- all is well from here --".to_owned());
        for owner in 0..self.owners.len() {
            self.owners[owner].forget();
        }
        while !self.requests.is_empty() {
            self.perform(0);
        }
        while !self.answers.is_empty() {
            self.deliver(0);
        }
        self.assign(0);
        for round in 0..2_000 {
            if self.failure.is_some() || self.owners[0].machine.is_none() {
                return;
            }
            while !self.requests.is_empty() {
                self.perform(0);
            }
            while !self.answers.is_empty() {
                self.deliver(0);
            }
            self.read(0);
            let caught_up = self.owners[0].reading.is_some_and(|at| at as usize >= self.log.len());
            if caught_up && self.moving_to.is_none() {
                let outcome = self.owners[0].with(|machine, commands| machine.finish(RollReason::Shutdown, commands));
                self.after(0, outcome);
            } else if round % 50 == 49 {
                self.tick(60);
            }
        }
        let state = self.owners[0].machine.as_ref().map(|machine| format!("{machine:?}"));
        self.fail(format!("does not come to rest: {state:?}"));
    }

    /// The union of the files equals the log, once each.
    pub(crate) fn check(&mut self) {
        let Some(genesis) = &self.genesis else { return };
        let ranges: Vec<Range> = self.objects.values().map(|object| object.file.range).collect();
        let (end, faults) = sink_core::tiling::check(genesis.first, &ranges);
        if let Some(fault) = faults.first() {
            return self.fail(fault.to_string());
        }
        let rows: Vec<i64> = self.objects.values().flat_map(|object| object.rows.iter().copied()).collect();
        let wanted = |entry: &Entry| matches!(entry, Entry::Row | Entry::Tombstone);
        let expected: Vec<i64> =
            (0..self.log.len() as i64).filter(|offset| wanted(&self.log[*offset as usize])).collect();
        if rows != expected {
            return self.fail(format!("the files hold {rows:?}, the log {expected:?}"));
        }
        let last = self.log.iter().rposition(|entry| *entry != Entry::Control).map_or(0, |last| last as i64 + 1);
        if end.0 < last {
            return self.fail(format!("the files end at {end}, the log at {last}"));
        }
        if let Some(offset) =
            (0..self.log.len()).find(|at| self.log[*at] == Entry::Poison && !self.dead.contains(&(*at as i64)))
        {
            self.fail(format!("the poison at {offset} is in no dead letter"));
        }
        if let Some((position, _)) = &self.committed
            && *position != end
        {
            self.fail(format!("committed {position}, but the files end at {end}"));
        }
    }
}
