//! Reads requests. An option that the store does not know is refused by name, so that nobody takes it for obeyed.

use super::{
    file::{Attributes, Checksums, Put as PutKind, Stored},
    multipart::{Begun, HIGHEST_PART},
    upload::Claims,
};
use s3s::{
    S3Error, S3ErrorCode, S3Result,
    dto::{
        CompleteMultipartUploadInput, CompletedPart, CreateMultipartUploadInput, ETagCondition, GetObjectInput,
        HeadObjectInput, PutObjectInput, StorageClass, StreamingBlob, UploadPartInput,
    },
    s3_error,
};

pub(super) struct NewObject {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) put: PutKind,
    pub(super) attributes: Attributes,
    pub(super) claims: Claims,
    pub(super) body: StreamingBlob,
}

pub(super) struct NewPart {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) upload_id: String,
    pub(super) number: i32,
    pub(super) claims: Claims,
    pub(super) body: StreamingBlob,
}

pub(super) struct Completion {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) upload_id: String,
    pub(super) parts: Vec<CompletedPart>,
    pub(super) put: PutKind,
    pub(super) claims: Claims,
}

/// Refuses the first option that is asked for: these are not known.
pub(super) fn refuse(options: &[(&str, bool)]) -> S3Result<()> {
    match options.iter().find(|(_, is_asked)| *is_asked) {
        Some((name, _)) => Err(s3_error!(NotImplemented, "The local store does not know {name}")),
        None => Ok(()),
    }
}

pub(super) fn put(input: PutObjectInput) -> S3Result<NewObject> {
    refuse(&[
        ("an ACL", input.acl.is_some()),
        ("encryption", input.server_side_encryption.is_some() || input.sse_customer_algorithm.is_some()),
        ("tags", input.tagging.is_some()),
        ("locks", input.object_lock_mode.is_some() || input.object_lock_legal_hold_status.is_some()),
        ("storage classes", !is_standard(input.storage_class.as_ref())),
        ("Expires", input.expires.is_some()),
        ("redirection", input.website_redirect_location.is_some()),
        ("appending", input.write_offset_bytes.is_some()),
    ])?;
    Ok(NewObject {
        put: kind(input.if_match.as_ref(), input.if_none_match.as_ref())?,
        bucket: input.bucket,
        key: input.key,
        attributes: Attributes {
            metadata: input.metadata.unwrap_or_default().into_iter().collect(),
            content_type: input.content_type,
            content_encoding: input.content_encoding,
            content_disposition: input.content_disposition,
            content_language: input.content_language,
            cache_control: input.cache_control,
            ..Attributes::default()
        },
        claims: Claims {
            length: input.content_length,
            md5: input.content_md5,
            checksums: Checksums {
                crc32: input.checksum_crc32,
                crc32c: input.checksum_crc32c,
                crc64nvme: input.checksum_crc64nvme,
                sha1: input.checksum_sha1,
                sha256: input.checksum_sha256,
            },
            algorithm: input.checksum_algorithm,
        },
        body: input.body.ok_or_else(|| s3_error!(IncompleteBody))?,
    })
}

pub(super) fn check_get(input: &GetObjectInput) -> S3Result<()> {
    let is_answer_chosen = input.response_cache_control.is_some()
        || input.response_content_disposition.is_some()
        || input.response_content_encoding.is_some()
        || input.response_content_language.is_some()
        || input.response_content_type.is_some()
        || input.response_expires.is_some();
    refuse(&[
        ("versions", input.version_id.is_some()),
        ("parts of a stored object", input.part_number.is_some()),
        ("conditions on time", input.if_modified_since.is_some() || input.if_unmodified_since.is_some()),
        ("headers of the answer to choose", is_answer_chosen),
    ])
}

pub(super) fn check_head(input: &HeadObjectInput) -> S3Result<()> {
    refuse(&[
        ("versions", input.version_id.is_some()),
        ("parts of a stored object", input.part_number.is_some()),
        ("conditions on time", input.if_modified_since.is_some() || input.if_unmodified_since.is_some()),
        ("a range of HEAD", input.range.is_some()),
    ])
}

