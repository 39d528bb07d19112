//! Objects are moved by hand, with the AWS CLI or an SDK, so copies keep every promise of a put.

use crate::harness::{S3, start};
use aws_sdk_s3::{
    error::{ProvideErrorMetadata, SdkError},
    operation::copy_object::builders::CopyObjectFluentBuilder,
    primitives::ByteStream,
    types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, MetadataDirective, ObjectAttributes},
};

const PART: usize = 5 * 1024 * 1024;

fn refusal<E: ProvideErrorMetadata>(error: &SdkError<E>) -> (u16, Option<&str>) {
    (error.raw_response().map_or(0, |answer| answer.status().as_u16()), error.code())
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 % 251) as u8).collect()
}

impl S3 {
    fn copy(&self, from: &str, to: &str) -> CopyObjectFluentBuilder {
        self.client.copy_object().bucket(&self.bucket).copy_source(format!("{}/{from}", self.bucket)).key(to)
    }

    async fn bytes(&self, key: &str) -> Vec<u8> {
        let got = self.client.get_object().bucket(&self.bucket).key(key).send().await.unwrap();
        got.body.collect().await.unwrap().to_vec()
    }

    async fn source(&self, key: &str, bytes: Vec<u8>) -> String {
        let put = self.client.put_object().bucket(&self.bucket).key(key).body(ByteStream::from(bytes));
        let put = put.metadata("reason", "window").content_type("avro/binary");
        put.checksum_algorithm(ChecksumAlgorithm::Sha256).send().await.unwrap().e_tag.unwrap()
    }
}

#[tokio::test]
async fn a_copy_has_the_bytes_the_metadata_and_the_checksums_of_its_source() {
    let stack = start().await;
    let s3 = stack.s3();
    let tag = s3.source("a/b c", content(700_000)).await;
    let copied = s3.copy("a/b%20c", "d").send().await.unwrap().copy_object_result.unwrap();
    assert_eq!(copied.e_tag(), Some(tag.as_str()));
    assert!(copied.last_modified().is_some() && copied.checksum_sha256().is_some());
    assert!(s3.bytes("d").await == content(700_000) && s3.bytes("a/b c").await == content(700_000));
    let head = s3.client.head_object().bucket(&s3.bucket).key("d").send().await.unwrap();
    assert_eq!((head.metadata().unwrap()["reason"].as_str(), head.content_type()), ("window", Some("avro/binary")));
}

#[tokio::test]
async fn a_copy_takes_the_metadata_it_is_given_with_the_directive_replace() {
    let stack = start().await;
    let s3 = stack.s3();
    s3.source("k", b"bytes".to_vec()).await;
    let itself = s3.copy("k", "k").send().await.unwrap_err();
    assert_eq!(refusal(&itself), (400, Some("InvalidRequest")));
    let replaced = s3.copy("k", "k").metadata_directive(MetadataDirective::Replace).metadata("new", "1");
    replaced.send().await.unwrap();
    let head = s3.client.head_object().bucket(&s3.bucket).key("k").send().await.unwrap();
    let metadata = head.metadata().unwrap();
    assert_eq!((metadata["new"].as_str(), metadata.len(), head.content_length()), ("1", 1, Some(5)));
    assert_ne!(head.content_type(), Some("avro/binary"));
    let unknown = s3.copy("k", "l").metadata_directive(MetadataDirective::from("MERGE")).send().await.unwrap_err();
    assert_eq!(refusal(&unknown), (400, Some("InvalidArgument")));
}

