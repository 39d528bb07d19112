//! The topic as the contract wants it. Created explicitly, for a broker that creates topics by itself gives them its own
//! number of partitions, at the first question about them.

use crate::Error;
use clients::kafka::Log;
use contract::endpoints::Kafka;
use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    error::KafkaError,
    types::RDKafkaErrorCode,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const PAUSE: Duration = Duration::from_millis(50);

/// How a topic is made.
#[derive(Debug, Clone)]
pub struct TopicSpec {
    pub name: String,
    pub partitions: i32,
    /// `None` for the broker's default.
    pub replication: Option<i32>,
    pub retention: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnsuredTopic {
    pub created: Created,
    /// The topic's own, which may differ from the specification's when it was there before.
    pub partitions: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    Now,
    Before,
}

/// Makes sure that a topic is there, and leaves an existing one as it is. Events are deleted by age and never compacted:
/// compaction would take the history away.
///
/// # Errors
/// [`Error::NoTopic`] when it is not there and cannot be made; [`Error::Kafka`] when no broker answers in time.
pub async fn ensure_topic(kafka: &Kafka, spec: &TopicSpec, timeout: Duration) -> Result<EnsuredTopic, Error> {
    let failed = |source| Error::Kafka { doing: format!("create topic `{}`", spec.name), source };
    let admin = clients::kafka::client(kafka).create_with_context(Log).map_err(failed)?;
    let asking = Asking { admin: Arc::new(admin), spec: spec.clone(), deadline: Instant::now() + timeout };
    let ensured = if let Some(partitions) = asking.clone().blocking(Asking::find).await? {
        EnsuredTopic { created: Created::Before, partitions }
    } else {
        let created = asking.create().await?;
        EnsuredTopic { created, partitions: asking.blocking(Asking::wait).await? }
    };
    if ensured.partitions != spec.partitions {
        let (partitions, wanted) = (ensured.partitions, spec.partitions);
        tracing::warn!(topic = spec.name, partitions, wanted, "the topic keeps its number of partitions");
    }
    Ok(ensured)
}

#[derive(Clone)]
struct Asking {
    admin: Arc<AdminClient<Log>>,
    spec: TopicSpec,
    deadline: Instant,
}

impl Asking {
    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now()).max(PAUSE)
    }

    /// librdkafka's metadata call blocks its thread.
    async fn blocking<T: Send + 'static>(
        self,
        ask: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        tokio::task::spawn_blocking(move || ask(&self)).await.map_err(|_| Error::Interrupted("look at the topic"))?
    }

    /// The number of partitions, if the topic is there. Asks for the list of all topics: a question about one could
    /// create it.
    fn find(&self) -> Result<Option<i32>, Error> {
        let failed = |source| Error::Kafka { doing: "list the topics".to_owned(), source };
        let metadata = self.admin.inner().fetch_metadata(None, self.left()).map_err(failed)?;
        let found = metadata.topics().iter().find(|topic| topic.name() == self.spec.name);
        Ok(found.map(|topic| topic.partitions().len() as i32).filter(|partitions| *partitions > 0))
    }

    async fn create(&self) -> Result<Created, Error> {
        let mut outcome = self.request(Policy::Ours).await;
        if let Err(KafkaError::AdminOp(RDKafkaErrorCode::InvalidConfig | RDKafkaErrorCode::PolicyViolation)) = outcome {
            tracing::warn!(topic = self.spec.name, "the broker refuses the topic's settings; using its defaults");
            outcome = self.request(Policy::Brokers).await;
        }
        match outcome {
            Ok(()) => Ok(Created::Now),
            // Somebody else was faster.
            Err(KafkaError::AdminOp(RDKafkaErrorCode::TopicAlreadyExists)) => Ok(Created::Before),
            Err(KafkaError::AdminOp(code)) => Err(self.refused(code)),
            Err(source) => Err(Error::Kafka { doing: format!("create topic `{}`", self.spec.name), source }),
        }
    }

    async fn request(&self, policy: Policy) -> Result<(), KafkaError> {
        // -1 asks for the broker's default (KIP-464).
        let replication = TopicReplication::Fixed(self.spec.replication.unwrap_or(-1));
        let retention = self.spec.retention.as_millis().to_string();
        let mut topic = NewTopic::new(&self.spec.name, self.spec.partitions, replication);
        if let Policy::Ours = policy {
            topic = topic.set("cleanup.policy", "delete").set("retention.ms", &retention);
        }
        let left = Some(self.left());
        let options = AdminOptions::new().request_timeout(left).operation_timeout(left);
        let results = self.admin.create_topics([&topic], &options).await?;
        results.into_iter().try_for_each(|result| result.map(|_| ()).map_err(|(_, code)| KafkaError::AdminOp(code)))
    }

    /// A new topic takes a moment to be known.
    fn wait(&self) -> Result<i32, Error> {
        loop {
            match self.find() {
                Ok(Some(partitions)) => return Ok(partitions),
                Ok(None) if Instant::now() >= self.deadline => {
                    return Err(self.refused(RDKafkaErrorCode::UnknownTopicOrPartition));
                }
                Err(error) if Instant::now() >= self.deadline => return Err(error),
                Ok(None) | Err(_) => std::thread::sleep(PAUSE),
            }
        }
    }

    fn refused(&self, code: RDKafkaErrorCode) -> Error {
        match code {
            RDKafkaErrorCode::OperationTimedOut
            | RDKafkaErrorCode::RequestTimedOut
            | RDKafkaErrorCode::BrokerTransportFailure
            | RDKafkaErrorCode::AllBrokersDown
            | RDKafkaErrorCode::NotController => {
                Error::Kafka { doing: format!("create topic `{}`", self.spec.name), source: KafkaError::AdminOp(code) }
            }
            _ => Error::NoTopic { topic: self.spec.name.clone(), reason: code.to_string() },
        }
    }
}

#[derive(Clone, Copy)]
enum Policy {
    Ours,
    Brokers,
}
