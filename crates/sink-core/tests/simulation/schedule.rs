//! Schedules as plain numbers: generated from a seed, run, and shrunk by leaving steps out while the failure stays.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    Bug,
    world::{Entry, World},
};

/// A kind of step and what it picks.
pub(crate) type Step = (u8, u16);

#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    owners: usize,
    keeps_metadata: bool,
    steps: Vec<Step>,
}

#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) seed: u64,
    pub(crate) what: String,
    pub(crate) trace: Vec<String>,
}

pub(crate) fn generate(seed: u64) -> Schedule {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let len = random.random_range(20..220);
    Schedule {
        owners: random.random_range(1..=3),
        keeps_metadata: random.random(),
        steps: (0..len).map(|_| (random.random_range(0..100), random.random())).collect(),
    }
}

/// Runs a schedule; says what failed, if anything did.
pub(crate) fn run(schedule: &Schedule, bug: Option<Bug>) -> (Option<String>, Vec<String>) {
    let mut world = World::new(schedule.owners, schedule.keeps_metadata, bug);
    world.assign(0);
    for step in &schedule.steps {
        take(&mut world, *step);
        if world.failure.is_some() {
            return (world.failure, world.trace);
        }
    }
    world.heal();
    if world.failure.is_none() {
        world.check();
    }
    (world.failure, world.trace)
}

fn take(world: &mut World, (kind, pick): Step) {
    let pick = usize::from(pick);
    let owner = pick % world.owners();
    match kind {
        0..=21 if world.requests() > 0 => world.perform(pick % world.requests()),
        22..=24 if world.requests() > 0 => world.perform_unanswered(pick % world.requests()),
        25..=46 if world.answers() > 0 => world.deliver(pick % world.answers()),
        67 => world.read_stale(owner, pick / world.owners() % world.log.len().max(1)),
        68..=76 => world.append(Entry::Row),
        77 => world.append(Entry::Tombstone),
        78..=79 => world.append(Entry::Poison),
        80..=81 => world.append(Entry::Control),
        82..=88 => world.tick(5 + (pick % 40) as i64),
        89 => world.roll(owner),
        90..=91 => world.assign(owner),
        92..=94 => world.revoke(owner),
        95..=96 => world.lose(owner),
        97..=98 => world.crash(owner),
        99 => world.expire(),
        // 47..=66, and where there is nothing to perform or deliver.
        _ => world.read(owner),
    }
}

/// Tries `count` schedules from a seed on; the first failure comes back shrunk.
pub(crate) fn search(first: u64, count: u64, bug: Option<Bug>) -> Option<Failure> {
    (first..first + count).find_map(|seed| {
        let mut schedule = generate(seed);
        run(&schedule, bug).0?;
        shrink(&mut schedule, bug);
        let (what, trace) = run(&schedule, bug);
        Some(Failure { seed, what: what.unwrap_or_default(), trace })
    })
}

/// Leaves out ever smaller stretches of steps as long as something still fails.
fn shrink(schedule: &mut Schedule, bug: Option<Bug>) {
    let mut stretch = schedule.steps.len() / 2;
    while stretch > 0 {
        let mut at = 0;
        while at + stretch <= schedule.steps.len() {
            let mut shorter = schedule.clone();
            shorter.steps.drain(at..at + stretch);
            if run(&shorter, bug).0.is_some() {
                *schedule = shorter;
            } else {
                at += stretch;
            }
        }
        stretch /= 2;
    }
}
