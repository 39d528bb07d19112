//! Files like the sink's, but written with a schema under which any field may be null, missing or of another type: the way
//! in which events that no released schema can encode reach the staging table, through the pipe like all others.

use crate::log::{Branch, Record, Shown};
use apache_avro::{Schema, Writer, types::Value as Avro};
use contract::{Position, file, names};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A file and its key, relative to the bucket's prefix.
#[derive(Debug, Clone)]
pub struct LooseFile {
    pub key: String,
    pub bytes: Vec<u8>,
}

/// Writes the files of one topic. No two have the same key, since a pipe loads a name only once.
#[derive(Debug)]
pub struct LooseWriter {
    topic: String,
    files: i64,
}

/// The names of an event's fields and of its customer's: rows of one shape share a file, so that a field that an event
/// lacks is missing from its file and not merely null.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    event: BTreeSet<String>,
    customer: Option<BTreeSet<String>>,
}

impl LooseWriter {
    pub fn new(topic: impl Into<String>) -> Self {
        Self { topic: topic.into(), files: 0 }
    }

    /// One load as files: one for each partition, shape and branch of a union.
    ///
    /// # Errors
    /// When a field's name is not a name in Avro.
    pub fn files(&mut self, records: &[Record]) -> Result<Vec<LooseFile>, apache_avro::Error> {
        let mut groups: BTreeMap<(i32, Shape, Option<&Branch>), Vec<&Record>> = BTreeMap::new();
        for record in records {
            let key = (record.position.partition, Shape::of(record), record.branch.as_ref());
            groups.entry(key).or_default().push(record);
        }
        let mut files = Vec::new();
        for ((partition, shape, branch), records) in groups {
            let schema = Schema::parse_str(&file_schema(shape.schema(), branch).to_string())?;
            let mut writer = Writer::new(&schema, Vec::new())?;
            for record in records {
                writer.append_value(self.row(record))?;
            }
            let key = names::object_key(&self.topic, partition, Position(self.files));
            files.push(LooseFile { key, bytes: writer.into_inner()? });
            self.files += 1;
        }
        Ok(files)
    }

