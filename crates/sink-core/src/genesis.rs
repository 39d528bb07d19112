//! Where a partition's chain of files begins, and whose chain it is. Written once with a create-only put, so that all
//! owners there will ever be agree on the first position without asking each other.

use contract::Position;
use serde::{Deserialize, Serialize};

/// The object `chains/<topic>/<partition>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    /// Of this format; 1.
    pub version: u32,
    /// Names this chain in file and commit metadata; random.
    pub chain: String,
    pub cluster_id: String,
    pub topic: String,
    /// Kafka's (KIP-516): a topic deleted and made again has another. Null where the brokers have none.
    pub topic_id: Option<String>,
    pub partition: i32,
    /// The consumer group whose committed positions follow this chain.
    pub group: String,
    /// Where the first file begins.
    pub first: Position,
    /// How many partitions the topic had: those found later begin at 0.
    pub partitions: i32,
}

/// Whose chain a sink can continue: what it sees on the cluster it is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub cluster_id: String,
    pub topic_id: Option<String>,
    pub group: String,
}

/// A chain of another cluster, topic or group under the same name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the chain in the store belongs to {what} `{theirs}`, this is `{ours}`; give this one a prefix or topic of its own"
)]
pub struct Mismatch {
    pub what: &'static str,
    pub theirs: String,
    pub ours: String,
}

/// Whether two ids are of the same topic, of the chain's and of what is there now. One that is not known is no mismatch.
///
/// # Errors
/// When they differ: the topic was made again.
pub fn same_topic(theirs: Option<&str>, ours: Option<&str>) -> Result<(), Mismatch> {
    match (theirs, ours) {
        (Some(theirs), Some(ours)) if theirs != ours => {
            Err(Mismatch { what: "a topic of this name with id", theirs: theirs.into(), ours: ours.into() })
        }
        _ => Ok(()),
    }
}

impl Genesis {
    /// Whether a sink that sees `ours` may continue this chain. A topic id that one side does not know is no mismatch.
    ///
    /// # Errors
    /// Names what differs.
    pub fn check(&self, ours: &Identity) -> Result<(), Mismatch> {
        let differs = |what, theirs: &str, ours: &str| Mismatch { what, theirs: theirs.into(), ours: ours.into() };
        if self.cluster_id != ours.cluster_id {
            return Err(differs("cluster", &self.cluster_id, &ours.cluster_id));
        }
        same_topic(self.topic_id.as_deref(), ours.topic_id.as_deref())?;
        if self.group != ours.group {
            return Err(differs("consumer group", &self.group, &ours.group));
        }
        Ok(())
    }
}

/// What a commit's metadata says: the file that earned it. Text: `chain=<id> start=<n> next=<n>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub chain: String,
    pub start: Position,
    pub next: Position,
}

impl Link {
    pub fn to_metadata(&self) -> String {
        format!("chain={} start={} next={}", self.chain, self.start, self.next)
    }

    /// `None` for text that something else wrote, or none at all.
    pub fn parse(metadata: &str) -> Option<Self> {
        let mut parts = metadata.split(' ');
        let mut part = |key: &str| parts.next()?.strip_prefix(key)?.strip_prefix('=').map(str::to_owned);
        let (chain, start, next) = (part("chain")?, part("start")?, part("next")?);
        Some(Self { chain, start: Position(start.parse().ok()?), next: Position(next.parse().ok()?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_read_back_and_other_text_is_none() {
        let link = Link { chain: "c".into(), start: Position(3), next: Position(9) };
        assert_eq!(Link::parse(&link.to_metadata()), Some(link));
        for text in ["", "chain=c", "chain=c start=x next=9", "hello world now"] {
            assert_eq!(Link::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_chain_of_another_cluster_topic_or_group_is_refused() {
        let ours = Identity { cluster_id: "k".into(), topic_id: Some("t".into()), group: "g".into() };
        let genesis = Genesis {
            version: 1,
            chain: "c".into(),
            cluster_id: "k".into(),
            topic: "x".into(),
            topic_id: Some("t".into()),
            partition: 0,
            group: "g".into(),
            first: Position(0),
            partitions: 1,
        };
        assert_eq!(genesis.check(&ours), Ok(()));
        assert_eq!(Genesis { topic_id: None, ..genesis.clone() }.check(&ours), Ok(()));
        for (what, other) in [
            ("cluster", Genesis { cluster_id: "other".into(), ..genesis.clone() }),
            ("a topic of this name with id", Genesis { topic_id: Some("other".into()), ..genesis.clone() }),
            ("consumer group", Genesis { group: "other".into(), ..genesis.clone() }),
        ] {
            assert_eq!(other.check(&ours).unwrap_err().what, what);
        }
    }
}
