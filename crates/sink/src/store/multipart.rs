//! Creates large files in parts. An upload begins at the roll, because metadata is fixed when it begins. The condition that the
//! key is free is on the completion; before it, no object is visible.
//!
//! An upload is void once a race refused its completion (409) or the store does not know it (404 `NoSuchUpload`: somebody aborted
//! it, or our own completion succeeded and its answer was lost). The key is then looked at, and if it is free, all parts are sent
//! again in a new upload.

use aws_sdk_s3::{
    error::{ProvideErrorMetadata, SdkError},
    types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::{StreamExt, TryStreamExt, stream};
use std::{io, ops::Range};
use tokio::time::{Instant, sleep, timeout};

use super::{
    Put, Store,
    create::NewObject,
    failure::{Failure, status},
    operation::Operation,
    retry::{Patience, Pauses},
};
use crate::error::StoreError;

/// Smallest part. S3 allows 5 MiB. Larger parts make fewer requests, but a failed part is sent again as a whole.
pub(crate) const PART_BYTES: u64 = 8 * 1024 * 1024;
/// Most parts that S3 accepts in one upload.
const MOST_PARTS: u64 = 10_000;
/// Parts of one upload in flight. Each holds one piece of the spool file in memory, not the whole part.
const PARTS_AT_ONCE: usize = 4;

/// The outcome of one upload.
enum Ended {
    Created,
    AlreadyExists,
    /// It can never be completed.
    Void(Failure),
    /// The store does not know it.
    Gone,
}

impl Store {
    /// Creates an object in parts. Void uploads are replaced until the deadline.
    pub(super) async fn create_in_parts(&self, object: &NewObject<'_>) -> Result<Put, StoreError> {
        let patience = self.patience(object.body.len());
        let mut pauses = Pauses::new();
        loop {
            let id = self.begin_upload(object, patience).await?;
            let ended = self.fill_and_complete(object, &id, patience).await;
            if !matches!(ended, Ok(Ended::Created)) {
                self.abort_upload(object.key, &id).await;
            }
            let failure = match ended? {
                Ended::Created => return Ok(Put::Created),
                Ended::AlreadyExists => return Ok(Put::AlreadyExists),
                Ended::Void(failure) => failure,
                Ended::Gone if self.look_at(object.key, self.share(&patience, 0)).await?.is_some() => {
                    return Ok(Put::AlreadyExists);
                }
                Ended::Gone => Failure::worthwhile("the store does not know the upload any more"),
            };
            let (request, pause) = (self.failed(Operation::Create, object.key, &failure), pauses.next());
            if Instant::now() + pause >= patience.end {
                return Err(StoreError::Deadline { request });
            }
            tracing::warn!(%request, "object store, all parts again in a new upload");
            if let Some(watched) = &self.watched {
                watched.metrics.store_retries.inc();
            }
            sleep(pause).await;
        }
    }

    async fn begin_upload(&self, object: &NewObject<'_>, patience: Patience) -> Result<String, StoreError> {
        let patience = self.share(&patience, 0);
        self.repeat(Operation::BeginUpload, object.key, patience, || async {
            let (encryption, kms_key) = self.encryption();
            let begun = self
                .client
                .create_multipart_upload()
                .bucket(&self.bucket)
                .key(object.key)
                .set_metadata(object.metadata.clone())
                .set_tagging(object.tags.clone())
                .set_server_side_encryption(encryption)
                .set_ssekms_key_id(kms_key)
                .checksum_algorithm(ChecksumAlgorithm::Crc32)
                .send()
                .await
                .map_err(|error| Failure::of(&error))?;
            begun.upload_id.ok_or_else(|| Failure::worthwhile("the answer has no upload id"))
        })
        .await
    }

    async fn fill_and_complete(
        &self,
        object: &NewObject<'_>,
        id: &str,
        patience: Patience,
    ) -> Result<Ended, StoreError> {
        let mut sending = stream::iter(parts(object.body.len()))
            .map(|(number, range)| self.send_part(object, id, number, range, patience))
            .buffered(PARTS_AT_ONCE);
        let mut parts = Vec::new();
        while let Some(part) = sending.try_next().await? {
            match part {
                Some(part) => parts.push(part),
                None => return Ok(Ended::Gone),
            }
        }
        self.complete(object, id, parts, patience).await
    }

    /// `None` where the store does not know the upload.
    async fn send_part(
        &self,
        object: &NewObject<'_>,
        id: &str,
        number: i32,
        range: Range<u64>,
        patience: Patience,
    ) -> Result<Option<CompletedPart>, StoreError> {
        let length = range.end - range.start;
        let sum = checksum(object, range.clone()).await;
        let sum = sum.map_err(|source| StoreError::Spool { url: self.url(object.key), source })?;
        self.repeat(Operation::SendPart, object.key, self.share(&patience, length), || async {
            let sent = self
                .client
                .upload_part()
                .bucket(&self.bucket)
                .key(object.key)
                .upload_id(id)
                .part_number(number)
                .checksum_crc32(&sum)
                .content_length(length as i64)
                .body(object.body.stream_of(range.clone()))
                .customize()
                .disable_payload_signing()
                .send()
                .await;
            match sent {
                Ok(part) => Ok(Some(
                    CompletedPart::builder().part_number(number).set_e_tag(part.e_tag).checksum_crc32(&sum).build(),
                )),
                Err(error) if is_gone(&error) => Ok(None),
                Err(error) => Err(Failure::of(&error)),
            }
        })
        .await
    }

    async fn complete(
        &self,
        object: &NewObject<'_>,
        id: &str,
        parts: Vec<CompletedPart>,
        patience: Patience,
    ) -> Result<Ended, StoreError> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        // A store may take long to assemble the parts.
        let patience = self.share(&patience, object.body.len());
        self.repeat(Operation::Complete, object.key, patience, || async {
            let completed = self
                .client
                .complete_multipart_upload()
                .bucket(&self.bucket)
                .key(object.key)
                .upload_id(id)
                .if_none_match("*")
                .multipart_upload(parts.clone())
                .send()
                .await;
            let Err(error) = completed else { return Ok(Ended::Created) };
            // A 200 may carry an error in its body; the code in it counts.
            match (status(&error), error.code()) {
                (Some(412), _) | (_, Some("PreconditionFailed")) => Ok(Ended::AlreadyExists),
                // A part differs from what its answer said: an earlier attempt may have arrived after its retry.
                (Some(409), _) | (_, Some("ConditionalRequestConflict" | "InvalidPart" | "InvalidPartOrder")) => {
                    Ok(Ended::Void(Failure::of(&error)))
                }
                _ if is_gone(&error) => Ok(Ended::Gone),
                _ => Err(Failure::of(&error)),
            }
        })
        .await
    }

    /// Aborts an upload, which frees its parts, and returns whether that worked. Otherwise a later start or the bucket's lifecycle
    /// rule aborts it.
    pub(super) async fn abort_upload(&self, key: &str, id: &str) -> bool {
        let abort = self.client.abort_multipart_upload().bucket(&self.bucket).key(key).upload_id(id);
        let reason = match timeout(self.attempt, abort.send()).await {
            Ok(Ok(_)) => return true,
            Ok(Err(error)) if is_gone(&error) => return true,
            Ok(Err(error)) => Failure::of(&error).found,
            Err(_) => "no answer".to_owned(),
        };
        tracing::warn!(key, id, reason, "could not abort an upload; a later start will");
        false
    }
}

