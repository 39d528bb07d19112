//! Reading a schema's JSON as leniently as Avro for Java reads it with validation of defaults off, which is how registries do:
//! whatever says how bytes are encoded must be right, and a default is looked at only when it is needed.

use serde_json::Value;
use std::collections::{HashMap, HashSet};

use super::{
    Field, Kind, Logical, Names, Node, NodeId, Schema, Symbols,
    json::json,
    room::{MAX_NESTING, nesting, with_room},
};

/// A text that is not a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    #[error("the schema is not JSON: {0}")]
    Json(String),
    #[error("the schema nests {0} levels of brackets; at most {MAX_NESTING} can be read")]
    TooDeep(usize),
    #[error("the schema refers to `{0}`, which it does not define")]
    Undefined(String),
    #[error("the schema is not valid Avro: {at}: {what}")]
    Invalid {
        /// The type or field that is wrong.
        at: String,
        what: String,
    },
}

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// When the text is not JSON, or does not say how to encode a value.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        Self::parse_with(text, &[])
    }

    /// Reads a schema that refers to types of other texts. These come first, each after those that it refers to.
    ///
    /// # Errors
    /// When one of the texts is not JSON, or does not say how to encode a value.
    pub fn parse_with(text: &str, references: &[String]) -> Result<Self, SchemaError> {
        let deepest = references.iter().map(|text| nesting(text)).max().unwrap_or(0).max(nesting(text));
        with_room(deepest, || {
            let mut parser = Parser::default();
            for reference in references {
                parser.schema(&json(reference)?, "")?;
            }
            let root = parser.schema(&json(text)?, "")?;
            Ok(parser.finish(root))
        })
    }
}

#[derive(Default)]
struct Parser {
    nodes: Vec<Option<Node>>,
    names: HashMap<String, NodeId>,
}

/// A full name from a name and the namespace it stands in.
pub(crate) fn full_name(name: &str, space: &str) -> String {
    if name.contains('.') || space.is_empty() {
        name.trim_start_matches('.').to_owned()
    } else {
        format!("{space}.{name}")
    }
}

/// The namespace of a full name.
pub(crate) fn space_of(full: &str) -> &str {
    full.rsplit_once('.').map_or("", |(space, _)| space)
}

fn invalid<T>(at: &str, what: impl Into<String>) -> Result<T, SchemaError> {
    let at = if at.is_empty() { "the whole" } else { at };
    Err(SchemaError::Invalid { at: at.to_owned(), what: what.into() })
}

