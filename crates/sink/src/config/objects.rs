//! How objects are written, and what the bucket may do to them.

use contract::settings;
use serde::Deserialize;
use std::{collections::BTreeMap, time::Duration};
use url::form_urlencoded;

use crate::error::ConfigError;

/// How objects are written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Objects {
    /// A file with more bytes is uploaded in parts of 8 MiB or more; 0 uploads every file in parts. The default, 128 MiB,
    /// is greater than that of `roll.max_bytes`, so that each file is one PUT. At most 4 GiB, since S3 takes 5 GiB in one
    /// PUT.
    pub multipart_bytes: u64,
    /// Incomplete uploads in parts that are older than this were left by a killed process. They are aborted at start.
    /// Default: 1 day.
    #[serde(with = "humantime_serde")]
    pub abandoned_after: Duration,
    /// Default: none; the bucket's own default applies.
    pub server_side_encryption: Encryption,
    /// With `aws-kms`: the key's id, ARN or alias. Without it, AWS's own key for S3 is used.
    pub kms_key_id: Option<String>,
    /// Tags of each file, at most 10; the sink needs the permission `s3:PutObjectTagging` then.
    pub tags: BTreeMap<String, String>,
    /// What to do where a lifecycle rule of the bucket deletes files before the topics' retention, the offsets' retention
    /// and Snowpipe's 14 days are over. Default: refuse to start.
    pub short_expiry: ShortExpiry,
}

/// What to do about files that are deleted too early.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShortExpiry {
    #[default]
    Refuse,
    Warn,
}

/// What the sink asks the store to encrypt with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encryption {
    /// Nothing is asked for; the bucket's default holds.
    #[default]
    None,
    /// Keys of the store (SSE-S3).
    Aes256,
    /// A key in AWS's key management (SSE-KMS).
    AwsKms,
}

impl Default for Objects {
    fn default() -> Self {
        Self {
            multipart_bytes: 128 * 1024 * 1024,
            abandoned_after: Duration::from_hours(24),
            server_side_encryption: Encryption::None,
            kms_key_id: None,
            tags: BTreeMap::new(),
            short_expiry: ShortExpiry::Refuse,
        }
    }
}

/// S3 takes 5 GiB in one PUT, and files may grow a little over where they are cut.
const LARGEST_PUT: u64 = 4 << 30;
/// S3's least: an upload of a large file may well take an hour.
const SHORTEST_ABANDONED: Duration = Duration::from_hours(1);
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>
const MOST_TAGS: usize = 10;
const LONGEST_TAG: (usize, usize) = (128, 256);
const TAG_SIGNS: &str = " +-=._:/@";

impl Objects {
    /// For the `x-amz-tagging` header.
    pub(crate) fn tags_as_query(&self) -> Option<String> {
        if self.tags.is_empty() {
            return None;
        }
        Some(form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.tags).finish())
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.multipart_bytes > LARGEST_PUT {
            let expected = format!("at most {LARGEST_PUT} (4 GiB), because S3 takes 5 GiB in one PUT");
            return Err(ConfigError::found("objects.multipart_bytes", self.multipart_bytes, expected));
        }
        if self.abandoned_after < SHORTEST_ABANDONED {
            let found = format!("{:?}", self.abandoned_after);
            let expected = "at least 1h: a younger upload may belong to another sink that is still at work";
            return Err(ConfigError::found("objects.abandoned_after", found, expected));
        }
        if let Some(key) = &self.kms_key_id {
            settings::filled("objects.kms_key_id", key, "a key's id, ARN or alias; leave it out for AWS's own key")?;
            if self.server_side_encryption != Encryption::AwsKms {
                let reason = "is only used with `server_side_encryption = \"aws-kms\"`; set that, or remove the key";
                return Err(ConfigError::new("objects.kms_key_id", reason));
            }
        }
        self.check_tags()
    }

    fn check_tags(&self) -> Result<(), ConfigError> {
        let refuse = |reason: String| Err(ConfigError::new("objects.tags", reason));
        if self.tags.len() > MOST_TAGS {
            return refuse(format!("found {} tags, expected at most {MOST_TAGS}, S3's limit", self.tags.len()));
        }
        let is_strange = |text: &str| !text.chars().all(|c| c.is_alphanumeric() || TAG_SIGNS.contains(c));
        for (key, value) in &self.tags {
            if key.is_empty() || key.chars().count() > LONGEST_TAG.0 || value.chars().count() > LONGEST_TAG.1 {
                let (of_key, of_value) = LONGEST_TAG;
                return refuse(format!(
                    "found `{key}` with the value `{value}`, expected 1 to {of_key} characters and at most {of_value}"
                ));
            }
            if is_strange(key) || is_strange(value) {
                return refuse(format!(
                    "found `{key}` with the value `{value}`, expected only letters, digits, spaces and + - = . _ : / @"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        serde_json::from_str::<Objects>(text).unwrap().check().unwrap_err().key
    }

    #[test]
    fn what_no_store_takes_is_refused_by_name() {
        assert!(Objects::default().check().is_ok());
        assert_eq!(refused(r#"{"multipart_bytes": 5368709120}"#), "objects.multipart_bytes");
        assert_eq!(refused(r#"{"abandoned_after": "10m"}"#), "objects.abandoned_after");
        assert_eq!(refused(r#"{"kms_key_id": "k", "server_side_encryption": "aes256"}"#), "objects.kms_key_id");
        assert_eq!(refused(r#"{"tags": {"": "v"}}"#), "objects.tags");
        assert_eq!(refused(r#"{"tags": {"owner": "this & that"}}"#), "objects.tags");
    }

    #[test]
    fn tags_are_encoded_as_a_query() {
        let objects: Objects = serde_json::from_str(r#"{"tags": {"a b": "c+d", "e": "ü/1"}}"#).unwrap();
        assert!(objects.check().is_ok());
        assert_eq!(objects.tags_as_query().unwrap(), "a+b=c%2Bd&e=%C3%BC%2F1");
        assert_eq!(Objects::default().tags_as_query(), None);
    }
}
