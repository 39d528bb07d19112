//! The slow half: everything that waits for a remote system runs as a task and answers through a channel. A task knows
//! nothing of the protocol; it does one thing until it is done or its deadline has passed.

use contract::Position;
use sink_core::{
    facts::FileFacts,
    genesis::{Genesis, Mismatch, same_topic},
    partition::{Epoch, Event, KafkaFacts},
    stop::Stop,
};
use std::{
    sync::{Arc, Weak, mpsc::Sender},
    time::{Duration, Instant},
};
use telemetry::Health;
use tokio::{runtime::Handle, sync::OnceCell, sync::Semaphore};

use crate::{
    config::Config,
    error::StoreError,
    kafka::questions,
    kafka::{Consumer, Place},
    registry::{Lookup, Registry},
    service::dead_letters::{DeadLetter, DeadLetters, Unsent},
    spool::SealedBody,
    store::{Headed, Put, Store},
};

const PAUSE: Duration = Duration::from_millis(250);
/// Partitions that ask the brokers at a time.
const QUESTIONS: usize = 16;
/// Partitions that ask the store at a time: each has a connection of its own.
const LOOKUPS: usize = 32;

/// How long a file waits to hear whether its topic is still the same one.
const TOPIC_ANSWER: Duration = Duration::from_secs(5);

/// Which life of which partition asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker {
    pub(crate) slot: usize,
    pub(crate) epoch: Epoch,
}

/// What a task brought back.
#[derive(Debug)]
pub(crate) enum Answer {
    Partition(Asker, Event),
    Upload(Asker, Event, Uploaded),
    /// A dead letter, and the memory that it held.
    Letter(Asker, Event, usize),
    Schema {
        topic: usize,
        id: u32,
        lookup: Lookup,
    },
    /// Where a stopped partition's log ends and its group is, if the brokers said so.
    Lag(Asker, Option<i64>),
    /// The log as it is after a read was out of range.
    Log(Asker, Box<KafkaFacts>),
}

/// A file that was offered to the store.
#[derive(Debug)]
pub(crate) struct Uploaded {
    pub(crate) facts: FileFacts,
    pub(crate) bytes: u64,
    /// Of those, in memory.
    pub(crate) held: usize,
    pub(crate) seconds: f64,
}

/// Starts tasks.
#[derive(Clone)]
pub(crate) struct Tasks {
    pub(crate) runtime: Handle,
    pub(crate) answers: Sender<Answer>,
    pub(crate) config: Arc<Config>,
    /// A client for questions alone: a broker answers in turn, so behind a reader's question for records that are not
    /// there yet, any other waits as long as that one does.
    pub(crate) asking: Weak<Consumer>,
    pub(crate) store: Store,
    pub(crate) registry: Arc<Registry>,
    pub(crate) dead_letters: Arc<OnceCell<DeadLetters>>,
    pub(crate) limits: Limits,
    pub(crate) health: Health,
    pub(crate) writer: Arc<str>,
}

/// How much goes on at a time: a start with thousands of partitions asks thousands of times.
#[derive(Clone)]
pub(crate) struct Limits {
    uploads: Arc<Semaphore>,
    questions: Arc<Semaphore>,
    lookups: Arc<Semaphore>,
}

impl Limits {
    pub(crate) fn new(uploads: usize) -> Self {
        let of = |permits| Arc::new(Semaphore::new(permits));
        Self { uploads: of(uploads), questions: of(QUESTIONS), lookups: of(LOOKUPS) }
    }
}

impl Tasks {
    /// Runs `work` and sends its answer. A worker that has ended does not want it any more.
    fn spawn(&self, work: impl Future<Output = Answer> + Send + 'static) {
        let answers = self.answers.clone();
        self.runtime.spawn(async move {
            let _ = answers.send(work.await);
        });
    }

    fn spawn_event(&self, asker: Asker, work: impl Future<Output = Result<Event, Stop>> + Send + 'static) {
        self.spawn(async move { Answer::Partition(asker, work.await.unwrap_or_else(Event::Failed)) });
    }

