//! Proves that the files of each partition tile its log. It uses names and metadata alone (LIST and HEAD) and reads no data.
//! [`verify_deep`] also reads the files and compares their rows with the log.

mod compare;
mod deep;
mod letters;
mod rows;
mod values;

use contract::{Position, Range, names};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use sink_core::{facts::FoundFile, genesis::Genesis, tiling};

use crate::{
    config::Config,
    error::{SinkError, StoreError},
    store::{Headed, Store},
};

pub use deep::verify_deep;

/// HEAD requests in flight.
const HEADS: usize = 32;

/// What the store holds of the configured topics.
#[derive(Debug, Serialize)]
pub struct Report {
    pub partitions: Vec<PartitionReport>,
    /// Topics that are configured by name and have neither a chain nor a file; empty where all is well.
    pub missing: Vec<String>,
}

/// One partition's chain.
#[derive(Debug, Serialize)]
pub struct PartitionReport {
    pub topic: String,
    pub partition: i32,
    /// The chain's id.
    pub chain: String,
    /// Where the chain begins.
    pub first: i64,
    /// Where it ends: the next file's start.
    pub next: i64,
    pub files: u64,
    pub rows: u64,
    pub dead_letters: u64,
    pub bytes: u64,
    /// Files without rows by which an operator gave records up.
    pub losses: u64,
    /// Gaps, overlaps and objects that are not files of the chain, and what reading them showed; empty where all is well.
    pub faults: Vec<String>,
    /// What reading the files showed, where they were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deep: Option<Deep>,
}

/// How much of a chain was read and compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Deep {
    /// Rows read from the files.
    pub rows: u64,
    /// Where the comparison with the log begins: the later of the log's and the chain's beginning.
    pub from: i64,
    /// Committed records that were compared.
    pub records: u64,
    /// Compared records that are in the dead-letter topic instead of a file.
    pub dead_letters: u64,
    /// Compared records that their file counts as dead letters, but whose letters have expired.
    pub expired_letters: u64,
    /// Compared records that an operator gave up.
    pub accepted_losses: u64,
    /// Rows whose records were removed from the log by compaction.
    pub compacted: u64,
    /// What comparing the values of each file's rows rests on, in the order of the files.
    pub files: Vec<DeepFile>,
}

/// How the rows of a file were compared with their records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DeepFile {
    /// The file's first position.
    pub start: i64,
    /// Rows whose value was compared with its record's, tombstones among them.
    pub by_value: u64,
    /// Rows that are data of the file's schema, but whose value could not be decoded by other code than the sink's.
    pub structurally: u64,
}

impl Deep {
    /// Rows of all files whose values were not compared.
    pub fn structurally(&self) -> u64 {
        self.files.iter().map(|file| file.structurally).sum()
    }
}

/// A partition's files as their names and metadata say.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) genesis: Genesis,
    /// In the order of their starts.
    pub(crate) files: Vec<FoundFile>,
    pub(crate) report: PartitionReport,
}

impl Report {
    /// Collects the partitions' reports. A topic that is configured by name and has no chain is missing.
    fn new(config: &Config, partitions: Vec<PartitionReport>) -> Self {
        let named = config.topics.iter().filter(|topic| !topic.starts_with('^'));
        let is_there = |topic: &&String| partitions.iter().any(|partition| partition.topic == **topic);
        let missing = named.filter(|topic| !is_there(topic)).cloned().collect();
        Self { partitions, missing }
    }

    /// Whether every configured topic has a chain, and no chain has a fault.
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.partitions.iter().all(|partition| partition.faults.is_empty())
    }

    pub fn rows(&self) -> u64 {
        self.partitions.iter().map(|partition| partition.rows).sum()
    }

    pub fn dead_letters(&self) -> u64 {
        self.partitions.iter().map(|partition| partition.dead_letters).sum()
    }

    pub fn files(&self) -> u64 {
        self.partitions.iter().map(|partition| partition.files).sum()
    }
}

