//! The store's objects, parts and uploads as the protocol's types.

use super::{
    file::{Checksums, Outcome, Stored},
    listing::{self, LONGEST_PAGE},
    multipart,
};
use s3s::{
    S3Result,
    dto::{
        Checksum, CommonPrefix, ETag, GetObjectAttributesOutput, GetObjectAttributesParts, MultipartUpload, Object,
        ObjectAttributes, ObjectStorageClass, Part, StorageClass, Timestamp,
    },
    s3_error,
};
use std::{
    ops::Range,
    time::{Duration, SystemTime},
};

/// A tag as the protocol has it.
pub(super) fn tag(text: &str) -> ETag {
    ETag::Strong(text.to_owned())
}

pub(super) fn stored_or_refused(outcome: Outcome) -> S3Result<()> {
    match outcome {
        Outcome::Stored => Ok(()),
        Outcome::Exists => Err(s3_error!(PreconditionFailed, "There is an object with this key already")),
    }
}

/// <https://www.rfc-editor.org/rfc/rfc9110#field.content-range>
pub(super) fn content_range(range: &Range<u64>, length: u64) -> String {
    format!("bytes {}-{}/{length}", range.start, range.end - 1)
}

/// A checksum is that of the whole object, and shown only when asked for.
pub(super) fn sums(stored: &Stored, is_asked: bool) -> Checksums {
    if is_asked { stored.attributes.checksums.clone() } else { Checksums::default() }
}

/// The attributes of an object that GetObjectAttributes asks for.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html>
///
/// # Errors
/// When an attribute is not one of S3's, or none is asked for.
pub(super) fn attributes(stored: Stored, wanted: &[ObjectAttributes]) -> S3Result<GetObjectAttributesOutput> {
    if wanted.is_empty() {
        return Err(s3_error!(InvalidArgument, "x-amz-object-attributes names no attribute"));
    }
    let known = stored.attributes;
    let mut answer = GetObjectAttributesOutput {
        last_modified: Some(stored.modified.into()),
        ..GetObjectAttributesOutput::default()
    };
    for name in names(wanted) {
        match name {
            ObjectAttributes::ETAG => answer.e_tag = Some(tag(&known.e_tag)),
            ObjectAttributes::CHECKSUM => answer.checksum = checksum(&known.checksums),
            // The number of parts is all that is left of them once they are one object.
            ObjectAttributes::OBJECT_PARTS => {
                let parts = known.e_tag.split_once('-').and_then(|(_, parts)| parts.parse().ok());
                answer.object_parts = parts.map(|parts| GetObjectAttributesParts {
                    total_parts_count: Some(parts),
                    ..GetObjectAttributesParts::default()
                });
            }
            ObjectAttributes::OBJECT_SIZE => answer.object_size = Some(stored.length as i64),
            ObjectAttributes::STORAGE_CLASS => {
                answer.storage_class = Some(StorageClass::from_static(StorageClass::STANDARD));
            }
            other => return Err(s3_error!(InvalidArgument, "{other:?} is not an attribute of an object")),
        }
    }
    Ok(answer)
}

/// Clients send a header for each attribute or, as the AWS CLI does, one for all of them.
fn names(wanted: &[ObjectAttributes]) -> impl Iterator<Item = &str> {
    wanted.iter().flat_map(|names| names.as_str().split(',')).map(str::trim)
}

fn checksum(sums: &Checksums) -> Option<Checksum> {
    (*sums != Checksums::default()).then(|| Checksum {
        checksum_crc32: sums.crc32.clone(),
        checksum_crc32c: sums.crc32c.clone(),
        checksum_crc64nvme: sums.crc64nvme.clone(),
        checksum_sha1: sums.sha1.clone(),
        checksum_sha256: sums.sha256.clone(),
        checksum_type: None,
    })
}

/// A time without its fraction of a second, as HTTP's headers hold it.
pub(super) fn in_seconds(time: SystemTime) -> Timestamp {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    (SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).into()
}

pub(super) fn object(entry: listing::Entry) -> Object {
    Object {
        key: Some(entry.key),
        size: Some(entry.size as i64),
        e_tag: Some(tag(&entry.e_tag)),
        last_modified: Some(entry.modified.into()),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        ..Default::default()
    }
}

pub(super) fn common_prefix(prefix: String) -> CommonPrefix {
    CommonPrefix { prefix: Some(prefix) }
}

pub(super) fn part(part: &multipart::Part) -> Part {
    Part {
        part_number: Some(part.number),
        size: Some(part.stored.length as i64),
        e_tag: Some(tag(&part.stored.attributes.e_tag)),
        last_modified: Some(part.stored.modified.into()),
        ..Default::default()
    }
}

pub(super) fn upload(upload: multipart::Upload) -> MultipartUpload {
    MultipartUpload {
        key: Some(upload.begun.key),
        upload_id: Some(upload.id),
        initiated: Some(upload.since.into()),
        ..Default::default()
    }
}

pub(super) fn page_limit(asked: Option<i32>) -> usize {
    asked.and_then(|asked| usize::try_from(asked).ok()).map_or(LONGEST_PAGE, |asked| asked.min(LONGEST_PAGE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_come_in_one_header_or_in_several() {
        let wanted = ["ETag, Checksum", "ObjectSize"].map(|names| ObjectAttributes::from(names.to_owned()));
        assert!(names(&wanted).eq(["ETag", "Checksum", "ObjectSize"]));
    }
}
