//! The sink's promises rest on creates that one wins; the pipe's on listings; both on objects that are whole.

use crate::harness::{S3, start};
use aws_sdk_s3::{
    error::{ProvideErrorMetadata, SdkError},
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier},
};
use std::collections::BTreeSet;

const PART: usize = 5 * 1024 * 1024;

/// The status and code of a refusal.
fn refusal<E: ProvideErrorMetadata>(error: &SdkError<E>) -> (u16, Option<&str>) {
    (error.raw_response().map_or(0, |answer| answer.status().as_u16()), error.code())
}

/// Content that says who wrote it, at every place.
fn content(writer: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| (writer * 31 + at) as u8).collect()
}

impl S3 {
    async fn put(&self, key: &str, body: Vec<u8>) {
        self.client.put_object().bucket(&self.bucket).key(key).body(ByteStream::from(body)).send().await.unwrap();
    }

    async fn get(&self, key: &str) -> Option<Vec<u8>> {
        let got = self.client.get_object().bucket(&self.bucket).key(key).send().await;
        match got {
            Ok(object) => Some(object.body.collect().await.unwrap().to_vec()),
            Err(error) => {
                assert_eq!(refusal(&error), (404, Some("NoSuchKey")));
                None
            }
        }
    }

    /// Begins an upload and sends its parts.
    async fn upload(&self, key: &str, writer: &str, parts: &[Vec<u8>]) -> (String, CompletedMultipartUpload) {
        let begun = self.client.create_multipart_upload().bucket(&self.bucket).key(key).metadata("writer", writer);
        let id = begun.send().await.unwrap().upload_id.unwrap();
        let mut completed = CompletedMultipartUpload::builder();
        for (part, number) in parts.iter().zip(1..) {
            let request = self.client.upload_part().bucket(&self.bucket).key(key).upload_id(&id).part_number(number);
            let tag = request.body(ByteStream::from(part.clone())).send().await.unwrap().e_tag;
            completed = completed.parts(CompletedPart::builder().set_e_tag(tag).part_number(number).build());
        }
        (id, completed.build())
    }

