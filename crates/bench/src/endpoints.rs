//! Where the servers are, from the variables that a runner sets for the programs it measures.

use anyhow::Context;
use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
};
use aws_smithy_http_client::tls;
use contract::endpoints::{Kafka, ObjectStore, SchemaRegistry, Secret};
use sink::Config;
use std::{borrow::Borrow, collections::BTreeMap, env, time::Duration};

use crate::servers::PROPERTIES;

/// When files are rolled, and their codec.
#[derive(Debug, clap::Args)]
pub(crate) struct Roll {
    #[arg(long, default_value_t = 64 * 1024 * 1024)]
    max_bytes: u64,
    #[arg(long, default_value_t = 1_000_000)]
    max_records: u64,
    /// Seconds; 0 for none.
    #[arg(long, default_value_t = 0)]
    window: u64,
    /// Seconds, such as 0.3; 0 for none.
    #[arg(long, default_value_t = 0.0)]
    idle: f64,
    /// `null`, `snappy` or `deflate`.
    #[arg(long, default_value = "snappy")]
    codec: String,
    /// A librdkafka property, `key=value`.
    #[arg(long)]
    property: Vec<String>,
    #[arg(long, default_value_t = 45)]
    session: u64,
}

pub(crate) fn variable(name: &str) -> anyhow::Result<String> {
    env::var(name).with_context(|| format!("environment variable {name}"))
}

/// The librdkafka properties of the environment: the embedded broker needs some.
pub(crate) fn properties() -> anyhow::Result<BTreeMap<String, String>> {
    let text = env::var(PROPERTIES).unwrap_or_default();
    text.split(',').filter(|property| !property.is_empty()).map(property).collect()
}

fn property(text: &str) -> anyhow::Result<(String, String)> {
    let (key, value) = text.split_once('=').with_context(|| format!("`{text}` is not key=value"))?;
    Ok((key.to_owned(), value.to_owned()))
}

/// A client of a store by the keys that it names.
pub(crate) fn client(store: &ObjectStore) -> anyhow::Result<Client> {
    let keys = store.access_key_id.as_ref().zip(store.secret_access_key.as_ref());
    let (id, secret) = keys.context("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")?;
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https();
    let mut config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(store.region.clone()))
        .credentials_provider(Credentials::new(id, secret.expose(), None, None, "environment"))
        .http_client(http)
        .force_path_style(store.path_style);
    if let Some(endpoint) = &store.endpoint {
        config = config.endpoint_url(endpoint);
    }
    Ok(Client::from_conf(config.build()))
}

/// The bucket and how to get at it.
pub(crate) fn store<K: Ord + Borrow<str>>(variables: &BTreeMap<K, String>) -> anyhow::Result<ObjectStore> {
    let of = |name: &str| variables.get(name).cloned();
    let prefix = of("PREFIX").unwrap_or_default();
    Ok(ObjectStore {
        bucket: of("BUCKET").context("BUCKET is not set")?,
        prefix: if prefix.is_empty() || prefix.ends_with('/') { prefix } else { format!("{prefix}/") },
        region: of("AWS_REGION").unwrap_or_else(|| "us-east-1".to_owned()),
        endpoint: of("S3_ENDPOINT"),
        path_style: true,
        access_key_id: of("AWS_ACCESS_KEY_ID"),
        secret_access_key: of("AWS_SECRET_ACCESS_KEY").map(Secret::new),
    })
}

pub(crate) fn config(roll: Option<&Roll>) -> anyhow::Result<Config> {
    let mut properties = properties()?;
    for text in roll.into_iter().flat_map(|roll| &roll.property) {
        properties.extend([property(text)?]);
    }
    let kafka = Kafka { bootstrap_servers: variable("BROKERS")?, properties };
    let registry = SchemaRegistry { url: variable("REGISTRY")?, user: None, password: None };
    let store = store(&env::vars().collect())?;
    let mut config = Config::new(kafka, registry, store);
    if let Ok(topic) = env::var("TOPIC") {
        config.topics = vec![topic];
    }
    if let Ok(group) = env::var("GROUP") {
        config.group_id = group;
    }
    if let Some(roll) = roll {
        config.roll.max_bytes = roll.max_bytes;
        config.roll.max_records = roll.max_records;
        config.roll.window = Duration::from_secs(roll.window);
        config.roll.idle = Duration::try_from_secs_f64(roll.idle).context("--idle")?;
        config.session_timeout = Duration::from_secs(roll.session);
        config.codec = serde_json::from_value(roll.codec.clone().into())?;
    }
    Ok(config)
}
