//! Files in S3, or in a store that speaks its protocol.

use super::{Location, StageFiles, StagedFile, stage_failure};
use crate::{SqlError, catalog::StageCredentials};
use async_trait::async_trait;
use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, Region, timeout::TimeoutConfig},
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use bytes::Bytes;
use serde::Deserialize;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// How long one request may take with its repetitions.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Where `s3://` is. On Snowflake this is AWS; here it can be any store, so that the SQL stays the same.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Settings {
    pub region: String,
    /// URL of a store other than AWS.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Put the bucket into the path instead of the host name, as most stores other than AWS want.
    #[serde(default)]
    pub path_style: bool,
}

/// One client for each key pair that stages name.
pub struct S3Files {
    settings: S3Settings,
    clients: Mutex<HashMap<Option<String>, (Option<StageCredentials>, Client)>>,
}

impl S3Files {
    pub fn new(settings: S3Settings) -> Self {
        Self { settings, clients: Mutex::default() }
    }

    async fn client(&self, credentials: Option<&StageCredentials>) -> Client {
        let key = credentials.map(|credentials| credentials.key_id.clone());
        let known = |clients: &HashMap<_, (Option<StageCredentials>, Client)>| {
            let (with, client) = clients.get(&key)?;
            (with.as_ref() == credentials).then(|| client.clone())
        };
        if let Some(client) = known(&self.clients.lock().unwrap_or_else(PoisonError::into_inner)) {
            return client;
        }
        let client = self.connect(credentials).await;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.insert(key.clone(), (credentials.cloned(), client.clone()));
        client
    }

    async fn connect(&self, credentials: Option<&StageCredentials>) -> Client {
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let region = Region::new(self.settings.region.clone());
        let mut config = match credentials {
            Some(StageCredentials { key_id, secret_key, token }) => aws_sdk_s3::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .http_client(http)
                .region(region)
                .credentials_provider(Credentials::new(key_id, secret_key, token.clone(), None, "stage")),
            // A stage without keys is read with what the server itself may use.
            None => {
                let shared = aws_config::defaults(BehaviorVersion::latest()).http_client(http).region(region);
                aws_sdk_s3::config::Builder::from(&shared.load().await)
            }
        };
        config = config
            .force_path_style(self.settings.path_style)
            .timeout_config(TimeoutConfig::builder().operation_timeout(TIMEOUT).build());
        if let Some(endpoint) = &self.settings.endpoint {
            config = config.endpoint_url(endpoint);
        }
        Client::from_conf(config.build())
    }
}

#[async_trait]
impl StageFiles for S3Files {
    async fn list(&self, at: &Location, after: Option<&str>) -> Result<Vec<StagedFile>, SqlError> {
        let client = self.client(at.credentials.as_ref()).await;
        let request = client.list_objects_v2().bucket(&at.bucket).prefix(&at.prefix);
        let mut pages = request.set_start_after(after.map(str::to_owned)).into_paginator().send();
        let mut files = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| stage_failure("listing files", at, cause(&error)))?;
            files.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| {
                Some(StagedFile {
                    key: object.key?,
                    size: u64::try_from(object.size?).ok()?,
                    etag: object.e_tag?.trim_matches('"').to_owned(),
                    last_modified: object.last_modified?.to_millis().ok()?,
                })
            }));
        }
        Ok(files)
    }

    async fn read(&self, at: &Location, key: &str) -> Result<Bytes, SqlError> {
        let doing = format!("reading {key}");
        let client = self.client(at.credentials.as_ref()).await;
        let object = client.get_object().bucket(&at.bucket).key(key).send().await;
        let object = object.map_err(|error| stage_failure(&doing, at, cause(&error)))?;
        let body = object.body.collect().await.map_err(|error| stage_failure(&doing, at, error))?;
        Ok(body.into_bytes())
    }
}

/// The store's own code where it answered, all that is known where it did not.
fn cause<E>(error: &SdkError<E>) -> String
where
    SdkError<E>: ProvideErrorMetadata + std::error::Error,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => DisplayErrorContext(error).to_string(),
    }
}
