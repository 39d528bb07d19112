//! What a writer schema of the topic means for files: the schema of their value column, a program that checks a datum,
//! and whether older data can be brought into its shape.

use apache_avro::{
    Schema, reader::datum::GenericDatumReader, schema::ResolvedSchema, schema_compatibility::SchemaCompatibility,
    types::Value as Datum, writer::datum::GenericDatumWriter,
};
use serde_json::{Map, Value, json};

use crate::{
    skip::SkipProgram,
    varint::{Invalid, put_long},
};

/// Names that a file's schema defines outside the value.
const OWN: [&str; 3] = ["KafkaRecord", "KafkaHeader", "KafkaValue"];

/// A schema that files cannot hold. The data is not to blame: someone has to look at the schema.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    #[error("the schema is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the schema is not valid Avro: {0}")]
    Avro(#[from] Box<apache_avro::Error>),
    #[error(transparent)]
    Undefined(#[from] crate::skip::Undefined),
    #[error("the schema does not fit into a file's record: {0}")]
    File(Box<apache_avro::Error>),
    #[error("the schema defines `{0}`, a name that files use themselves; give it a namespace")]
    Taken(String),
    #[error("the schema is not that of a file: its columns are others")]
    NotOfFile,
}

/// Why a datum could not be brought into a newer schema's shape.
#[derive(Debug, thiserror::Error)]
#[error("a datum of an older schema version cannot be resolved to the file's: {0}")]
pub struct ConvertError(#[from] Box<apache_avro::Error>);

/// One writer schema, ready for use.
#[derive(Debug)]
pub struct ValueSchema {
    schema: Schema,
    program: SkipProgram,
    layout: Value,
    file_schema: String,
}

impl ValueSchema {
    /// Reads a schema as a registry holds it.
    ///
    /// # Errors
    /// When it is not valid, or cannot be the value of a file's record.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        let json: Value = match serde_json::from_str(text) {
            Ok(json) => json,
            // Registries also hold the bare name of a primitive type.
            Err(error) => match text.trim() {
                name if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase()) => json!(name),
                _ => return Err(error.into()),
            },
        };
        let schema = Schema::parse(&json).map_err(Box::new)?;
        let program = SkipProgram::compile(&schema)?;
        let names = ResolvedSchema::new(&schema).map_err(Box::new)?;
        if let Some(taken) = names.get_names().keys().map(ToString::to_string).find(|name| OWN.contains(&name.as_str()))
        {
            return Err(SchemaError::Taken(taken));
        }
        let column = match &schema {
            // The value column is a union already, and unions do not nest: one field around it has the same bytes.
            Schema::Union(_) | Schema::Null => {
                json!({"type": "record", "name": "KafkaValue", "fields": [{"name": "value", "type": json}]})
            }
            _ => json.clone(),
        };
        let file_schema = contract::file::record_schema(&column);
        Schema::parse(&file_schema).map_err(|error| SchemaError::File(Box::new(error)))?;
        Ok(Self { schema, program, layout: without_documentation(&json), file_schema: file_schema.to_string() })
    }

    /// Reads the value column's schema out of a whole file's.
    ///
    /// # Errors
    /// When files are not written with such a schema.
    pub fn of_file(text: &str) -> Result<Self, SchemaError> {
        let file: Value = serde_json::from_str(text)?;
        let columns = file.get("fields").and_then(Value::as_array);
        let column = columns.and_then(|columns| columns.last()?.get("type")?.get(1)).ok_or(SchemaError::NotOfFile)?;
        let wrapped = column.get("name").is_some_and(|name| name == "KafkaValue");
        let value = if wrapped { column.pointer("/fields/0/type").ok_or(SchemaError::NotOfFile)? } else { column };
        let schema = Self::parse(&value.to_string())?;
        let same = serde_json::from_str::<Value>(&schema.file_schema)? == file;
        if same { Ok(schema) } else { Err(SchemaError::NotOfFile) }
    }

    /// For a file of tombstones alone, in a topic of which no schema is known yet.
    ///
    /// # Errors
    /// Never in practice: the text is a constant.
    pub fn unknown() -> Result<Self, SchemaError> {
        Self::parse(r#"{"type": "record", "name": "Unknown", "fields": []}"#)
    }

    /// The whole file's schema as JSON text.
    pub fn file_schema(&self) -> &str {
        &self.file_schema
    }

    /// Whether two schemas differ in nothing but documentation, so that a datum of one is one of the other.
    pub fn same_layout(&self, other: &Self) -> bool {
        self.layout == other.layout
    }

    /// Whether every datum of `writer` can be brought into this schema's shape.
    pub fn can_read(&self, writer: &Self) -> bool {
        SchemaCompatibility::can_read(&writer.schema, &self.schema).is_ok()
    }

    /// Whether `datum` is one whole datum of this schema.
    ///
    /// # Errors
    /// Says where it is not.
    #[inline]
    pub fn check(&self, datum: &[u8]) -> Result<(), Invalid> {
        self.program.check(datum)
    }

    /// How many bytes the datum takes that `bytes` begin with.
    ///
    /// # Errors
    /// When they do not begin with one.
    pub fn skip(&self, bytes: &[u8]) -> Result<usize, Invalid> {
        self.program.skip(bytes)
    }

    /// Whether `ours`, a datum of this schema, is what `theirs`, one of `writer`'s, becomes in this schema's shape.
    ///
    /// # Errors
    /// When the two cannot be resolved.
    pub fn same_value(&self, writer: &Self, theirs: &[u8], ours: &[u8]) -> Result<bool, ConvertError> {
        let read = |writer: &Schema, mut datum: &[u8]| {
            let reader = GenericDatumReader::builder(writer).reader_schema(&self.schema).build()?;
            reader.read_value(&mut datum)
        };
        let (theirs, ours) =
            (read(&writer.schema, theirs).map_err(Box::new)?, read(&self.schema, ours).map_err(Box::new)?);
        Ok(same(&theirs, &ours))
    }

    /// Writes `datum`, one of `writer`'s, in this schema's shape behind what `out` holds.
    ///
    /// # Errors
    /// When the two cannot be resolved; `out` then holds what it held before.
    pub fn convert(&self, writer: &Self, mut datum: &[u8], out: &mut Vec<u8>) -> Result<(), ConvertError> {
        let held = out.len();
        let converted = (|| {
            let reader = GenericDatumReader::builder(&writer.schema).reader_schema(&self.schema).build()?;
            let value = reader.read_value(&mut datum)?;
            GenericDatumWriter::builder(&self.schema).build()?.write_value_ref(out, &value)
        })();
        if let Err(error) = converted {
            out.truncate(held);
            return Err(Box::new(error).into());
        }
        Ok(())
    }
}

