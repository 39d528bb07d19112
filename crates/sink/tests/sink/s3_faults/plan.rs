//! Which request meets which fault: a function of the seed, of what the request is, and of how often it was made.

use std::{
    collections::HashMap,
    env,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex},
};

use super::proxy::{Deed, Fault, Plan, Seen};

/// Of so many attempts at the same thing, the last one is let pass: what is tested is what the sink makes of faults, not
/// how long it tries.
const PASS_EVERY: u64 = 4;

/// The faults that requests for one topic may meet.
#[derive(Debug, Clone)]
pub(crate) struct Mix(Vec<Fault>);

impl Mix {
    /// Every first attempt that it can happen to, and half of the others.
    pub(crate) fn only(fault: Fault) -> Self {
        Self(vec![fault])
    }

    /// Half of all requests.
    pub(crate) fn of(faults: &[Fault]) -> Self {
        Self(faults.to_vec())
    }

    pub(crate) fn single(&self) -> Option<Fault> {
        (self.0.len() == 1).then(|| self.0[0])
    }

    fn draw(&self, dice: u64, attempt: u64, seen: &Seen) -> Option<Fault> {
        let possible: Vec<_> = self.0.iter().filter(|fault| fault.concerns(seen.operation)).collect();
        let is_certain = self.0.len() == 1 && attempt == 0;
        let is_hit = is_certain || dice.is_multiple_of(2);
        if possible.is_empty() || attempt % PASS_EVERY == PASS_EVERY - 1 || !is_hit {
            return None;
        }
        Some(*possible[(dice / 2 % possible.len() as u64) as usize])
    }
}

/// From the environment or new; printed, so that a failure can be replayed.
pub(crate) fn seed() -> u64 {
    let seed =
        env::var("FAULT_SEED").ok().map_or_else(rand::random, |seed| seed.parse().expect("FAULT_SEED: a number"));
    println!("FAULT_SEED={seed}");
    seed
}

/// Requests for a topic's objects meet that topic's faults; those of the start (probes, listings) the faults of all.
pub(crate) fn by_topic(seed: u64, topics: Vec<(String, Mix)>) -> Plan {
    let any = Mix(topics.iter().flat_map(|(_, mix)| mix.0.clone()).collect());
    let attempts: Mutex<HashMap<(String, String), u64>> = Mutex::new(HashMap::new());
    Arc::new(move |seen| {
        let (place, mix) = place(&seen.key, &topics, &any);
        let what = (format!("{:?} {}", seen.operation, part_number(&seen.query)), place);
        let attempt = {
            let mut attempts = attempts.lock().unwrap();
            let count = attempts.entry(what.clone()).or_default();
            *count += 1;
            *count - 1
        };
        let mut hasher = DefaultHasher::new();
        (seed, &what, attempt).hash(&mut hasher);
        mix.draw(hasher.finish(), attempt, seen).map_or(Deed::Pass, Deed::Fault)
    })
}

/// What a request is for, without what differs between runs.
fn place<'a>(key: &str, topics: &'a [(String, Mix)], any: &'a Mix) -> (String, &'a Mix) {
    let topic = key.split('/').nth(1).unwrap_or_default();
    match topics.iter().find(|(name, _)| name == topic) {
        Some((_, mix)) => (key.to_owned(), mix),
        None => (key.split('/').next().unwrap_or_default().to_owned(), any),
    }
}

fn part_number(query: &str) -> &str {
    query.split('&').find_map(|pair| pair.strip_prefix("partNumber=")).unwrap_or_default()
}
