//! What a schema must fulfil to be registered: what Java's Avro demands when it neither checks namespaces nor defaults,
//! which is how Confluent's registry reads schemas. Kafka Connect and Debezium make namespaces with dashes, and older
//! producers have defaults of another type; records of both are written and read every day.
//!
//! What is in the file already is read without these checks.

use super::{InvalidSchema, definition_name, full_name, graph::is_primitive};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// Checks a schema in which the types of its references stand.
pub(super) fn check(schema: &Value) -> Result<(), InvalidSchema> {
    Checker { defined: HashSet::new(), path: String::new() }.schema(schema, "")
}

struct Checker {
    /// Full names of the types that have been defined so far.
    defined: HashSet<String>,
    /// The fields around the place that is looked at.
    path: String,
}

impl Checker {
    fn schema(&mut self, schema: &Value, namespace: &str) -> Result<(), InvalidSchema> {
        match schema {
            Value::Array(branches) => self.union(branches, namespace),
            Value::Object(definition) => self.definition(definition, namespace),
            // Whether a name is known is found when the graph is built.
            _ => Ok(()),
        }
    }

    fn union(&mut self, branches: &[Value], namespace: &str) -> Result<(), InvalidSchema> {
        let mut seen = HashSet::new();
        for branch in branches {
            let branch_type = type_of(branch, namespace);
            if branch_type == "union" {
                return Err(self.invalid("expected a type inside a union, found another union"));
            }
            if !seen.insert(branch_type.clone()) {
                return Err(self.invalid(&format!("expected each type once in a union, found {branch_type} again")));
            }
            self.schema(branch, namespace)?;
        }
        Ok(())
    }

    fn definition(&mut self, definition: &Map<String, Value>, enclosing: &str) -> Result<(), InvalidSchema> {
        let kind = definition.get("type");
        let inner = |member: &str| definition.get(member).unwrap_or(&Value::Null);
        match kind.and_then(Value::as_str) {
            Some("array") => self.schema(inner("items"), enclosing),
            Some("map") => self.schema(inner("values"), enclosing),
            Some(kind @ ("record" | "error" | "enum" | "fixed")) => {
                let namespace = self.define(definition, kind, enclosing)?;
                match kind {
                    "enum" => self.symbols(definition),
                    "fixed" => Ok(()),
                    _ => self.fields(definition, &namespace),
                }
            }
            Some(_) => Ok(()),
            None => kind.map_or(Ok(()), |kind| self.schema(kind, enclosing)),
        }
    }

    /// Returns the namespace of what stands inside the definition.
    fn define(
        &mut self,
        definition: &Map<String, Value>,
        kind: &str,
        enclosing: &str,
    ) -> Result<String, InvalidSchema> {
        let Some(name) = definition.get("name").and_then(Value::as_str) else {
            return Err(self.invalid(&format!("expected a name of the {kind}, found none")));
        };
        let (full, namespace) = definition_name(definition, enclosing);
        self.name(name.rsplit('.').next().unwrap_or(name))?;
        if is_primitive(&full) {
            return Err(self.invalid(&format!("expected a name of its own for the {kind}, found the primitive {full}")));
        }
        if !self.defined.insert(full.clone()) {
            return Err(self.invalid(&format!("expected one definition of {full}, found a second one")));
        }
        Ok(namespace)
    }

    fn fields(&mut self, definition: &Map<String, Value>, namespace: &str) -> Result<(), InvalidSchema> {
        let Some(fields) = definition.get("fields").and_then(Value::as_array) else {
            return Err(self.invalid("expected a list of fields in the record, found none"));
        };
        let mut seen = HashSet::new();
        for field in fields {
            let Some(name) = field.get("name").and_then(Value::as_str) else {
                return Err(self.invalid(&format!("expected a field with a name, found {field}")));
            };
            self.name(name)?;
            if !seen.insert(name) {
                return Err(self.invalid(&format!("expected each field once, found {name} again")));
            }
            let outer = self.path.len();
            self.path.push('/');
            self.path.push_str(name);
            self.schema(field.get("type").unwrap_or(&Value::Null), namespace)?;
            self.path.truncate(outer);
        }
        Ok(())
    }

    fn symbols(&self, definition: &Map<String, Value>) -> Result<(), InvalidSchema> {
        let symbols = definition.get("symbols").and_then(Value::as_array);
        let symbols: Option<Vec<_>> = symbols.and_then(|symbols| symbols.iter().map(Value::as_str).collect());
        let symbols = symbols.ok_or_else(|| self.invalid("expected a list of symbols in the enum, found none"))?;
        let mut seen = HashSet::new();
        for symbol in &symbols {
            self.name(symbol)?;
            if !seen.insert(symbol) {
                return Err(self.invalid(&format!("expected each symbol once, found {symbol} again")));
            }
        }
        match definition.get("default") {
            Some(default) if !default.as_str().is_some_and(|default| symbols.contains(&default)) => {
                Err(self.invalid(&format!("expected one of the enum's symbols as its default, found {default}")))
            }
            _ => Ok(()),
        }
    }

