//! What the store is asked to do: the word for it in errors and metrics, and the permission that it needs on AWS.

/// One kind of request, or of several that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Create,
    BeginUpload,
    SendPart,
    Complete,
    LookAt,
    Read,
    List,
    ListUploads,
    ReadLifecycle,
}

impl Operation {
    /// As the beginning of a sentence that goes on with the object's URL.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "creating",
            Self::BeginUpload => "beginning an upload of",
            Self::SendPart => "sending a part of",
            Self::Complete => "completing",
            Self::LookAt => "looking at",
            Self::Read => "reading",
            Self::List => "listing",
            Self::ListUploads => "listing uploads under",
            Self::ReadLifecycle => "reading the lifecycle rules of",
        }
    }

    /// What to do about a refusal for want of a permission.
    pub(super) fn permission(self) -> &'static str {
        match self {
            Self::Create | Self::BeginUpload | Self::SendPart | Self::Complete => {
                "Allow s3:PutObject on this key for store.access_key_id, and let no policy refuse conditional writes \
                 (If-None-Match) or writes without encryption (sink.objects.server_side_encryption)"
            }
            Self::LookAt | Self::Read => {
                "Allow s3:GetObject on this key and s3:ListBucket on the bucket: without the latter S3 answers 403 for a \
                 key that is not there"
            }
            Self::List => "Allow s3:ListBucket on the bucket for store.access_key_id",
            Self::ListUploads => "Allow s3:ListBucketMultipartUploads on the bucket for store.access_key_id",
            Self::ReadLifecycle => "Allow s3:GetLifecycleConfiguration on the bucket for store.access_key_id",
        }
    }
}
