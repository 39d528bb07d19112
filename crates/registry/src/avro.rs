//! What the registry knows of a schema: whether it is valid, its one-line text, what makes two texts the same schema, and
//! the graph that the compatibility rules walk. The rules need named types resolved and a reason for every path, which
//! `apache_avro::schema_compatibility` does not give (it stops at the first reason and compares a reference to a named
//! type with that type's definition as two different types), so the graph is built here from the JSON.

mod graph;
mod identity;

pub(crate) use graph::{Graph, Kind, Name, Node, NodeId, Record};

use serde_json::Value;

/// A valid Avro schema.
#[derive(Debug, Clone)]
pub(crate) struct AvroSchema {
    /// One line, members in the order in which they came.
    pub(crate) text: String,
    /// Equal for two texts that differ only in spacing, order of members, or the way in which a name is written.
    pub(crate) identity: String,
    pub(crate) graph: Graph,
}

/// Why a text is not an Avro schema.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSchema {
    #[error("not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error("not valid Avro: {0}")]
    NotAvro(Box<apache_avro::Error>),
    #[error("at {path}: {problem}")]
    At { path: String, problem: String },
}

impl AvroSchema {
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidSchema> {
        // A bare primitive may come as `string` or `"string"`; Confluent's registry takes both.
        let json: Value = match serde_json::from_str(text) {
            Ok(json) => json,
            Err(_) if graph::is_primitive(text.trim()) => Value::String(text.trim().to_owned()),
            Err(error) => return Err(error.into()),
        };
        apache_avro::Schema::parse(&json).map_err(|error| InvalidSchema::NotAvro(Box::new(error)))?;
        let graph = Graph::new(&json)?;
        Ok(Self { text: json.to_string(), identity: identity::of(&json), graph })
    }
}

/// Full name of a named type's definition, and the namespace of what stands inside it.
fn definition_name(definition: &serde_json::Map<String, Value>, enclosing: &str) -> (String, String) {
    let name = definition.get("name").and_then(Value::as_str).unwrap_or_default();
    if let Some((namespace, _)) = name.rsplit_once('.') {
        return (name.to_owned(), namespace.to_owned());
    }
    let namespace = definition.get("namespace").and_then(Value::as_str).unwrap_or(enclosing);
    (full_name(name, namespace), namespace.to_owned())
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}
