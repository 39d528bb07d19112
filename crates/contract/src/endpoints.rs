//! Where the other parts are. The three back ends (embedded, compose, cloud) differ in these values and in nothing else.

use crate::settings::{self, Refused};
use serde::Deserialize;
use std::{collections::BTreeMap, fmt, net::IpAddr};

/// A Kafka cluster.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kafka {
    /// `host:port`, several separated by commas.
    pub bootstrap_servers: String,
    /// Further librdkafka properties, handed on unchanged. A service refuses those that would void its guarantees.
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
    /// Put in front of every key; empty, or ending in a slash.
    #[serde(default)]
    pub prefix: String,
    pub region: String,
    /// URL of a store other than AWS.
    pub endpoint: Option<String>,
    /// Puts the bucket into the path instead of the host name, as most stores other than AWS require.
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

impl Kafka {
    /// Refuses servers without a port and properties without a name.
    ///
    /// # Errors
    /// Names the key.
    pub fn check(&self) -> Result<(), Refused> {
        for server in self.bootstrap_servers.split(',').map(str::trim) {
            // librdkafka also takes `SASL_SSL://host:port`.
            let address = server.split_once("://").map_or(server, |(_, address)| address);
            settings::host_and_port("kafka.bootstrap_servers", address)?;
        }
        if self.properties.keys().any(|name| name.trim().is_empty()) {
            return Err(Refused::new("kafka.properties", "found a property without a name; remove it or name it"));
        }
        Ok(())
    }
}

impl SchemaRegistry {
    /// Refuses a URL that cannot be one, and half of a login.
    ///
    /// # Errors
    /// Names the key.
    pub fn check(&self) -> Result<(), Refused> {
        settings::web_address("registry.url", &self.url)?;
        if let Some(user) = &self.user {
            settings::filled("registry.user", user, "a name; leave the key out to log in without one")?;
        } else if self.password.is_some() {
            return Err(Refused::new("registry.user", "found only `registry.password`, expected both or neither"));
        }
        Ok(())
    }
}

impl ObjectStore {
    /// Refuses a bucket, prefix or endpoint that cannot be one, and half of a key pair.
    ///
    /// # Errors
    /// Names the key.
    pub fn check(&self) -> Result<(), Refused> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        // Access points are named by their ARN, which has colons and slashes.
        if self.bucket.is_empty() || !(self.bucket.starts_with("arn:") || self.bucket.chars().all(is_name)) {
            let expected = "the name of a bucket, without s3:// and without a path; a folder in it is `store.prefix`";
            return Err(Refused::found("store.bucket", &self.bucket, expected));
        }
        self.check_prefix()?;
        settings::filled("store.region", &self.region, "a region, such as us-east-1")?;
        if let Some(endpoint) = &self.endpoint {
            settings::web_address("store.endpoint", endpoint)?;
        }
        let missing = match (&self.access_key_id, &self.secret_access_key) {
            (Some(_), None) => "secret_access_key",
            (None, Some(_)) => "access_key_id",
            _ => return Ok(()),
        };
        let reason = "is missing, expected both of `access_key_id` and `secret_access_key` or neither";
        Err(Refused::new(format!("store.{missing}"), reason))
    }

    /// `abc` is not taken for `abc/`: the keys of files written so far may begin with either, and the difference would
    /// begin a second chain of files.
    fn check_prefix(&self) -> Result<(), Refused> {
        let prefix = self.prefix.as_str();
        let tidy = prefix.is_empty() || (prefix.ends_with('/') && !prefix.starts_with('/') && !prefix.contains("//"));
        if tidy {
            return Ok(());
        }
        let folders: Vec<&str> = prefix.split('/').filter(|part| !part.is_empty()).collect();
        let slash = if folders.is_empty() { "" } else { "/" };
        let right = folders.join("/") + slash;
        let expected = "nothing, or folders that each end in one slash";
        Err(Refused::found("store.prefix", prefix, format!("{expected}; write `{right}`")))
    }
}

