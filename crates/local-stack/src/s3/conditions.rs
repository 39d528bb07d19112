//! What a copy is asked for beside its source and its target: conditions on both, a range, and new metadata.

use super::{
    file::{Attributes, Put},
    requests::{is_standard, refuse},
};
use hyper::HeaderMap;
use s3s::{
    S3Result,
    dto::{CopyObjectInput, ETagCondition, MetadataDirective, TaggingDirective, Timestamp},
    s3_error,
};
use std::ops::Range;

/// Conditions on the source.
pub(super) struct CopyConditions<'a> {
    pub(super) matches: Option<&'a ETagCondition>,
    pub(super) matches_none: Option<&'a ETagCondition>,
    pub(super) modified_since: Option<&'a Timestamp>,
    pub(super) unmodified_since: Option<&'a Timestamp>,
}

impl CopyConditions<'_> {
    /// Checks an object with this ETag, last modified in this second. A condition on the tag outweighs the condition on the
    /// time that goes with it, as CopyObject's documentation says.
    pub(super) fn check(&self, e_tag: &str, modified: &Timestamp) -> S3Result<()> {
        let is_met = |condition: &ETagCondition| match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(tag) => tag.value() == e_tag,
        };
        let is_expected = match (self.matches, self.unmodified_since) {
            (Some(condition), _) => is_met(condition),
            (None, Some(time)) => modified <= time,
            (None, None) => true,
        };
        let is_new = match (self.matches_none, self.modified_since) {
            (Some(condition), _) => !is_met(condition),
            (None, Some(time)) => modified > time,
            (None, None) => true,
        };
        if is_expected && is_new {
            Ok(())
        } else {
            Err(s3_error!(PreconditionFailed, "The source of the copy does not meet the request's conditions"))
        }
    }
}

/// Whether a copy may replace its target. `s3s` does not read these headers of CopyObject.
pub(super) fn copy_kind(headers: &HeaderMap) -> S3Result<Put> {
    let if_none_match = headers.get("if-none-match");
    refuse(&[
        ("If-Match on a write", headers.contains_key("if-match")),
        ("If-None-Match with a tag on a write", if_none_match.is_some_and(|condition| condition.as_bytes() != b"*")),
    ])?;
    Ok(if if_none_match.is_some() { Put::CreateOnly } else { Put::Replace })
}

/// The copy's own attributes; `None` when it keeps those of the source.
pub(super) fn copied_attributes(input: &CopyObjectInput) -> S3Result<Option<Attributes>> {
    let tagging = input.tagging_directive.as_ref().map(TaggingDirective::as_str);
    refuse(&[
        ("an ACL", input.acl.is_some()),
        ("encryption", input.server_side_encryption.is_some() || input.sse_customer_algorithm.is_some()),
        ("encryption", input.copy_source_sse_customer_algorithm.is_some()),
        ("tags", input.tagging.is_some() || tagging.is_some_and(|directive| directive != TaggingDirective::COPY)),
        ("locks", input.object_lock_mode.is_some() || input.object_lock_legal_hold_status.is_some()),
        ("storage classes", !is_standard(input.storage_class.as_ref())),
        ("Expires", input.expires.is_some()),
        ("redirection", input.website_redirect_location.is_some()),
    ])?;
    match input.metadata_directive.as_ref().map(MetadataDirective::as_str) {
        None | Some(MetadataDirective::COPY) => Ok(None),
        Some(MetadataDirective::REPLACE) => Ok(Some(Attributes {
            metadata: input.metadata.clone().unwrap_or_default().into_iter().collect(),
            content_type: input.content_type.clone(),
            content_encoding: input.content_encoding.clone(),
            content_disposition: input.content_disposition.clone(),
            content_language: input.content_language.clone(),
            cache_control: input.cache_control.clone(),
            ..Attributes::default()
        })),
        Some(other) => {
            Err(s3_error!(InvalidArgument, "Expected x-amz-metadata-directive COPY or REPLACE, found {other:?}"))
        }
    }
}

/// Reads `bytes=FIRST-LAST`, the one form that S3 takes for the range of a copied part.
pub(super) fn copied_range(text: &str, length: u64) -> S3Result<Range<u64>> {
    let ends = text.strip_prefix("bytes=").and_then(|ends| ends.split_once('-'));
    let ends = ends.and_then(|(first, last)| Some((first.parse::<u64>().ok()?, last.parse::<u64>().ok()?)));
    match ends {
        Some((first, last)) if first <= last && last < length => Ok(first..last + 1),
        Some(_) => Err(s3_error!(InvalidRange, "Expected a range within the source's {length} bytes, found {text:?}")),
        None => Err(s3_error!(InvalidArgument, "Expected bytes=FIRST-LAST as the range to copy, found {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    #[test]
    fn a_copy_needs_the_conditions_on_its_source() {
        let at = |seconds| Timestamp::from(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        let tag = |text: &str| ETagCondition::ETag(s3s::dto::ETag::Strong(text.to_owned()));
        let (this, other, any, before, then, after) = (tag("a"), tag("b"), ETagCondition::Any, at(1), at(2), at(3));
        let is_met = |matches, matches_none, modified_since, unmodified_since| {
            CopyConditions { matches, matches_none, modified_since, unmodified_since }.check("a", &then).is_ok()
        };
        assert!(is_met(None, None, None, None));
        assert!(is_met(Some(&this), Some(&other), Some(&before), Some(&then)));
        assert!(is_met(Some(&any), None, None, None));
        assert!(!is_met(Some(&other), None, None, None));
        assert!(!is_met(None, Some(&this), None, None));
        assert!(!is_met(None, Some(&any), None, None));
        assert!(!is_met(None, None, Some(&then), None));
        assert!(!is_met(None, None, None, Some(&before)));
        // The tag outweighs the time.
        assert!(is_met(Some(&this), None, None, Some(&before)));
        assert!(!is_met(None, Some(&this), Some(&before), None));
        assert!(is_met(None, None, None, Some(&after)));
    }

    #[test]
    fn a_copied_range_lies_within_its_source() {
        assert_eq!(copied_range("bytes=0-4", 5).unwrap(), 0..5);
        for text in ["bytes=0-5", "bytes=3-2", "bytes=-2", "bytes=2-", "0-4", ""] {
            assert!(copied_range(text, 5).is_err(), "{text}");
        }
    }
}
