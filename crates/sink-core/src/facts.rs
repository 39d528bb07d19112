//! What a file says about itself in its object's metadata, which HEAD returns: enough to continue a chain, to prove that
//! it is whole, and to find the file one looks for, without reading a byte of it.

use contract::{Position, Range, file::metadata as key};
use std::collections::HashMap;

use crate::roll::{Millis, RollReason, Window};

/// How many schema ids are listed; object metadata holds 2 KB in all.
const MAX_SCHEMA_IDS: usize = 64;

/// Of a file that is about to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    pub range: Range,
    pub chain: String,
    pub reason: RollReason,
    pub rows: u64,
    /// Records in the range that went to the dead-letter topic instead.
    pub dead_letters: u64,
    /// Offsets of the first and the last record, rows and dead letters alike; `None` for a link without records.
    pub offsets: Option<(i64, i64)>,
    /// Smallest and largest record timestamp of the rows.
    pub times: Option<(i64, i64)>,
    pub window: Option<Window>,
    /// Writer schemas of the rows.
    pub schema_ids: Vec<u32>,
}

impl FileFacts {
    /// As object metadata, with the body's SHA-256 (hex) and the writer's id.
    pub fn to_metadata(&self, sha256: &str, writer: &str) -> Vec<(&'static str, String)> {
        let mut pairs = vec![
            (key::START, self.range.start.to_string()),
            (key::NEXT, self.range.next.to_string()),
            (key::ROWS, self.rows.to_string()),
            (key::DEAD_LETTERS, self.dead_letters.to_string()),
            (key::ROLL_REASON, self.reason.to_string()),
            (key::SCHEMA_IDS, ids(&self.schema_ids)),
            (key::SHA256, sha256.to_owned()),
            (key::WRITER, writer.to_owned()),
            (key::CHAIN, self.chain.clone()),
        ];
        let mut pair = |first: &'static str, last: &'static str, both: Option<(Millis, Millis)>| {
            if let Some((a, b)) = both {
                pairs.push((first, a.to_string()));
                pairs.push((last, b.to_string()));
            }
        };
        pair(key::FIRST_OFFSET, key::LAST_OFFSET, self.offsets);
        pair(key::FIRST_TIME, key::LAST_TIME, self.times);
        pair(key::WINDOW_START, key::WINDOW_END, self.window.map(|window| (window.start, window.end)));
        pairs
    }
}

fn ids(ids: &[u32]) -> String {
    let mut text = ids.iter().take(MAX_SCHEMA_IDS).map(u32::to_string).collect::<Vec<_>>().join(",");
    if ids.len() > MAX_SCHEMA_IDS {
        text.push_str(",...");
    }
    text
}

/// Of a file that is there: what continuing or checking a chain needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    pub range: Range,
    pub chain: String,
    pub writer: String,
    pub sha256: String,
    pub rows: u64,
    pub dead_letters: u64,
    /// Whether an operator wrote it, to give up the records of its range.
    pub is_loss: bool,
    /// Size of the object in bytes.
    pub bytes: u64,
}

/// An object under a file's key that this program did not write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("object metadata `{key}` is {found}, which no file of a chain has")]
pub struct ForeignObject {
    pub key: &'static str,
    pub found: String,
}

impl FoundFile {
    /// Reads what HEAD returned for the object whose key says `start`.
    ///
    /// # Errors
    /// When something is missing or makes no sense: the object is not one of a chain.
    pub fn parse(start: Position, bytes: u64, metadata: &HashMap<String, String>) -> Result<Self, ForeignObject> {
        let text =
            |key: &'static str| metadata.get(key).cloned().ok_or(ForeignObject { key, found: "missing".to_owned() });
        let number = |key: &'static str| {
            let text = text(key)?;
            text.parse::<u64>().map_err(|_| ForeignObject { key, found: format!("`{text}`") })
        };
        let position = |key: &'static str| {
            let n = number(key)?;
            i64::try_from(n).map(Position).map_err(|_| ForeignObject { key, found: n.to_string() })
        };
        let range = Range { start: position(key::START)?, next: position(key::NEXT)? };
        if range.start != start {
            return Err(ForeignObject { key: key::START, found: format!("{}, under a key of {start}", range.start) });
        }
        if range.next <= range.start {
            return Err(ForeignObject { key: key::NEXT, found: format!("{}, not behind {start}", range.next) });
        }
        Ok(Self {
            range,
            chain: text(key::CHAIN)?,
            writer: text(key::WRITER)?,
            sha256: text(key::SHA256)?,
            rows: number(key::ROWS)?,
            dead_letters: number(key::DEAD_LETTERS)?,
            is_loss: text(key::ROLL_REASON)? == RollReason::Loss.name(),
            bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> FileFacts {
        FileFacts {
            range: Range { start: Position(3), next: Position(9) },
            chain: "c".into(),
            reason: RollReason::Idle,
            rows: 4,
            dead_letters: 1,
            offsets: Some((3, 8)),
            times: Some((-5, 10)),
            window: Some(Window { start: 0, end: 120_000 }),
            schema_ids: vec![7, 9],
        }
    }

    fn map(pairs: Vec<(&'static str, String)>) -> HashMap<String, String> {
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    #[test]
    fn what_a_file_says_is_read_back() {
        let found = FoundFile::parse(Position(3), 100, &map(facts().to_metadata("ab", "w"))).unwrap();
        assert_eq!((found.range, found.rows, found.dead_letters, found.is_loss), (facts().range, 4, 1, false));
        let loss = FileFacts { reason: RollReason::Loss, ..facts() };
        assert!(FoundFile::parse(Position(3), 100, &map(loss.to_metadata("ab", "w"))).unwrap().is_loss);
        assert_eq!((found.chain.as_str(), found.writer.as_str(), found.sha256.as_str()), ("c", "w", "ab"));
    }

    #[test]
    fn metadata_stays_inside_the_two_kilobytes_that_s3_allows() {
        let many = FileFacts {
            schema_ids: (0..10_000).map(|n| u32::MAX - n).collect(),
            range: Range { start: Position(i64::MAX - 1), next: Position(i64::MAX) },
            ..facts()
        };
        let uuid = "x".repeat(36);
        let size: usize =
            many.to_metadata(&"f".repeat(64), &uuid).iter().map(|(key, value)| key.len() + value.len()).sum();
        assert!(size < 1_600, "{size}");
    }

    #[test]
    fn an_object_that_is_no_file_of_a_chain_is_refused_by_what_is_wrong() {
        let good = map(facts().to_metadata("ab", "w"));
        assert_eq!(FoundFile::parse(Position(4), 1, &good).unwrap_err().key, key::START);
        for (name, value) in [(key::NEXT, "3"), (key::NEXT, "x"), (key::ROWS, "-1")] {
            let mut bad = good.clone();
            bad.insert(name.to_owned(), value.to_owned());
            assert_eq!(FoundFile::parse(Position(3), 1, &bad).unwrap_err().key, name);
        }
        let mut bad = good;
        bad.remove(key::CHAIN);
        assert_eq!(FoundFile::parse(Position(3), 1, &bad).unwrap_err().found, "missing");
    }
}
