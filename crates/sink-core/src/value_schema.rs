//! A writer schema of the topic, as a registry holds it: a program that checks a datum, and the text that goes into a file's
//! schema.

use serde_json::{Map, Value};

use crate::{
    resolve::{Resolution, Unresolvable},
    schema::{Schema, SchemaError, with_room},
    skip::SkipProgram,
    varint::Invalid,
};

/// One writer schema, ready for use.
#[derive(Debug)]
pub struct ValueSchema {
    schema: Schema,
    program: SkipProgram,
    layout: Vec<Value>,
    text: String,
    references: Vec<String>,
}

impl ValueSchema {
    /// Reads a schema as a registry holds it.
    ///
    /// # Errors
    /// When it does not say how to encode a value.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        Self::parse_with(text, Vec::new())
    }

    /// Reads a schema that refers to types of other texts. These come first, each after those that it refers to.
    ///
    /// # Errors
    /// When one of the texts does not say how to encode a value.
    pub fn parse_with(text: &str, references: Vec<String>) -> Result<Self, SchemaError> {
        let schema = Schema::parse_with(text, &references)?;
        let program = SkipProgram::compile(&schema);
        let texts = || references.iter().map(String::as_str).chain([text]);
        let layout = texts()
            .map(|text| {
                with_room(crate::schema::nesting(text), || Ok(without_documentation(&crate::schema::json(text)?)))
            })
            .collect::<Result<_, SchemaError>>()?;
        Ok(Self { schema, program, layout, text: text.to_owned(), references })
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The schema as the registry or the file has it.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn references(&self) -> &[String] {
        &self.references
    }

    /// Whether two schemas differ in nothing but documentation, so that a datum of one is one of the other.
    pub fn same_layout(&self, other: &Self) -> bool {
        self.layout == other.layout
    }

    /// Compiles how this schema's data are brought into the shape of `reader`.
    ///
    /// # Errors
    /// When none can be, and why.
    pub fn resolution_to(&self, reader: &Self) -> Result<Resolution, Unresolvable> {
        Resolution::compile(&self.schema, &reader.schema)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_documentation_only_is_not_a_new_layout() {
        let plain = ValueSchema::parse(r#"{"type":"record","name":"R","fields":[{"name":"doc","type":"int"}]}"#);
        let documented = ValueSchema::parse(
            r#"{"type":"record","name":"R","doc":"x","fields":[{"name":"doc","type":"int","doc":"y"}]}"#,
        );
        let other = ValueSchema::parse(r#"{"type":"record","name":"R","fields":[{"name":"doc","type":"long"}]}"#);
        assert!(plain.as_ref().unwrap().same_layout(&documented.unwrap()));
        assert!(!plain.unwrap().same_layout(&other.unwrap()));
    }

    #[test]
    fn a_union_or_a_bare_primitive_can_be_a_value() {
        for text in [r#"["null","string"]"#, r#""string""#, "string", r#""null""#] {
            assert!(ValueSchema::parse(text).is_ok(), "{text}");
        }
    }
}
