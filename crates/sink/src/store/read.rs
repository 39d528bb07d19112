//! Reads from the store: metadata by HEAD, keys by LIST, files by ranges, and the chains' first objects.

use aws_sdk_s3::{
    error::ProvideErrorMetadata as _,
    operation::{get_object::GetObjectError, head_object::HeadObjectError},
};
use bytes::Bytes;
use contract::{Position, names};
use sink_core::{facts::FoundFile, genesis::Genesis, partition::More};
use std::collections::HashMap;

use super::{
    Headed, Store,
    failure::{Failure, status},
    operation::Operation,
    retry::Patience,
};
use crate::error::StoreError;

/// What HEAD returned: the object's size and metadata.
type Seen = (u64, HashMap<String, String>);

impl Store {
    /// Reads a file's metadata.
    pub(crate) async fn head(&self, topic: &str, partition: i32, start: Position) -> Result<Headed, StoreError> {
        let key = self.key(&names::object_key(topic, partition, start));
        Ok(match self.look_at(&key, self.patience(0)).await? {
            None => Headed::Missing,
            Some((bytes, metadata)) => match FoundFile::parse(start, bytes, &metadata) {
                Ok(file) => Headed::File(file),
                Err(foreign) => Headed::Foreign(foreign),
            },
        })
    }

    pub(super) async fn look_at(&self, key: &str, patience: Patience) -> Result<Option<Seen>, StoreError> {
        self.repeat(Operation::LookAt, key, patience, || async {
            match self.client.head_object().bucket(&self.bucket).key(key).send().await {
                Ok(head) => {
                    let bytes = u64::try_from(head.content_length().unwrap_or(0)).unwrap_or(0);
                    Ok(Some((bytes, head.metadata.unwrap_or_default())))
                }
                Err(error) if matches!(error.as_service_error(), Some(HeadObjectError::NotFound(_))) => Ok(None),
                Err(error) if status(&error) == Some(404) => Ok(None),
                Err(error) => Err(Failure::of(&error)),
            }
        })
        .await
    }

    /// Reads bytes `[from, from + len)` of a file. The file must have them.
    pub(crate) async fn read(
        &self,
        topic: &str,
        partition: i32,
        start: Position,
        from: u64,
        len: u64,
    ) -> Result<Bytes, StoreError> {
        let key = self.key(&names::object_key(topic, partition, start));
        let range = format!("bytes={from}-{}", from + len.max(1) - 1);
        self.repeat(Operation::Read, &key, self.patience(len), || async {
            let got = self.client.get_object().bucket(&self.bucket).key(&key).range(&range).send().await;
            let body = got.map_err(|error| Failure::of(&error))?.body.collect().await;
            let bytes = body.map_err(|error| Failure::worthwhile(&error.to_string()))?.into_bytes();
            if bytes.len() as u64 == len {
                return Ok(bytes);
            }
            Err(Failure::worthwhile(&format!("expected {len} bytes, found {}", bytes.len())))
        })
        .await
    }

    /// Returns one page of the starts of a partition's files, from `from` on.
    pub(crate) async fn list(
        &self,
        topic: &str,
        partition: i32,
        from: Position,
    ) -> Result<(Vec<Position>, More), StoreError> {
        let prefix = self.key(&names::partition_prefix(topic, partition));
        let after = (from.0 > 0).then(|| self.key(&names::object_key(topic, partition, Position(from.0 - 1))));
        let (keys, more) = self.list_keys(&prefix, after).await?;
        let starts = keys.iter().filter_map(|key| names::parse_object_key(key)).map(|key| key.start).collect();
        Ok((starts, more))
    }

    /// Returns one page of the keys under a prefix and after `after`, without the configured prefix.
    async fn list_keys(&self, prefix: &str, after: Option<String>) -> Result<(Vec<String>, More), StoreError> {
        self.repeat(Operation::List, prefix, self.patience(0), || async {
            let listing = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
            let page = listing.set_start_after(after.clone()).send().await.map_err(|error| Failure::of(&error))?;
            let keys = page.contents().iter().filter_map(|object| object.key());
            let keys = keys.filter_map(|key| key.strip_prefix(self.prefix.as_str())).map(str::to_owned).collect();
            Ok((keys, if page.is_truncated() == Some(true) { More::Yes } else { More::No }))
        })
        .await
    }

    /// Returns all keys under a relative prefix, in order.
    pub(crate) async fn all_keys(&self, relative: &str) -> Result<Vec<String>, StoreError> {
        let prefix = self.key(relative);
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let (keys, more) = self.list_keys(&prefix, after).await?;
            after = keys.last().map(|last| self.key(last));
            all.extend(keys);
            if more == More::No || after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Returns the topics that have a chain of files.
    pub(crate) async fn chained_topics(&self) -> Result<Vec<String>, StoreError> {
        let keys = self.all_keys("chains/").await?;
        let topics = keys.iter().filter_map(|key| Some(key.strip_prefix("chains/")?.split_once('/')?.0.to_owned()));
        let mut topics: Vec<_> = topics.collect();
        topics.dedup();
        Ok(topics)
    }

    /// Returns the URL that [`Self::genesis`] reads.
    pub(crate) fn genesis_url(&self, topic: &str, partition: i32) -> String {
        self.url(&self.key(&names::genesis_key(topic, partition)))
    }

    /// Reads where a partition's chain begins.
    pub(crate) async fn genesis(&self, topic: &str, partition: i32) -> Result<Option<Genesis>, StoreError> {
        let key = self.key(&names::genesis_key(topic, partition));
        let Some(bytes) = self.get(&key).await? else { return Ok(None) };
        let foreign = |error: serde_json::Error| StoreError::Foreign { url: self.url(&key), reason: error.to_string() };
        serde_json::from_slice(&bytes).map(Some).map_err(foreign)
    }

    /// Reads a small object.
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.repeat(Operation::Read, key, self.patience(0), || async {
            let got = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
                Ok(got) => got,
                Err(error) if matches!(error.as_service_error(), Some(GetObjectError::NoSuchKey(_))) => {
                    return Ok(None);
                }
                // Without a bucket nothing is known about the key.
                Err(error) if status(&error) == Some(404) && error.code() != Some("NoSuchBucket") => return Ok(None),
                Err(error) => return Err(Failure::of(&error)),
            };
            let body = got.body.collect().await;
            Ok(Some(body.map_err(|error| Failure::worthwhile(&error.to_string()))?.into_bytes()))
        })
        .await
    }
}