#[tokio::test]
async fn a_copy_obeys_the_conditions_on_its_source_and_its_target() {
    let stack = start().await;
    let s3 = stack.s3();
    let tag = s3.source("k", b"bytes".to_vec()).await;
    let other = s3.source("other", b"others".to_vec()).await;
    let failed = Some("PreconditionFailed");
    let refused = s3.copy("k", "l").copy_source_if_match(&other).send().await.unwrap_err();
    assert_eq!(refusal(&refused), (412, failed));
    let refused = s3.copy("k", "l").copy_source_if_none_match(&tag).send().await.unwrap_err();
    assert_eq!(refusal(&refused), (412, failed));
    s3.copy("k", "l").copy_source_if_match(&tag).if_none_match("*").send().await.unwrap();
    let refused = s3.copy("other", "l").if_none_match("*").send().await.unwrap_err();
    assert_eq!(refusal(&refused), (412, failed));
    assert_eq!(s3.bytes("l").await, b"bytes");
    let refused = s3.copy("other", "l").if_match(&tag).send().await.unwrap_err();
    assert_eq!(refusal(&refused), (501, Some("NotImplemented")));
    let missing = s3.copy("none", "l").send().await.unwrap_err();
    assert_eq!(refusal(&missing), (404, Some("NoSuchKey")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_racing_create_only_copies_one_wins() {
    let stack = start().await;
    let s3 = stack.s3();
    for source in 0..6 {
        s3.source(&format!("from/{source}"), content(100_000 + source)).await;
    }
    let racers: Vec<_> = (0..6)
        .map(|source| {
            let copy = s3.copy(&format!("from/{source}"), "to").if_none_match("*");
            tokio::spawn(async move { copy.send().await.map(|_| source).map_err(|error| refusal(&error).0) })
        })
        .collect();
    let mut winners = Vec::new();
    for racer in racers {
        match racer.await.unwrap() {
            Ok(source) => winners.push(source),
            Err(status) => assert_eq!(status, 412),
        }
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert!(s3.bytes("to").await == content(100_000 + winners[0]));
}

#[tokio::test]
async fn a_large_object_is_copied_in_parts() {
    let stack = start().await;
    let s3 = stack.s3();
    let whole = content(PART + 1000);
    s3.source("k", whole.clone()).await;
    let begun = s3.client.create_multipart_upload().bucket(&s3.bucket).key("l").send().await.unwrap();
    let id = begun.upload_id.unwrap();
    let part = |number: i32, range: String| {
        let request = s3.client.upload_part_copy().bucket(&s3.bucket).key("l").upload_id(&id).part_number(number);
        request.copy_source(format!("{}/k", s3.bucket)).copy_source_range(range).send()
    };
    let mut parts = CompletedMultipartUpload::builder();
    for (number, range) in [(1, format!("bytes=0-{}", PART - 1)), (2, format!("bytes={PART}-{}", PART + 999))] {
        let tag = part(number, range).await.unwrap().copy_part_result.unwrap().e_tag;
        parts = parts.parts(CompletedPart::builder().set_e_tag(tag).part_number(number).build());
    }
    let beyond = part(3, format!("bytes=0-{}", PART + 1000)).await.unwrap_err();
    assert_eq!(refusal(&beyond), (416, Some("InvalidRange")));
    let complete = s3.client.complete_multipart_upload().bucket(&s3.bucket).key("l").upload_id(&id);
    complete.multipart_upload(parts.build()).send().await.unwrap();
    assert!(s3.bytes("l").await == whole);

    // A copy of an object that was made of parts is one piece again, with the MD5 of its bytes as its tag.
    let tag = s3.copy("l", "m").send().await.unwrap().copy_object_result.unwrap().e_tag;
    let head = s3.client.head_object().bucket(&s3.bucket).key("k").send().await.unwrap();
    assert_eq!(tag, head.e_tag);
    let attributes = s3.client.get_object_attributes().bucket(&s3.bucket).key("l");
    let attributes = attributes.object_attributes(ObjectAttributes::ObjectParts).send().await.unwrap();
    assert_eq!(attributes.object_parts.unwrap().total_parts_count, Some(2));
}

#[tokio::test]
async fn attributes_are_those_that_are_asked_for() {
    let stack = start().await;
    let s3 = stack.s3();
    let tag = s3.source("k", b"bytes".to_vec()).await;
    let ask = || s3.client.get_object_attributes().bucket(&s3.bucket).key("k");
    let all = [
        ObjectAttributes::Etag,
        ObjectAttributes::Checksum,
        ObjectAttributes::ObjectParts,
        ObjectAttributes::ObjectSize,
        ObjectAttributes::StorageClass,
    ];
    let found = ask().set_object_attributes(Some(all.into())).send().await.unwrap();
    assert_eq!(found.e_tag().map(|found| found.trim_matches('"')), Some(tag.trim_matches('"')));
    assert!(found.checksum().and_then(|sums| sums.checksum_sha256()).is_some());
    assert_eq!((found.object_size(), found.object_parts()), (Some(5), None));
    assert!(found.storage_class().is_some() && found.last_modified().is_some());
    let size = ask().object_attributes(ObjectAttributes::ObjectSize).send().await.unwrap();
    assert_eq!((size.object_size(), size.e_tag(), size.checksum()), (Some(5), None, None));
    let unknown = ask().object_attributes(ObjectAttributes::from("Colour")).send().await.unwrap_err();
    assert_eq!(refusal(&unknown), (400, Some("InvalidArgument")));
    let missing = s3.client.get_object_attributes().bucket(&s3.bucket).key("none");
    let missing = missing.object_attributes(ObjectAttributes::Etag).send().await.unwrap_err();
    assert_eq!(refusal(&missing), (404, Some("NoSuchKey")));
}
