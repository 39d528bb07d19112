//! The files behind a stage: listing and reading them, and what a loaded Avro record is as a VARIANT.
//!
//! Object stores are reached through [`StageFiles`] alone, so that COPY and pipes can be tested on files in memory.

mod avro;
mod memory;
mod s3;

pub use avro::records;
#[cfg(test)]
pub(crate) use avro::tests::by_hand;
pub use memory::MemoryFiles;
pub use s3::{S3Files, S3Settings};

use crate::{
    SqlError,
    catalog::{Stage, StageCredentials},
};
use async_trait::async_trait;
use bytes::Bytes;

/// A place in a bucket, from a stage's URL and the path behind its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub bucket: String,
    /// What the keys of the location's files begin with.
    pub prefix: String,
    pub credentials: Option<StageCredentials>,
}

/// A file at a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedFile {
    /// Its key in the bucket, which is what `METADATA$FILENAME` says.
    pub key: String,
    /// In bytes.
    pub size: u64,
    pub etag: String,
    /// Milliseconds since 1970.
    pub last_modified: i64,
}

/// An object store.
#[async_trait]
pub trait StageFiles: Send + Sync {
    /// Files of a location in the order of their keys, from the first key after `after` on.
    async fn list(&self, at: &Location, after: Option<&str>) -> Result<Vec<StagedFile>, SqlError>;

    /// A whole file.
    async fn read(&self, at: &Location, key: &str) -> Result<Bytes, SqlError>;
}

impl Location {
    /// The place that `@stage/path` means.
    ///
    /// # Errors
    /// When the stage has no URL (internal stages are not supported) or one of another scheme than `s3://`.
    pub fn of(stage: &Stage, path: &str) -> Result<Self, SqlError> {
        let Some(url) = &stage.url else {
            return Err(SqlError::unsupported("internal stages", "Give the stage a URL."));
        };
        Self::parse(url, path, stage.credentials.clone())
    }

    fn parse(url: &str, path: &str, credentials: Option<StageCredentials>) -> Result<Self, SqlError> {
        let Some(place) = url.strip_prefix("s3://") else {
            return Err(SqlError::unsupported(format_args!("stages at '{url}'"), "Use s3://bucket/path/."));
        };
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let joint = if prefix.is_empty() || prefix.ends_with('/') || path.is_empty() { "" } else { "/" };
        let prefix = format!("{prefix}{joint}{}", path.trim_start_matches('/'));
        Ok(Self { bucket: bucket.to_owned(), prefix, credentials })
    }
}

/// 091003: the object store refused or did not answer.
fn stage_failure(doing: &str, at: &Location, cause: impl std::fmt::Display) -> SqlError {
    let Location { bucket, prefix, .. } = at;
    SqlError::new(
        "091003",
        "55000",
        format!("Failure using stage area s3://{bucket}/{prefix}, {doing}. Cause: [{cause}]"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_goes_on_where_the_url_ends() {
        for (url, path, prefix) in [
            ("s3://b/a/", "", "a/"),
            ("s3://b/a/", "x/", "a/x/"),
            ("s3://b/a/", "/x", "a/x"),
            ("s3://b/a", "x", "a/x"),
            ("s3://b", "x", "x"),
            ("s3://b/", "", ""),
        ] {
            let location = Location::parse(url, path, None).unwrap();
            assert_eq!((location.bucket.as_str(), location.prefix.as_str()), ("b", prefix), "{url} {path}");
        }
    }

    #[test]
    fn other_places_are_refused_by_name() {
        let azure = Location::parse("azure://account/container", "", None).unwrap_err();
        assert!(azure.message.contains("azure://account/container"));
    }
}