    /// Letters of any script, digits and underscores, as Confluent's registry takes them.
    fn name(&self, name: &str) -> Result<(), InvalidSchema> {
        let mut signs = name.chars();
        let starts = signs.next().is_some_and(|first| first.is_alphabetic() || first == '_');
        if starts && signs.all(|sign| sign.is_alphanumeric() || sign == '_') {
            return Ok(());
        }
        let expected = "expected a name of letters, digits and underscores that does not begin with a digit";
        Err(self.invalid(&format!("{expected}, found `{name}`")))
    }

    fn invalid(&self, problem: &str) -> InvalidSchema {
        super::graph::invalid(&self.path, problem)
    }
}

/// What must be there only once in a union: a full name, or the type itself.
fn type_of(schema: &Value, namespace: &str) -> String {
    match schema {
        Value::Array(_) => "union".to_owned(),
        Value::String(name) if is_primitive(name) => name.clone(),
        Value::String(name) => full_name(name, namespace),
        Value::Object(definition) => match definition.get("type") {
            Some(Value::String(kind)) if matches!(kind.as_str(), "record" | "error" | "enum" | "fixed") => {
                definition_name(definition, namespace).0
            }
            Some(kind) => type_of(kind, namespace),
            None => String::new(),
        },
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::avro::{AvroSchema, Origin};

    fn parse(text: &str, origin: Origin) -> Result<AvroSchema, String> {
        AvroSchema::parse(text, &[], origin).map_err(|error| error.to_string())
    }

    #[test]
    fn what_java_reads_is_taken() {
        for text in [
            r#"{"type":"record","name":"Envelope","namespace":"my-server.inventory","fields":[{"name":"a","type":"int"}]}"#,
            r#"{"type":"record","name":"my-server.inventory.Envelope","fields":[]}"#,
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":"none"}]}"#,
            r#"{"type":"record","name":"R","fields":[{"name":"größe","type":"int"}]}"#,
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"string","logicalType":"no-such"}}]}"#,
            r#"{"type":"bytes","logicalType":"decimal","precision":1,"scale":4}"#,
            r#"{"type":"error","name":"E","fields":[]}"#,
            r#"["null",{"type":"fixed","name":"a.F","size":0},{"type":"fixed","name":"b.F","size":0}]"#,
            "string",
            "[]",
        ] {
            assert!(parse(text, Origin::Request).is_ok(), "{text}: {:?}", parse(text, Origin::Request));
        }
    }

    #[test]
    fn what_java_refuses_is_refused_by_its_place() {
        let record = |fields: &str| format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#);
        for (text, expected) in [
            (record(r#"{"name":"a","type":"int"},{"name":"a","type":"int"}"#), "found a again"),
            (record(r#"{"name":"a-b","type":"int"}"#), "found `a-b`"),
            (record(r#"{"name":"1a","type":"int"}"#), "found `1a`"),
            (record(r#"{"type":"int"}"#), "a field with a name"),
            (record(r#"{"name":"a"}"#), "has no type"),
            (record(r#"{"name":"a","type":"Unknown"}"#), "no type is named Unknown"),
            (
                record(r#"{"name":"a","type":{"type":"record","name":"R","fields":[]}}"#),
                "at /a: expected one definition",
            ),
            (record(r#"{"name":"a","type":["int",["null"]]}"#), "another union"),
            (record(r#"{"name":"a","type":["int","int"]}"#), "at /a: expected each type once"),
            (record(r#"{"name":"a","type":["R","R"]}"#), "found R again"),
            (r#"["long",{"type":"long","logicalType":"timestamp-millis"}]"#.to_owned(), "found long again"),
            (r#"{"type":"record","name":"R"}"#.to_owned(), "a list of fields"),
            (r#"{"type":"record","fields":[]}"#.to_owned(), "a name of the record"),
            (r#"{"type":"record","name":"int","fields":[]}"#.to_owned(), "the primitive int"),
            (r#"{"type":"enum","name":"E"}"#.to_owned(), "a list of symbols"),
            (r#"{"type":"enum","name":"E","symbols":["A","A"]}"#.to_owned(), "found A again"),
            (r#"{"type":"enum","name":"E","symbols":["A"],"default":"B"}"#.to_owned(), "found \"B\""),
            (r#"{"type":"enum","name":"E","symbols":["A B"]}"#.to_owned(), "found `A B`"),
            (r#"{"type":"fixed","name":"F"}"#.to_owned(), "has no size"),
            (r#"{"type":"fixed","name":"F","size":-1}"#.to_owned(), "natural number"),
            (r#"{"type":"array"}"#.to_owned(), "has no items"),
            (r#"{"name":"R"}"#.to_owned(), "has no type"),
            ("7".to_owned(), "7 is not a schema"),
            ("nothing".to_owned(), "not JSON"),
        ] {
            let error = parse(&text, Origin::Request).expect_err(&text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_in_the_file_already_is_read_though_it_would_be_refused_today() {
        let text = r#"["long",{"type":"long","logicalType":"timestamp-millis"}]"#;
        assert!(parse(text, Origin::Request).is_err() && parse(text, Origin::File).is_ok());
    }
}
