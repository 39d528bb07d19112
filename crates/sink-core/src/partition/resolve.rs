//! Finding the place in the chain: what an owner does before it takes the first record.

use contract::Position;

use super::{
    Command, Commands, Event, KafkaFacts, Next, Ready, Setup,
    search::{Found, Search},
};
use crate::{
    facts::FoundFile,
    genesis::{Genesis, Link},
    stop::Stop,
};

enum Step {
    Kafka,
    Genesis,
    GenesisCreated,
    /// Looking for the chain's last file: nothing is committed.
    Tail(Search),
    /// Looking for the file before the committed position, whose metadata says nothing.
    Predecessor(Search),
    /// HEAD of the last file found.
    TailHead {
        start: Position,
    },
    PredecessorHead {
        start: Position,
    },
    /// HEAD of the file that would begin here.
    Walk {
        at: Position,
    },
    /// The log ended before this place when it was asked; files may have been created since, so it is asked again.
    EndAgain {
        at: Position,
    },
}

/// The way to the place where the next file begins.
pub(super) struct Resolving {
    step: Step,
    kafka: Option<KafkaFacts>,
    chain: String,
    first: Position,
    /// Start of the file before the place reached so far.
    previous: Option<Position>,
}

impl Resolving {
    pub(super) fn begin(out: &mut Commands) -> Self {
        out.push_back(Command::AskKafka);
        Self { step: Step::Kafka, kafka: None, chain: String::new(), first: Position(0), previous: None }
    }

    /// From behind a file that another owner created.
    pub(super) fn behind(chain: String, file: contract::Range, out: &mut Commands) -> Self {
        out.push_back(Command::Head { start: file.next });
        let step = Step::Walk { at: file.next };
        Self { step, kafka: None, chain, first: Position(0), previous: Some(file.start) }
    }

    pub(super) fn handle(&mut self, setup: &Setup, event: Event, out: &mut Commands) -> Result<Next, Stop> {
        match (&mut self.step, event) {
            (Step::Kafka, Event::Kafka(facts)) => {
                self.kafka = Some(facts);
                self.step = Step::Genesis;
                out.push_back(Command::ReadGenesis);
            }
            (Step::Genesis, Event::Genesis { own: None, first_of_topic }) => {
                self.create_genesis(setup, first_of_topic.as_ref(), out)?;
            }
            (Step::Genesis | Step::GenesisCreated, Event::Genesis { own: Some(genesis), .. }) => {
                self.have_genesis(genesis, out)?;
            }
            (Step::Tail(search), Event::Listed { starts, more }) => match search.listed(&starts, more) {
                Found::Ask(from) => out.push_back(Command::List { from }),
                Found::Last(None) => self.walk(self.first, out),
                Found::Last(Some(start)) => {
                    self.step = Step::TailHead { start };
                    out.push_back(Command::Head { start });
                }
            },
            (Step::Predecessor(search), Event::Listed { starts, more }) => match search.listed(&starts, more) {
                Found::Ask(from) => out.push_back(Command::List { from }),
                Found::Last(None) => return Err(self.no_fit()),
                Found::Last(Some(start)) => {
                    self.step = Step::PredecessorHead { start };
                    out.push_back(Command::Head { start });
                }
            },
            (Step::TailHead { start } | Step::PredecessorHead { start }, Event::Headed(None)) => {
                return Err(Stop::Vanished { start: *start });
            }
            (Step::PredecessorHead { .. }, Event::Headed(Some(file))) => {
                if self.committed() != Some(file.range.next) {
                    return Err(self.no_fit());
                }
                self.behind_file(&file, out)?;
            }
            (Step::TailHead { .. } | Step::Walk { .. }, Event::Headed(Some(file))) => self.behind_file(&file, out)?,
            (Step::Walk { at }, Event::Headed(None)) => {
                let at = *at;
                if self.kafka.as_ref().is_some_and(|kafka| at > kafka.high) {
                    self.step = Step::EndAgain { at };
                    out.push_back(Command::AskKafka);
                } else {
                    return self.arrived(at).map(Next::Fill);
                }
            }
            (Step::EndAgain { at }, Event::Kafka(facts)) => {
                let at = *at;
                if at > facts.high {
                    return Err(Stop::BeyondEnd { at, high: facts.high });
                }
                return self.arrived(at).map(Next::Fill);
            }
            // An answer to nothing that was asked: there is no such thing, and it would change nothing.
            _ => {}
        }
        Ok(Next::Stay)
    }

