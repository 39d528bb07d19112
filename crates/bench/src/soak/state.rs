//! What a killed soak needs to go on: written whole after each round, under another name first.

use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::load::PARTITIONS;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    pub(crate) seed: u64,
    /// Also the group's name and the transactional id.
    pub(crate) topic: String,
    /// Rounds that are over.
    pub(crate) round: u32,
    /// Up to where each partition was proven.
    pub(crate) checked: BTreeMap<i32, i64>,
    /// Transactions before this one were.
    pub(crate) checked_transactions: u64,
    /// Up to where the dead letters were read.
    pub(crate) letters: i64,
    /// How often each kind of event was.
    pub(crate) events: BTreeMap<String, u64>,
    /// Counters of sinks that have ended, and of the checks.
    pub(crate) totals: BTreeMap<String, u64>,
    /// Sinks that ended by themselves, by the reason they gave.
    pub(crate) ended: BTreeMap<String, u64>,
    pub(crate) seconds: f64,
    /// Sinks that run, to be ended where the soak itself was killed.
    pub(crate) processes: Vec<u32>,
}

impl State {
    pub(crate) fn new(seed: u64, topic: String) -> Self {
        Self {
            seed,
            topic,
            round: 0,
            checked: (0..PARTITIONS).map(|partition| (partition, 0)).collect(),
            checked_transactions: 0,
            letters: 0,
            events: BTreeMap::new(),
            totals: BTreeMap::new(),
            ended: BTreeMap::new(),
            seconds: 0.0,
            processes: Vec::new(),
        }
    }

    /// What an earlier run left; `None` where there was none.
    pub(crate) fn load(folder: &Path) -> anyhow::Result<Option<Self>> {
        let path = path(folder);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).with_context(|| path.display().to_string())?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| path.display().to_string()),
        }
    }

    pub(crate) fn save(&self, folder: &Path) -> anyhow::Result<()> {
        let (path, new) = (path(folder), folder.join("state.json.new"));
        fs::write(&new, serde_json::to_vec_pretty(self)?).with_context(|| new.display().to_string())?;
        fs::rename(&new, &path).with_context(|| path.display().to_string())
    }

    pub(crate) fn add(&mut self, counter: &str, by: u64) {
        *self.totals.entry(counter.to_owned()).or_default() += by;
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("state.json")
}
