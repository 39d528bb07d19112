//! Decides what happens to whom. Pure: from the seed, the number of the batch and the customers as they are, always the
//! same events; nothing here reads a clock or a disk.

use crate::{
    config::{Locale, Mix},
    person::{self, Vocabulary},
    report::Tally,
};
use contract::{Customer, CustomerEvent, Operation};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// One customer as the producer knows it. Kept after a delete: whoever comes back goes on with the same sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Person {
    pub(crate) customer_id: Uuid,
    /// Of the last event.
    pub(crate) sequence: i64,
    pub(crate) life: Life,
    pub(crate) customer: Customer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Life {
    Living,
    Deleted,
}

/// Who is there, by slot: customers are numbered in the order of their creation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roll {
    lives: Vec<Life>,
    living: u64,
}

impl Roll {
    pub(crate) fn len(&self) -> u64 {
        self.lives.len() as u64
    }

    pub(crate) fn living(&self) -> u64 {
        self.living
    }

    fn life(&self, slot: u64) -> Option<Life> {
        self.lives.get(usize::try_from(slot).ok()?).copied()
    }

    /// Takes over a customer's state. New customers come in the order of their slots.
    pub(crate) fn set(&mut self, slot: u64, life: Life) {
        let slot = slot as usize;
        if slot == self.lives.len() {
            self.lives.push(life);
        } else if std::mem::replace(&mut self.lives[slot], life) == Life::Living {
            self.living -= 1;
        }
        self.living += u64::from(life == Life::Living);
    }
}

/// A batch being made: at most one at a time, possibly over several writes of the outbox, resumed after a crash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// From 1.
    pub(crate) number: u64,
    /// Its events happened in `(from, to]`, milliseconds since 1970; `to` is the tick.
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) total: u64,
    pub(crate) remaining: Mix,
}

impl Plan {
    /// The batch after `last`, for the tick at `to`; `every` bounds the time its events are spread over.
    pub(crate) fn after(last: Option<&Self>, to: i64, every: i64, mix: Mix) -> Self {
        let (number, from) = match last {
            // After a gap, or with a clock that was set back, the events still happened within one interval.
            Some(last) if last.to < to => (last.number + 1, last.to.max(to - every)),
            Some(last) => (last.number + 1, to - every),
            None => (1, to - every),
        };
        Self { number, from, to, total: mix.total(), remaining: mix }
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.remaining.total() == 0
    }

    fn done(&self) -> u64 {
        self.total - self.remaining.total()
    }
}

/// What does not change from batch to batch.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) seed: u64,
    pub(crate) locales: Vec<Locale>,
    pub(crate) skew: f64,
    pub(crate) vocabulary: Vocabulary,
}

/// Events and the state after them: both or neither become true.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) events: Vec<CustomerEvent>,
    /// Customers that changed, as they are now, by slot.
    pub(crate) people: BTreeMap<u64, Person>,
    pub(crate) plan: Plan,
    pub(crate) tally: Tally,
}

/// Draws the plan's next events, at most `limit`. `read` gives the customer of a slot.
pub(crate) fn draw<E>(
    rules: &Rules,
    roll: &Roll,
    plan: &Plan,
    limit: u64,
    read: impl FnMut(u64) -> Result<Person, E>,
) -> Result<Draft, E> {
    let mut seed = [0; 32];
    for (part, number) in seed.chunks_exact_mut(8).zip([rules.seed, plan.number, plan.done()]) {
        part.copy_from_slice(&number.to_le_bytes());
    }
    let draft = Draft { events: Vec::new(), people: BTreeMap::new(), plan: plan.clone(), tally: Tally::default() };
    let mut drawing = Drawing { rules, roll, read, rng: ChaCha8Rng::from_seed(seed), draft, people: roll.len() };
    for _ in 0..limit.min(plan.remaining.total()) {
        drawing.next()?;
    }
    Ok(drawing.draft)
}

#[derive(Clone, Copy)]
enum Kind {
    Create,
    Update,
    Delete,
    Recreate,
}

struct Drawing<'a, R> {
    rules: &'a Rules,
    roll: &'a Roll,
    read: R,
    rng: ChaCha8Rng,
    draft: Draft,
    /// Customers including the draft's own.
    people: u64,
}

