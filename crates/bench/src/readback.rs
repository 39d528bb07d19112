//! Reads files back to the last byte: the head, every block, every row by a walk over its schema. What a file says of
//! itself proves nothing here.

use anyhow::Context;
use aws_sdk_s3::Client;
use contract::{endpoints::ObjectStore, file::metadata};
use sink_core::read::Head;
use std::collections::{BTreeMap, BTreeSet};

use crate::endpoints;

/// What files under a prefix hold.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// Rows of different (partition, offset).
    pub(crate) records: u64,
    pub(crate) twice: u64,
}

/// What the metadata of files under a prefix says.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) rows: u64,
    /// How long after its window's end the store had the latest file that a window's end rolled.
    pub(crate) latest_seconds: f64,
}

/// A bucket to read.
pub(crate) struct Bucket {
    client: Client,
    name: String,
}

impl Bucket {
    pub(crate) fn open(store: &ObjectStore) -> anyhow::Result<Self> {
        Ok(Self { client: endpoints::client(store)?, name: store.bucket.clone() })
    }

    /// Keys under a prefix, with the second that each object was created in.
    async fn list(&self, prefix: &str) -> anyhow::Result<Vec<(String, f64)>> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.client.list_objects_v2().bucket(&self.name).prefix(prefix).set_start_after(after);
            let page = page.send().await.context("listing")?;
            for object in page.contents() {
                let created = object.last_modified().map_or(0.0, aws_sdk_s3::primitives::DateTime::as_secs_f64);
                all.extend(object.key().map(|key| (key.to_owned(), created)));
            }
            after = all.last().map(|(key, _)| key.clone());
            if page.is_truncated() != Some(true) {
                return Ok(all);
            }
        }
    }

    pub(crate) async fn count(&self, prefix: &str) -> anyhow::Result<usize> {
        Ok(self.list(prefix).await?.len())
    }

    pub(crate) async fn keep_only_files(&self, prefix: &str) -> anyhow::Result<()> {
        for (key, _) in self.list(prefix).await? {
            if !is_file(&key, prefix) {
                self.delete(&key).await?;
            }
        }
        Ok(())
    }

    async fn delete(&self, key: &str) -> anyhow::Result<()> {
        self.client.delete_object().bucket(&self.name).key(key).send().await.context("deleting")?;
        Ok(())
    }

    /// What files say of themselves.
    pub(crate) async fn told(&self, prefix: &str) -> anyhow::Result<Told> {
        let mut told = Told::default();
        for (key, created) in self.list(prefix).await? {
            let head = self.client.head_object().bucket(&self.name).key(&key).send().await.context("looking")?;
            let metadata = head.metadata().cloned().unwrap_or_default();
            told.rows += metadata.get(metadata::ROWS).map_or(Ok(0), |rows| rows.parse::<u64>())?;
            if metadata.get(metadata::ROLL_REASON).is_some_and(|reason| reason == "window")
                && let Some(end) = metadata.get(metadata::WINDOW_END)
            {
                told.latest_seconds = told.latest_seconds.max(created - end.parse::<f64>()? / 1e3);
            }
        }
        Ok(told)
    }
}

/// Reads, counts and deletes the files under `prefix`.
pub(crate) async fn take(bucket: &Bucket, prefix: &str) -> anyhow::Result<Found> {
    let mut found = Found::default();
    let mut seen = Seen::new();
    for (key, _) in bucket.list(prefix).await? {
        if is_file(&key, prefix) {
            let got = bucket.client.get_object().bucket(&bucket.name).key(&key).send().await.context("getting")?;
            let bytes = got.body.collect().await.context("getting")?.into_bytes();
            found.files += 1;
            found.bytes += bytes.len() as u64;
            let (rows, twice) = rows(&bytes, &mut seen).with_context(|| key.clone())?;
            found.records += rows;
            found.twice += twice;
        }
        bucket.delete(&key).await?;
    }
    Ok(found)
}

fn is_file(key: &str, prefix: &str) -> bool {
    contract::names::parse_object_key(key.strip_prefix(prefix).unwrap_or(key)).is_some()
}

/// Offsets by topic and partition, as each row names them.
type Seen = BTreeMap<(String, i32), BTreeSet<i64>>;

/// New rows and rows seen before.
fn rows(file: &[u8], seen: &mut Seen) -> anyhow::Result<(u64, u64)> {
    let (head, mut at) = Head::parse(file)?;
    let (mut new, mut twice, mut plain) = (0, 0, Vec::new());
    while at < file.len() {
        let (count, len) = head.block(&file[at..], &mut plain)?;
        at += len;
        for row in head.rows(&plain, count) {
            let row = row?;
            let place = (row.topic.to_owned(), row.partition);
            if seen.entry(place).or_default().insert(row.offset) { new += 1 } else { twice += 1 }
        }
    }
    Ok((new, twice))
}
