//! The store's things in the protocol's words.

use super::{
    file::{Checksums, Outcome, Stored},
    listing::{self, LONGEST_PAGE},
    multipart,
};
use s3s::{
    S3Result,
    dto::{CommonPrefix, ETag, MultipartUpload, Object, ObjectStorageClass, Part},
    s3_error,
};
use std::ops::Range;

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
