//! Foresees the files that a configuration would cut from the topics as they are. A plan reads and compresses every record, and
//! asks the sink's own state machine when a file ends. It writes nothing: no object, no group, no commit.
//!
//! A record's timestamp stands for the wall clock at which it would have been read. Time never goes back, so a record with an older
//! timestamp than its predecessor counts as read together with it. Rolls by the memory budget, by a rebalance and by a restart
//! depend on what else a process does and are not foreseen.

mod partition;
mod summary;

use contract::{Position, Range};
use rdkafka::{Offset, consumer::Consumer as _};
use regex::Regex;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::runtime::Handle;

pub use summary::{Plan, PlannedPartition, Sizes};

use crate::{
    config::Config,
    error::SinkError,
    kafka::questions,
    kafka::{self, Place},
    registry::Registry,
    threads,
    tools::watch::Watch,
};

const QUESTION_TIMEOUT: Duration = Duration::from_secs(10);

/// S3 Standard in us-east-1 by Amazon's price list, in US dollars for 1,000 PUT requests.
pub const LIST_PRICE_OF_1000_PUTS: f64 = 0.005;

/// How much to read, and the price to calculate with.
#[derive(Debug, Clone, Copy)]
pub struct PlanOptions {
    /// Most records to read of each partition.
    pub records: Option<u64>,
    /// Where to begin: at the first record of this time or later, in milliseconds since 1970; by default at the log's beginning.
    pub since: Option<i64>,
    /// Price of 1,000 PUT requests, in any currency.
    pub put_price: f64,
}

/// Reads the configured topics to their current end and returns the files that would be cut.
///
/// # Errors
/// When Kafka or the registry does not answer until its deadline, a configured topic does not exist, or a stop is requested.
pub async fn plan(config: &Config, options: PlanOptions, watch: Watch) -> Result<Plan, SinkError> {
    config.check()?;
    let (config, runtime) = (Arc::new(config.clone()), Handle::current());
    threads::run("plan", move || read(&config, options, &watch, &runtime)).await?
}

fn read(config: &Arc<Config>, options: PlanOptions, watch: &Watch, runtime: &Handle) -> Result<Plan, SinkError> {
    let registry = Registry::new(&config.registry)?;
    let consumer = kafka::unsubscribed(config)?;
    let unanswered = |reason: String| SinkError::Unanswered { reason };
    let mut stretches = Vec::new();
    for place in places(&consumer, config).map_err(unanswered)? {
        let facts = questions::ask(&consumer, &config.group_id, config.start, &place).map_err(unanswered)?;
        let from = match options.since {
            None => facts.low,
            Some(time) => at_time(&consumer, &place, time).map_err(unanswered)?.unwrap_or(facts.high).max(facts.low),
        };
        watch.expect((facts.high.0 - from.0).max(0) as u64);
        let range = Range { start: from, next: facts.high.max(from) };
        stretches.push((place, facts, range));
    }
    drop(consumer);
    let mut partitions = Vec::new();
    for (place, facts, range) in stretches {
        let reader = partition::Reader { config, registry: &registry, runtime, watch };
        partitions.push(reader.read(place, facts, range, options.records)?);
    }
    Ok(Plan::new(config, options, &partitions))
}

/// Returns the partitions of the configured topics.
fn places(consumer: &kafka::Consumer, config: &Config) -> Result<Vec<Place>, String> {
    let metadata =
        consumer.fetch_metadata(None, QUESTION_TIMEOUT).map_err(|error| format!("asking for topics: {error}"))?;
    let mut places = BTreeSet::new();
    for wanted in &config.topics {
        let is_pattern = wanted.starts_with('^');
        let pattern = is_pattern.then(|| Regex::new(wanted).map_err(|error| format!("topics: {error}"))).transpose()?;
        let matches = |name: &str| match &pattern {
            Some(pattern) => {
                pattern.is_match(name) && !config.is_dead_letters(name) && !clients::kafka::is_internal(name)
            }
            None => name == wanted,
        };
        let before = places.len();
        for topic in metadata.topics().iter().filter(|topic| matches(topic.name())) {
            places.extend((0..topic.partitions().len() as i32).map(|partition| (topic.name().to_owned(), partition)));
        }
        if places.len() == before && pattern.is_none() {
            return Err(format!("topic {wanted} does not exist; check sink.topics"));
        }
    }
    Ok(places.into_iter().collect())
}

/// Returns the position of the first record of a time or later; `None` where there is none.
fn at_time(consumer: &kafka::Consumer, place: &Place, time: i64) -> Result<Option<Position>, String> {
    let failed = |error: rdkafka::error::KafkaError| format!("asking for a time's offset: {error}");
    let times = kafka::list(std::slice::from_ref(place), Offset::Offset(time)).map_err(failed)?;
    let found = consumer.offsets_for_times(times, QUESTION_TIMEOUT).map_err(failed)?;
    Ok(match found.elements().first().map(rdkafka::topic_partition_list::TopicPartitionListElem::offset) {
        Some(Offset::Offset(offset)) => Some(Position(offset)),
        _ => None,
    })
}
