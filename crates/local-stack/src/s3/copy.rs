//! Copies of stored objects: CopyObject and UploadPartCopy. `aws s3 mv` and `aws s3 cp` between two keys need both: the CLI
//! copies an object of more than 8 MB in parts.
//!
//! A copy reads the source through one open file, so that it is a copy of one object even when the source's key is written
//! meanwhile. It computes the ETag and the checksums again, as S3 does: a copy of an object that was uploaded in parts has
//! the MD5 of its bytes as its tag, and bytes that do not have the source's checksums are refused.

use super::{
    answers::{self, stored_or_refused, tag},
    conditions::{CopyConditions, copied_attributes, copied_range, copy_kind},
    file::{Attributes, Draft, Outcome, Put, Stored},
    layout::Layout,
    multipart,
    requests::{self, refuse},
    upload::{self, Claims, Digests, failed, on_disk},
};
use s3s::{
    S3Request, S3Result,
    dto::{
        CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopyPartResult, CopySource, UploadPartCopyInput,
        UploadPartCopyOutput,
    },
    s3_error,
};
use std::{ops::Range, path::PathBuf, time::SystemTime};

/// Answers CopyObject.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
pub(super) async fn object(layout: &Layout, request: S3Request<CopyObjectInput>) -> S3Result<CopyObjectOutput> {
    let put = copy_kind(&request.headers)?;
    let input = request.input;
    let new_attributes = copied_attributes(&input)?;
    let (source_bucket, source_key) = source(&input.copy_source)?;
    let is_same_object = (source_bucket, source_key) == (input.bucket.as_str(), input.key.as_str());
    if is_same_object && new_attributes.is_none() {
        return Err(s3_error!(
            InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the \
             object's metadata"
        ));
    }
    let conditions = CopyConditions {
        matches: input.copy_source_if_match.as_ref(),
        matches_none: input.copy_source_if_none_match.as_ref(),
        modified_since: input.copy_source_if_modified_since.as_ref(),
        unmodified_since: input.copy_source_if_unmodified_since.as_ref(),
    };
    let stored = open(layout, source_bucket, source_key, &conditions).await?;
    let path = layout.object(&input.bucket, &input.key)?;
    let mut attributes = new_attributes.unwrap_or_else(|| stored.attributes.clone());
    attributes.e_tag.clear();
    let claims = Claims {
        checksums: stored.attributes.checksums.clone(),
        algorithm: input.checksum_algorithm,
        ..Claims::default()
    };
    let whole = 0..stored.length;
    let (attributes, outcome) = copy(layout, stored, whole, attributes, claims, path, put).await?;
    stored_or_refused(outcome)?;
    let sums = attributes.checksums;
    let result = CopyObjectResult {
        e_tag: Some(tag(&attributes.e_tag)),
        last_modified: Some(SystemTime::now().into()),
        checksum_crc32: sums.crc32,
        checksum_crc32c: sums.crc32c,
        checksum_crc64nvme: sums.crc64nvme,
        checksum_sha1: sums.sha1,
        checksum_sha256: sums.sha256,
        checksum_type: None,
    };
    Ok(CopyObjectOutput { copy_object_result: Some(result), ..Default::default() })
}

/// Answers UploadPartCopy.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html>
pub(super) async fn part(layout: &Layout, input: UploadPartCopyInput) -> S3Result<UploadPartCopyOutput> {
    let is_encrypted = input.sse_customer_algorithm.is_some() || input.copy_source_sse_customer_algorithm.is_some();
    refuse(&[("encryption", is_encrypted)])?;
    let number = requests::part_number(input.part_number)?;
    let upload = multipart::find(layout, &input.upload_id, &input.bucket, &input.key)?;
    let conditions = CopyConditions {
        matches: input.copy_source_if_match.as_ref(),
        matches_none: input.copy_source_if_none_match.as_ref(),
        modified_since: input.copy_source_if_modified_since.as_ref(),
        unmodified_since: input.copy_source_if_unmodified_since.as_ref(),
    };
    let (source_bucket, source_key) = source(&input.copy_source)?;
    let stored = open(layout, source_bucket, source_key, &conditions).await?;
    let range = match &input.copy_source_range {
        None => 0..stored.length,
        Some(text) => copied_range(text, stored.length)?,
    };
    let attributes = Attributes::default();
    let (attributes, _) =
        copy(layout, stored, range, attributes, Claims::default(), upload.part(number), Put::Replace).await?;
    let result = CopyPartResult {
        e_tag: Some(tag(&attributes.e_tag)),
        last_modified: Some(SystemTime::now().into()),
        ..Default::default()
    };
    Ok(UploadPartCopyOutput { copy_part_result: Some(result), ..Default::default() })
}

fn source(source: &CopySource) -> S3Result<(&str, &str)> {
    match source {
        CopySource::Bucket { bucket, key, version_id } => {
            refuse(&[("versions", version_id.is_some())])?;
            Ok((bucket, key))
        }
        _ => Err(s3_error!(NotImplemented, "The local store copies from a bucket, not from an access point")),
    }
}

async fn open(layout: &Layout, bucket: &str, key: &str, conditions: &CopyConditions<'_>) -> S3Result<Stored> {
    let path = layout.object(bucket, key)?;
    let stored = on_disk(move || Stored::open(&path)).await?.ok_or_else(|| s3_error!(NoSuchKey))?;
    conditions.check(&stored.attributes.e_tag, &answers::in_seconds(stored.modified))?;
    Ok(stored)
}

/// Writes part of a stored object into a file of its own and gives it its name.
async fn copy(
    layout: &Layout,
    stored: Stored,
    range: Range<u64>,
    mut attributes: Attributes,
    claims: Claims,
    path: PathBuf,
    put: Put,
) -> S3Result<(Attributes, Outcome)> {
    let mut draft = Draft::new(layout).await.map_err(failed)?;
    let mut digests = Digests::new(&claims)?;
    upload::append(&mut draft, &mut digests, stored.file, range).await?;
    digests.finish(claims, None, &mut attributes)?;
    let sealed = draft.seal(&attributes).await.map_err(failed)?;
    let outcome = on_disk(move || sealed.publish(&path, put)).await?;
    Ok((attributes, outcome))
}
