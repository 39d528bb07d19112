//! Creates objects, each at most once: every request carries the condition that the key is free (`If-None-Match: *`).

use aws_sdk_s3::types::ServerSideEncryption;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use contract::{Position, names};
use sha2::{Digest, Sha256};
use sink_core::genesis::Genesis;
use std::collections::HashMap;

use super::{
    Put, Store,
    failure::{Failure, status},
    operation::Operation,
};
use crate::{
    config::Encryption,
    error::StoreError,
    spool::{Body, SealedBody},
};

/// An object to create.
pub(super) struct NewObject<'a> {
    pub(super) key: &'a str,
    pub(super) body: &'a Body,
    /// SHA-256 of the body in base64. The store verifies it.
    sha256: String,
    pub(super) metadata: Option<HashMap<String, String>>,
    /// Tags as a query string.
    pub(super) tags: Option<String>,
}

impl<'a> NewObject<'a> {
    /// Returns a small object without metadata and tags.
    pub(super) fn small(key: &'a str, body: &'a Body, bytes: &[u8]) -> Self {
        Self { key, body, sha256: STANDARD.encode(Sha256::digest(bytes)), metadata: None, tags: None }
    }
}

impl Store {
    /// Creates the file that begins at `start`, unless its key is taken.
    pub(crate) async fn create_file(
        &self,
        topic: &str,
        partition: i32,
        start: Position,
        file: &SealedBody,
        metadata: &[(&'static str, String)],
    ) -> Result<Put, StoreError> {
        let key = self.key(&names::object_key(topic, partition, start));
        let object = NewObject {
            key: &key,
            body: &file.body,
            sha256: file.sha256_base64(),
            metadata: Some(metadata.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()),
            tags: self.objects.tags_as_query(),
        };
        if file.body.len() > self.objects.multipart_bytes {
            self.prove_parts().await?;
            return self.create_in_parts(&object).await;
        }
        self.create_at_once(&object).await
    }

    /// Writes where a partition's chain begins, unless that is written already.
    pub(crate) async fn create_genesis(&self, genesis: &Genesis) -> Result<Put, StoreError> {
        let key = self.key(&names::genesis_key(&genesis.topic, genesis.partition));
        let text = serde_json::to_vec_pretty(genesis)
            .map_err(|error| StoreError::Foreign { url: self.url(&key), reason: error.to_string() })?;
        let body = Body::of(text.clone());
        self.create_at_once(&NewObject::small(&key, &body, &text)).await
    }

    /// Creates an object in one request.
    pub(super) async fn create_at_once(&self, object: &NewObject<'_>) -> Result<Put, StoreError> {
        let patience = self.patience(object.body.len());
        self.repeat(Operation::Create, object.key, patience, || self.put(object)).await
    }

    async fn put(&self, object: &NewObject<'_>) -> Result<Put, Failure> {
        let (encryption, kms_key) = self.encryption();
        let sent = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(object.key)
            .if_none_match("*")
            .set_metadata(object.metadata.clone())
            .set_tagging(object.tags.clone())
            .set_server_side_encryption(encryption)
            .set_ssekms_key_id(kms_key)
            .checksum_sha256(&object.sha256)
            .content_length(object.body.len() as i64)
            .body(object.body.stream())
            .customize()
            // The store verifies the checksum header. Hashing the body once more for the signature would double the CPU
            // time of an upload.
            .disable_payload_signing()
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Put::Created),
            Err(error) if status(&error) == Some(412) => Ok(Put::AlreadyExists),
            Err(error) => Err(Failure::of(&error)),
        }
    }

    /// Returns the encryption to ask for, and the name of its key.
    pub(super) fn encryption(&self) -> (Option<ServerSideEncryption>, Option<String>) {
        match self.objects.server_side_encryption {
            Encryption::None => (None, None),
            Encryption::Aes256 => (Some(ServerSideEncryption::Aes256), None),
            Encryption::AwsKms => (Some(ServerSideEncryption::AwsKms), self.objects.kms_key_id.clone()),
        }
    }
}