pub(super) fn begin(input: CreateMultipartUploadInput) -> S3Result<Begun> {
    refuse(&[
        ("an ACL", input.acl.is_some()),
        ("encryption", input.server_side_encryption.is_some() || input.sse_customer_algorithm.is_some()),
        ("tags", input.tagging.is_some()),
        ("locks", input.object_lock_mode.is_some() || input.object_lock_legal_hold_status.is_some()),
        ("storage classes", !is_standard(input.storage_class.as_ref())),
        ("Expires", input.expires.is_some()),
        ("redirection", input.website_redirect_location.is_some()),
    ])?;
    Ok(Begun {
        bucket: input.bucket,
        key: input.key,
        attributes: Attributes {
            metadata: input.metadata.unwrap_or_default().into_iter().collect(),
            content_type: input.content_type,
            content_encoding: input.content_encoding,
            content_disposition: input.content_disposition,
            content_language: input.content_language,
            cache_control: input.cache_control,
            ..Attributes::default()
        },
    })
}

pub(super) fn part(input: UploadPartInput) -> S3Result<NewPart> {
    refuse(&[("encryption", input.sse_customer_algorithm.is_some())])?;
    Ok(NewPart {
        bucket: input.bucket,
        key: input.key,
        upload_id: input.upload_id,
        number: part_number(input.part_number)?,
        claims: Claims {
            length: input.content_length,
            md5: input.content_md5,
            checksums: Checksums {
                crc32: input.checksum_crc32,
                crc32c: input.checksum_crc32c,
                crc64nvme: input.checksum_crc64nvme,
                sha1: input.checksum_sha1,
                sha256: input.checksum_sha256,
            },
            algorithm: input.checksum_algorithm,
        },
        body: input.body.ok_or_else(|| s3_error!(IncompleteBody))?,
    })
}

pub(super) fn part_number(number: i32) -> S3Result<i32> {
    if (1..=HIGHEST_PART).contains(&number) {
        Ok(number)
    } else {
        Err(s3_error!(InvalidArgument, "Expected a part number from 1 to {HIGHEST_PART}, found {number}"))
    }
}

pub(super) fn complete(input: CompleteMultipartUploadInput) -> S3Result<Completion> {
    let checksums = Checksums {
        crc32: input.checksum_crc32,
        crc32c: input.checksum_crc32c,
        crc64nvme: input.checksum_crc64nvme,
        sha1: input.checksum_sha1,
        sha256: input.checksum_sha256,
    };
    let composite = [&checksums.crc32, &checksums.crc32c, &checksums.sha1, &checksums.sha256];
    refuse(&[
        ("encryption", input.sse_customer_algorithm.is_some()),
        ("checksums of checksums", composite.into_iter().flatten().any(|sum| sum.contains('-'))),
    ])?;
    Ok(Completion {
        put: kind(input.if_match.as_ref(), input.if_none_match.as_ref())?,
        bucket: input.bucket,
        key: input.key,
        upload_id: input.upload_id,
        parts: input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default(),
        claims: Claims { length: input.mpu_object_size, checksums, ..Claims::default() },
    })
}

/// Checks a stored object against the conditions of a read.
pub(super) fn check_conditions(
    stored: &Stored,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    let is_met = |condition: &ETagCondition| match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(wanted) => wanted.value() == stored.attributes.e_tag,
    };
    if if_match.is_some_and(|condition| !is_met(condition)) {
        return Err(s3_error!(PreconditionFailed));
    }
    if if_none_match.is_some_and(is_met) {
        return Err(S3Error::new(S3ErrorCode::NotModified));
    }
    Ok(())
}

/// S3 itself knows only `*` for If-None-Match on a write.
fn kind(if_match: Option<&ETagCondition>, if_none_match: Option<&ETagCondition>) -> S3Result<PutKind> {
    refuse(&[
        ("If-Match on a write", if_match.is_some()),
        ("If-None-Match with a tag on a write", if_none_match.is_some_and(|condition| !condition.is_any())),
    ])?;
    Ok(if if_none_match.is_some() { PutKind::CreateOnly } else { PutKind::Replace })
}

pub(super) fn is_standard(class: Option<&StorageClass>) -> bool {
    class.is_none_or(|class| class.as_str() == StorageClass::STANDARD)
}
