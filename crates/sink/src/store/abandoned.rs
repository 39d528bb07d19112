//! Aborts uploads in parts that a killed process left unfinished. Such an upload is not an object that anybody sees, but its
//! parts are stored and paid for. A start aborts those below this prefix that are too old for anybody to be completing them.
//! This is housekeeping: a failure is logged, and the bucket's own rule (`AbortIncompleteMultipartUpload`) does the work then.

use aws_sdk_s3::types::MultipartUpload;
use contract::names;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Store, failure::Failure, operation::Operation, probe::PROBES};
use crate::error::StoreError;

/// Places below the prefix where the sink uploads in parts.
const PLACES: [&str; 2] = ["topics/", PROBES];

/// A place in a listing: after this key and this upload.
type Marker = (String, Option<String>);

impl Store {
    /// Aborts uploads that began longer ago than `sink.objects.abandoned_after`. Returns their number.
    pub(crate) async fn abort_abandoned(&self) -> usize {
        let mut aborted = 0;
        for place in PLACES {
            match self.abort_abandoned_below(&self.key(place)).await {
                Ok(count) => aborted += count,
                Err(error) => {
                    tracing::info!(%error, "cannot list unfinished uploads; the bucket's lifecycle rule has to abort them");
                    break;
                }
            }
        }
        if aborted > 0 {
            tracing::info!(aborted, "aborted uploads that a killed process left unfinished");
        }
        aborted
    }

    async fn abort_abandoned_below(&self, prefix: &str) -> Result<usize, StoreError> {
        let before = SystemTime::now().checked_sub(self.objects.abandoned_after).unwrap_or(UNIX_EPOCH);
        let (mut aborted, mut marker) = (0, None);
        loop {
            let (uploads, next) = self.list_uploads(prefix, marker).await?;
            for upload in uploads.iter().filter(|upload| began_before(upload, before)) {
                let (Some(key), Some(id)) = (upload.key(), upload.upload_id()) else { continue };
                if self.is_ours(key) && self.abort_upload(key, id).await {
                    tracing::debug!(key, id, "aborted an unfinished upload");
                    aborted += 1;
                }
            }
            if next.is_none() {
                return Ok(aborted);
            }
            marker = next;
        }
    }

    /// Returns one page of uploads, and where the next page begins.
    async fn list_uploads(
        &self,
        prefix: &str,
        after: Option<Marker>,
    ) -> Result<(Vec<MultipartUpload>, Option<Marker>), StoreError> {
        let (key, id) = after.map_or((None, None), |(key, id)| (Some(key), id));
        self.repeat(Operation::ListUploads, prefix, self.patience(0), || async {
            let listing = self.client.list_multipart_uploads().bucket(&self.bucket).prefix(prefix);
            let listing = listing.set_key_marker(key.clone()).set_upload_id_marker(id.clone());
            let page = listing.send().await.map_err(|error| Failure::of(&error))?;
            let is_cut = page.is_truncated() == Some(true);
            let next = page.next_key_marker.filter(|_| is_cut).map(|key| (key, page.next_upload_id_marker));
            Ok((page.uploads.unwrap_or_default(), next))
        })
        .await
    }

    /// Whether the sink uploads under this key. A bucket may have other users below the same prefix.
    fn is_ours(&self, key: &str) -> bool {
        let Some(relative) = key.strip_prefix(self.prefix.as_str()) else { return false };
        relative.starts_with(PROBES) || names::parse_object_key(relative).is_some()
    }
}

fn began_before(upload: &MultipartUpload, before: SystemTime) -> bool {
    let began = upload.initiated().map(|began| UNIX_EPOCH + Duration::from_secs(began.secs().max(0) as u64));
    began.is_some_and(|began| began < before)
}
