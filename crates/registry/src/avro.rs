//! What the registry knows of an Avro schema: its one-line text, what makes two texts the same schema, and the graph that
//! the compatibility rules walk. The graph is built here from the JSON, because `apache_avro` refuses schemas that Java
//! reads (namespaces with dashes), and its comparison stops at the first reason and gives no path.

mod graph;
mod identity;
mod json;
mod references;
mod validity;

pub(crate) use graph::{Graph, Kind, Name, Node, NodeId, Record};

use serde_json::Value;

/// An Avro schema whose every name is known.
#[derive(Debug, Clone)]
pub(crate) struct AvroSchema {
    /// One line, members in the order in which they came.
    pub(crate) text: String,
    /// Equal for two texts that differ only in spacing, order of members, or the way in which a name is written.
    pub(crate) identity: String,
    /// The text with the types of its references in it; the same as `text` without references.
    pub(crate) resolved_text: String,
    /// The identity of `resolved_text`.
    pub(crate) resolved_identity: String,
    pub(crate) graph: Graph,
}

/// Where a schema comes from, which decides what is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A client sends it: it must be valid.
    Request,
    /// It was registered, possibly by an earlier version that checked less.
    File,
}

/// Why a text is not an Avro schema.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSchema {
    #[error("not JSON at byte {at}: {problem}")]
    NotJson { at: usize, problem: String },
    #[error("at {path}: {problem}")]
    At { path: String, problem: String },
    #[error("no schema is registered as version {version} of subject '{subject}', which the reference '{name}' names")]
    Reference { name: String, subject: String, version: i32 },
}

impl AvroSchema {
    /// Reads a schema. `references` are the texts of the schemas whose types it may name; each comes after those that it
    /// refers to itself.
    pub(crate) fn parse(text: &str, references: &[&str], origin: Origin) -> Result<Self, InvalidSchema> {
        if !references.is_empty() || json::is_deep(text) {
            json::with_room(|| Self::read(text, references, origin))
        } else {
            Self::read(text, references, origin)
        }
    }

    fn read(text: &str, references: &[&str], origin: Origin) -> Result<Self, InvalidSchema> {
        let schema = read(text)?;
        if references.is_empty() {
            return Self::new(&schema, &schema, origin);
        }
        let mut library = references::Library::default();
        for reference in references {
            library.add(&read(reference)?);
        }
        Self::new(&schema, &library.resolve(&schema)?, origin)
    }

    fn new(schema: &Value, resolved: &Value, origin: Origin) -> Result<Self, InvalidSchema> {
        if origin == Origin::Request {
            validity::check(resolved)?;
        }
        Ok(Self {
            text: schema.to_string(),
            identity: identity::of(schema),
            resolved_text: resolved.to_string(),
            resolved_identity: identity::of(resolved),
            graph: Graph::new(resolved)?,
        })
    }
}

/// A bare primitive may come as `string` or `"string"`; Confluent's registry takes both.
fn read(text: &str) -> Result<Value, InvalidSchema> {
    let bare = text.trim();
    if graph::is_primitive(bare) && bare != "null" { Ok(Value::String(bare.to_owned())) } else { json::read(text) }
}

/// Returns the full name of a named type's definition, and the namespace of what stands inside it.
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
