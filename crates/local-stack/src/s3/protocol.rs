//! The operations of S3 that the pipeline, the AWS CLI and the SDKs use here. What is not known is refused by name: an
//! operation by `s3s` (`NotImplemented`), an option by `requests`.

use super::{
    answers::{self, stored_or_refused, tag},
    copy,
    file::{Attributes, Put, Stored},
    layout::Layout,
    listing::{self, LONGEST_PAGE},
    multipart,
    requests::{self, refuse},
    upload::{self, failed, on_disk},
};
#[allow(clippy::wildcard_imports, reason = "each operation has an input and an output type of its own")]
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use std::{fs, io, sync::Arc};

type Answer<T> = S3Result<S3Response<T>>;

#[derive(Debug)]
pub(super) struct Protocol {
    layout: Arc<Layout>,
}

impl Protocol {
    pub(super) fn new(layout: Layout) -> Self {
        Self { layout: Arc::new(layout) }
    }

    async fn stored(&self, bucket: &str, key: &str) -> S3Result<Stored> {
        let path = self.layout.object(bucket, key)?;
        on_disk(move || Stored::open(&path)).await?.ok_or_else(|| s3_error!(NoSuchKey))
    }

    async fn delete(&self, bucket: &str, key: &str) -> S3Result<()> {
        let path = self.layout.object(bucket, key)?;
        on_disk(move || match fs::remove_file(path) {
            Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Err(error),
            _ => Ok(()),
        })
        .await
    }

    async fn page(&self, bucket: &str, query: listing::Query) -> S3Result<listing::Page> {
        let bucket = self.layout.existing_bucket(bucket)?;
        on_disk(move || listing::page(&bucket, &query)).await
    }
}

