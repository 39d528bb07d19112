//! Proves that the store honours create-only requests. Without that, two sinks could overwrite each other's files. Some stores
//! that speak S3's protocol ignore the condition; others honour it for a PUT but not for an upload in parts.

use std::time::Duration;
use tokio::time::timeout;

use super::{Put, Store, create::NewObject};
use crate::{error::StoreError, spool::Body};

const CONTENT: &[u8] = b"create-only?";
/// A probe object that stays costs less than a long wait.
const DELETE_TIMEOUT: Duration = Duration::from_secs(10);

impl Store {
    /// Creates an object twice. The second request must be refused because the key is taken.
    pub(crate) async fn prove_puts(&self) -> Result<(), StoreError> {
        let (key, body) = self.probe_object();
        let object = NewObject::small(&key, &body, CONTENT);
        self.create_at_once(&object).await?;
        let second = self.create_at_once(&object).await?;
        self.judge(second, key, "put").await
    }

    /// Does the same for uploads in parts, once for a process.
    pub(crate) async fn prove_parts(&self) -> Result<(), StoreError> {
        let proof = self.parts_proved.get_or_try_init(|| async {
            let (key, body) = self.probe_object();
            let object = NewObject::small(&key, &body, CONTENT);
            if let Err(error) = self.create_in_parts(&object).await {
                return Err(match error {
                    StoreError::Refused { request } => StoreError::NoParts { request },
                    error => error,
                });
            }
            let second = self.create_in_parts(&object).await?;
            self.judge(second, key, "upload in parts").await
        });
        proof.await.copied()
    }

    fn probe_object(&self) -> (String, Body) {
        (self.key(&format!("{PROBES}{}", uuid::Uuid::new_v4())), Body::of(CONTENT))
    }

    async fn judge(&self, second: Put, key: String, what: &'static str) -> Result<(), StoreError> {
        let delete = self.client.delete_object().bucket(&self.bucket).key(&key);
        if !matches!(timeout(DELETE_TIMEOUT, delete.send()).await, Ok(Ok(_))) {
            tracing::warn!(key, "could not delete the probe object; it can be deleted by hand");
        }
        match second {
            Put::AlreadyExists => Ok(()),
            Put::Created => Err(StoreError::Unconditional { url: self.url(&key), what }),
        }
    }
}

/// Where probe objects are, relative to the prefix.
pub(super) const PROBES: &str = "probes/";
