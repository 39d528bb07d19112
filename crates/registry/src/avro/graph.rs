//! A schema as a graph of nodes in which a name is the node it stands for, so that recursive types need no special case.
//! A logical type is the type that it annotates, as in Avro's own resolution. It is built from schemas that may be invalid
//! in ways that the rules do not ask about; `validity` finds those.

use super::{InvalidSchema, definition_name, full_name};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Index of a node in its graph.
pub(crate) type NodeId = usize;

#[derive(Debug, Clone)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
    root: NodeId,
}

/// Avro's types without their details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Array,
    Map,
    Fixed,
    Enum,
    Record,
    Union,
}

#[derive(Debug, Clone)]
pub(crate) enum Node {
    Primitive(Kind),
    Array(NodeId),
    Map(NodeId),
    Fixed { name: Name, size: u64 },
    Enum { name: Name, symbols: Vec<String>, default: Option<String> },
    Record(Record),
    Union(Vec<NodeId>),
}

#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) name: Name,
    pub(crate) fields: Vec<Field>,
}

/// Full name and full aliases of a named type.
#[derive(Debug, Clone)]
pub(crate) struct Name {
    pub(crate) full: String,
    pub(crate) aliases: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) has_default: bool,
    pub(crate) schema: NodeId,
}

impl Graph {
    pub(super) fn new(json: &Value) -> Result<Self, InvalidSchema> {
        let mut builder = Builder { nodes: Vec::new(), names: HashMap::new() };
        let root = builder.node(json, "", &mut String::new())?;
        Ok(Self { nodes: builder.nodes, root })
    }

    pub(crate) fn root(&self) -> NodeId {
        self.root
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }
}

impl Node {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Primitive(kind) => *kind,
            Self::Array(_) => Kind::Array,
            Self::Map(_) => Kind::Map,
            Self::Fixed { .. } => Kind::Fixed,
            Self::Enum { .. } => Kind::Enum,
            Self::Record(_) => Kind::Record,
            Self::Union(_) => Kind::Union,
        }
    }
}

impl Name {
    /// The specification compares names without their namespace, or through an alias of the reader.
    pub(crate) fn reads(&self, writer: &Self) -> bool {
        unqualified(&self.full) == unqualified(&writer.full) || self.aliases.contains(&writer.full)
    }
}

fn unqualified(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

pub(super) fn is_primitive(name: &str) -> bool {
    primitive(name).is_some()
}

fn primitive(name: &str) -> Option<Kind> {
    Some(match name {
        "null" => Kind::Null,
        "boolean" => Kind::Boolean,
        "int" => Kind::Int,
        "long" => Kind::Long,
        "float" => Kind::Float,
        "double" => Kind::Double,
        "bytes" => Kind::Bytes,
        "string" => Kind::String,
        _ => return None,
    })
}

struct Builder {
    nodes: Vec<Node>,
    names: HashMap<String, NodeId>,
}

impl Builder {
    fn node(&mut self, json: &Value, namespace: &str, path: &mut String) -> Result<NodeId, InvalidSchema> {
        match json {
            Value::String(name) => match primitive(name) {
                Some(kind) => Ok(self.push(Node::Primitive(kind))),
                None => self.named(name, namespace, path),
            },
            Value::Array(branches) => {
                let branches = branches.iter().map(|branch| self.node(branch, namespace, path));
                let branches = branches.collect::<Result<_, _>>()?;
                Ok(self.push(Node::Union(branches)))
            }
            Value::Object(definition) => self.definition(definition, namespace, path),
            other => Err(invalid(path, format!("{other} is not a schema"))),
        }
    }

    fn definition(
        &mut self,
        definition: &Map<String, Value>,
        enclosing: &str,
        path: &mut String,
    ) -> Result<NodeId, InvalidSchema> {
        let kind = definition.get("type").ok_or_else(|| invalid(path, "the schema has no type"))?;
        let inner = |member: &str, path: &str| {
            definition.get(member).ok_or_else(|| invalid(path, format!("the schema has no {member}")))
        };
        match kind.as_str() {
            Some("array") => {
                let items = self.node(inner("items", path)?, enclosing, path)?;
                Ok(self.push(Node::Array(items)))
            }
            Some("map") => {
                let values = self.node(inner("values", path)?, enclosing, path)?;
                Ok(self.push(Node::Map(values)))
            }
            Some("fixed") => {
                let size =
                    inner("size", path)?.as_u64().ok_or_else(|| invalid(path, "size is not a natural number"))?;
                let name = name(definition, enclosing);
                Ok(self.define(|name| Node::Fixed { name, size }, name))
            }
            Some("enum") => {
                let symbols = strings(definition.get("symbols"));
                let default = definition.get("default").and_then(Value::as_str).map(str::to_owned);
                let name = name(definition, enclosing);
                Ok(self.define(|name| Node::Enum { name, symbols, default }, name))
            }
            Some("record" | "error") => self.record(definition, enclosing, path),
            _ => self.node(kind, enclosing, path),
        }
    }

    fn record(
        &mut self,
        definition: &Map<String, Value>,
        enclosing: &str,
        path: &mut String,
    ) -> Result<NodeId, InvalidSchema> {
        let (_, namespace) = definition_name(definition, enclosing);
        let name = name(definition, enclosing);
        // Known before its fields are read: they may name it.
        let id = self.define(|name| Node::Record(Record { name, fields: Vec::new() }), name.clone());
        let mut fields = Vec::new();
        for field in definition.get("fields").and_then(Value::as_array).into_iter().flatten() {
            let field_name = field.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            let outer = path.len();
            path.push('/');
            path.push_str(&field_name);
            let schema = field.get("type").ok_or_else(|| invalid(path, "the field has no type"))?;
            let schema = self.node(schema, &namespace, path)?;
            path.truncate(outer);
            let has_default = field.get("default").is_some();
            fields.push(Field { name: field_name, aliases: strings(field.get("aliases")), has_default, schema });
        }
        self.nodes[id] = Node::Record(Record { name, fields });
        Ok(id)
    }

    fn named(&self, name: &str, namespace: &str, path: &str) -> Result<NodeId, InvalidSchema> {
        let found = self.names.get(&full_name(name, namespace)).or_else(|| self.names.get(name));
        found.copied().ok_or_else(|| invalid(path, format!("no type is named {name}")))
    }

    fn define(&mut self, node: impl FnOnce(Name) -> Node, name: Name) -> NodeId {
        let full = name.full.clone();
        let id = self.push(node(name));
        self.names.insert(full, id);
        id
    }

    fn push(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        self.nodes.len() - 1
    }
}

fn name(definition: &Map<String, Value>, enclosing: &str) -> Name {
    let (full, namespace) = definition_name(definition, enclosing);
    let aliases = strings(definition.get("aliases")).iter().map(|alias| full_name(alias, &namespace)).collect();
    Name { full, aliases }
}

fn strings(json: Option<&Value>) -> Vec<String> {
    json.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

pub(super) fn invalid(path: &str, problem: impl Into<String>) -> InvalidSchema {
    let path = if path.is_empty() { "/".to_owned() } else { path.to_owned() };
    InvalidSchema::At { path, problem: problem.into() }
}
