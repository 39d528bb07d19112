//! Filling files from a place in the chain: one open, and a few sealed ones of which the first is on its way to the store. A file
//! is created only after the one before it, since its start is that one's `next`. Filling does not wait for that: a partition
//! that is paused loses what its client has fetched, and gets it again only with the next answer of its broker.

use contract::{Offset, Position, Range};
use std::collections::VecDeque;

use super::{
    Appended, Command, Commands, Event, Hold, Next, Record, Setup,
    resolve::{Resolving, check_chain},
};
use crate::{
    facts::FileFacts,
    genesis::Link,
    roll::{Millis, RollPolicy, RollReason, Window},
    stop::Stop,
};

/// The file that records go into.
struct Open {
    window: Option<Window>,
    /// By the wall clock, when the last record was taken.
    touched: Millis,
    rows: u64,
    dead_letters: u64,
    /// Of those, how many are not acknowledged.
    dead_pending: u64,
    first_offset: i64,
    last_offset: i64,
    times: Option<(i64, i64)>,
    schema_ids: Vec<u32>,
}

/// Sealed files of a partition, the one that is being created among them. Behind a store that is slow for long they would only
/// fill the disk.
const MOST_SEALED: usize = 4;

/// A file that is being created, or waits for the one before it.
struct Sealed {
    range: Range,
    dead_pending: u64,
}

pub(super) struct Filling {
    chain: String,
    /// Where the open file begins: the chain's first position or an existing file's `next`.
    start: Position,
    next: Position,
    open: Option<Open>,
    /// In the order of their ranges, each beginning where the one before ends.
    sealed: VecDeque<Sealed>,
    /// The open file is to be rolled once there is room for another sealed one.
    due: Option<RollReason>,
    committing: bool,
    /// The newest file that is to be committed once the commit on its way is answered.
    commit_next: Option<Range>,
    holds: u8,
    finishing: Option<RollReason>,
    /// Why the partition stops once what precedes the next record is created and committed.
    stopping: Option<Stop>,
}

impl Filling {
    pub(super) fn new(chain: String, at: Position) -> Self {
        Self {
            chain,
            start: at,
            next: at,
            open: None,
            sealed: VecDeque::new(),
            due: None,
            committing: false,
            commit_next: None,
            holds: 0,
            finishing: None,
            stopping: None,
        }
    }

    pub(super) fn next(&self) -> Position {
        self.next
    }

    pub(super) fn is_finishing(&self) -> bool {
        self.finishing.is_some()
    }

    /// Whether records are wanted.
    pub(super) fn is_reading(&self) -> bool {
        self.holds == 0 && !self.is_ending()
    }

    fn is_ending(&self) -> bool {
        self.finishing.is_some() || self.stopping.is_some()
    }

    #[inline]
    pub(super) fn admits(&self, offset: Offset) -> bool {
        self.is_reading() && offset.0 >= self.next.0
    }

    #[inline]
    pub(super) fn appended(&mut self, policy: &RollPolicy, record: &Appended, now: Millis) -> Option<RollReason> {
        let open = self.open.get_or_insert_with(|| Open {
            window: policy.window_at(now),
            touched: now,
            rows: 0,
            dead_letters: 0,
            dead_pending: 0,
            first_offset: record.offset.0,
            last_offset: record.offset.0,
            times: None,
            schema_ids: Vec::new(),
        });
        self.next = record.offset.next();
        open.touched = now;
        open.last_offset = record.offset.0;
        if record.what == Record::DeadLetter {
            open.dead_letters += 1;
            open.dead_pending += 1;
        } else {
            open.rows += 1;
            if let Some(time) = record.timestamp {
                open.times = Some(open.times.map_or((time, time), |(min, max)| (min.min(time), max.max(time))));
            }
        }
        if let Record::Value(id) = record.what
            && open.schema_ids.last() != Some(&id)
            && !open.schema_ids.contains(&id)
        {
            open.schema_ids.push(id);
        }
        policy.full(record.file_bytes, open.rows + open.dead_letters)
    }

    /// When the open file is due by the clock, unless it is waiting to be rolled already.
    pub(super) fn due(&self, policy: &RollPolicy) -> Option<Millis> {
        let open = self.open.as_ref().filter(|_| self.due.is_none())?;
        policy.due(open.window, open.touched).map(|(at, _)| at)
    }

    pub(super) fn tick(&mut self, policy: &RollPolicy, now: Millis, out: &mut Commands) {
        let Some(open) = &self.open else { return };
        if let Some((at, reason)) = policy.due(open.window, open.touched)
            && at <= now
            && self.due.is_none()
        {
            self.roll(reason, out);
        }
    }

    pub(super) fn roll(&mut self, reason: RollReason, out: &mut Commands) {
        if self.open.is_none() {
            return;
        }
        if self.sealed.len() >= MOST_SEALED {
            self.due = self.due.or(Some(reason));
            self.hold(Hold::Upload, out);
            return;
        }
        let Some(open) = self.open.take() else { return };
        let range = Range { start: self.start, next: self.next };
        out.push_back(Command::Seal(FileFacts {
            range,
            chain: self.chain.clone(),
            reason,
            rows: open.rows,
            dead_letters: open.dead_letters,
            offsets: Some((open.first_offset, open.last_offset)),
            times: open.times,
            window: open.window,
            schema_ids: open.schema_ids,
        }));
        self.start = self.next;
        self.sealed.push_back(Sealed { range, dead_pending: open.dead_pending });
        if self.sealed.len() == 1 {
            self.create_first(out);
        }
    }

