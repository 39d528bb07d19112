//! What is in a store, read by another implementation.

use apache_avro::{Reader, types::Value};
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use contract::endpoints::ObjectStore;

/// A row of a file.
#[derive(Debug)]
pub(crate) struct StoredRow {
    pub(crate) number: u64,
    pub(crate) has_value: bool,
}

pub(crate) fn client(store: &ObjectStore) -> aws_sdk_s3::Client {
    let secret = store.secret_access_key.as_ref().unwrap().expose();
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(store.region.clone()))
        .endpoint_url(store.endpoint.as_ref().unwrap())
        .force_path_style(true)
        .credentials_provider(Credentials::new(store.access_key_id.as_ref().unwrap(), secret, None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

/// All rows of all files of a topic.
pub(crate) async fn rows(store: &ObjectStore, topic: &str) -> Vec<StoredRow> {
    let client = client(store);
    let prefix = contract::names::topic_prefix(topic);
    let mut pages = client.list_objects_v2().bucket(&store.bucket).prefix(prefix).into_paginator().send();
    let mut rows = Vec::new();
    while let Some(page) = pages.next().await {
        for object in page.unwrap().contents() {
            let got = client.get_object().bucket(&store.bucket).key(object.key().unwrap()).send().await.unwrap();
            let bytes = got.body.collect().await.unwrap().into_bytes();
            rows.extend(Reader::new(&bytes[..]).unwrap().map(|row| stored(&row.unwrap())));
        }
    }
    rows
}

/// Sorted.
pub(crate) fn numbers(rows: &[StoredRow]) -> Vec<u64> {
    let mut numbers: Vec<u64> = rows.iter().map(|row| row.number).collect();
    numbers.sort_unstable();
    numbers
}

fn stored(row: &Value) -> StoredRow {
    let Value::Record(fields) = row else { panic!("{row:?}") };
    let field = |name: &str| &fields.iter().find(|(field, _)| field == name).unwrap().1;
    let Value::Union(_, key) = field("key") else { panic!() };
    let Value::Bytes(key) = key.as_ref() else { panic!() };
    let Value::Union(branch, _) = field("value") else { panic!() };
    StoredRow { number: String::from_utf8_lossy(key).parse().unwrap(), has_value: *branch == 1 }
}
