//! Histories drawn in memory: what holds for every customer, whatever the seed.

use super::*;
use contract::schemas;
use std::{collections::HashMap, collections::HashSet, convert::Infallible};

const EVERY: i64 = 120_000;
const START: i64 = 1_700_000_040_000;

/// A population without a disk.
#[derive(Default)]
struct World {
    people: Vec<Person>,
    roll: Roll,
    plan: Option<Plan>,
    events: Vec<CustomerEvent>,
    tally: Tally,
}

impl World {
    fn batch(&mut self, rules: &Rules, to: i64, mix: Mix, piece: u64) {
        let mut plan = Plan::after(self.plan.as_ref(), to, EVERY, mix);
        while !plan.is_finished() {
            let people = &self.people;
            let read = |slot: u64| Ok::<_, Infallible>(people[slot as usize].clone());
            let draft = draw(rules, &self.roll, &plan, piece, read).unwrap();
            for (slot, person) in draft.people {
                self.roll.set(slot, person.life);
                let slot = slot as usize;
                if slot == self.people.len() { self.people.push(person) } else { self.people[slot] = person }
            }
            self.events.extend(draft.events);
            self.tally.add(&draft.tally);
            plan = draft.plan;
        }
        self.plan = Some(plan);
    }
}

fn rules(seed: u64) -> Rules {
    let vocabulary = Vocabulary::of(schemas::newest()).unwrap();
    Rules { seed, locales: Locale::ALL.to_vec(), skew: 0.8, vocabulary }
}

fn history(seed: u64, batches: i64) -> World {
    let mut world = World::default();
    let rules = rules(seed);
    world.batch(&rules, START, Mix { creates: 40, ..Mix::default() }, 1_000);
    for tick in 1..=batches {
        let mix = Mix { creates: 3, updates: 30, deletes: 5, recreates: 3 };
        world.batch(&rules, START + tick * EVERY, mix, 1_000);
    }
    world
}

#[test]
fn no_history_contradicts_itself() {
    for seed in 0..20 {
        let world = history(seed, 30);
        let mut latest: HashMap<Uuid, CustomerEvent> = HashMap::new();
        let mut ids = HashSet::new();
        for event in &world.events {
            assert!(ids.insert(event.event_id), "seed {seed}: {event:?}");
            let before = latest.insert(event.customer_id, event.clone());
            let sequence = before.as_ref().map_or(0, |before| before.sequence);
            assert_eq!(event.sequence, sequence + 1, "seed {seed}");
            assert!(before.as_ref().is_none_or(|before| before.event_time <= event.event_time), "seed {seed}");
            let alive = before.as_ref().is_some_and(|before| before.operation != Operation::Delete);
            assert_eq!(alive, event.operation != Operation::Create, "seed {seed}: {before:?} then {event:?}");
            assert_eq!(event.customer.is_none(), event.operation == Operation::Delete, "seed {seed}");
            if event.operation == Operation::Update {
                assert_ne!(event.customer, before.unwrap().customer, "seed {seed}: an update that updates nothing");
            }
        }
        let living = latest.values().filter(|event| event.operation != Operation::Delete).count();
        assert_eq!(world.roll.living(), living as u64, "seed {seed}");
    }
}

#[test]
fn the_mix_is_kept_exactly() {
    let world = history(1, 30);
    let Tally { created, updated, deleted, recreated, skipped } = world.tally;
    assert_eq!((created, updated, deleted), (40 + 90, 900, 150));
    assert_eq!(recreated + skipped, 90);
    assert!(skipped < 5, "only the first recreations can lack a deleted customer: {skipped}");
}

#[test]
fn a_seed_makes_the_same_events_and_another_seed_others() {
    let (one, same, other) = (history(5, 10), history(5, 10), history(6, 10));
    assert_eq!(one.events, same.events);
    assert_ne!(one.events[0].customer_id, other.events[0].customer_id);
}

#[test]
fn a_batch_in_pieces_keeps_every_promise_of_a_batch() {
    let mut world = World::default();
    let rules = rules(9);
    world.batch(&rules, START, Mix { creates: 100, ..Mix::default() }, 7);
    world.batch(&rules, START + EVERY, Mix { updates: 50, deletes: 90, recreates: 30, creates: 0 }, 7);
    assert_eq!(world.tally.created, 100);
    assert_eq!(world.events.iter().map(|event| event.event_id).collect::<HashSet<_>>().len(), world.events.len());
    assert!(world.events.is_sorted_by_key(|event| event.event_time));
}

#[test]
fn events_happen_within_the_tick_s_interval() {
    let mut world = World::default();
    let rules = rules(2);
    for tick in [0, 1, 50] {
        let to = START + tick * EVERY;
        world.events.clear();
        world.batch(&rules, to, Mix { creates: 500, ..Mix::default() }, 1_000);
        assert!(world.events.iter().all(|event| (to - EVERY + 1..=to).contains(&event.event_time)), "tick {tick}");
    }
    // More events than milliseconds, and a tick that comes early.
    world.events.clear();
    let to = START + 50 * EVERY + 10;
    world.batch(&rules, to, Mix { creates: 500, ..Mix::default() }, 1_000);
    assert!(world.events.iter().all(|event| (to - 9..=to).contains(&event.event_time)));
}

#[test]
fn what_is_impossible_is_left_out_and_said() {
    let mut world = World::default();
    world.batch(&rules(3), START, Mix { updates: 2, deletes: 2, recreates: 2, creates: 0 }, 1_000);
    assert_eq!((world.events.len(), world.tally.skipped), (0, 6));
}

#[test]
fn few_customers_change_often_and_most_rarely() {
    let mut world = World::default();
    let rules = rules(4);
    world.batch(&rules, START, Mix { creates: 1_000, ..Mix::default() }, 10_000);
    world.batch(&rules, START + EVERY, Mix { updates: 10_000, ..Mix::default() }, 20_000);
    let mut updates: Vec<i64> = world.people.iter().map(|person| person.sequence - 1).collect();
    updates.sort_unstable_by(|a, b| b.cmp(a));
    let (busiest, rest): (i64, i64) = (updates[..100].iter().sum(), updates[100..].iter().sum());
    assert!(busiest > 4_000 && rest > 3_000, "busiest tenth {busiest}, the others {rest}");
    assert!(zipf(0.0, 10, 1.0) == 0 && zipf(0.999_999, 10, 1.0) == 9 && zipf(0.5, 10, 0.0) == 5);
}
