//! Where the servers are, from the variables that a runner sets for the programs it measures.

use anyhow::Context;
use contract::endpoints::{Kafka, ObjectStore, SchemaRegistry, Secret};
use sink::Config;
use std::{collections::BTreeMap, env, time::Duration};

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
    /// Seconds; 0 for none.
    #[arg(long, default_value_t = 0)]
    idle: u64,
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

pub(crate) fn config(roll: Option<&Roll>) -> anyhow::Result<Config> {
    let properties: BTreeMap<_, _> = roll
        .into_iter()
        .flat_map(|roll| &roll.property)
        .filter_map(|property| property.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let kafka = Kafka { bootstrap_servers: variable("BROKERS")?, properties };
    let registry = SchemaRegistry { url: variable("REGISTRY")?, user: None, password: None };
    let prefix = env::var("PREFIX").unwrap_or_default();
    let prefix = if prefix.is_empty() || prefix.ends_with('/') { prefix } else { format!("{prefix}/") };
    let store = ObjectStore {
        bucket: variable("BUCKET")?,
        prefix,
        region: env::var("AWS_REGION").unwrap_or_else(|_| "us-east-1".to_owned()),
        endpoint: env::var("S3_ENDPOINT").ok(),
        path_style: true,
        access_key_id: env::var("AWS_ACCESS_KEY_ID").ok(),
        secret_access_key: env::var("AWS_SECRET_ACCESS_KEY").ok().map(Secret::new),
    };
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
        config.roll.idle = Duration::from_secs(roll.idle);
        config.session_timeout = Duration::from_secs(roll.session);
        config.codec = serde_json::from_value(roll.codec.clone().into())?;
    }
    Ok(config)
}

/// For another topic and group than the environment's.
pub(crate) fn with(topic: &str, group: &str) -> anyhow::Result<Config> {
    let mut config = config(None)?;
    config.topics = vec![topic.to_owned()];
    group.clone_into(&mut config.group_id);
    Ok(config)
}
