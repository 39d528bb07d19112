//! Files in memory, for tests and for tools that have no object store at hand.

use super::{Location, StageFiles, StagedFile, stage_failure};
use crate::SqlError;
use async_trait::async_trait;
use bytes::Bytes;
use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{PoisonError, RwLock},
};

/// Buckets of immutable files, by bucket and key.
#[derive(Debug, Default)]
pub struct MemoryFiles(RwLock<BTreeMap<(String, String), MemoryFile>>);

#[derive(Debug)]
struct MemoryFile {
    bytes: Bytes,
    /// Milliseconds since 1970: a pipe tells by it what came after itself.
    last_modified: i64,
}

impl MemoryFiles {
    pub fn put(&self, bucket: &str, key: &str, file: impl Into<Bytes>) {
        let mut files = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let file = MemoryFile { bytes: file.into(), last_modified: chrono::Utc::now().timestamp_millis() };
        files.insert((bucket.to_owned(), key.to_owned()), file);
    }
}

#[async_trait]
impl StageFiles for MemoryFiles {
    async fn list(&self, at: &Location, after: Option<&str>) -> Result<Vec<StagedFile>, SqlError> {
        let files = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let from = match after {
            Some(key) if key >= at.prefix.as_str() => Bound::Excluded((at.bucket.clone(), key.to_owned())),
            _ => Bound::Included((at.bucket.clone(), at.prefix.clone())),
        };
        let found = files.range((from, Bound::Unbounded));
        let found = found.take_while(|((bucket, key), _)| *bucket == at.bucket && key.starts_with(&at.prefix));
        let listed = |((_, key), file): (&(String, String), &MemoryFile)| StagedFile {
            key: key.clone(),
            size: file.bytes.len() as u64,
            etag: file.bytes.len().to_string(),
            last_modified: file.last_modified,
        };
        Ok(found.map(listed).collect())
    }

    async fn read(&self, at: &Location, key: &str) -> Result<Bytes, SqlError> {
        let files = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let file = files.get(&(at.bucket.clone(), key.to_owned())).map(|file| file.bytes.clone());
        file.ok_or_else(|| stage_failure(&format!("reading {key}"), at, "no such file"))
    }
}
