//! Why a partition stopped, whose fault it is, and the way out.

use contract::Position;

use crate::{facts::ForeignObject, genesis::Mismatch};

/// Who can do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// An operator has to decide; trying again changes nothing.
    Operator,
    /// A remote system failed for longer than its deadline; starting again may help.
    Remote,
    /// This machine failed, such as its disk; starting again helps once that is mended.
    Local,
    /// The program contradicts itself; starting again may help, and someone should hear of it.
    Bug,
}

/// Why a partition stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    #[error(
        "the group has committed position {committed}, but the store holds no chain for this partition; use another \
         consumer group, or the prefix that the group's files are under"
    )]
    CommittedWithoutChain { committed: Position },
    #[error(
        "the group's commit belongs to chain {theirs}, the store holds {ours}; use another group or another prefix"
    )]
    OtherChain { theirs: String, ours: String },
    #[error(
        "the committed position {committed} is no end of a file in the chain (set by hand, or translated by a mirror?); \
         delete the group's offset of this partition, and the sink continues where its files end"
    )]
    NoFit { committed: Position },
    #[error(
        "the log begins at {low}, behind the next position {at}: records {at} to {low} are gone; accept the loss with \
         `pipeline sink accept-loss TOPIC PARTITION`, or restore the topic"
    )]
    Gone { at: Position, low: Position },
    #[error(
        "the log ends at {high}, before the next position {at}: the topic was cut or made again; use another topic \
         name, or another prefix and group"
    )]
    BeyondEnd { at: Position, high: Position },
    #[error("the file at {start} is not this chain's: {foreign}; another program writes under this prefix")]
    Foreign { start: Position, foreign: ForeignObject },
    #[error("the file at {start} belongs to chain {theirs}, this is {ours}; give each chain a prefix of its own")]
    ForeignChain { start: Position, theirs: String, ours: String },
    #[error("the file at {start} was listed but is not there; deleting files of a chain breaks it, restore them")]
    Vanished { start: Position },
    #[error(
        "the record at offset {offset} has {bytes} bytes, more than sink.max_record_bytes allows ({limit}); raise that and start \
         again, or give the record up with `pipeline sink accept-loss TOPIC PARTITION --offset {offset}`"
    )]
    TooLarge { offset: i64, bytes: usize, limit: usize },
    #[error(
        "the record at offset {offset}, which no file can hold, is larger than its dead-letter topic {topic} takes; raise that \
         topic's max.message.bytes, and start again"
    )]
    LetterTooLarge { offset: i64, topic: String },
    #[error(
        "the record at offset {at} has schema {id}, which no file can hold: {reason}; send such records to the dead letters \
         with sink.unreadable_schema = \"dead-letter\", or give this one up with `pipeline sink accept-loss TOPIC PARTITION \
         --offset {at}`"
    )]
    Schema { at: Position, id: u32, reason: String },
    #[error("{what}: {reason}")]
    Remote { what: &'static str, reason: String },
    #[error("this machine: {tried}: {reason}; mend that and start again, and nothing is lost")]
    Local { tried: &'static str, reason: String },
    #[error("{0}: this is a bug; please report it with the log. Starting again goes on where the files end")]
    Bug(String),
}

impl Stop {
    pub fn blame(&self) -> Blame {
        match self {
            Self::Remote { .. } => Blame::Remote,
            Self::Local { .. } => Blame::Local,
            Self::Bug(_) => Blame::Bug,
            _ => Blame::Operator,
        }
    }
}