impl<E, R: FnMut(u64) -> Result<Person, E>> Drawing<'_, R> {
    fn next(&mut self) -> Result<(), E> {
        let time = self.event_time();
        let kind = self.take_kind();
        let (locales, vocabulary) = (&self.rules.locales, self.rules.vocabulary);
        let (slot, mut person) = match kind {
            Kind::Create => {
                let customer = person::create(&mut self.rng, locales, vocabulary);
                let customer_id = self.uuid();
                self.people += 1;
                (self.people - 1, Person { customer_id, sequence: 0, life: Life::Living, customer })
            }
            Kind::Update | Kind::Delete | Kind::Recreate => {
                let Some(slot) = self.pick(kind) else {
                    self.draft.tally.skipped += 1;
                    return Ok(());
                };
                let person = match self.draft.people.get(&slot) {
                    Some(person) => person.clone(),
                    None => (self.read)(slot)?,
                };
                (slot, person)
            }
        };
        person.sequence += 1;
        let operation = match kind {
            Kind::Create => Operation::Create,
            Kind::Update => {
                person::change(&mut self.rng, &mut person.customer, locales, vocabulary);
                Operation::Update
            }
            Kind::Delete => {
                person.life = Life::Deleted;
                Operation::Delete
            }
            Kind::Recreate => {
                person.life = Life::Living;
                person::come_back(&mut self.rng, &mut person.customer, locales, vocabulary);
                Operation::Create
            }
        };
        *match kind {
            Kind::Create => &mut self.draft.tally.created,
            Kind::Update => &mut self.draft.tally.updated,
            Kind::Delete => &mut self.draft.tally.deleted,
            Kind::Recreate => &mut self.draft.tally.recreated,
        } += 1;
        let event = CustomerEvent {
            event_id: self.uuid(),
            operation,
            customer_id: person.customer_id,
            sequence: person.sequence,
            event_time: time,
            customer: (operation != Operation::Delete).then(|| person.customer.clone()),
        };
        self.draft.events.push(event);
        self.draft.people.insert(slot, person);
        Ok(())
    }

    /// Events are spread evenly over the plan's time, in order, each a little off.
    fn event_time(&mut self) -> i64 {
        let Plan { from, to, total, .. } = self.draft.plan;
        let (span, total, done) = (to - from, total as i64, self.draft.plan.done() as i64);
        let stride = (span / total).max(1);
        let time = from + (i128::from(span) * i128::from(done) / i128::from(total)) as i64;
        (time + self.rng.random_range(1..=stride)).min(to)
    }

    /// One of the kinds that remain, each as likely as its share.
    fn take_kind(&mut self) -> Kind {
        let mut drawn = self.rng.random_range(0..self.draft.plan.remaining.total());
        let Mix { creates, updates, deletes, recreates } = &mut self.draft.plan.remaining;
        for (left, kind) in [(creates, Kind::Create), (updates, Kind::Update), (deletes, Kind::Delete)] {
            if drawn < u64::from(*left) {
                *left -= 1;
                return kind;
            }
            drawn -= u64::from(*left);
        }
        *recreates -= 1;
        Kind::Recreate
    }

    /// Whom it happens to; updates prefer low slots, the others nobody. From the drawn slot on, the next one fits.
    fn pick(&mut self, kind: Kind) -> Option<u64> {
        let n = self.people;
        if n == 0 {
            return None;
        }
        let wanted = if matches!(kind, Kind::Recreate) { Life::Deleted } else { Life::Living };
        let skew = if matches!(kind, Kind::Update) { self.rules.skew } else { 0.0 };
        let start = zipf(self.rng.random(), n, skew);
        (start..n).chain(0..start).find(|slot| self.life(*slot) == Some(wanted))
    }

    fn life(&self, slot: u64) -> Option<Life> {
        self.draft.people.get(&slot).map(|person| person.life).or_else(|| self.roll.life(slot))
    }

    fn uuid(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(self.rng.random()).into_uuid()
    }
}

/// A rank in `0..n` whose likelihood falls with rank to the power of `skew`: the inverse of that distribution's
/// continuous form at `uniform` in [0, 1).
fn zipf(uniform: f64, n: u64, skew: f64) -> u64 {
    let (top, power) = ((n + 1) as f64, 1.0 - skew);
    let rank = if power.abs() < 1e-9 {
        top.powf(uniform)
    } else {
        ((top.powf(power) - 1.0) * uniform + 1.0).powf(1.0 / power)
    };
    (rank as u64).clamp(1, n) - 1
}

#[cfg(test)]
#[path = "population_tests.rs"]
mod tests;
