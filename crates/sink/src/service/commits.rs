//! Commits on their way: many partitions in one request, each answered on its own, repeated until a deadline.

use contract::Position;
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::Consumer as _,
    error::{KafkaError, RDKafkaErrorCode},
};
use sink_core::{genesis::Link, partition::Event, stop::Stop};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use crate::{
    kafka::native,
    kafka::{Consumer, Place},
    service::tasks::Asker,
};

const PAUSE: Duration = Duration::from_millis(250);

struct Commit {
    asker: Asker,
    link: Link,
    /// When to give up.
    end: Instant,
    /// Not before then; `None` once it is sent.
    send_at: Option<Instant>,
    /// Whether it was logged that it failed.
    said: bool,
}

/// What an answer to a commit means.
pub(crate) enum Outcome {
    Event(Asker, Box<Event>),
    /// Another process has this one's instance id.
    Fenced,
    /// Sent again, or not ours to know.
    Nothing,
}

/// At most one commit a partition.
pub(crate) struct Commits {
    by_place: HashMap<Place, Commit>,
    deadline: Duration,
}

impl Commits {
    pub(crate) fn new(deadline: Duration) -> Self {
        Self { by_place: HashMap::new(), deadline }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_place.is_empty()
    }

    /// A newer commit of a partition replaces an older one that is still on its way.
    pub(crate) fn push(&mut self, place: Place, asker: Asker, link: Link) {
        let now = Instant::now();
        self.by_place.insert(place, Commit { asker, link, end: now + self.deadline, send_at: Some(now), said: false });
    }

    /// Forgets a partition that was given up.
    pub(crate) fn forget(&mut self, place: &Place) {
        self.by_place.remove(place);
    }

    /// Sends what is due in one request.
    ///
    /// # Errors
    /// When the client does not take the request at all; all of it is due again later.
    pub(crate) fn flush(&mut self, consumer: &Consumer) -> Result<usize, KafkaError> {
        let now = Instant::now();
        let mut list = TopicPartitionList::new();
        let due = |commit: &Commit| commit.send_at.is_some_and(|at| at <= now);
        for ((topic, partition), commit) in self.by_place.iter_mut().filter(|(_, commit)| due(commit)) {
            let mut element = list.add_partition(topic, *partition);
            element.set_offset(Offset::Offset(commit.link.next.0))?;
            element.set_metadata(commit.link.to_metadata());
            // Until it is known to be sent.
            commit.send_at = Some(now + PAUSE);
        }
        if list.count() == 0 {
            return Ok(0);
        }
        native::commit(consumer.client(), &list).map_err(KafkaError::ConsumerCommit)?;
        let sent = |commit: &&mut Commit| commit.send_at == Some(now + PAUSE);
        self.by_place.values_mut().filter(sent).for_each(|commit| commit.send_at = None);
        Ok(list.count())
    }

    /// Takes the coordinator's answer.
    pub(crate) fn answered(&mut self, place: &Place, at: Position, code: Option<RDKafkaErrorCode>) -> Outcome {
        let Some(commit) = self.by_place.get_mut(place) else { return Outcome::Nothing };
        if commit.link.next != at {
            return Outcome::Nothing;
        }
        let asker = commit.asker;
        let event = match code {
            None | Some(RDKafkaErrorCode::NoError) => Event::Committed,
            Some(
                RDKafkaErrorCode::UnknownMemberId
                | RDKafkaErrorCode::IllegalGeneration
                | RDKafkaErrorCode::FencedMemberEpoch
                | RDKafkaErrorCode::StaleMemberEpoch,
            ) => Event::Dropped,
            Some(RDKafkaErrorCode::FencedInstanceId) => return Outcome::Fenced,
            Some(code) => {
                let now = Instant::now();
                if now < commit.end {
                    if !std::mem::replace(&mut commit.said, true) {
                        tracing::warn!(topic = place.0, partition = place.1, %code, "commit failed, repeated until it succeeds");
                    }
                    commit.send_at = Some(now + PAUSE);
                    return Outcome::Nothing;
                }
                Event::Failed(Stop::Remote { what: "commit", reason: code.to_string() })
            }
        };
        self.by_place.remove(place);
        Outcome::Event(asker, Box::new(event))
    }

    /// Commits that were never answered.
    pub(crate) fn overdue(&mut self) -> Vec<(Asker, Event)> {
        let now = Instant::now();
        let over: Vec<Place> =
            self.by_place.iter().filter(|(_, commit)| commit.end < now).map(|(place, _)| place.clone()).collect();
        let reason = || "no answer in time".to_owned();
        over.iter()
            .filter_map(|place| self.by_place.remove(place))
            .map(|commit| (commit.asker, Event::Failed(Stop::Remote { what: "commit", reason: reason() })))
            .collect()
    }
}