    /// Creates the first of the sealed files, unless dead letters of its range are on their way.
    fn create_first(&self, out: &mut Commands) {
        if let Some(first) = self.sealed.front().filter(|first| first.dead_pending == 0) {
            out.push_back(Command::Create { start: first.range.start });
        }
    }

    pub(super) fn hold(&mut self, hold: Hold, out: &mut Commands) {
        if self.is_reading() {
            out.push_back(Command::Pause);
        }
        self.holds |= hold as u8;
    }

    pub(super) fn has_records(&self) -> bool {
        self.open.is_some()
    }

    pub(super) fn is_held(&self, hold: Hold) -> bool {
        self.holds & hold as u8 != 0
    }

    pub(super) fn release(&mut self, hold: Hold, out: &mut Commands) {
        let before = self.holds;
        self.holds &= !(hold as u8);
        if before != 0 && self.is_reading() {
            out.push_back(Command::Resume { at: self.next });
        }
    }

    /// A commit is wanted up to `start`, the place the walk reached, which the file beginning at `from` leads to.
    pub(super) fn want_commit(&mut self, from: Position, out: &mut Commands) {
        self.commit(Range { start: from, next: self.start }, out);
    }

    fn commit(&mut self, file: Range, out: &mut Commands) {
        if self.committing {
            self.commit_next = Some(file);
            return;
        }
        self.committing = true;
        out.push_back(Command::Commit(Link { chain: self.chain.clone(), start: file.start, next: file.next }));
    }

    pub(super) fn finish(&mut self, reason: RollReason, out: &mut Commands) -> Next {
        if self.finishing.is_none() {
            if self.is_reading() {
                out.push_back(Command::Pause);
            }
            self.finishing = Some(reason);
            if self.due.is_none() {
                self.roll(reason, out);
            }
        }
        if self.is_done() { Next::Finished } else { Next::Stay }
    }

    /// Creates and commits what precedes the next record, then stops.
    ///
    /// # Errors
    /// With the reason, where nothing is left to do before.
    pub(super) fn stop_after(&mut self, stop: Stop, out: &mut Commands) -> Result<Next, Stop> {
        if self.is_ending() {
            return Ok(Next::Stay);
        }
        if self.is_reading() {
            out.push_back(Command::Pause);
        }
        self.stopping = Some(stop);
        if self.due.is_none() {
            self.roll(RollReason::Stop, out);
        }
        self.ended()
    }

    fn is_done(&self) -> bool {
        self.open.is_none() && self.sealed.is_empty() && !self.committing && self.commit_next.is_none()
    }

    /// A partition that is given up while it stops is given up: whoever has it next meets the same record.
    fn ended(&self) -> Result<Next, Stop> {
        match (&self.finishing, &self.stopping) {
            (Some(_), _) if self.is_done() => Ok(Next::Finished),
            (None, Some(stop)) if self.is_done() => Err(stop.clone()),
            _ => Ok(Next::Stay),
        }
    }

    pub(super) fn handle(
        &mut self,
        setup: &Setup,
        event: Event,
        now: Millis,
        out: &mut Commands,
    ) -> Result<Next, Stop> {
        match event {
            Event::Created => self.created(out),
            Event::Exists(found) => {
                let Some(sealed) = self.sealed.front() else { return Ok(Next::Stay) };
                check_chain(&found, &self.chain)?;
                if found.range != sealed.range {
                    return Ok(self.give_way(found.range, out));
                }
                // Whoever created it, the chain goes on where ours does.
                self.created(out);
            }
            Event::Committed => {
                self.committing = false;
                if let Some(file) = self.commit_next.take() {
                    self.commit(file, out);
                }
            }
            Event::DeadLettered(offset) => self.dead_lettered(offset, out),
            _ => {}
        }
        self.tick(&setup.policy, now, out);
        self.ended()
    }

    fn created(&mut self, out: &mut Commands) {
        let Some(sealed) = self.sealed.pop_front() else { return };
        self.commit(sealed.range, out);
        self.create_first(out);
        let ending = self.finishing.or(self.stopping.is_some().then_some(RollReason::Stop));
        if let Some(reason) = self.due.take().or(ending) {
            self.roll(reason, out);
        }
        self.release(Hold::Upload, out);
    }

    /// Another owner's file ends elsewhere: ours never was, and what came behind it was cut at the wrong place.
    fn give_way(&mut self, theirs: Range, out: &mut Commands) -> Next {
        out.push_back(Command::Pause);
        out.push_back(Command::Discard);
        if self.finishing.is_some() {
            return Next::Finished;
        }
        Next::Walk(Box::new(Resolving::behind(self.chain.clone(), theirs, out)))
    }

    fn dead_lettered(&mut self, offset: Offset, out: &mut Commands) {
        if let Some(at) = self.sealed.iter().position(|sealed| sealed.range.contains(offset)) {
            let pending = &mut self.sealed[at].dead_pending;
            *pending = pending.saturating_sub(1);
            // A later file waits for the ones before it anyway.
            if at == 0 {
                self.create_first(out);
            }
        } else if let Some(open) = &mut self.open {
            open.dead_pending = open.dead_pending.saturating_sub(1);
        }
    }
}
