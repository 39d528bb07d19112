//! What the brokers are asked so that a partition finds its place. Facts about a topic are fetched once and shared by all
//! partitions that ask at the same time. Otherwise 2,000 partitions would each fetch facts about 2,000 partitions.

use contract::Position;
use rdkafka::{
    Offset, consumer::Consumer as _, error::KafkaError, metadata::MetadataBroker,
    topic_partition_list::TopicPartitionListElem,
};
use sink_core::{genesis::Identity, partition::KafkaFacts};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use crate::{
    config::{Config, Start},
    error::SinkError,
    kafka::native,
    kafka::{self, Consumer, Place, QUESTION_TIMEOUT, list},
};

/// What is the same for all partitions of a topic.
#[derive(Debug, Clone)]
struct Known {
    cluster_id: String,
    topic_id: Option<String>,
    partitions: i32,
}

/// The last answer about a topic, or why there was none, and when its question was put.
type Answer = Arc<Mutex<Option<(Instant, Result<Known, String>)>>>;

/// Answers about topics. One is good for those who began to ask before its question was put, so nobody hears of a topic as
/// it was before they asked.
#[derive(Debug, Default)]
pub(crate) struct Topics(Mutex<HashMap<String, Answer>>);

impl Topics {
    fn ask(&self, consumer: &Consumer, topic: &str) -> Result<Known, String> {
        let since = Instant::now();
        let answer = Arc::clone(lock(&self.0).entry(topic.to_owned()).or_default());
        let mut answer = lock(&answer);
        if let Some((put, known)) = &*answer
            && *put >= since
        {
            return known.clone();
        }
        let put = Instant::now();
        let known = ask_topic(consumer, topic);
        *answer = Some((put, known.clone()));
        known
    }
}

/// A topic's id, where the brokers answer and have one. Blocks.
pub(crate) fn topic_id(consumer: &Consumer, topic: &str) -> Option<String> {
    consumer.context().topics.ask(consumer, topic).ok()?.topic_id
}

/// The first topic that is configured by its name and does not exist.
pub(crate) fn missing_topic(consumer: &Consumer, configured: &[String]) -> Result<Option<String>, String> {
    // Some brokers create a topic that is asked for by its name, so the question is for all of them.
    let metadata = consumer.fetch_metadata(None, QUESTION_TIMEOUT).map_err(failed("asking for the topics"))?;
    let exists = |name: &str| metadata.topics().iter().any(|topic| topic.name() == name);
    Ok(configured.iter().find(|topic| !topic.starts_with('^') && !exists(topic)).cloned())
}

/// Refuses a group that has members, which could write files meanwhile. Blocks.
///
/// # Errors
/// With their number, or when the brokers do not answer.
pub(crate) fn refuse_members(consumer: &Consumer, group: &str) -> Result<(), SinkError> {
    let groups = consumer.client().fetch_group_list(Some(group), QUESTION_TIMEOUT);
    let groups = groups.map_err(|error| SinkError::Unanswered { reason: format!("asking for the group: {error}") })?;
    let of_group = groups.groups().iter().filter(|info| info.name() == group);
    let members: usize = of_group.map(|info| info.members().len()).sum();
    if members == 0 { Ok(()) } else { Err(SinkError::GroupActive { group: group.to_owned(), members }) }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(tried: &'static str) -> impl Fn(KafkaError) -> String {
    move |error| format!("{tried}: {error}")
}

fn ask_topic(consumer: &Consumer, topic: &str) -> Result<Known, String> {
    let cluster_id = consumer.client().fetch_cluster_id(QUESTION_TIMEOUT).ok_or("asking for the cluster's id: none")?;
    let metadata =
        consumer.fetch_metadata(Some(topic), QUESTION_TIMEOUT).map_err(failed("asking for the topic's partitions"))?;
    let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len()) as i32;
    // The one that answered is there; the controller may be going, or be none that clients can reach.
    let broker = Some(metadata.orig_broker_id()).filter(|id| *id >= 0);
    let broker = broker.or_else(|| metadata.brokers().first().map(MetadataBroker::id)).ok_or("no broker")?;
    let topic_id = native::topic_id(consumer.client(), topic, broker, QUESTION_TIMEOUT)
        .map_err(|error| format!("asking for the topic's id: {error}"))?;
    Ok(Known { cluster_id, topic_id, partitions })
}

/// Asks about one partition, for tools that run beside the sink.
///
/// # Errors
/// When the brokers do not answer.
pub(crate) async fn facts(config: &Config, place: Place) -> Result<KafkaFacts, SinkError> {
    let consumer = kafka::unsubscribed(config)?;
    let (group, start) = (config.group_id.clone(), config.start);
    match tokio::task::spawn_blocking(move || ask(&consumer, &group, start, &place)).await {
        Ok(answer) => answer.map_err(|reason| SinkError::Unanswered { reason }),
        Err(_) => Err(SinkError::Panicked),
    }
}

/// Asks the brokers all that finding a place in a chain needs. What it learns of the topic is newer than the watermarks, so that
/// those of a topic that was made again are not taken for the former one's. Blocks.
///
/// # Errors
/// In the client's words; worth asking again.
pub(crate) fn ask(
    consumer: &Consumer,
    group: &str,
    start: Start,
    (topic, partition): &Place,
) -> Result<KafkaFacts, String> {
    let place = list(&[(topic.clone(), *partition)], Offset::Invalid).map_err(failed("naming the partition"))?;
    let committed =
        consumer.committed_offsets(place, QUESTION_TIMEOUT).map_err(failed("asking for the committed position"))?;
    let committed = match committed.elements().first() {
        Some(element) => {
            element.error().map_err(failed("asking for the committed position"))?;
            match element.offset() {
                Offset::Offset(position) => Some((Position(position), element.metadata().to_owned())),
                _ => None,
            }
        }
        None => None,
    };
    let (low, high) =
        consumer.fetch_watermarks(topic, *partition, QUESTION_TIMEOUT).map_err(failed("asking for the watermarks"))?;
    let configured_first = match start {
        Start::Earliest => low,
        Start::Latest => high,
        Start::Timestamp(time) => {
            let times = list(&[(topic.clone(), *partition)], Offset::Offset(time)).map_err(failed("naming a time"))?;
            let found =
                consumer.offsets_for_times(times, QUESTION_TIMEOUT).map_err(failed("asking for a time's offset"))?;
            match found.elements().first().map(TopicPartitionListElem::offset) {
                Some(Offset::Offset(offset)) => offset,
                _ => high,
            }
        }
    };
    let known = consumer.context().topics.ask(consumer, topic)?;
    Ok(KafkaFacts {
        identity: Identity { cluster_id: known.cluster_id, topic_id: known.topic_id, group: group.to_owned() },
        committed,
        low: Position(low),
        high: Position(high),
        configured_first: Position(configured_first),
        partitions: known.partitions,
    })
}
