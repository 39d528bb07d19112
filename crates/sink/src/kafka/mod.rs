//! The consumer, and what the group tells it. Positions are set by the chain of files alone:
//! partitions are read only from where their chain says.

pub(crate) mod log_reader;
pub(crate) mod native;
pub(crate) mod questions;

use contract::Position;
use rdkafka::{
    ClientConfig, ClientContext, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::{KafkaResult, RDKafkaErrorCode},
    types::RDKafkaRespErr,
};
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use crate::{config::Config, error::SinkError, kafka::native::RecordQueue, kafka::questions::Topics};

pub(crate) type Consumer = BaseConsumer<Context>;

/// How long one question to the brokers may take; it is asked again until the configured deadline.
pub(crate) const QUESTION_TIMEOUT: Duration = Duration::from_secs(10);

/// A partition of a topic.
pub(crate) type Place = (String, i32);

/// What the group or its coordinator said, to be dealt with between two records.
#[derive(Debug)]
pub(crate) enum GroupEvent {
    Assigned(Vec<Place>),
    /// To be handed over, after finishing its files.
    Revoked(Vec<Place>),
    /// Taken away already.
    Lost(Vec<Place>),
    /// Answers to commits: the position and the error, if any.
    Commits(Vec<(Place, Position, Option<RDKafkaErrorCode>)>),
}

/// Collects the group's events, so that nothing blocks inside a callback.
#[derive(Debug, Default)]
pub(crate) struct Context {
    events: Mutex<Vec<GroupEvent>>,
    closing: AtomicBool,
    pub(crate) topics: Topics,
}

impl Context {
    pub(crate) fn take(&self) -> Vec<GroupEvent> {
        std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the group waits for what somebody does about an event.
    pub(crate) fn is_waiting(&self) -> bool {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().any(|event| !matches!(event, GroupEvent::Commits(_)))
    }

    /// From now on nobody looks at events: each is answered at once. Returns those that nobody has looked at.
    pub(crate) fn close(&self) -> Vec<GroupEvent> {
        self.closing.store(true, Ordering::Relaxed);
        self.take()
    }

    fn push(&self, event: GroupEvent) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }
}

impl ClientContext for Context {}

impl ConsumerContext for Context {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let places: Vec<Place> =
            list.elements().iter().map(|place| (place.topic().to_owned(), place.partition())).collect();
        let assigned = code == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        let event = match assigned {
            true => GroupEvent::Assigned(places),
            false if consumer.assignment_lost() => GroupEvent::Lost(places),
            false => GroupEvent::Revoked(places),
        };
        if self.closing.load(Ordering::Relaxed) {
            let_go(consumer, &event);
        } else {
            self.push(event);
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, list: &TopicPartitionList) {
        let whole = result.err().and_then(|error| error.rdkafka_error_code());
        let answers = list.elements().into_iter().filter_map(|place| {
            let Offset::Offset(position) = place.offset() else { return None };
            let own = place.error().err().and_then(|error| error.rdkafka_error_code());
            Some(((place.topic().to_owned(), place.partition()), Position(position), own.or(whole)))
        });
        let answers: Vec<_> = answers.collect();
        if !answers.is_empty() {
            self.push(GroupEvent::Commits(answers));
        }
    }
}

/// Makes a consumer and subscribes it.
///
/// # Errors
/// When librdkafka refuses the configuration.
pub(crate) fn consumer(config: &Config) -> Result<Consumer, SinkError> {
    let consumer = unsubscribed(config)?;
    let topics: Vec<&str> = config.topics.iter().map(String::as_str).collect();
    consumer.subscribe(&topics).map_err(|source| SinkError::Kafka { tried: "subscribing", source })?;
    Ok(consumer)
}

/// Makes a consumer that can be asked, but belongs to no group yet.
///
/// # Errors
/// When librdkafka refuses the configuration.
pub(crate) fn unsubscribed(config: &Config) -> Result<Consumer, SinkError> {
    make(&client(config))
}

/// Makes a consumer that reads what it is told to, belongs to no group, and says where a log ends.
///
/// # Errors
/// When librdkafka refuses the configuration.
pub(crate) fn reader(config: &Config) -> Result<Consumer, SinkError> {
    let mut client = client(config);
    client.remove("group.instance.id");
    client.set("enable.partition.eof", "true").set("fetch.min.bytes", "1").set("fetch.wait.max.ms", "100");
    make(&client)
}

fn make(client: &ClientConfig) -> Result<Consumer, SinkError> {
    client
        .create_with_context(Context::default())
        .map_err(|source| SinkError::Kafka { tried: "making the consumer", source })
}

