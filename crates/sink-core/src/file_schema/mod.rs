//! The schema of a whole file: the columns of [`contract::file`], and a value that is null or one of the topic's types.
//!
//! A file of one type holds its schema as the registry does, byte for byte, wherever every Avro reader can read that. Types of
//! several families get a namespace each, since names must be unique in a file; so do names that only some readers take. Names
//! do not change how a value is encoded.

mod rewrite;

use serde_json::{Value, json};

use crate::{
    families::Writer,
    schema::{Kind, SchemaError, json as parse_json, nesting, with_room},
    value_schema::ValueSchema,
    varint::Invalid,
};
use rewrite::Rewriting;

/// Names that a file's schema defines outside the value.
const OWN: [&str; 3] = ["KafkaRecord", "KafkaHeader", WRAPPER];
/// A record of one field around a value that cannot be a branch of a union by itself; its bytes are the value's.
const WRAPPER: &str = "KafkaValue";

/// Composes the schema of files that hold these types. The text of each was parsed before.
pub(crate) fn compose(writers: &[&Writer]) -> Result<String, SchemaError> {
    let texts = || {
        writers
            .iter()
            .flat_map(|writer| writer.schema.references().iter().map(String::as_str).chain([writer.schema.text()]))
    };
    let deepest = texts().map(nesting).max().unwrap_or(0);
    with_room(deepest, || match writers {
        [one] => {
            let plain = contract::file::record_schema(&[wrapped(&one.schema, parse_json(one.schema.text())?, "")]);
            let taken = one
                .schema
                .schema()
                .nodes()
                .filter_map(|node| node.kind.names())
                .any(|names| OWN.contains(&names.full.as_str()));
            // apache-avro is among the strictest of readers.
            if !taken && apache_avro::Schema::parse(&plain).is_ok() {
                return Ok(plain.to_string());
            }
            Ok(contract::file::record_schema(&[rewritten(&one.schema, "value")?]).to_string())
        }
        several => {
            let branch = |writer: &&Writer| rewritten(&writer.schema, &format!("schema_{}", writer.id));
            let branches: Vec<Value> = several.iter().map(branch).collect::<Result<_, _>>()?;
            Ok(contract::file::record_schema(&branches).to_string())
        }
    })
}

fn rewritten(schema: &ValueSchema, space: &str) -> Result<Value, SchemaError> {
    let mut rewriting = Rewriting::new(space, schema.schema());
    for reference in schema.references() {
        rewriting.learn(&parse_json(reference)?, "");
    }
    let json = rewriting.schema(&parse_json(schema.text())?, "");
    Ok(wrapped(schema, json, space))
}

/// Types without a name could stand twice in a union, and a union cannot stand in one at all.
fn wrapped(schema: &ValueSchema, json: Value, space: &str) -> Value {
    let kind = schema.schema().kind(schema.schema().root());
    let must = match space {
        // As one branch beside null any type goes but these.
        "" | "value" => matches!(kind, Kind::Union(_) | Kind::Null),
        _ => kind.names().is_none(),
    };
    if !must {
        return json;
    }
    let mut record = json!({"type": "record", "name": WRAPPER});
    if !space.is_empty() {
        record["namespace"] = space.into();
    }
    record["fields"] = json!([{"name": "value", "type": json}]);
    record
}

/// A file's schema, read from its head.
#[derive(Debug)]
pub struct FileSchema {
    /// The value's types, null aside.
    branches: Vec<ValueSchema>,
}

/// Why a file's head does not have a schema of this program's.
#[derive(Debug, thiserror::Error)]
pub enum FileSchemaError {
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error("expected the columns of a file of Kafka records, found other ones")]
    Columns,
}

impl FileSchema {
    /// # Errors
    /// When files are not written with such a schema.
    pub fn parse(text: &str) -> Result<Self, FileSchemaError> {
        with_room(nesting(text), || {
            let file = parse_json(text)?;
            let columns = file.get("fields").and_then(Value::as_array);
            let value = columns.and_then(|columns| columns.last()?.get("type")?.as_array());
            let [_null, branches @ ..] = value.ok_or(FileSchemaError::Columns)?.as_slice() else {
                return Err(FileSchemaError::Columns);
            };
            if branches.is_empty() || contract::file::record_schema(branches) != file {
                return Err(FileSchemaError::Columns);
            }
            let branches = branches.iter().map(|branch| ValueSchema::parse(&branch.to_string()));
            Ok(Self { branches: branches.collect::<Result<_, _>>()? })
        })
    }

    /// The type of a branch: what the file calls it, around it the record that some types need.
    pub fn branch(&self, index: u32) -> Option<&ValueSchema> {
        self.branches.get(index as usize)
    }

    /// How many bytes a value of a branch takes that `bytes` begin with.
    ///
    /// # Errors
    /// When they do not begin with one, or there is not such a branch.
    pub fn skip(&self, branch: u32, bytes: &[u8]) -> Result<usize, Invalid> {
        self.branch(branch).ok_or(Invalid { at: 0, what: "union branch out of range" })?.skip(bytes)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
