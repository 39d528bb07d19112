//! The object store as the protocol needs it: create-only objects whose outcome is a type, HEAD, and LIST from a position.
//! Failed requests are retried until a deadline. What an answer means for a chain is decided in `sink-core`.

mod abandoned;
mod body;
mod create;
mod failure;
mod lifecycle;
mod multipart;
mod operation;
mod probe;
mod read;
pub(crate) mod retention;
mod retry;

pub(crate) use lifecycle::{Expiry, Judgement};
pub(crate) use multipart::requests;

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig, timeout::TimeoutConfig},
};
use aws_smithy_http_client::tls;
use contract::endpoints::ObjectStore;
use sink_core::facts::{ForeignObject, FoundFile};
use std::{sync::Arc, time::Duration};
use telemetry::Health;
use tokio::sync::OnceCell;

use crate::{
    config::{Config, Objects},
    metrics::Metrics,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The outcome of a create-only request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    Created,
    /// The key is taken.
    AlreadyExists,
}

/// What HEAD found.
#[derive(Debug)]
pub(crate) enum Headed {
    Missing,
    File(FoundFile),
    Foreign(ForeignObject),
}

/// Where the state of the store is reported.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) metrics: Metrics,
    pub(crate) health: Health,
}

/// A bucket, or the part of it under a prefix.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    client: Client,
    /// The endpoint's URL, or AWS and a region; for errors.
    server: Arc<str>,
    bucket: String,
    prefix: String,
    objects: Arc<Objects>,
    /// For one operation with all its retries, without the time to transfer its bytes.
    deadline: Duration,
    /// For one request, without the time to transfer its bytes.
    attempt: Duration,
    watched: Option<Watched>,
    /// Set once the store has shown that it honours create-only uploads in parts.
    parts_proved: Arc<OnceCell<()>>,
}

impl Store {
    pub(crate) async fn connect(config: &Config, watched: Option<Watched>) -> Self {
        let store = &config.store;
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .region(Region::new(store.region.clone()))
            // Retries and timeouts depend on the size of a request, so this module has its own.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build());
        if let (Some(id), Some(secret)) = (&store.access_key_id, &store.secret_access_key) {
            loader = loader.credentials_provider(Credentials::new(id, secret.expose(), None, None, "configuration"));
        }
        if let Some(endpoint) = &store.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        let shared = loader.load().await;
        let own = aws_sdk_s3::config::Builder::from(&shared)
            .force_path_style(store.path_style)
            // The sink computes the checksums that the store verifies.
            .request_checksum_calculation(aws_sdk_s3::config::RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(aws_sdk_s3::config::ResponseChecksumValidation::WhenRequired)
            .build();
        Self {
            client: Client::from_conf(own),
            server: server(store).into(),
            bucket: store.bucket.clone(),
            prefix: store.prefix.clone(),
            objects: Arc::new(config.objects.clone()),
            deadline: config.deadlines.store,
            attempt: config.deadlines.store_attempt,
            watched,
            parts_proved: Arc::default(),
        }
    }

    fn key(&self, relative: &str) -> String {
        format!("{}{relative}", self.prefix)
    }

    /// A whole key as errors name it.
    fn url(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }
}

/// Returns the endpoint without the user and the password that it may hold.
fn server(store: &ObjectStore) -> String {
    let Some(endpoint) = &store.endpoint else { return format!("AWS, region {}", store.region) };
    let (scheme, rest) = endpoint.split_once("://").map_or(("", endpoint.as_str()), |(scheme, rest)| (scheme, rest));
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((user, _)) => format!("{scheme}://{}", &rest[user.len() + 1..]),
        None => endpoint.clone(),
    }
}