    fn row(&self, record: &Record) -> Avro {
        let nullable = |value: Option<Avro>| match value {
            Some(value) => Avro::Union(1, Box::new(value)),
            None => Avro::Union(0, Box::new(Avro::Null)),
        };
        let key = record.field("customer_id").as_str().map(|id| Avro::Bytes(id.into()));
        let event = record
            .value
            .as_ref()
            .map(|event| Avro::Record(event.iter().map(|(name, value)| (name.clone(), loose(value))).collect()));
        let columns = [
            (file::COLUMN_TOPIC, Avro::String(self.topic.clone())),
            (file::COLUMN_PARTITION, Avro::Int(record.position.partition)),
            (file::COLUMN_OFFSET, Avro::Long(record.position.offset)),
            (file::COLUMN_TIMESTAMP, nullable(record.log_time.map(Avro::Long))),
            (file::COLUMN_KEY, nullable(key)),
            (file::COLUMN_HEADERS, Avro::Array(Vec::new())),
            (file::COLUMN_SCHEMA_ID, nullable(event.as_ref().map(|_| Avro::Int(1)))),
            (file::COLUMN_VALUE, column(event, record.branch.as_ref())),
        ];
        Avro::Record(columns.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

impl Shape {
    fn of(record: &Record) -> Self {
        let names = |object: &serde_json::Map<String, Value>| object.keys().cloned().collect();
        let customer = record.field("customer").as_object().map(names);
        Self { event: record.value.as_ref().map(names).unwrap_or_default(), customer }
    }

    fn schema(&self) -> Value {
        let scalar = || vec![json!("null"), json!("boolean"), json!("long"), json!("double"), json!("string")];
        let record = |name: &str, fields: Vec<Value>| json!({"type": "record", "name": name, "fields": fields});
        let field = |name: &String, kind: Vec<Value>| json!({"name": name, "type": kind});
        let fields = self.event.iter().map(|name| {
            let mut kind = scalar();
            if let (true, Some(names)) = (name == "customer", &self.customer) {
                kind.push(record("LooseCustomer", names.iter().map(|name| field(name, scalar())).collect()));
            }
            field(name, kind)
        });
        record("LooseEvent", fields.collect())
    }
}

/// The whole file's schema. A union of record types is one of two, the event's the second. The local warehouse loads it plain;
/// a map with one entry is what it loads as a tagged one.
fn file_schema(mut event: Value, branch: Option<&Branch>) -> Value {
    let Some(Branch { name, shown }) = branch else { return file::record_schema(&[event]) };
    if *shown == Shown::Tagged {
        return file::record_schema(&[json!({"type": "map", "values": event})]);
    }
    event["name"] = json!(name);
    let other = json!({"type": "record", "name": "schema_1.Other", "fields": [{"name": "other", "type": "long"}]});
    file::record_schema(&[other, event])
}

/// A value as [`file_schema`] says it.
fn column(event: Option<Avro>, branch: Option<&Branch>) -> Avro {
    match (event, branch) {
        (None, _) => Avro::Union(0, Box::new(Avro::Null)),
        (Some(event), None) => Avro::Union(1, Box::new(event)),
        (Some(event), Some(Branch { name, shown: Shown::Tagged })) => {
            Avro::Union(1, Box::new(Avro::Map([(name.clone(), event)].into())))
        }
        (Some(event), Some(Branch { shown: Shown::Plain, .. })) => Avro::Union(2, Box::new(event)),
    }
}

/// A JSON value as the branch of the union that holds it. Numbers beyond 64 bits become doubles, arrays their text.
fn loose(value: &Value) -> Avro {
    let (branch, value) = match value {
        Value::Null => (0, Avro::Null),
        Value::Bool(boolean) => (1, Avro::Boolean(*boolean)),
        Value::Number(number) => match number.as_i64() {
            Some(long) => (2, Avro::Long(long)),
            None => (3, Avro::Double(number.as_f64().unwrap_or(f64::NAN))),
        },
        Value::String(text) => (4, Avro::String(text.clone())),
        Value::Array(_) => (4, Avro::String(value.to_string())),
        Value::Object(fields) => {
            (5, Avro::Record(fields.iter().map(|(name, value)| (name.clone(), loose(value))).collect()))
        }
    };
    Avro::Union(branch, Box::new(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;
    use apache_avro::Reader;

    #[test]
    fn every_random_record_reaches_a_file_and_no_key_comes_twice() {
        let case = random::case(7, 120).unwrap();
        let mut writer = LooseWriter::new("t");
        let (mut keys, mut rows) = (BTreeSet::new(), 0);
        for batch in &case.batches {
            for file in writer.files(batch).unwrap() {
                assert!(names::parse_object_key(&file.key).is_some(), "{}", file.key);
                assert!(keys.insert(file.key));
                rows += Reader::new(file.bytes.as_slice()).unwrap().map(Result::unwrap).count();
            }
        }
        assert_eq!(rows, case.records().count());
    }

    #[test]
    fn a_field_is_null_missing_or_of_another_type_as_it_was_given() {
        let batch: Vec<Record> = serde_json::from_str(
            r#"[{"sequence":"one","customer":{"city":true},"position":[0,1],"log_time":null},
                {"customer_id":null,"customer":1.5,"position":[0,2],"log_time":5},
                {"tombstone":true,"position":[0,3]}]"#,
        )
        .unwrap();
        let files = LooseWriter::new("t").files(&batch).unwrap();
        let mut values = Vec::new();
        for file in files {
            for row in Reader::new(file.bytes.as_slice()).unwrap() {
                values.push(Value::try_from(row.unwrap()).unwrap()[file::COLUMN_VALUE].clone());
            }
        }
        let expected = [
            Value::Null,
            json!({"customer_id": null, "customer": 1.5}),
            json!({"sequence": "one", "customer": {"city": true}}),
        ];
        assert_eq!(values, expected);
    }
}