/// Equality by bits: a float that is no number equals itself.
fn same(a: &Datum, b: &Datum) -> bool {
    match (a, b) {
        (Datum::Float(a), Datum::Float(b)) => a.to_bits() == b.to_bits(),
        (Datum::Double(a), Datum::Double(b)) => a.to_bits() == b.to_bits(),
        (Datum::Union(m, a), Datum::Union(n, b)) => m == n && same(a, b),
        (Datum::Array(a), Datum::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Datum::Map(a), Datum::Map(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (Datum::Record(a), Datum::Record(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((m, a), (n, b))| m == n && same(a, b))
        }
        _ => a == b,
    }
}

/// The schema without the attributes that no reader of the data can see.
fn without_documentation(schema: &Value) -> Value {
    match schema {
        Value::Object(object) => {
            let kept = object.iter().filter(|(key, value)| key.as_str() != "doc" || !value.is_string());
            // A default is data, not schema: a key `doc` in it stays.
            let cleaned = kept.map(|(key, value)| match key.as_str() {
                "default" => (key.clone(), value.clone()),
                _ => (key.clone(), without_documentation(value)),
            });
            Value::Object(cleaned.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_documentation).collect()),
        other => other.clone(),
    }
}

/// The Avro map in the head of an object container file.
pub(crate) fn put_file_metadata(out: &mut Vec<u8>, entries: &[(&str, &[u8])]) {
    put_long(out, entries.len() as i64);
    for (key, value) in entries {
        crate::varint::put_bytes(out, key.as_bytes());
        crate::varint::put_bytes(out, value);
    }
    put_long(out, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer(version: usize) -> ValueSchema {
        ValueSchema::parse(contract::schemas::released()[version - 1].source).unwrap()
    }

    #[test]
    fn a_change_of_documentation_only_is_no_new_layout() {
        let plain = ValueSchema::parse(r#"{"type":"record","name":"R","fields":[{"name":"doc","type":"int"}]}"#);
        let documented = ValueSchema::parse(
            r#"{"type":"record","name":"R","doc":"x","fields":[{"name":"doc","type":"int","doc":"y"}]}"#,
        );
        let other = ValueSchema::parse(r#"{"type":"record","name":"R","fields":[{"name":"doc","type":"long"}]}"#);
        assert!(plain.as_ref().unwrap().same_layout(&documented.unwrap()));
        assert!(!plain.unwrap().same_layout(&other.unwrap()));
    }

    #[test]
    fn the_newer_version_reads_the_older_and_converts_its_data() {
        let (v1, v2) = (customer(1), customer(2));
        assert!(v2.can_read(&v1));
        let event = contract::CustomerEvent {
            event_id: uuid::Uuid::from_u128(1),
            operation: contract::Operation::Delete,
            customer_id: uuid::Uuid::from_u128(2),
            sequence: 3,
            event_time: 4,
            customer: None,
        };
        let datum = event.encode(&contract::schemas::released()[0].parse().unwrap()).unwrap();
        v1.check(&datum).unwrap();
        let mut out = b"kept".to_vec();
        v2.convert(&v1, &datum, &mut out).unwrap();
        v2.check(&out[4..]).unwrap();
        let newest = contract::schemas::newest().parse().unwrap();
        assert_eq!(contract::CustomerEvent::decode(&newest, &out[4..]).unwrap(), event);
    }

    #[test]
    fn a_union_or_a_bare_primitive_can_be_a_value() {
        for text in [r#"["null","string"]"#, r#""string""#, "string", r#""null""#] {
            assert!(ValueSchema::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_schema_that_takes_the_files_own_names_is_refused() {
        let taken = r#"{"type":"record","name":"KafkaRecord","fields":[]}"#;
        assert!(matches!(ValueSchema::parse(taken), Err(SchemaError::Taken(name)) if name == "KafkaRecord"));
    }
}
