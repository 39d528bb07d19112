//! A stack on a folder of its own, and clients of it.

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use contract::endpoints::{Kafka, ObjectStore};
use local_stack::{Options, Ports, Stack};
use rdkafka::ClientConfig;
use std::{
    future::Future,
    path::Path,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long anything may take before its test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) struct TestStack {
    pub(crate) stack: Stack,
    pub(crate) folder: TempDir,
}

pub(crate) async fn start() -> TestStack {
    let folder = tempfile::tempdir().unwrap();
    let stack = start_on(folder.path()).await;
    TestStack { stack, folder }
}

pub(crate) async fn start_on(folder: &Path) -> Stack {
    let options = Options { state: folder.join("state"), ports: Ports::default(), bucket: "raw-data".to_owned() };
    Stack::start(options).await.unwrap()
}

impl TestStack {
    pub(crate) fn s3(&self) -> S3 {
        s3(&self.stack.endpoints().store)
    }

    pub(crate) fn kafka(&self) -> &Kafka {
        &self.stack.endpoints().kafka
    }
}

/// A client and the stack's bucket.
#[derive(Clone)]
pub(crate) struct S3 {
    pub(crate) client: Client,
    pub(crate) bucket: String,
}

/// A client that tries once: a test must see each answer.
pub(crate) fn s3(store: &ObjectStore) -> S3 {
    let secret = store.secret_access_key.as_ref().unwrap().expose();
    let credentials = Credentials::new(store.access_key_id.clone().unwrap(), secret, None, None, "test");
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(store.region.clone()))
        .endpoint_url(store.endpoint.clone().unwrap())
        .force_path_style(store.path_style)
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .http_client(http)
        .build();
    S3 { client: Client::from_conf(config), bucket: store.bucket.clone() }
}

/// librdkafka's configuration for a stack, with more properties.
pub(crate) fn kafka(endpoint: &Kafka, properties: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &endpoint.bootstrap_servers);
    config.extend(endpoint.properties.clone());
    config.extend(properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    config
}

/// Asks again until there is an answer.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// reqwest takes the process's TLS provider even where only plain HTTP is spoken.
#[cfg(feature = "warehouse")]
pub(crate) fn choose_tls() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}
