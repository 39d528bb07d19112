//! Where the other parts are. The same three back ends (embedded, compose, cloud) differ in these values and nothing else.

use serde::Deserialize;
use std::{collections::BTreeMap, fmt, net::IpAddr};

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

/// Whether a URL is of this machine itself. Requests there never go through a proxy, which could not reach it.
pub fn is_loopback(url: &str) -> bool {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
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
    fn this_machine_is_told_from_others() {
        for url in
            ["http://127.0.0.1:8081", "https://u:p@localhost/x", "http://[::1]:1/", "http://127.9.9.9", "LOCALHOST:80"]
        {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "http://registry:8081",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "https://example.com/127.0.0.1",
            "",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }

    #[test]
    fn a_secret_does_not_show() {
        assert_eq!(format!("{:?}", Some(Secret::new("hunter2"))), "Some([secret])");
    }
}
