//! Finds out how long the brokers keep what the sink may have to read again: records and committed positions. The brokers are
//! asked only where a rule of the bucket deletes files.

use rdkafka::{
    admin::{AdminClient, AdminOptions, ConfigResource, ResourceSpecifier},
    client::DefaultClientContext,
    error::KafkaError,
    metadata::MetadataBroker,
};
use std::{fmt, sync::Arc, time::Duration};

use crate::{
    config::{Config, ShortExpiry},
    error::StoreError,
    store::{Expiry, Judgement, Store},
};

const TIMEOUT: Duration = Duration::from_secs(10);
/// Kafka's default retention of both, for what is unknown.
const DEFAULT: Duration = Duration::from_hours(7 * 24);

/// How long the brokers keep something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    For(Duration),
    /// Retention without limit, or compaction.
    Forever,
    Unknown,
}

/// What the brokers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retention {
    /// The longest retention among the topics.
    pub(crate) topics: Kept,
    /// The retention of a group's committed positions.
    pub(crate) offsets: Kept,
}

impl Kept {
    /// Returns the duration; Kafka's default where it is unknown or unlimited.
    pub(crate) fn at_least(self) -> Duration {
        match self {
            Self::For(duration) => duration,
            Self::Forever | Self::Unknown => DEFAULT,
        }
    }

    fn longer(self, other: Self) -> Self {
        match (self, other) {
            (Self::Forever, _) | (_, Self::Forever) => Self::Forever,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::For(one), Self::For(two)) => Self::For(one.max(two)),
        }
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.at_least().as_secs().div_ceil(24 * 60 * 60);
        match self {
            Self::For(_) => write!(f, "{days}"),
            Self::Forever => f.write_str("any number"),
            Self::Unknown => write!(f, "{days} (Kafka's default, since the brokers did not say)"),
        }
    }
}

/// Reads the bucket's rules, and refuses or logs those that delete files too early, as `sink.objects.short_expiry` says.
///
/// # Errors
/// [`StoreError::Expires`] for a rule that is refused.
pub(crate) async fn check(config: &Arc<Config>, store: &Store) -> Result<(), StoreError> {
    let expiries = store.expiries(&config.topics).await.unwrap_or_default();
    if expiries.is_empty() {
        return Ok(());
    }
    let retention = ask(config, store).await;
    for judgement in expiries.iter().map(|expiry: &Expiry| expiry.judge(&retention)) {
        match judgement {
            Judgement::Harmless => {}
            Judgement::Breaks(reason) if config.objects.short_expiry == ShortExpiry::Refuse => {
                return Err(StoreError::Expires { bucket: config.store.bucket.clone(), reason });
            }
            Judgement::Breaks(reason) | Judgement::Doubtful(reason) => tracing::warn!(reason, "object store"),
        }
    }
    Ok(())
}

/// Asks the brokers. A retention that they do not tell is unknown.
async fn ask(config: &Arc<Config>, store: &Store) -> Retention {
    let mut topics: Vec<String> = config.topics.iter().filter(|topic| !topic.starts_with('^')).cloned().collect();
    if topics.len() < config.topics.len() {
        // What a regular expression matches: the topics that have files.
        topics.extend(store.chained_topics().await.unwrap_or_default());
    }
    match describe(config, topics).await {
        Ok(resources) => judge(&resources),
        Err(error) => {
            tracing::info!(%error, "cannot read the retention of records and positions from the brokers; taken for unknown");
            Retention { topics: Kept::Unknown, offsets: Kept::Unknown }
        }
    }
}

/// Returns the configuration of one broker and of the topics.
async fn describe(config: &Arc<Config>, topics: Vec<String>) -> Result<Vec<ConfigResource>, KafkaError> {
    let admin: Arc<AdminClient<DefaultClientContext>> = Arc::new(clients::kafka::connection(&config.kafka).create()?);
    let asking = Arc::clone(&admin);
    let metadata = tokio::task::spawn_blocking(move || asking.inner().fetch_metadata(None, TIMEOUT)).await;
    let broker = metadata.ok().transpose()?.and_then(|known| known.brokers().first().map(MetadataBroker::id));
    let options = AdminOptions::new().request_timeout(Some(TIMEOUT));
    let mut all = Vec::new();
    // Only the broker itself answers for its configuration, so the topics take a second request.
    let broker = broker.map(ResourceSpecifier::Broker);
    let topics: Vec<_> = topics.iter().map(|topic| ResourceSpecifier::Topic(topic)).collect();
    for resources in [broker.into_iter().collect::<Vec<_>>(), topics] {
        if !resources.is_empty() {
            all.extend(admin.describe_configs(&resources, &options).await?.into_iter().flatten());
        }
    }
    Ok(all)
}

fn judge(resources: &[ConfigResource]) -> Retention {
    let mut retention = Retention { topics: Kept::Unknown, offsets: Kept::Unknown };
    let mut is_first = true;
    for resource in resources {
        let value = |name: &str| resource.get(name).and_then(|entry| entry.value.as_deref());
        let number = |name: &str| value(name).and_then(|value| value.parse::<i64>().ok());
        if let Some(minutes) = number("offsets.retention.minutes") {
            retention.offsets = Kept::For(Duration::from_mins(minutes.max(0) as u64));
        }
        if let Some(policy) = value("cleanup.policy") {
            let kept = match number("retention.ms") {
                _ if !policy.contains("delete") => Kept::Forever,
                Some(millis) => u64::try_from(millis).map_or(Kept::Forever, |ms| Kept::For(Duration::from_millis(ms))),
                None => Kept::Unknown,
            };
            retention.topics = if is_first { kept } else { retention.topics.longer(kept) };
            is_first = false;
        }
    }
    retention
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::admin::{ConfigEntry, ConfigSource, OwnedResourceSpecifier};

    fn resource(entries: &[(&str, &str)]) -> ConfigResource {
        let entries = entries.iter().map(|(name, value)| ConfigEntry {
            name: (*name).to_owned(),
            value: Some((*value).to_owned()),
            source: ConfigSource::Default,
            is_read_only: false,
            is_default: true,
            is_sensitive: false,
        });
        ConfigResource { specifier: OwnedResourceSpecifier::Broker(1), entries: entries.collect() }
    }

    #[test]
    fn the_longest_retention_of_the_topics_counts() {
        let broker = resource(&[("offsets.retention.minutes", "1440"), ("log.retention.hours", "168")]);
        let short = || resource(&[("cleanup.policy", "delete"), ("retention.ms", "1000")]);
        let long = resource(&[("cleanup.policy", "delete"), ("retention.ms", "86400000")]);
        let endless = resource(&[("cleanup.policy", "delete"), ("retention.ms", "-1")]);
        let compacted = resource(&[("cleanup.policy", "compact"), ("retention.ms", "1000")]);
        let day = Kept::For(Duration::from_hours(24));
        assert_eq!(judge(&[broker, long, short()]), Retention { topics: day, offsets: day });
        assert_eq!(judge(&[short(), endless]).topics, Kept::Forever);
        assert_eq!(judge(&[compacted, short()]).topics, Kept::Forever);
        assert_eq!(judge(&[]), Retention { topics: Kept::Unknown, offsets: Kept::Unknown });
    }
}