/// Checks every chain of the configured topics. A regular expression stands for every topic that has a chain in the store.
///
/// # Errors
/// When the store cannot be read. Faults of the files are in the report.
pub async fn verify(config: &Config) -> Result<Report, SinkError> {
    let store = Store::connect(config, None).await;
    let partitions: Vec<_> = chains(&store, config).await?.into_iter().map(|chain| chain.report).collect();
    Ok(Report::new(config, partitions))
}

/// Returns the chains of the configured topics. A regular expression stands for all chains in the store.
pub(crate) async fn chains(store: &Store, config: &Config) -> Result<Vec<Chain>, StoreError> {
    let mut prefixes: Vec<String> = Vec::new();
    for topic in &config.topics {
        prefixes.push(if topic.starts_with('^') { "chains/".to_owned() } else { format!("chains/{topic}/") });
    }
    prefixes.sort();
    prefixes.dedup();
    if let Some(all) = prefixes.iter().find(|prefix| *prefix == "chains/").cloned() {
        prefixes = vec![all];
    }
    let mut chains = Vec::new();
    for prefix in prefixes {
        for key in store.all_keys(&prefix).await? {
            let Some((topic, partition)) = parse_genesis_key(&key) else { continue };
            chains.push(chain(store, topic, partition).await?);
        }
    }
    Ok(chains)
}

fn parse_genesis_key(key: &str) -> Option<(&str, i32)> {
    let (topic, file) = key.strip_prefix("chains/")?.split_once('/')?;
    let partition = file.strip_suffix(".json")?.parse().ok()?;
    (names::genesis_key(topic, partition) == key).then_some((topic, partition))
}

/// Reads the names and metadata of a partition's files.
pub(crate) async fn chain(store: &Store, topic: &str, partition: i32) -> Result<Chain, StoreError> {
    let genesis = store.genesis(topic, partition).await?;
    let Some(genesis) = genesis else {
        return Err(StoreError::NoChain { url: store.genesis_url(topic, partition) });
    };
    let mut faults = Vec::new();
    let mut starts = Vec::new();
    for key in store.all_keys(&names::partition_prefix(topic, partition)).await? {
        match names::parse_object_key(&key) {
            Some(parsed) => starts.push(parsed.start),
            None => faults.push(format!("{key}: not the name of a file of the sink")),
        }
    }
    let heads =
        stream::iter(starts).map(|start| async move { Ok((start, store.head(topic, partition, start).await?)) });
    let heads: Vec<(Position, Headed)> =
        heads.buffered(HEADS).try_collect().await.map_err(|error: StoreError| error)?;
    let mut files: Vec<FoundFile> = Vec::new();
    for (start, head) in heads {
        match head {
            Headed::File(file) if file.chain == genesis.chain => files.push(file),
            Headed::File(file) => {
                faults.push(format!("file at {start}: belongs to chain {}, expected {}", file.chain, genesis.chain));
            }
            Headed::Foreign(foreign) => faults.push(format!("file at {start}: {foreign}")),
            Headed::Missing => faults.push(format!("file at {start}: listed, but HEAD does not find it")),
        }
    }
    let ranges: Vec<Range> = files.iter().map(|file| file.range).collect();
    let (next, broken) = tiling::check(genesis.first, &ranges);
    faults.extend(broken.iter().map(ToString::to_string));
    let report = PartitionReport {
        topic: topic.to_owned(),
        partition,
        chain: genesis.chain.clone(),
        first: genesis.first.0,
        next: next.0,
        files: files.len() as u64,
        rows: files.iter().map(|file| file.rows).sum(),
        dead_letters: files.iter().map(|file| file.dead_letters).sum(),
        bytes: files.iter().map(|file| file.bytes).sum(),
        losses: files.iter().filter(|file| file.is_loss).count() as u64,
        faults,
        deep: None,
    };
    Ok(Chain { genesis, files, report })
}
