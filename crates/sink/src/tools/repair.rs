//! Repairs a group's committed position where the files prove it wrong and the group has no members. The files are the
//! authority: where they tile the log from the chain's first position on, their end is the next position, whatever the group has
//! committed. So a committed position that is missing (expired, deleted) or less than that end (a late commit of a former owner,
//! a reset by hand, a mirror's translation) is set to it.
//!
//! Nothing else can be proved. A position *greater* than the chain's end means that files are gone or that somebody set it; moving
//! it back could write rows again that a warehouse has loaded from the lost files. A gap may be a lost file. A missing first object
//! does not say which files are missing with it. Those are for an operator. Files are never touched.

use contract::Position;
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{CommitMode, Consumer as _},
    error::KafkaError,
};
use serde::Serialize;
use sink_core::{genesis::Link, partition::KafkaFacts};
use std::{cmp::Ordering, sync::Arc};

use crate::{
    config::Config,
    error::SinkError,
    kafka::{self, questions},
    store::Store,
    tools::verify::{self, Chain},
};

/// Whether to repair or only to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Dry,
    Apply,
}

/// What was found in one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Finding {
    /// The group's position is where the files end.
    Fine,
    /// The group's position is wrong, and the files prove the right one.
    Position {
        /// `None` where nothing is committed.
        committed: Option<i64>,
        /// Where the files end.
        next: i64,
    },
    /// Something is wrong, and the files do not prove what would be right.
    Unprovable { reason: String },
}

/// One partition: what was found, and whether it was repaired.
#[derive(Debug, Clone, Serialize)]
pub struct Repair {
    pub topic: String,
    pub partition: i32,
    #[serde(flatten)]
    pub finding: Finding,
    pub applied: bool,
}

/// Compares the group's positions with the ends of the files, for every chain of the configured topics, and sets those
/// that are provably wrong if `mode` says so.
///
/// # Errors
/// When a configured topic does not exist, the group has members and something is to be set, or a remote system does not answer.
pub async fn repair(config: &Config, mode: Mode) -> Result<Vec<Repair>, SinkError> {
    config.check()?;
    let store = Store::connect(config, None).await;
    let chains = verify::chains(&store, config).await?;
    let config = Arc::new(config.clone());
    let asking = tokio::task::spawn_blocking(move || compare(&config, &chains, mode));
    asking.await.map_err(|_| SinkError::Panicked)?
}

fn compare(config: &Config, chains: &[Chain], mode: Mode) -> Result<Vec<Repair>, SinkError> {
    let consumer = kafka::unsubscribed(config)?;
    let unanswered = |reason: String| SinkError::Unanswered { reason };
    if let Some(topic) = questions::missing_topic(&consumer, &config.topics).map_err(unanswered)? {
        return Err(SinkError::MissingTopic { topic });
    }
    let (mut repairs, mut list) = (Vec::new(), TopicPartitionList::new());
    let named = |source: KafkaError| SinkError::Kafka { tried: "naming positions", source };
    for chain in chains {
        let place = (chain.report.topic.clone(), chain.report.partition);
        let facts = questions::ask(&consumer, &config.group_id, config.start, &place).map_err(unanswered)?;
        let finding = judge(chain, &facts);
        if let Finding::Position { next, .. } = finding {
            let mut element = list.add_partition(&place.0, place.1);
            element.set_offset(Offset::Offset(next)).map_err(named)?;
            if let Some(last) = chain.files.last() {
                let link = Link { chain: chain.genesis.chain.clone(), start: last.range.start, next: Position(next) };
                element.set_metadata(link.to_metadata());
            }
        }
        repairs.push(Repair { topic: place.0, partition: place.1, finding, applied: false });
    }
    if list.count() > 0 && mode == Mode::Apply {
        questions::refuse_members(&consumer, &config.group_id)?;
        // The coordinator refuses a commit from outside while the group has members, so a member that joins in between is safe.
        let tried = "committing the ends of the files";
        consumer.commit(&list, CommitMode::Sync).map_err(|source| SinkError::Kafka { tried, source })?;
        for repair in repairs.iter_mut().filter(|repair| matches!(repair.finding, Finding::Position { .. })) {
            repair.applied = true;
        }
    }
    Ok(repairs)
}

/// Judges a group's position by the files alone.
fn judge(chain: &Chain, facts: &KafkaFacts) -> Finding {
    let unprovable = |reason: String| Finding::Unprovable { reason };
    let end = Position(chain.report.next);
    if let Err(mismatch) = chain.genesis.check(&facts.identity) {
        return unprovable(mismatch.to_string());
    }
    if let Some(fault) = chain.report.faults.first() {
        return unprovable(format!("the files are not whole: {fault}"));
    }
    if end < facts.low {
        let low = facts.low;
        return unprovable(format!(
            "records {end} to {low} are gone from the log; accept the loss with `pipeline sink accept-loss`, or restore the \
             topic"
        ));
    }
    if end > facts.high {
        let high = facts.high;
        return unprovable(format!(
            "the files end at {end}, which is greater than the log's end {high}: the topic was cut or made again"
        ));
    }
    let Some((committed, metadata)) = &facts.committed else {
        return Finding::Position { committed: None, next: end.0 };
    };
    let link = Link::parse(metadata);
    if let Some(link) = link.as_ref().filter(|link| link.chain != chain.genesis.chain) {
        let (theirs, ours) = (&link.chain, &chain.genesis.chain);
        return unprovable(format!(
            "the group's commit belongs to chain {theirs}, expected {ours}, the store's; use another group or prefix"
        ));
    }
    match committed.cmp(&end) {
        Ordering::Less => Finding::Position { committed: Some(committed.0), next: end.0 },
        Ordering::Equal => Finding::Fine,
        Ordering::Greater => unprovable(ahead(*committed, end, link.as_ref())),
    }
}

fn ahead(committed: Position, end: Position, link: Option<&Link>) -> String {
    match link {
        Some(link) => format!(
            "the group committed position {committed} after the file at {}, but the files end at {end}: files were deleted, \
             restore them",
            link.start
        ),
        None => format!(
            "the group committed position {committed}, but the files end at {end}: if somebody set it, delete the group's \
             offset of this partition, and the sink continues where its files end; if files were deleted, restore them"
        ),
    }
}

#[cfg(test)]
#[path = "repair_tests.rs"]
mod tests;
