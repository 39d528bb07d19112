//! The files in the bucket, read back by an Avro implementation that did not write them.

use apache_avro::{Reader, types::Value};
use aws_sdk_s3::{Client, config::Region};
use contract::{endpoints::ObjectStore, names};
use std::collections::BTreeMap;

/// A record as a file holds it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub value: Value,
}

pub(crate) struct Bucket {
    client: Client,
    store: ObjectStore,
}

impl Bucket {
    pub(crate) fn new(store: &ObjectStore) -> Self {
        let (Some(id), Some(secret)) = (&store.access_key_id, &store.secret_access_key) else {
            panic!("tests give the credentials")
        };
        let credentials = aws_sdk_s3::config::Credentials::new(id, secret.expose(), None, None, "tests");
        let tls = aws_smithy_http_client::tls::Provider::Rustls(
            aws_smithy_http_client::tls::rustls_provider::CryptoMode::Ring,
        );
        let mut config = aws_sdk_s3::Config::builder()
            .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
            .region(Region::new(store.region.clone()))
            .credentials_provider(credentials)
            .http_client(aws_smithy_http_client::Builder::new().tls_provider(tls).build_https())
            .force_path_style(store.path_style);
        if let Some(endpoint) = &store.endpoint {
            config = config.endpoint_url(endpoint);
        }
        Self { client: Client::from_conf(config.build()), store: store.clone() }
    }

    /// Keys of a topic's files, without the configured prefix, in their order.
    pub(crate) async fn files(&self, topic: &str) -> Vec<String> {
        let prefix = format!("{}{}", self.store.prefix, names::topic_prefix(topic));
        let mut pages = self.client.list_objects_v2().bucket(&self.store.bucket).prefix(prefix).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.expect("LIST");
            keys.extend(
                page.contents()
                    .iter()
                    .filter_map(|object| object.key())
                    .map(|key| key.strip_prefix(&self.store.prefix).expect("the prefix asked for").to_owned()),
            );
        }
        keys
    }

    /// Puts a file that no sink wrote; `key` is without the configured prefix.
    pub(crate) async fn put(&self, key: &str, bytes: Vec<u8>) {
        let key = format!("{}{key}", self.store.prefix);
        self.client.put_object().bucket(&self.store.bucket).key(key).body(bytes.into()).send().await.expect("PUT");
    }

    /// Every row of a file.
    pub(crate) async fn rows(&self, key: &str) -> Vec<Row> {
        let key = format!("{}{key}", self.store.prefix);
        let object = self.client.get_object().bucket(&self.store.bucket).key(&key).send().await.expect("GET");
        let bytes = object.body.collect().await.expect("body").into_bytes();
        if bytes.is_empty() {
            return Vec::new();
        }
        let reader = Reader::new(&bytes[..]).unwrap_or_else(|error| panic!("{key}: {error}"));
        reader.map(|row| Row::from_value(row.unwrap_or_else(|error| panic!("{key}: {error}")))).collect()
    }

    /// Every row of a topic's files.
    pub(crate) async fn all_rows(&self, topic: &str) -> Vec<Row> {
        let mut rows = Vec::new();
        for key in self.files(topic).await {
            rows.extend(self.rows(&key).await);
        }
        rows
    }
}

impl Row {
    fn from_value(value: Value) -> Self {
        let Value::Record(fields) = value else { panic!("not a record: {value:?}") };
        let mut fields: BTreeMap<String, Value> = fields.into_iter().collect();
        let mut take = |name: &str| match fields.remove(name) {
            Some(Value::Union(_, inner)) => *inner,
            Some(value) => value,
            None => panic!("no column {name}"),
        };
        let (Value::Int(partition), Value::Long(offset)) = (take("partition"), take("offset")) else {
            panic!("columns of another type")
        };
        let key = match take("key") {
            Value::Bytes(key) => Some(key),
            Value::Null => None,
            other => panic!("key {other:?}"),
        };
        Self { partition, offset, key, value: take("value") }
    }
}
