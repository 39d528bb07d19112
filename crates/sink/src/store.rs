//! The object store as the protocol needs it: create-only puts whose outcome is a type, HEAD, and LIST from a position.
//! Repeats what failed for a while until a deadline; what the answers mean is decided elsewhere.

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig, timeout::TimeoutConfig},
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    operation::{get_object::GetObjectError, head_object::HeadObjectError},
    primitives::ByteStream,
};
use aws_smithy_http_client::tls;
use bytes::Bytes;
use contract::{Position, endpoints::ObjectStore, names};
use sink_core::{
    facts::{ForeignObject, FoundFile},
    genesis::Genesis,
    partition::More,
};
use std::{collections::HashMap, time::Duration};
use tokio::time::{Instant, sleep};

use crate::{
    error::StoreError,
    metrics::Metrics,
    spool::{Body, SealedBody},
};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const ATTEMPT_TIMEOUT: Duration = Duration::from_mins(1);

/// What became of a create-only put.
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

/// A bucket, or the part of it under a prefix.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    client: Client,
    bucket: String,
    prefix: String,
    deadline: Duration,
    metrics: Option<Metrics>,
}

/// How one attempt failed.
struct Failure {
    retry: Retry,
    reason: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Retry {
    Worthwhile,
    Useless,
}

impl Store {
    pub(crate) async fn connect(config: &ObjectStore, deadline: Duration, metrics: Option<Metrics>) -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .region(Region::new(config.region.clone()))
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(5))
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .build(),
            );
        if let (Some(id), Some(secret)) = (&config.access_key_id, &config.secret_access_key) {
            loader = loader.credentials_provider(Credentials::new(id, secret.expose(), None, None, "configuration"));
        }
        if let Some(endpoint) = &config.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        let shared = loader.load().await;
        let own = aws_sdk_s3::config::Builder::from(&shared)
            .force_path_style(config.path_style)
            // Files carry a checksum of our own, which the store verifies.
            .request_checksum_calculation(aws_sdk_s3::config::RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(aws_sdk_s3::config::ResponseChecksumValidation::WhenRequired)
            .build();
        Self {
            client: Client::from_conf(own),
            bucket: config.bucket.clone(),
            prefix: config.prefix.clone(),
            deadline,
            metrics,
        }
    }

    fn key(&self, relative: &str) -> String {
        format!("{}{relative}", self.prefix)
    }

    /// Repeats `attempt` with growing pauses until it succeeds, cannot succeed, or the deadline has passed.
    async fn repeat<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        tried: &'static str,
        key: &str,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, StoreError> {
        let end = Instant::now() + self.deadline;
        let mut pause = FIRST_PAUSE;
        loop {
            let failure = match attempt().await {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            let (key, reason) = (key.to_owned(), failure.reason);
            if failure.retry == Retry::Useless {
                return Err(StoreError::Refused { tried, key, reason });
            }
            if Instant::now() + pause >= end {
                return Err(StoreError::Deadline { tried, key, reason });
            }
            tracing::warn!(tried, key, reason, pause_ms = pause.as_millis() as u64, "object store, trying again");
            if let Some(metrics) = &self.metrics {
                metrics.store_retries.inc();
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Creates the file that begins at `start`, unless something is there.
    pub(crate) async fn create_file(
        &self,
        topic: &str,
        partition: i32,
        start: Position,
        file: &SealedBody,
        metadata: &[(&'static str, String)],
    ) -> Result<Put, StoreError> {
        let key = self.key(&names::object_key(topic, partition, start));
        self.repeat("creating", &key, || async {
            let metadata = metadata.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
            self.put(&key, &file.body, Some(metadata), Some(file.sha256_base64())).await
        })
        .await
    }

    async fn put(
        &self,
        key: &str,
        body: &Body,
        metadata: Option<HashMap<String, String>>,
        sha256: Option<String>,
    ) -> Result<Put, Failure> {
        let sent = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .if_none_match("*")
            .set_metadata(metadata)
            .set_checksum_sha256(sha256)
            .content_length(body.len() as i64)
            .body(body.stream())
            .customize()
            // The store verifies the checksum header; hashing the body again for the signature would cost as much as
            // everything else.
            .disable_payload_signing()
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Put::Created),
            Err(error) if status(&error) == Some(412) => Ok(Put::AlreadyExists),
            Err(error) => Err(failure(&error)),
        }
    }

    /// Reads a file's metadata.
    pub(crate) async fn head(&self, topic: &str, partition: i32, start: Position) -> Result<Headed, StoreError> {
        let key = self.key(&names::object_key(topic, partition, start));
        self.repeat("looking at", &key, || async {
            match self.client.head_object().bucket(&self.bucket).key(&key).send().await {
                Ok(head) => {
                    let bytes = u64::try_from(head.content_length().unwrap_or(0)).unwrap_or(0);
                    let none = HashMap::new();
                    Ok(match FoundFile::parse(start, bytes, head.metadata().unwrap_or(&none)) {
                        Ok(file) => Headed::File(file),
                        Err(foreign) => Headed::Foreign(foreign),
                    })
                }
                Err(error) if matches!(error.as_service_error(), Some(HeadObjectError::NotFound(_))) => {
                    Ok(Headed::Missing)
                }
                Err(error) if status(&error) == Some(404) => Ok(Headed::Missing),
                Err(error) => Err(failure(&error)),
            }
        })
        .await
    }

    /// Bytes `[from, from + len)` of a file, which must have them.
    pub(crate) async fn read(
        &self,
        topic: &str,
        partition: i32,
        start: Position,
        from: u64,
        len: u64,
    ) -> Result<Bytes, StoreError> {
        let key = self.key(&names::object_key(topic, partition, start));
        let range = format!("bytes={from}-{}", from + len.max(1) - 1);
        self.repeat("reading", &key, || async {
            let got = self.client.get_object().bucket(&self.bucket).key(&key).range(&range).send().await;
            let body = got.map_err(|error| failure(&error))?.body.collect().await;
            let bytes = body.map_err(|error| Failure { retry: Retry::Worthwhile, reason: error.to_string() })?;
            let bytes = bytes.into_bytes();
            if bytes.len() as u64 == len {
                return Ok(bytes);
            }
            Err(Failure { retry: Retry::Worthwhile, reason: format!("{} bytes instead of {len}", bytes.len()) })
        })
        .await
    }

    /// One page of the starts of a partition's files, from `from` on.
    pub(crate) async fn list(
        &self,
        topic: &str,
        partition: i32,
        from: Position,
    ) -> Result<(Vec<Position>, More), StoreError> {
        let prefix = self.key(&names::partition_prefix(topic, partition));
        let after = (from.0 > 0).then(|| self.key(&names::object_key(topic, partition, Position(from.0 - 1))));
        let (keys, more) = self.list_keys(&prefix, after).await?;
        let starts = keys.iter().filter_map(|key| names::parse_object_key(key)).map(|key| key.start).collect();
        Ok((starts, more))
    }

    /// One page of keys under a prefix, behind `after`; without the configured prefix.
    async fn list_keys(&self, prefix: &str, after: Option<String>) -> Result<(Vec<String>, More), StoreError> {
        self.repeat("listing", prefix, || async {
            let listing = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
            let page = listing.set_start_after(after.clone()).send().await.map_err(|error| failure(&error))?;
            let keys = page.contents().iter().filter_map(|object| object.key());
            let keys = keys.filter_map(|key| key.strip_prefix(self.prefix.as_str())).map(str::to_owned).collect();
            Ok((keys, if page.is_truncated() == Some(true) { More::Yes } else { More::No }))
        })
        .await
    }

    /// All keys under a relative prefix, in order.
    pub(crate) async fn all_keys(&self, relative: &str) -> Result<Vec<String>, StoreError> {
        let prefix = self.key(relative);
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let (keys, more) = self.list_keys(&prefix, after).await?;
            after = keys.last().map(|last| self.key(last));
            all.extend(keys);
            if more == More::No || after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Reads where a partition's chain begins.
    pub(crate) async fn genesis(&self, topic: &str, partition: i32) -> Result<Option<Genesis>, StoreError> {
        let key = self.key(&names::genesis_key(topic, partition));
        let bytes = self
            .repeat("reading", &key, || async {
                let got = match self.client.get_object().bucket(&self.bucket).key(&key).send().await {
                    Ok(got) => got,
                    Err(error) if matches!(error.as_service_error(), Some(GetObjectError::NoSuchKey(_))) => {
                        return Ok(None);
                    }
                    Err(error) if status(&error) == Some(404) => return Ok(None),
                    Err(error) => return Err(failure(&error)),
                };
                let body = got.body.collect().await;
                let body = body.map_err(|error| Failure { retry: Retry::Worthwhile, reason: error.to_string() })?;
                Ok(Some(body.into_bytes()))
            })
            .await?;
        let Some(bytes) = bytes else { return Ok(None) };
        let foreign = |error: serde_json::Error| StoreError::Foreign { key, reason: error.to_string() };
        serde_json::from_slice(&bytes).map(Some).map_err(foreign)
    }

    /// Writes where a partition's chain begins, unless it is written.
    pub(crate) async fn create_genesis(&self, genesis: &Genesis) -> Result<Put, StoreError> {
        let key = self.key(&names::genesis_key(&genesis.topic, genesis.partition));
        let text = serde_json::to_vec_pretty(genesis)
            .map_err(|error| StoreError::Foreign { key: key.clone(), reason: error.to_string() })?;
        let body = Body::Memory(text.into());
        self.repeat("creating", &key, || self.put(&key, &body, None, None)).await
    }

    /// Whether the store honours create-only puts; without that, nothing here is safe.
    pub(crate) async fn probe(&self, writer: &str) -> Result<(), StoreError> {
        let key = self.key(&format!("probes/{writer}"));
        let body = Body::Memory(b"create-only?".as_slice().into());
        let mut second = Put::Created;
        for _ in 0..2 {
            second = self.repeat("creating", &key, || self.put(&key, &body, None, None)).await?;
        }
        if let Err(error) = self.client.delete_object().bucket(&self.bucket).key(&key).send().await {
            tracing::warn!(key, error = %DisplayErrorContext(&error), "could not delete the probe object");
        }
        if second == Put::Created { Err(StoreError::Unconditional { key }) } else { Ok(()) }
    }
}

fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// Conflicts of racing puts (409), throttling, server errors and lost connections are worth repeating; what the store
/// refuses for good (no such bucket, access denied) is not.
fn failure<E: ProvideErrorMetadata + std::error::Error + 'static>(error: &SdkError<E>) -> Failure {
    let retry = match status(error) {
        Some(408 | 409 | 425 | 429 | 500..=599) | None => Retry::Worthwhile,
        Some(400) if error.code() == Some("RequestTimeout") => Retry::Worthwhile,
        Some(_) => Retry::Useless,
    };
    Failure { retry, reason: DisplayErrorContext(error).to_string() }
}

impl Body {
    fn stream(&self) -> ByteStream {
        match self {
            Self::Memory(bytes) => ByteStream::from(bytes.clone()),
            Self::File { file, len } => crate::spool::file_stream(std::sync::Arc::clone(file), *len),
        }
    }
}
