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
const TIMEOUT: Duration = Duration::from_mins(1);

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

/// A client and the keys it was made with.
type Keyed = (Option<StageCredentials>, Client);

/// One client for each key pair that stages name.
pub struct S3Files {
    settings: S3Settings,
    clients: Mutex<HashMap<Option<String>, Keyed>>,
}

impl S3Files {
    pub fn new(settings: S3Settings) -> Self {
        Self { settings, clients: Mutex::default() }
    }

    fn client(&self, credentials: Option<&StageCredentials>) -> Client {
        let key = credentials.map(|credentials| credentials.key_id.clone());
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        match clients.get(&key) {
            Some((with, client)) if with.as_ref() == credentials => client.clone(),
            _ => {
                let client = self.connect(credentials);
                clients.insert(key, (credentials.cloned(), client.clone()));
                client
            }
        }
    }

    fn connect(&self, credentials: Option<&StageCredentials>) -> Client {
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http)
            .region(Region::new(self.settings.region.clone()))
            .force_path_style(self.settings.path_style)
            .timeout_config(TimeoutConfig::builder().operation_timeout(TIMEOUT).build());
        let mut config = if let Some(StageCredentials { key_id, secret_key, token }) = credentials {
            config.credentials_provider(Credentials::new(key_id, secret_key, token.clone(), None, "stage"))
        } else {
            // As on Snowflake: a stage without keys reads what everybody may read. The server's own rights are not the
            // statement's to use, so nothing looks for any.
            config.allow_no_auth()
        };
        if let Some(endpoint) = &self.settings.endpoint {
            config = config.endpoint_url(endpoint);
        }
        Client::from_conf(config.build())
    }
}

#[async_trait]
impl StageFiles for S3Files {
    async fn list(&self, at: &Location, after: Option<&str>) -> Result<Vec<StagedFile>, SqlError> {
        let client = self.client(at.credentials.as_ref());
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
        let client = self.client(at.credentials.as_ref());
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    const LISTING: &str = "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>in/a</Key>\
                           <Size>1</Size><ETag>\"e\"</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>\
                           </ListBucketResult>";

    /// Lists a stage with these keys on a store that answers one request; returns that request.
    async fn request(credentials: Option<StageCredentials>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Some(format!("http://{}", listener.local_addr().unwrap()));
        let store = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
            while !request.ends_with(b"\r\n\r\n") {
                let read = stream.read(&mut buffer).await.unwrap();
                request.extend_from_slice(&buffer[..read]);
            }
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{LISTING}", LISTING.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(request).unwrap().to_lowercase()
        });
        let files = S3Files::new(S3Settings { region: "us-east-1".into(), endpoint, path_style: true });
        let at = Location { bucket: "b".into(), prefix: "in/".into(), credentials };
        let found = files.list(&at, None).await.unwrap();
        assert_eq!((found.len(), found[0].key.as_str(), found[0].etag.as_str()), (1, "in/a", "e"));
        store.await.unwrap()
    }

    #[tokio::test]
    async fn a_stage_without_keys_is_read_without_any() {
        assert!(!request(None).await.contains("authorization:"));
    }

    #[tokio::test]
    async fn a_stage_with_keys_signs_with_them() {
        let keys = StageCredentials { key_id: "MYKEY".into(), secret_key: "s".into(), token: None };
        assert!(request(Some(keys)).await.contains("credential=mykey/"));
    }
}
