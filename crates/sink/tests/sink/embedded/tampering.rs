//! Files changed behind the sink's back, with metadata that fits what the change wants to hide.

use crate::fixture::Fixture;
use aws_sdk_s3::primitives::ByteStream;
use contract::file::metadata;
use sha2::{Digest, Sha256};
use sink::Codec;
use sink_core::{
    container::{FileBuilder, Row, RowValue, Scratch},
    read::Head,
};
use std::collections::HashMap;

/// A row without its headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnedRow {
    pub(crate) offset: i64,
    pub(crate) timestamp: Option<i64>,
    pub(crate) key: Option<Vec<u8>>,
    /// Schema id, branch and datum.
    pub(crate) value: Option<(u32, u32, Vec<u8>)>,
}

/// An object that can be changed and put back.
pub(crate) struct Victim<'a> {
    fixture: &'a Fixture,
    key: String,
    pub(crate) body: Vec<u8>,
    pub(crate) metadata: HashMap<String, String>,
}

impl<'a> Victim<'a> {
    pub(crate) async fn take(fixture: &'a Fixture, key: String) -> Self {
        let (client, bucket) = fixture.s3();
        let got = client.get_object().bucket(bucket).key(&key).send().await.unwrap();
        let metadata = got.metadata().cloned().unwrap();
        let body = got.body.collect().await.unwrap().into_bytes().to_vec();
        Self { fixture, key, body, metadata }
    }

    /// Puts other bytes in its place, and metadata that differs in `changes`.
    pub(crate) async fn replace(&self, body: Vec<u8>, changes: &[(&str, String)]) {
        let (client, bucket) = self.fixture.s3();
        let mut own = self.metadata.clone();
        own.extend(changes.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        let put = client.put_object().bucket(bucket).key(&self.key).set_metadata(Some(own));
        put.body(ByteStream::from(body)).send().await.unwrap();
    }

    pub(crate) async fn restore(&self) {
        self.replace(self.body.clone(), &[]).await;
    }

    /// Writes the file again with its rows as `change` leaves them, and a checksum that fits.
    pub(crate) async fn rewrite(&self, change: impl FnOnce(&mut Vec<OwnedRow>)) {
        let (head, mut at) = Head::parse(&self.body).unwrap();
        let (mut plain, mut rows, mut place) = (Vec::new(), Vec::new(), (String::new(), 0));
        while at < self.body.len() {
            let (count, used) = head.block(&self.body[at..], &mut plain).unwrap();
            at += used;
            for row in head.rows(&plain, count) {
                let row = row.unwrap();
                place = (row.topic.to_owned(), row.partition);
                let value = row.value.map(|(branch, datum)| (row.schema_id.unwrap(), branch, datum.to_vec()));
                let key = row.key.map(<[u8]>::to_vec);
                rows.push(OwnedRow { offset: row.offset, timestamp: row.timestamp, key, value });
            }
        }
        change(&mut rows);
        let body = write(&place, &schema(&self.body), &rows);
        let sha256 = hex::encode(Sha256::digest(&body));
        self.replace(body, &[(metadata::SHA256, sha256), (metadata::ROWS, rows.len().to_string())]).await;
    }
}

/// The schema in a file's head, read by other code.
fn schema(body: &[u8]) -> String {
    let reader = apache_avro::Reader::new(body).unwrap();
    serde_json::to_string(reader.writer_schema()).unwrap()
}

fn write((topic, partition): &(String, i32), schema: &str, rows: &[OwnedRow]) -> Vec<u8> {
    let (mut out, mut scratch) = (Vec::new(), Scratch::default());
    let mut builder = FileBuilder::new(topic, *partition, schema, Codec::Snappy, [7; 16], &mut out);
    for OwnedRow { offset, timestamp, key, value } in rows {
        let value = value.as_ref().map_or(RowValue::Tombstone, |(schema_id, branch, datum)| RowValue::Datum {
            schema_id: *schema_id,
            branch: *branch,
            datum,
        });
        let row = Row { offset: *offset, timestamp: *timestamp, key: key.as_deref(), value };
        builder.append(&row, std::iter::empty());
    }
    builder.close_block(&mut out, &mut scratch).unwrap();
    out
}
