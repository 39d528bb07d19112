//! The files in the store, read back by an Avro implementation that did not write them.

use anyhow::{Context, bail};
use apache_avro::{Reader, Schema, types::Value};
use aws_sdk_s3::Client;
use contract::{Position, Range, endpoints::ObjectStore, names};
use futures::{StreamExt, TryStreamExt, stream};
use sink_core::facts::FoundFile;

use super::load::Headers;
use crate::endpoints;

/// Requests under way at a time.
const REQUESTS: usize = 16;

/// A row of a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp: Option<i64>,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) headers: Headers,
    pub(crate) schema_id: Option<u32>,
    pub(crate) value: Option<Value>,
}

/// A file with what is in it.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) about: FoundFile,
    /// Schema of the values, as the file's own head says it.
    pub(crate) values: Schema,
    pub(crate) rows: Vec<Row>,
}

/// The files of one topic.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    client: Client,
    bucket: String,
    prefix: String,
    topic: String,
}

impl Files {
    pub(crate) fn new(store: &ObjectStore, prefix: &str, topic: &str) -> anyhow::Result<Self> {
        Ok(Self {
            client: endpoints::client(store)?,
            bucket: store.bucket.clone(),
            prefix: prefix.to_owned(),
            topic: topic.to_owned(),
        })
    }

    /// Where the files at and behind a position begin, in order.
    pub(crate) async fn starts(&self, partition: i32, from: Position) -> anyhow::Result<Vec<Position>> {
        let key = format!("{}{}", self.prefix, names::object_key(&self.topic, partition, from));
        let prefix = format!("{}{}", self.prefix, names::partition_prefix(&self.topic, partition));
        // Behind every key that is smaller: the last character is one less than the dot's.
        let after = key.trim_end_matches(".avro").to_owned() + "-";
        let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).start_after(after);
        let mut pages = list.into_paginator().send();
        let mut starts = Vec::new();
        while let Some(page) = pages.next().await {
            for object in page.context("listing files")?.contents() {
                let key = object.key().unwrap_or_default();
                let relative = key.strip_prefix(&self.prefix).unwrap_or(key);
                let parsed = names::parse_object_key(relative);
                starts.push(parsed.with_context(|| format!("{key} is not a file's name"))?.start);
            }
        }
        Ok(starts)
    }

    fn key(&self, partition: i32, start: Position) -> String {
        format!("{}{}", self.prefix, names::object_key(&self.topic, partition, start))
    }

    pub(crate) async fn head(&self, partition: i32, start: Position) -> anyhow::Result<FoundFile> {
        let key = self.key(partition, start);
        let head = self.client.head_object().bucket(&self.bucket).key(&key).send().await;
        let head = head.with_context(|| format!("HEAD {key}"))?;
        let bytes = head.content_length().unwrap_or(0).unsigned_abs();
        FoundFile::parse(start, bytes, head.metadata().context("no metadata")?).with_context(|| key)
    }

    /// Reads every file at and behind a position.
    pub(crate) async fn read(&self, partition: i32, from: Position) -> anyhow::Result<Vec<File>> {
        let starts = self.starts(partition, from).await?;
        let files = stream::iter(starts).map(|start| self.get(partition, start));
        files.buffered(REQUESTS).try_collect().await
    }

    async fn get(&self, partition: i32, start: Position) -> anyhow::Result<File> {
        let key = self.key(partition, start);
        let object = self.client.get_object().bucket(&self.bucket).key(&key).send().await;
        let object = object.with_context(|| format!("GET {key}"))?;
        let metadata = object.metadata().cloned().with_context(|| format!("{key}: no metadata"))?;
        let body = object.body.collect().await.with_context(|| format!("GET {key}"))?.into_bytes();
        let about = FoundFile::parse(start, body.len() as u64, &metadata).with_context(|| key.clone())?;
        let (values, rows) = decode(&body).with_context(|| key.clone())?;
        check_against_itself(&about, &rows, partition).with_context(|| key)?;
        Ok(File { about, values, rows })
    }
}

/// The rows are what the object's metadata says.
fn check_against_itself(about: &FoundFile, rows: &[Row], partition: i32) -> anyhow::Result<()> {
    anyhow::ensure!(about.rows == rows.len() as u64, "{} rows, the metadata says {}", rows.len(), about.rows);
    let inside = |row: &Row| row.partition == partition && about.range.contains(contract::Offset(row.offset));
    if let Some(stranger) = rows.iter().find(|row| !inside(row)) {
        let Range { start, next } = about.range;
        bail!("a file of {partition} from {start} to {next} holds {}@{}", stranger.partition, stranger.offset);
    }
    anyhow::ensure!(rows.is_sorted_by(|a, b| a.offset < b.offset), "its rows are not in the order of their offsets");
    Ok(())
}

fn decode(body: &[u8]) -> anyhow::Result<(Schema, Vec<Row>)> {
    let reader = Reader::new(body)?;
    let values = match reader.writer_schema() {
        Schema::Record(record) => match record.fields.last().map(|field| &field.schema) {
            Some(Schema::Union(union)) => union.variants().get(1).cloned(),
            _ => None,
        },
        _ => None,
    };
    let values = values.context("the file's schema has no value")?;
    let rows: anyhow::Result<Vec<Row>> = reader.map(|row| row_of(row?)).collect();
    Ok((values, rows?))
}

fn row_of(value: Value) -> anyhow::Result<Row> {
    let Value::Record(fields) = value else { bail!("not a record") };
    let mut columns: Vec<Value> = fields.into_iter().map(|(_, value)| open(value)).collect();
    anyhow::ensure!(columns.len() == 8, "{} columns", columns.len());
    let value = columns.pop().filter(|value| *value != Value::Null);
    let schema_id = match columns.pop() {
        Some(Value::Int(id)) => Some(id as u32),
        _ => None,
    };
    let Some(Value::Array(headers)) = columns.pop() else { bail!("no headers") };
    let key = columns.pop().and_then(bytes);
    let timestamp = match columns.pop() {
        Some(Value::Long(time)) => Some(time),
        _ => None,
    };
    let (Some(Value::Long(offset)), Some(Value::Int(partition))) = (columns.pop(), columns.pop()) else {
        bail!("no offset and partition")
    };
    let headers: Option<Headers> = headers.into_iter().map(header).collect();
    Ok(Row { partition, offset, timestamp, key, headers: headers.context("a header")?, schema_id, value })
}

/// What is in a union.
fn open(value: Value) -> Value {
    match value {
        Value::Union(_, inner) => *inner,
        other => other,
    }
}

fn bytes(value: Value) -> Option<Vec<u8>> {
    if let Value::Bytes(bytes) = value { Some(bytes) } else { None }
}

fn header(header: Value) -> Option<(String, Option<Vec<u8>>)> {
    let Value::Record(fields) = header else { return None };
    let [(_, Value::String(key)), (_, value)] = <[_; 2]>::try_from(fields).ok()? else { return None };
    Some((key, bytes(open(value))))
}