pub(crate) fn primitive(name: &str) -> Option<Kind> {
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

impl Parser {
    fn finish(self, root: NodeId) -> Schema {
        // Every slot was filled when its type was read to the end.
        Schema { nodes: self.nodes.into_iter().flatten().collect(), root }
    }

    fn reserve(&mut self) -> NodeId {
        self.nodes.push(None);
        NodeId(self.nodes.len() as u32 - 1)
    }

    fn fill(&mut self, id: NodeId, kind: Kind, json: &Value) -> NodeId {
        let logical = json.get("logicalType").and_then(Value::as_str).map(|name| Logical {
            name: name.to_owned(),
            scale: json.get("scale").and_then(Value::as_u64).unwrap_or(0),
        });
        self.nodes[id.index()] = Some(Node { kind, logical });
        id
    }

    fn add(&mut self, kind: Kind, json: &Value) -> NodeId {
        let id = self.reserve();
        self.fill(id, kind, json)
    }

    fn schema(&mut self, json: &Value, space: &str) -> Result<NodeId, SchemaError> {
        match json {
            Value::String(name) => self.named(name, space, json),
            Value::Array(branches) => self.union(branches, space),
            Value::Object(object) => match object.get("type") {
                Some(Value::String(name)) => self.declared(name, json, space),
                // A schema inside a schema adds nothing but attributes.
                Some(inner @ (Value::Object(_) | Value::Array(_))) => self.schema(inner, space),
                _ => invalid(space, "an object without a `type`"),
            },
            other => invalid(space, format!("expected a schema, found {other}")),
        }
    }

    /// A primitive type, or one that is defined elsewhere.
    fn named(&mut self, name: &str, space: &str, json: &Value) -> Result<NodeId, SchemaError> {
        if let Some(kind) = primitive(name) {
            return Ok(self.add(kind, json));
        }
        let full = full_name(name, space);
        self.names.get(&full).or_else(|| self.names.get(name)).copied().ok_or(SchemaError::Undefined(full))
    }

    fn declared(&mut self, kind: &str, json: &Value, space: &str) -> Result<NodeId, SchemaError> {
        match kind {
            "record" | "error" => self.record(json, space),
            "enum" => self.symbols(json, space),
            "fixed" => {
                let (id, names) = self.define(json, space)?;
                match json.get("size").and_then(Value::as_u64).filter(|size| i32::try_from(*size).is_ok()) {
                    Some(size) => Ok(self.fill(id, Kind::Fixed(names, size as usize), json)),
                    None => invalid(&names.full, "a fixed type needs a `size` in bytes"),
                }
            }
            "array" => match json.get("items") {
                Some(items) => {
                    let items = self.schema(items, space)?;
                    Ok(self.add(Kind::Array(items), json))
                }
                None => invalid(space, "an array needs `items`"),
            },
            "map" => match json.get("values") {
                Some(values) => {
                    let values = self.schema(values, space)?;
                    Ok(self.add(Kind::Map(values), json))
                }
                None => invalid(space, "a map needs `values`"),
            },
            name => self.named(name, space, json),
        }
    }

    /// Notes the name of a type before its parts are read: they may refer to it.
    fn define(&mut self, json: &Value, space: &str) -> Result<(NodeId, Names), SchemaError> {
        let Some(name) = json.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()) else {
            return invalid(space, "a record, enum or fixed type needs a `name`");
        };
        let own = json.get("namespace").and_then(Value::as_str);
        let full = full_name(name, own.unwrap_or(space));
        let aliases = strings(json.get("aliases"));
        let aliases = aliases.iter().map(|alias| full_name(alias, space_of(&full))).collect();
        let id = self.reserve();
        if self.names.insert(full.clone(), id).is_some() {
            return invalid(&full, "is defined twice");
        }
        Ok((id, Names { full, aliases }))
    }

    fn symbols(&mut self, json: &Value, space: &str) -> Result<NodeId, SchemaError> {
        let (id, names) = self.define(json, space)?;
        let Some(Value::Array(listed)) = json.get("symbols") else {
            return invalid(&names.full, "an enum needs `symbols`");
        };
        let all = strings(json.get("symbols"));
        if all.len() != listed.len() || all.iter().collect::<HashSet<_>>().len() != all.len() {
            return invalid(&names.full, "an enum's `symbols` are different strings");
        }
        let default = json.get("default").and_then(Value::as_str);
        let default = default.and_then(|default| all.iter().position(|symbol| symbol == default));
        Ok(self.fill(id, Kind::Enum(names, Symbols { all, default }), json))
    }

    fn record(&mut self, json: &Value, space: &str) -> Result<NodeId, SchemaError> {
        let (id, names) = self.define(json, space)?;
        let Some(Value::Array(listed)) = json.get("fields") else {
            return invalid(&names.full, "a record needs `fields`");
        };
        let mut fields: Vec<Field> = Vec::with_capacity(listed.len());
        let mut seen = HashSet::new();
        for field in listed {
            let Some(name) = field.get("name").and_then(Value::as_str).filter(|name| is_name(name)) else {
                let found = field.get("name").unwrap_or(&Value::Null);
                let what = format!(
                    "a field's name is letters, digits and `_`, and does not begin with a digit; found {found}"
                );
                return invalid(&names.full, what);
            };
            if !seen.insert(name) {
                return invalid(&names.full, format!("has two fields `{name}`"));
            }
            let Some(of) = field.get("type") else {
                return invalid(&format!("{}.{name}", names.full), "has no `type`");
            };
            fields.push(Field {
                name: name.to_owned(),
                aliases: strings(field.get("aliases")),
                node: self.schema(of, space_of(&names.full))?,
                default: field.get("default").cloned(),
            });
        }
        Ok(self.fill(id, Kind::Record(names, fields), json))
    }

    fn union(&mut self, branches: &[Value], space: &str) -> Result<NodeId, SchemaError> {
        let id = self.reserve();
        let branches: Vec<NodeId> =
            branches.iter().map(|branch| self.schema(branch, space)).collect::<Result<_, _>>()?;
        let mut seen = HashSet::new();
        for branch in &branches {
            // A type that is still being read is a record around this union.
            let Some(node) = &self.nodes[branch.index()] else { continue };
            if matches!(node.kind, Kind::Union(_)) {
                return invalid(space, "a union stands directly in a union");
            }
            if node.kind.names().is_none() && !seen.insert(node.kind.name()) {
                return invalid(space, format!("a union has two branches of type {}", node.kind.name()));
            }
        }
        if branches.iter().enumerate().any(|(index, branch)| branches[..index].contains(branch)) {
            return invalid(space, "a union has the same named type twice");
        }
        Ok(self.fill(id, Kind::Union(branches), &Value::Null))
    }
}

/// A letter or `_`, then letters, digits and `_`; letters of any script, as in Avro for Java.
fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && chars.all(|next| next.is_alphanumeric() || next == '_')
}

fn strings(json: Option<&Value>) -> Vec<String> {
    let listed = json.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    listed.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