fn is_gone<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.code() == Some("NoSuchUpload")
}

/// Returns how many requests a body of this length takes: one for each part, one to begin and one to complete.
pub(crate) fn requests(length: u64) -> u64 {
    parts(length).count() as u64 + 2
}

/// Returns the part numbers of a body of this length, each with its range.
fn parts(length: u64) -> impl Iterator<Item = (i32, Range<u64>)> {
    let size = PART_BYTES.max(length.div_ceil(MOST_PARTS));
    (0..length.div_ceil(size).max(1)).map(move |n| (n as i32 + 1, n * size..length.min((n + 1) * size)))
}

/// Returns the part's CRC-32 in base64, as the protocol has it. It is computed before the part is sent: a trailing checksum would
/// need a transfer encoding that not every store supports.
async fn checksum(object: &NewObject<'_>, range: Range<u64>) -> io::Result<String> {
    let body = object.body.clone();
    let sum = tokio::task::spawn_blocking(move || body.crc32(range)).await;
    let sum = sum.unwrap_or_else(|error| Err(io::Error::other(error)))?;
    Ok(STANDARD.encode(sum.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_tile_the_body_and_keep_to_the_stores_limits() {
        for length in [1, PART_BYTES, PART_BYTES + 1, 64 << 20, 5 << 30, (1 << 40) + 17, 4 << 40] {
            let mut at = 0;
            let all: Vec<_> = parts(length).collect();
            for (n, (number, range)) in all.iter().enumerate() {
                assert_eq!((*number, range.start), (n as i32 + 1, at));
                let size = range.end - range.start;
                assert!(size <= 5 << 30, "S3 takes parts of up to 5 GiB");
                assert!(size >= PART_BYTES || n + 1 == all.len(), "only the last part is small");
                at = range.end;
            }
            assert_eq!(at, length);
            assert!(all.len() <= 10_000, "{} parts of {length}", all.len());
        }
    }
}