    /// Asks the store. What waits for its turn is small: a request of the store's client takes tens of kilobytes.
    fn spawn_lookup<F: Future<Output = Result<Event, Stop>> + Send + 'static>(
        &self,
        asker: Asker,
        ask: impl FnOnce(Store) -> F + Send + 'static,
    ) {
        let (lookups, store) = (Arc::clone(&self.limits.lookups), self.store.clone());
        self.spawn_event(asker, async move {
            let _permit = lookups.acquire().await;
            Box::pin(ask(store)).await
        });
    }

    pub(crate) fn ask_kafka(&self, asker: Asker, place: Place) {
        let tasks = self.clone();
        self.spawn_event(asker, async move { tasks.facts(place).await.map(Event::Kafka) });
    }

    pub(crate) fn ask_log(&self, asker: Asker, place: Place) {
        let tasks = self.clone();
        self.spawn(async move {
            match tasks.facts(place).await {
                Ok(facts) => Answer::Log(asker, Box::new(facts)),
                Err(stop) => Answer::Partition(asker, Event::Failed(stop)),
            }
        });
    }

    /// How far the group is behind in a partition that is not read.
    pub(crate) fn ask_lag(&self, asker: Asker, place: Place) {
        let tasks = self.clone();
        self.spawn(async move {
            let _permit = tasks.limits.questions.acquire().await;
            let own = tasks.clone();
            let asking = tokio::task::spawn_blocking(move || {
                questions::ask(&*own.asking.upgrade()?, &own.config.group_id, own.config.start, &place).ok()
            });
            let behind = |facts: KafkaFacts| facts.high.0 - facts.committed.map_or(facts.low, |(at, _)| at).0;
            Answer::Lag(asker, asking.await.ok().flatten().map(behind))
        });
    }

    /// Asks the brokers about a partition until they have answered.
    async fn facts(&self, place: Place) -> Result<KafkaFacts, Stop> {
        let _permit = self.limits.questions.acquire().await;
        let end = Instant::now() + self.config.deadlines.kafka;
        let mut said = false;
        loop {
            let (own, at) = (self.clone(), place.clone());
            let asking = tokio::task::spawn_blocking(move || {
                let consumer = own.asking.upgrade().ok_or("the sink is stopping")?;
                questions::ask(&consumer, &own.config.group_id, own.config.start, &at)
            });
            let reason = match asking.await {
                Ok(Ok(facts)) => return Ok(facts),
                Ok(Err(reason)) => reason,
                Err(error) => error.to_string(),
            };
            if Instant::now() + PAUSE >= end {
                return Err(Stop::Remote { what: "Kafka", reason });
            }
            if !std::mem::replace(&mut said, true) {
                tracing::warn!(topic = place.0, partition = place.1, reason, "asking Kafka until it answers");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    pub(crate) fn read_genesis(&self, asker: Asker, (topic, partition): Place) {
        self.spawn_lookup(asker, async move |store| {
            let own = store.genesis(&topic, partition).await.map_err(StoreError::stop)?;
            let first_of_topic = match own {
                None if partition != 0 => store.genesis(&topic, 0).await.map_err(StoreError::stop)?,
                _ => None,
            };
            Ok(Event::Genesis { own, first_of_topic })
        });
    }

    pub(crate) fn create_genesis(&self, asker: Asker, genesis: Genesis) {
        self.spawn_lookup(asker, async move |store| {
            let own = match store.create_genesis(&genesis).await.map_err(StoreError::stop)? {
                Put::Created => {
                    let (topic, partition, first) = (&genesis.topic, genesis.partition, genesis.first.0);
                    tracing::info!(topic, partition, first, chain = genesis.chain, "a chain of files begins");
                    Some(genesis)
                }
                Put::AlreadyExists => {
                    store.genesis(&genesis.topic, genesis.partition).await.map_err(StoreError::stop)?
                }
            };
            if own.is_none() {
                let reason = "the chain's first object was there and is gone".to_owned();
                return Err(Stop::Remote { what: "object store", reason });
            }
            Ok(Event::Genesis { own, first_of_topic: None })
        });
    }

    pub(crate) fn list(&self, asker: Asker, (topic, partition): Place, from: Position) {
        self.spawn_lookup(asker, async move |store| {
            let (starts, more) = store.list(&topic, partition, from).await.map_err(StoreError::stop)?;
            Ok(Event::Listed { starts, more })
        });
    }

    pub(crate) fn head(&self, asker: Asker, (topic, partition): Place, start: Position) {
        self.spawn_lookup(asker, async move |store| {
            match store.head(&topic, partition, start).await.map_err(StoreError::stop)? {
                Headed::Missing => Ok(Event::Headed(None)),
                Headed::File(file) => Ok(Event::Headed(Some(file))),
                Headed::Foreign(foreign) => Err(Stop::Foreign { start, foreign }),
            }
        });
    }

    /// Creates a file of a topic with this id, if the brokers have ids.
    pub(crate) fn create(
        &self,
        asker: Asker,
        (topic, partition): Place,
        topic_id: Option<String>,
        file: SealedBody,
        facts: FileFacts,
    ) {
        let tasks = self.clone();
        self.spawn(async move {
            let begun = Instant::now();
            let permit = tasks.limits.uploads.acquire().await;
            let offered = match tasks.is_still_the_topic(&topic, topic_id).await {
                Ok(()) => Box::pin(tasks.create_or_find(&topic, partition, &file, &facts)).await,
                Err(mismatch) => Err(mismatch.into()),
            };
            let event = offered.unwrap_or_else(Event::Failed);
            drop(permit);
            let (bytes, held, seconds) = (file.body.len(), file.body.held(), begun.elapsed().as_secs_f64());
            Answer::Upload(asker, event, Uploaded { facts, bytes, held, seconds })
        });
    }

    /// A topic that was made again under the same name and filled past our position is read on without an error. So that
    /// no file has records of both, its id is asked for once more when all records of a file are read. Where nobody answers,
    /// nobody makes topics either.
    async fn is_still_the_topic(&self, topic: &str, known: Option<String>) -> Result<(), Mismatch> {
        let Some(theirs) = known else { return Ok(()) };
        let (own, name) = (self.clone(), topic.to_owned());
        let asking = tokio::task::spawn_blocking(move || questions::topic_id(&*own.asking.upgrade()?, &name));
        match tokio::time::timeout(TOPIC_ANSWER, asking).await {
            Ok(Ok(ours)) => same_topic(Some(&theirs), ours.as_deref()),
            _ => Ok(()),
        }
    }

    async fn create_or_find(
        &self,
        topic: &str,
        partition: i32,
        file: &SealedBody,
        facts: &FileFacts,
    ) -> Result<Event, Stop> {
        let start = facts.range.start;
        let metadata = facts.to_metadata(&file.sha256_hex(), &self.writer);
        match self.store.create_file(topic, partition, start, file, &metadata).await.map_err(StoreError::stop)? {
            Put::Created => Ok(Event::Created),
            Put::AlreadyExists => match self.store.head(topic, partition, start).await.map_err(StoreError::stop)? {
                // Created by this very attempt, whose answer was lost.
                Headed::File(found) if *found.writer == *self.writer && found.sha256 == file.sha256_hex() => {
                    tracing::debug!(topic, partition, %start, "the file is there, though the store's answer was lost");
                    Ok(Event::Created)
                }
                Headed::File(found) => Ok(Event::Exists(found)),
                Headed::Foreign(foreign) => Err(Stop::Foreign { start, foreign }),
                Headed::Missing => Err(Stop::Vanished { start }),
            },
        }
    }

    pub(crate) fn dead_letter(&self, asker: Asker, letter: DeadLetter) {
        let tasks = self.clone();
        self.spawn(async move {
            let event = tasks.send_letter(&letter).await.unwrap_or_else(Event::Failed);
            Answer::Letter(asker, event, letter.held())
        });
    }

    async fn send_letter(&self, letter: &DeadLetter) -> Result<Event, Stop> {
        let (kafka, deadline) = (&self.config.kafka, self.config.deadlines.dead_letter);
        let failed = |reason| Stop::Remote { what: "dead letters", reason };
        let connect = || async { DeadLetters::new(kafka, deadline, self.config.max_record_bytes) };
        let sender = self.dead_letters.get_or_try_init(connect).await.map_err(|error| failed(error.to_string()))?;
        match sender.send(letter).await {
            Ok(()) => Ok(Event::DeadLettered(contract::Offset(letter.offset))),
            Err(Unsent::TooLarge) => Err(Stop::LetterTooLarge { offset: letter.offset, topic: letter.to.clone() }),
            Err(Unsent::Failed(reason)) => Err(failed(reason)),
        }
    }

    /// Asks until the registry has answered; an unknown id for `patience`, since a registry may lag behind.
    pub(crate) fn look_up(&self, topic: usize, name: String, id: u32, patience: Duration) {
        let tasks = self.clone();
        self.spawn(async move {
            let mut end = Instant::now() + patience;
            let mut said = false;
            let lookup = loop {
                match tasks.registry.look_up(&name, id).await {
                    Lookup::Down(reason) => {
                        if !std::mem::replace(&mut said, true) {
                            tracing::warn!(topic = name, id, reason, "schema registry does not answer, waiting");
                        }
                        tasks.health.unready("sink: schema registry", reason);
                        // One that comes back may lag behind even more.
                        end = Instant::now() + patience;
                    }
                    Lookup::Missing if Instant::now() < end => {}
                    lookup => break lookup,
                }
                tokio::time::sleep(PAUSE).await;
            };
            tasks.health.ready("sink: schema registry");
            Answer::Schema { topic, id, lookup }
        });
    }
}
