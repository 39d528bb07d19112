//! Where the other parts are. The same three back ends (embedded, compose, cloud) differ in these values and nothing else.

use serde::Deserialize;
use std::{collections::BTreeMap, fmt};

/// A Kafka cluster.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kafka {
    /// `host:port`, several separated by commas.
    pub bootstrap_servers: String,
    /// Further librdkafka properties, handed on as they are; a service refuses those that would void its guarantees.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
}

/// A Confluent-compatible schema registry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaRegistry {
    /// Base URL without a trailing slash.
    pub url: String,
    /// For HTTP basic authentication.
    pub user: Option<String>,
    pub password: Option<Secret>,
}

/// A bucket in S3 or in a store that speaks its protocol.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectStore {
    pub bucket: String,
    /// Put in front of every key; empty or ending in a slash.
    #[serde(default)]
    pub prefix: String,
    pub region: String,
    /// URL of a store other than AWS.
    pub endpoint: Option<String>,
    /// Put the bucket into the path instead of the host name, as most stores other than AWS want.
    #[serde(default)]
    pub path_style: bool,
    /// Both or neither; without them the AWS SDK looks in its usual places.
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<Secret>,
}

/// Text that never shows in logs or errors.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show() {
        assert_eq!(format!("{:?}", Some(Secret::new("hunter2"))), "Some([secret])");
    }
}