    fn committed(&self) -> Option<Position> {
        self.kafka.as_ref()?.committed.as_ref().map(|(position, _)| *position)
    }

    fn no_fit(&self) -> Stop {
        Stop::NoFit { committed: self.committed().unwrap_or(self.first) }
    }

    fn create_genesis(
        &mut self,
        setup: &Setup,
        first_of_topic: Option<&Genesis>,
        out: &mut Commands,
    ) -> Result<(), Stop> {
        let Some(kafka) = &self.kafka else { return Ok(()) };
        if let Some((committed, _)) = kafka.committed {
            return Err(Stop::CommittedWithoutChain { committed });
        }
        // A partition that was added later has been missed by nobody: it is read from its beginning.
        let later = first_of_topic.is_some_and(|genesis| setup.partition >= genesis.partitions);
        let genesis = Genesis {
            version: 1,
            chain: setup.new_chain.clone(),
            cluster_id: kafka.identity.cluster_id.clone(),
            topic: setup.topic.clone(),
            topic_id: kafka.identity.topic_id.clone(),
            partition: setup.partition,
            group: kafka.identity.group.clone(),
            first: if later { Position(0) } else { kafka.configured_first },
            partitions: first_of_topic.map_or(kafka.partitions, |genesis| genesis.partitions.max(kafka.partitions)),
        };
        self.step = Step::GenesisCreated;
        out.push_back(Command::CreateGenesis(genesis));
        Ok(())
    }

    fn have_genesis(&mut self, genesis: Genesis, out: &mut Commands) -> Result<(), Stop> {
        let Some(kafka) = &self.kafka else { return Ok(()) };
        genesis.check(&kafka.identity)?;
        self.first = genesis.first;
        self.chain = genesis.chain;
        let Some((committed, metadata)) = &kafka.committed else {
            let search = Search::new(self.first, Position(i64::MAX));
            out.push_back(Command::List { from: search.ask() });
            self.step = Step::Tail(search);
            return Ok(());
        };
        let committed = *committed;
        match Link::parse(metadata) {
            Some(link) if link.chain != self.chain => {
                return Err(Stop::OtherChain { theirs: link.chain, ours: self.chain.clone() });
            }
            Some(link) if link.next == committed => {
                self.previous = Some(link.start);
                self.walk(committed, out);
            }
            _ if committed == self.first => self.walk(committed, out),
            _ if committed < self.first => return Err(Stop::NoFit { committed }),
            _ => {
                let search = Search::new(self.first, committed);
                out.push_back(Command::List { from: search.ask() });
                self.step = Step::Predecessor(search);
            }
        }
        Ok(())
    }

    fn walk(&mut self, at: Position, out: &mut Commands) {
        self.step = Step::Walk { at };
        out.push_back(Command::Head { start: at });
    }

    /// An earlier owner created this file, and perhaps died before committing: go on behind it.
    fn behind_file(&mut self, file: &FoundFile, out: &mut Commands) -> Result<(), Stop> {
        check_chain(file, &self.chain)?;
        self.previous = Some(file.range.start);
        self.walk(file.range.next, out);
        Ok(())
    }

    fn arrived(&self, at: Position) -> Result<Ready, Stop> {
        if let Some(kafka) = &self.kafka
            && at < kafka.low
        {
            return Err(Stop::Gone { at, low: kafka.low });
        }
        let lags = self.committed() != Some(at);
        Ok(Ready { chain: self.chain.clone(), at, commit_from: self.previous.filter(|_| lags) })
    }
}

/// Whether a file belongs to the chain.
pub(super) fn check_chain(file: &FoundFile, chain: &str) -> Result<(), Stop> {
    if file.chain == chain {
        return Ok(());
    }
    Err(Stop::ForeignChain { start: file.range.start, theirs: file.chain.clone(), ours: chain.to_owned() })
}