    async fn complete(&self, key: &str, id: &str, parts: CompletedMultipartUpload) -> Result<(), (u16, String)> {
        let request = self.client.complete_multipart_upload().bucket(&self.bucket).key(key).upload_id(id);
        let done = request.multipart_upload(parts).if_none_match("*").send().await;
        done.map(|_| ()).map_err(|error| (refusal(&error).0, refusal(&error).1.unwrap_or_default().to_owned()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_racing_creates_one_wins_and_no_reader_sees_a_torn_object() {
    let stack = start().await;
    let s3 = stack.s3();
    for round in 0..6 {
        let key = format!("race/{round}");
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let (s3, key) = (s3.clone(), key.clone());
                tokio::spawn(async move {
                    let body = ByteStream::from(content(writer, 200_000 + writer));
                    let request = s3.client.put_object().bucket(&s3.bucket).key(key).if_none_match("*");
                    let put = request.metadata("writer", writer.to_string()).body(body).send().await;
                    put.map(|_| writer).map_err(|error| refusal(&error).0)
                })
            })
            .collect();
        let reader = tokio::spawn({
            let (s3, key) = (s3.clone(), key.clone());
            async move {
                // From the first moment it is there, an object is whole: bytes and metadata of one writer.
                let mut seen = BTreeSet::new();
                while seen.len() < 20 {
                    let Ok(got) = s3.client.get_object().bucket(&s3.bucket).key(&key).send().await else { continue };
                    let writer: usize = got.metadata.as_ref().unwrap()["writer"].parse().unwrap();
                    let bytes = got.body.collect().await.unwrap().to_vec();
                    assert!(bytes == content(writer, 200_000 + writer), "a torn object in round {round}");
                    seen.insert((seen.len(), writer));
                }
                seen.into_iter().map(|(_, writer)| writer).collect::<BTreeSet<_>>()
            }
        });
        let mut winners = Vec::new();
        for writer in writers {
            match writer.await.unwrap() {
                Ok(writer) => winners.push(writer),
                Err(status) => assert!(status == 412 || status == 409, "status {status}"),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
        assert_eq!(reader.await.unwrap(), BTreeSet::from([winners[0]]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_racing_completions_and_puts_of_one_key_one_wins() {
    let stack = start().await;
    let s3 = stack.s3();
    for round in 0..2 {
        let key = format!("race/{round}");
        let mut uploads = Vec::new();
        for writer in 0..4 {
            let parts = [content(writer, PART), content(writer, 1000)];
            uploads.push((writer, s3.upload(&key, &writer.to_string(), &parts).await));
        }
        let mut racers = Vec::new();
        for (writer, (id, parts)) in uploads {
            let (s3, key) = (s3.clone(), key.clone());
            racers.push(tokio::spawn(async move { s3.complete(&key, &id, parts).await.map(|()| writer) }));
        }
        for writer in 4..8 {
            let (s3, key) = (s3.clone(), key.clone());
            racers.push(tokio::spawn(async move {
                let request = s3.client.put_object().bucket(&s3.bucket).key(key).if_none_match("*");
                let put = request.metadata("writer", writer.to_string()).body(content(writer, 1000).into());
                put.send().await.map(|_| writer).map_err(|error| (refusal(&error).0, String::new()))
            }));
        }
        let mut winners = Vec::new();
        for racer in racers {
            match racer.await.unwrap() {
                Ok(writer) => winners.push(writer),
                Err((status, code)) => assert!(status == 412 || status == 409, "{status} {code}"),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
        let winner = winners[0];
        let mut whole = if winner < 4 { content(winner, PART) } else { Vec::new() };
        whole.extend(content(winner, 1000));
        assert!(s3.get(&key).await.unwrap() == whole);
        let head = s3.client.head_object().bucket(&s3.bucket).key(&key).send().await.unwrap();
        assert_eq!(head.metadata.unwrap()["writer"], winner.to_string());
    }
}

#[tokio::test]
async fn a_second_create_is_refused_and_changes_nothing() {
    let stack = start().await;
    let s3 = stack.s3();
    s3.put("k", b"first".to_vec()).await;
    let request = s3.client.put_object().bucket(&s3.bucket).key("k").if_none_match("*");
    let again = request.body(ByteStream::from_static(b"second")).send().await.unwrap_err();
    assert_eq!(refusal(&again), (412, Some("PreconditionFailed")));
    let (id, parts) = s3.upload("k", "late", &[b"third".to_vec()]).await;
    let refused = s3.complete("k", &id, parts.clone()).await;
    assert_eq!(refused, Err((412, "PreconditionFailed".to_owned())));
    assert_eq!(s3.get("k").await.unwrap(), b"first");
    // The upload is still there, to be completed after all or to be aborted.
    s3.client.delete_object().bucket(&s3.bucket).key("k").send().await.unwrap();
    s3.complete("k", &id, parts.clone()).await.unwrap();
    assert_eq!(s3.get("k").await.unwrap(), b"third");
    assert_eq!(s3.complete("k", &id, parts).await, Err((404, "NoSuchUpload".to_owned())));
}

#[tokio::test]
async fn metadata_is_kept_and_shown_by_head() {
    let stack = start().await;
    let s3 = stack.s3();
    let put = s3.client.put_object().bucket(&s3.bucket).key("k").body(ByteStream::from_static(b"0123456789"));
    let put = put.metadata("Start", "7").metadata("reason", "window").content_type("avro/binary").send().await.unwrap();
    let head = s3.client.head_object().bucket(&s3.bucket).key("k").send().await.unwrap();
    let metadata = head.metadata().unwrap();
    assert_eq!((metadata["start"].as_str(), metadata["reason"].as_str()), ("7", "window"));
    assert_eq!((head.content_length(), head.content_type()), (Some(10), Some("avro/binary")));
    assert_eq!(head.e_tag(), put.e_tag());
    // An overwrite replaces all of it.
    s3.put("k", b"x".to_vec()).await;
    let head = s3.client.head_object().bucket(&s3.bucket).key("k").send().await.unwrap();
    assert!(head.metadata().is_none_or(std::collections::HashMap::is_empty) && head.e_tag() != put.e_tag());

    let missing = s3.client.head_object().bucket(&s3.bucket).key("none").send().await.unwrap_err();
    assert_eq!(refusal(&missing).0, 404);
    let range = s3.client.get_object().bucket(&s3.bucket).key("k").range("bytes=0-0").send().await.unwrap();
    assert_eq!((range.content_range(), range.content_length()), (Some("bytes 0-0/1"), Some(1)));
}

#[tokio::test]
async fn a_body_that_is_not_what_its_checksum_says_is_refused_and_not_stored() {
    let stack = start().await;
    let s3 = stack.s3();
    let request = s3.client.put_object().bucket(&s3.bucket).key("k").checksum_crc32("AAAAAA==");
    let refused = request.body(ByteStream::from_static(b"bytes")).send().await.unwrap_err();
    assert_eq!(refusal(&refused), (400, Some("BadDigest")));
    let request = s3.client.put_object().bucket(&s3.bucket).key("k").content_md5("AAAAAAAAAAAAAAAAAAAAAA==");
    let refused = request.body(ByteStream::from_static(b"bytes")).send().await.unwrap_err();
    assert_eq!(refusal(&refused), (400, Some("BadDigest")));
    assert_eq!(s3.get("k").await, None);
}

#[tokio::test]
async fn listings_go_on_where_they_are_told_to_in_the_order_of_keys() {
    let stack = start().await;
    let s3 = stack.s3();
    let mut keys: Vec<_> = (0..25).map(|n| format!("topics/t/partition=00000/{n:020}.avro")).collect();
    keys.extend(["topics/t/partition=00001/a".into(), "topics/t0".into(), "topics/t".into(), "other".into()]);
    for key in &keys {
        s3.put(key, key.as_bytes().to_vec()).await;
    }
    keys.sort();

    let mut pages = s3.client.list_objects_v2().bucket(&s3.bucket).max_keys(4).into_paginator().send();
    let mut listed = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert!(page.contents().len() <= 4);
        for object in page.contents() {
            assert_eq!(object.size().unwrap() as usize, object.key().unwrap().len());
            assert!(object.e_tag().is_some() && object.last_modified().is_some());
            listed.push(object.key().unwrap().to_owned());
        }
    }
    assert_eq!(listed, keys);

    let prefix = "topics/t/partition=00000/";
    let request = s3.client.list_objects_v2().bucket(&s3.bucket).prefix(prefix);
    let after = request.start_after(format!("{prefix}{:020}.avro", 21)).send().await.unwrap();
    let names: Vec<_> = after.contents().iter().map(|object| object.key().unwrap()).collect();
    assert_eq!(names, [22, 23, 24].map(|n| format!("{prefix}{n:020}.avro")));

    let mut pages = s3
        .client
        .list_objects_v2()
        .bucket(&s3.bucket)
        .delimiter("/")
        .prefix("topics/")
        .max_keys(1)
        .into_paginator()
        .send();
    let mut shown = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        shown.extend(page.contents().iter().map(|object| object.key().unwrap().to_owned()));
        shown.extend(page.common_prefixes().iter().map(|common| common.prefix().unwrap().to_owned()));
    }
    assert_eq!(shown, ["topics/t", "topics/t/", "topics/t0"]);
}

#[tokio::test]
async fn what_is_deleted_is_gone_and_may_be_created_again() {
    let stack = start().await;
    let s3 = stack.s3();
    for key in ["a", "b/c", "b/d"] {
        s3.put(key, b"x".to_vec()).await;
    }
    s3.client.delete_object().bucket(&s3.bucket).key("a").send().await.unwrap();
    s3.client.delete_object().bucket(&s3.bucket).key("never there").send().await.unwrap();
    let objects = ["b/c", "b/d"].map(|key| ObjectIdentifier::builder().key(key).build().unwrap());
    let delete = Delete::builder().set_objects(Some(objects.into())).build().unwrap();
    s3.client.delete_objects().bucket(&s3.bucket).delete(delete).send().await.unwrap();
    assert_eq!(s3.get("a").await, None);
    assert_eq!(s3.client.list_objects_v2().bucket(&s3.bucket).send().await.unwrap().key_count(), Some(0));
    let request = s3.client.put_object().bucket(&s3.bucket).key("a").if_none_match("*");
    request.body(ByteStream::from_static(b"new")).send().await.unwrap();
    assert_eq!(s3.get("a").await.unwrap(), b"new");
}

#[tokio::test]
async fn an_abandoned_upload_can_be_found_and_aborted() {
    let stack = start().await;
    let s3 = stack.s3();
    let (id, _) = s3.upload("topics/k", "gone", &[b"part".to_vec()]).await;
    let uploads = s3.client.list_multipart_uploads().bucket(&s3.bucket).prefix("topics/").send().await.unwrap();
    let found: Vec<_> = uploads.uploads().iter().map(|upload| (upload.key(), upload.upload_id())).collect();
    assert_eq!(found, [(Some("topics/k"), Some(id.as_str()))]);
    let parts = s3.client.list_parts().bucket(&s3.bucket).key("topics/k").upload_id(&id).send().await.unwrap();
    assert_eq!(parts.parts().iter().map(aws_sdk_s3::types::Part::size).collect::<Vec<_>>(), [Some(4)]);
    let abort = || s3.client.abort_multipart_upload().bucket(&s3.bucket).key("topics/k").upload_id(&id).send();
    abort().await.unwrap();
    assert_eq!(refusal(&abort().await.unwrap_err()), (404, Some("NoSuchUpload")));
    assert_eq!(s3.client.list_multipart_uploads().bucket(&s3.bucket).send().await.unwrap().uploads().len(), 0);
    assert_eq!(s3.get("topics/k").await, None);
}

#[tokio::test]
async fn options_that_are_not_known_are_refused_by_name() {
    let stack = start().await;
    let s3 = stack.s3();
    let request = s3.client.put_object().bucket(&s3.bucket).key("k").tagging("a=b");
    let refused = request.body(ByteStream::from_static(b"x")).send().await.unwrap_err();
    assert_eq!(refusal(&refused), (501, Some("NotImplemented")));
    assert!(refused.message().is_some_and(|message| message.contains("tags")));
    assert_eq!(s3.get("k").await, None);
}