/// What every consumer of the sink has set.
fn client(config: &Config) -> ClientConfig {
    let mut client = ClientConfig::new();
    // Defaults that a property may change.
    client.set("queued.max.messages.kbytes", "16384").set("client.id", "sink");
    // Each answer names all partitions, and so does each question: with little traffic few large ones cost a fraction of many
    // small ones. Nothing waits for a second beside a window.
    client.set("fetch.min.bytes", "65536").set("fetch.wait.max.ms", "1000");
    // While its queue is full, the client asks for nothing for this long; its own default is a second, in which the queue is empty
    // after a third of the time.
    client.set("fetch.queue.backoff.ms", "20");
    // How soon a topic or partition made later is read; the client's own default is five minutes.
    client.set("topic.metadata.refresh.interval.ms", "10000");
    client.extend(config.kafka.properties.clone());
    client
        .set("bootstrap.servers", &config.kafka.bootstrap_servers)
        .set("group.id", &config.group_id)
        .set("session.timeout.ms", config.session_timeout.as_millis().to_string())
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_committed")
        .set("check.crcs", "true");
    if config.topics.iter().any(|topic| topic.starts_with('^')) {
        // A pattern that matched dead letters would make dead letters of dead letters, and one that matched the brokers' own
        // topics would read its own commits.
        let letters = format!("{}$", contract::names::DEAD_LETTERS.replace('.', "\\."));
        let mut excluded = vec![clients::kafka::INTERNAL.to_owned(), letters];
        excluded.extend(config.dead_letter_topic.as_ref().map(|name| format!("^{}$", name.replace('.', "\\."))));
        excluded.extend(client.get("topic.blacklist").map(str::to_owned));
        client.set("topic.blacklist", excluded.join(","));
    }
    if let Some(instance) = &config.instance_id {
        client.set("group.instance.id", instance);
    }
    client
}

/// A list of partitions, each at the same offset.
pub(crate) fn list(places: &[Place], offset: Offset) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(places.len());
    for (topic, partition) in places {
        list.add_partition_offset(topic, *partition, offset)?;
    }
    Ok(list)
}

/// Answers the group's assignment. What was assigned is read once its position is known, by [`begin`].
///
/// It is not assigned before that with a placeholder such as `End` to seek away from. librdkafka resolves a placeholder
/// asynchronously. If the answer arrives after our seek, it asks once more (`rd_kafka_toppar_offset_retry`) and continues from
/// the placeholder, so the records between are skipped.
pub(crate) fn accept(consumer: &Consumer) -> KafkaResult<()> {
    consumer.incremental_assign(&TopicPartitionList::new())
}

/// Answers what the group said to a consumer that is leaving: until it is answered, the client does not close.
pub(crate) fn let_go(consumer: &Consumer, event: &GroupEvent) {
    let done = match event {
        GroupEvent::Assigned(_) => accept(consumer),
        GroupEvent::Revoked(places) | GroupEvent::Lost(places) => unassign(consumer, places),
        GroupEvent::Commits(_) => Ok(()),
    };
    if let Err(error) = done {
        tracing::warn!(%error, "leaving the group");
    }
}

/// Leaves the group and frees clients, in a thread of its own: whether that ends is not in our hands.
///
/// # Errors
/// When it takes longer than until `deadline`; it goes on meanwhile.
pub(crate) fn close(clients: impl Send + 'static, deadline: Instant) -> Result<(), RecvTimeoutError> {
    let (done, closed) = mpsc::channel();
    std::thread::spawn(move || {
        drop(clients);
        let _ = done.send(());
    });
    closed.recv_timeout(deadline.saturating_duration_since(Instant::now()))
}

/// Reads a partition from a position, for the first time since the group assigned it.
pub(crate) fn begin(
    consumer: &Consumer,
    records: &RecordQueue<Context>,
    place: &Place,
    at: Position,
) -> KafkaResult<()> {
    let list = list(std::slice::from_ref(place), Offset::Offset(at.0))?;
    // Makes the partition known to the client.
    records.forward(&place.0, place.1);
    // Waits until the end of an earlier reading is through, which would end the forwarding too.
    consumer.pause(&list)?;
    records.forward(&place.0, place.1);
    consumer.incremental_assign(&list)?;
    // A pause outlives an assignment, also that of an earlier one.
    consumer.resume(&list)
}

/// Gives partitions back, whether their reading had begun or not.
pub(crate) fn unassign(consumer: &Consumer, places: &[Place]) -> KafkaResult<()> {
    let assigned = consumer.assignment()?;
    let begun = |(topic, partition): &&Place| assigned.find_partition(topic, *partition).is_some();
    let begun: Vec<Place> = places.iter().filter(begun).cloned().collect();
    consumer.incremental_unassign(&list(&begun, Offset::Invalid)?)
}

/// Reads a partition on from a position after a pause.
pub(crate) fn resume(
    consumer: &Consumer,
    records: &RecordQueue<Context>,
    place: &Place,
    at: Position,
) -> KafkaResult<()> {
    consumer.seek(&place.0, place.1, Offset::Offset(at.0), QUESTION_TIMEOUT)?;
    // A partition that can be sought in was started, and so keeps the queue it is led to.
    records.forward(&place.0, place.1);
    consumer.resume(&list(std::slice::from_ref(place), Offset::Invalid)?)
}

/// Reads no more of a partition. Where the client does not take it, what it still hands out is not admitted.
pub(crate) fn pause(consumer: &Consumer, place: &Place) {
    let paused = list(std::slice::from_ref(place), Offset::Invalid).and_then(|list| consumer.pause(&list));
    if let Err(error) = paused {
        tracing::debug!(topic = place.0, partition = place.1, %error, "pausing");
    }
}