#[async_trait::async_trait]
impl S3 for Protocol {
    async fn create_bucket(&self, request: S3Request<CreateBucketInput>) -> Answer<CreateBucketOutput> {
        let path = self.layout.bucket(&request.input.bucket).ok_or_else(|| s3_error!(InvalidBucketName))?;
        on_disk(move || match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            made => made.map(|()| true),
        })
        .await?
        .then(|| S3Response::new(CreateBucketOutput::default()))
        .ok_or_else(|| s3_error!(BucketAlreadyOwnedByYou))
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        self.layout.existing_bucket(&request.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn get_bucket_location(&self, request: S3Request<GetBucketLocationInput>) -> Answer<GetBucketLocationOutput> {
        self.layout.existing_bucket(&request.input.bucket)?;
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn list_buckets(&self, _: S3Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
        let folder = self.layout.buckets();
        let buckets = on_disk(move || {
            let entries = fs::read_dir(folder)?.map(|entry| {
                let entry = entry?;
                let created = entry.metadata()?.modified()?;
                let name = entry.file_name().to_string_lossy().into_owned();
                Ok(Bucket { name: Some(name), creation_date: Some(created.into()), bucket_region: None })
            });
            let mut buckets = entries.collect::<io::Result<Vec<_>>>()?;
            buckets.sort_by(|one, other| one.name.cmp(&other.name));
            Ok(buckets)
        });
        Ok(S3Response::new(ListBucketsOutput { buckets: Some(buckets.await?), ..Default::default() }))
    }

    async fn delete_bucket(&self, request: S3Request<DeleteBucketInput>) -> Answer<DeleteBucketOutput> {
        let path = self.layout.existing_bucket(&request.input.bucket)?;
        let is_deleted = on_disk(move || {
            let is_empty = listing::is_empty(&path)?;
            if is_empty {
                fs::remove_dir_all(path)?;
            }
            Ok(is_empty)
        });
        if is_deleted.await? { Ok(S3Response::new(DeleteBucketOutput {})) } else { Err(s3_error!(BucketNotEmpty)) }
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let requests::NewObject { put, attributes, claims, bucket, key, body } = requests::put(request.input)?;
        let path = self.layout.object(&bucket, &key)?;
        let (sealed, attributes) =
            upload::receive(&self.layout, body, claims, request.trailing_headers, attributes).await?;
        stored_or_refused(on_disk(move || sealed.publish(&path, put)).await?)?;
        let sums = attributes.checksums;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(tag(&attributes.e_tag)),
            checksum_crc32: sums.crc32,
            checksum_crc32c: sums.crc32c,
            checksum_crc64nvme: sums.crc64nvme,
            checksum_sha1: sums.sha1,
            checksum_sha256: sums.sha256,
            ..Default::default()
        }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        let input = request.input;
        requests::check_get(&input)?;
        let stored = self.stored(&input.bucket, &input.key).await?;
        requests::check_conditions(&stored, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let (range, content_range) = match input.range {
            None => (0..stored.length, None),
            Some(range) => {
                let range = range.check(stored.length)?;
                (range.clone(), Some(answers::content_range(&range, stored.length)))
            }
        };
        let sums = answers::sums(&stored, input.checksum_mode.is_some() && content_range.is_none());
        let length = range.end - range.start;
        let body = upload::body(stored.file, range).await.map_err(failed)?;
        let known = stored.attributes;
        Ok(S3Response::new(GetObjectOutput {
            body: Some(body),
            content_length: Some(length as i64),
            content_range,
            accept_ranges: Some("bytes".to_owned()),
            e_tag: Some(tag(&known.e_tag)),
            last_modified: Some(stored.modified.into()),
            metadata: Some(known.metadata.into_iter().collect()),
            content_type: known.content_type,
            content_encoding: known.content_encoding,
            content_disposition: known.content_disposition,
            content_language: known.content_language,
            cache_control: known.cache_control,
            checksum_crc32: sums.crc32,
            checksum_crc32c: sums.crc32c,
            checksum_crc64nvme: sums.crc64nvme,
            checksum_sha1: sums.sha1,
            checksum_sha256: sums.sha256,
            ..Default::default()
        }))
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        let input = request.input;
        requests::check_head(&input)?;
        let stored = self.stored(&input.bucket, &input.key).await?;
        requests::check_conditions(&stored, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let sums = answers::sums(&stored, input.checksum_mode.is_some());
        let known = stored.attributes;
        Ok(S3Response::new(HeadObjectOutput {
            content_length: Some(stored.length as i64),
            accept_ranges: Some("bytes".to_owned()),
            e_tag: Some(tag(&known.e_tag)),
            last_modified: Some(stored.modified.into()),
            metadata: Some(known.metadata.into_iter().collect()),
            content_type: known.content_type,
            content_encoding: known.content_encoding,
            content_disposition: known.content_disposition,
            content_language: known.content_language,
            cache_control: known.cache_control,
            checksum_crc32: sums.crc32,
            checksum_crc32c: sums.crc32c,
            checksum_crc64nvme: sums.crc64nvme,
            checksum_sha1: sums.sha1,
            checksum_sha256: sums.sha256,
            ..Default::default()
        }))
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        copy::object(&self.layout, request).await.map(S3Response::new)
    }

    async fn get_object_attributes(
        &self,
        request: S3Request<GetObjectAttributesInput>,
    ) -> Answer<GetObjectAttributesOutput> {
        let input = request.input;
        refuse(&[
            ("versions", input.version_id.is_some()),
            ("encryption", input.sse_customer_algorithm.is_some()),
            ("pages of an object's parts", input.part_number_marker.is_some()),
        ])?;
        let stored = self.stored(&input.bucket, &input.key).await?;
        answers::attributes(stored, &input.object_attributes).map(S3Response::new)
    }

    /// The store refuses tags, so no object has any. The AWS CLI asks before it copies an object in parts.
    async fn get_object_tagging(&self, request: S3Request<GetObjectTaggingInput>) -> Answer<GetObjectTaggingOutput> {
        let input = request.input;
        refuse(&[("versions", input.version_id.is_some())])?;
        self.stored(&input.bucket, &input.key).await?;
        Ok(S3Response::new(GetObjectTaggingOutput { tag_set: Vec::new(), version_id: None }))
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        let input = request.input;
        refuse(&[
            ("versions", input.version_id.is_some()),
            ("conditions on deletion", input.if_match.is_some() || input.if_match_size.is_some()),
            ("conditions on deletion", input.if_match_last_modified_time.is_some()),
        ])?;
        self.delete(&input.bucket, &input.key).await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(&self, request: S3Request<DeleteObjectsInput>) -> Answer<DeleteObjectsOutput> {
        let DeleteObjectsInput { bucket, delete, .. } = request.input;
        self.layout.existing_bucket(&bucket)?;
        let mut deleted = Vec::new();
        for object in delete.objects {
            refuse(&[("versions", object.version_id.is_some()), ("conditions on deletion", object.e_tag.is_some())])?;
            self.delete(&bucket, &object.key).await?;
            deleted.push(DeletedObject { key: Some(object.key), ..Default::default() });
        }
        let deleted = (delete.quiet != Some(true)).then_some(deleted);
        Ok(S3Response::new(DeleteObjectsOutput { deleted, ..Default::default() }))
    }

    async fn list_objects_v2(&self, request: S3Request<ListObjectsV2Input>) -> Answer<ListObjectsV2Output> {
        let input = request.input;
        let limit = input.max_keys.unwrap_or(LONGEST_PAGE as i32);
        let query = listing::Query {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone().unwrap_or_default(),
            start_after: input.start_after.clone().unwrap_or_default(),
            token: input.continuation_token.clone().unwrap_or_default(),
            limit: usize::try_from(limit).map_err(|_| s3_error!(InvalidArgument, "max-keys is negative"))?,
        };
        let page = self.page(&input.bucket, query).await?;
        // The encoding of keys that `encoding-type` asks for is not done, so it is not confirmed either.
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: input.prefix,
            delimiter: input.delimiter,
            start_after: input.start_after,
            continuation_token: input.continuation_token,
            max_keys: Some(limit),
            key_count: Some((page.objects.len() + page.common_prefixes.len()) as i32),
            is_truncated: Some(page.next.is_some()),
            contents: Some(page.objects.into_iter().map(answers::object).collect()),
            common_prefixes: Some(page.common_prefixes.into_iter().map(answers::common_prefix).collect()),
            next_continuation_token: page.next,
            ..Default::default()
        }))
    }

    async fn list_objects(&self, request: S3Request<ListObjectsInput>) -> Answer<ListObjectsOutput> {
        let input = request.input;
        let limit = input.max_keys.unwrap_or(LONGEST_PAGE as i32);
        let query = listing::Query {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone().unwrap_or_default(),
            // A marker may be a common prefix, as a token may.
            token: input.marker.clone().unwrap_or_default(),
            start_after: String::new(),
            limit: usize::try_from(limit).map_err(|_| s3_error!(InvalidArgument, "max-keys is negative"))?,
        };
        let page = self.page(&input.bucket, query).await?;
        Ok(S3Response::new(ListObjectsOutput {
            name: Some(input.bucket),
            prefix: input.prefix,
            delimiter: input.delimiter,
            marker: input.marker,
            max_keys: Some(limit),
            is_truncated: Some(page.next.is_some()),
            contents: Some(page.objects.into_iter().map(answers::object).collect()),
            common_prefixes: Some(page.common_prefixes.into_iter().map(answers::common_prefix).collect()),
            next_marker: page.next,
            ..Default::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        let algorithm = request.input.checksum_algorithm.clone();
        let kind = request.input.checksum_type.clone();
        let begun = requests::begin(request.input)?;
        self.layout.object(&begun.bucket, &begun.key)?;
        let (bucket, key) = (begun.bucket.clone(), begun.key.clone());
        let layout = Arc::clone(&self.layout);
        let id = on_disk(move || multipart::begin(&layout, &begun)).await?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(bucket),
            key: Some(key),
            upload_id: Some(id),
            checksum_algorithm: algorithm,
            checksum_type: kind,
            ..Default::default()
        }))
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        let requests::NewPart { bucket, key, upload_id, number, body, claims } = requests::part(request.input)?;
        let upload = multipart::find(&self.layout, &upload_id, &bucket, &key)?;
        let (sealed, attributes) =
            upload::receive(&self.layout, body, claims, request.trailing_headers, Attributes::default()).await?;
        let path = upload.part(number);
        on_disk(move || sealed.publish(&path, Put::Replace)).await?;
        let sums = attributes.checksums;
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(tag(&attributes.e_tag)),
            checksum_crc32: sums.crc32,
            checksum_crc32c: sums.crc32c,
            checksum_crc64nvme: sums.crc64nvme,
            checksum_sha1: sums.sha1,
            checksum_sha256: sums.sha256,
            ..Default::default()
        }))
    }

    async fn upload_part_copy(&self, request: S3Request<UploadPartCopyInput>) -> Answer<UploadPartCopyOutput> {
        copy::part(&self.layout, request.input).await.map(S3Response::new)
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        let requests::Completion { bucket, key, upload_id, parts, put, claims } = requests::complete(request.input)?;
        let upload = multipart::find(&self.layout, &upload_id, &bucket, &key)?;
        let path = self.layout.object(&bucket, &key)?;
        let (outcome, attributes) = upload.complete(&self.layout, path, parts, put, claims).await?;
        stored_or_refused(outcome)?;
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(bucket),
            key: Some(key),
            e_tag: Some(tag(&attributes.e_tag)),
            ..Default::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        let input = request.input;
        let upload = multipart::find(&self.layout, &input.upload_id, &input.bucket, &input.key)?;
        on_disk(move || upload.forget()).await?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        let input = request.input;
        let upload = multipart::find(&self.layout, &input.upload_id, &input.bucket, &input.key)?;
        let after = input.part_number_marker.unwrap_or_default();
        let limit = answers::page_limit(input.max_parts);
        let mut parts = on_disk(move || upload.parts()).await?;
        parts.retain(|part| part.number > after);
        let is_truncated = parts.len() > limit;
        parts.truncate(limit);
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            part_number_marker: input.part_number_marker,
            next_part_number_marker: parts.last().map(|part| part.number),
            max_parts: Some(limit as i32),
            is_truncated: Some(is_truncated),
            parts: Some(parts.iter().map(answers::part).collect()),
            ..Default::default()
        }))
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> Answer<ListMultipartUploadsOutput> {
        let input = request.input;
        refuse(&[("a delimiter in a listing of uploads", input.delimiter.is_some())])?;
        self.layout.existing_bucket(&input.bucket)?;
        let (layout, bucket) = (Arc::clone(&self.layout), input.bucket.clone());
        let mut uploads = on_disk(move || multipart::all(&layout, &bucket)).await?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let after = (input.key_marker.clone().unwrap_or_default(), input.upload_id_marker.clone());
        uploads.retain(|upload| {
            let follows = match &after {
                (key, Some(id)) => (&upload.begun.key, &upload.id) > (key, id),
                (key, None) => upload.begun.key > *key,
            };
            follows && upload.begun.key.starts_with(&prefix)
        });
        let limit = answers::page_limit(input.max_uploads);
        let is_truncated = uploads.len() > limit;
        uploads.truncate(limit);
        let last = uploads.last().filter(|_| is_truncated);
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            prefix: input.prefix,
            key_marker: input.key_marker,
            upload_id_marker: input.upload_id_marker,
            next_key_marker: last.map(|upload| upload.begun.key.clone()),
            next_upload_id_marker: last.map(|upload| upload.id.clone()),
            max_uploads: Some(limit as i32),
            is_truncated: Some(is_truncated),
            uploads: Some(uploads.into_iter().map(answers::upload).collect()),
            ..Default::default()
        }))
    }
}
