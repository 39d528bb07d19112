//! Proves that the files of each partition tile its log, from names and metadata alone: LIST and HEAD, no data is read.

use contract::{Position, Range, names};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use sink_core::{facts::FoundFile, tiling};

use crate::{
    config::Config,
    error::{SinkError, StoreError},
    store::{Headed, Store},
};

/// HEAD requests under way at a time.
const HEADS: usize = 32;

/// What the store holds of the configured topics.
#[derive(Debug, Serialize)]
pub struct Report {
    pub partitions: Vec<PartitionReport>,
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
    /// Gaps, overlaps and objects that are no files of the chain; empty where all is well.
    pub faults: Vec<String>,
}

impl Report {
    /// Whether every file tiles.
    pub fn is_whole(&self) -> bool {
        self.partitions.iter().all(|partition| partition.faults.is_empty())
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

/// Looks at every chain of the configured topics. A topic given as a regular expression means every topic that the store
/// holds a chain of.
///
/// # Errors
/// When the store cannot be read. Faults of the files are in the report.
pub async fn verify(config: &Config) -> Result<Report, SinkError> {
    let store = Store::connect(&config.store, config.deadlines.store, None).await;
    let mut prefixes: Vec<String> = Vec::new();
    for topic in &config.topics {
        prefixes.push(if topic.starts_with('^') { "chains/".to_owned() } else { format!("chains/{topic}/") });
    }
    prefixes.dedup();
    let mut partitions = Vec::new();
    for prefix in prefixes {
        for key in store.all_keys(&prefix).await? {
            let Some((topic, partition)) = parse_genesis_key(&key) else { continue };
            partitions.push(partition_report(&store, topic, partition).await?);
        }
    }
    Ok(Report { partitions })
}

fn parse_genesis_key(key: &str) -> Option<(&str, i32)> {
    let (topic, file) = key.strip_prefix("chains/")?.split_once('/')?;
    let partition = file.strip_suffix(".json")?.parse().ok()?;
    (names::genesis_key(topic, partition) == key).then_some((topic, partition))
}

pub(crate) async fn partition_report(
    store: &Store,
    topic: &str,
    partition: i32,
) -> Result<PartitionReport, StoreError> {
    let genesis = store.genesis(topic, partition).await?;
    let Some(genesis) = genesis else {
        let key = names::genesis_key(topic, partition);
        return Err(StoreError::Foreign { key, reason: "it was listed and is gone".to_owned() });
    };
    let mut faults = Vec::new();
    let mut starts = Vec::new();
    for key in store.all_keys(&names::partition_prefix(topic, partition)).await? {
        match names::parse_object_key(&key) {
            Some(parsed) => starts.push(parsed.start),
            None => faults.push(format!("{key}: not a file's name")),
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
            Headed::File(file) => faults.push(format!("file at {start}: of chain {}", file.chain)),
            Headed::Foreign(foreign) => faults.push(format!("file at {start}: {foreign}")),
            Headed::Missing => faults.push(format!("file at {start}: listed, but not there")),
        }
    }
    let ranges: Vec<Range> = files.iter().map(|file| file.range).collect();
    let (next, broken) = tiling::check(genesis.first, &ranges);
    faults.extend(broken.iter().map(ToString::to_string));
    Ok(PartitionReport {
        topic: topic.to_owned(),
        partition,
        chain: genesis.chain,
        first: genesis.first.0,
        next: next.0,
        files: files.len() as u64,
        rows: files.iter().map(|file| file.rows).sum(),
        dead_letters: files.iter().map(|file| file.dead_letters).sum(),
        bytes: files.iter().map(|file| file.bytes).sum(),
        faults,
    })
}