impl fmt::Debug for Kafka {
    /// Without the values of properties that are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(name, value): (&String, &String)| {
            let value = if settings::is_secret(name) { Secret::SHOWN.to_owned() } else { value.clone() };
            (name.clone(), value)
        };
        let properties: BTreeMap<String, String> = self.properties.iter().map(shown).collect();
        f.debug_struct("Kafka")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("properties", &properties)
            .finish()
    }
}

/// Text that never shows in logs or errors.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// What is shown in its place.
    pub const SHOWN: &str = "[secret]";

    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::SHOWN)
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
        let properties = [("sasl.username", "ann"), ("sasl.password", "hunter2"), ("ssl.key.pem", "hunter2")];
        let properties = properties.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let shown = format!("{:?}", Kafka { bootstrap_servers: "k:9092".into(), properties });
        assert!(!shown.contains("hunter2") && shown.contains("ann") && shown.contains("sasl.password"), "{shown}");
    }

    #[test]
    fn servers_without_a_port_are_refused_among_others_too() {
        let check = |servers: &str| Kafka { bootstrap_servers: servers.into(), properties: BTreeMap::new() }.check();
        assert_eq!(check("a:9092, SASL_SSL://b:9093"), Ok(()));
        for bad in ["", "a", "a:9092,b", "a:9092,", "SSL://a"] {
            assert_eq!(check(bad).unwrap_err().key, "kafka.bootstrap_servers", "{bad}");
        }
    }

    #[test]
    fn half_a_login_is_refused() {
        let check = |user: Option<&str>, password: Option<&str>| {
            let (user, password) = (user.map(str::to_owned), password.map(Secret::new));
            SchemaRegistry { url: "http://r".into(), user, password }.check().map_err(|refused| refused.key)
        };
        assert_eq!(check(Some("ann"), Some("x")), Ok(()));
        assert_eq!(check(None, None), Ok(()));
        assert_eq!(check(None, Some("x")), Err("registry.user".to_owned()));
        assert_eq!(check(Some(""), Some("x")), Err("registry.user".to_owned()));
    }

    #[test]
    fn a_store_that_cannot_be_one_is_refused_by_key() {
        let refused = |change: &dyn Fn(&mut ObjectStore)| {
            let mut store: ObjectStore = serde_json::from_str(r#"{"bucket": "b", "region": "r"}"#).unwrap();
            change(&mut store);
            store.check().map_err(|refused| refused.key).err().unwrap_or_default()
        };
        assert_eq!(refused(&|_| ()), "");
        assert_eq!(refused(&|store| store.prefix = "a/b/".into()), "");
        assert_eq!(refused(&|store| store.bucket = "arn:aws:s3:eu-west-1:1:accesspoint/x".into()), "");
        for bucket in ["", "s3://b", "b/c", "b c"] {
            assert_eq!(refused(&|store| store.bucket = bucket.into()), "store.bucket", "{bucket}");
        }
        assert_eq!(refused(&|store| store.region = " ".into()), "store.region");
        assert_eq!(refused(&|store| store.endpoint = Some("127.0.0.1:9000".into())), "store.endpoint");
        assert_eq!(refused(&|store| store.access_key_id = Some("k".into())), "store.secret_access_key");
        assert_eq!(refused(&|store| store.secret_access_key = Some(Secret::new("k"))), "store.access_key_id");
    }

    #[test]
    fn a_prefix_that_does_not_end_in_a_slash_is_refused_with_the_way_out() {
        for (prefix, right) in [("abc", "abc/"), ("/abc/", "abc/"), ("/", ""), ("a//b/", "a/b/")] {
            let store = format!(r#"{{"bucket": "b", "region": "r", "prefix": "{prefix}"}}"#);
            let refused = serde_json::from_str::<ObjectStore>(&store).unwrap().check().unwrap_err();
            assert_eq!(refused.key, "store.prefix");
            let says = format!("found `{prefix}`, expected");
            assert!(refused.reason.starts_with(&says), "{refused}");
            assert!(refused.reason.ends_with(&format!("write `{right}`")), "{refused}");
        }
    }
}
