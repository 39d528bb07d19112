//! A file's schema as far as it says how bytes are read. Logical types are left out on purpose: a VARIANT shows the type
//! below them, and they cannot make a file unreadable (a `uuid` that is not a UUID is a string like any other). So are
//! rules about names: whatever a writer called a field is its name in the VARIANT.

use super::AvroError;
use serde_json::Value as Json;
use std::collections::HashMap;

/// How deep brackets may nest in a schema's text: Avro for Java has the same limit.
const MAX_NESTING: usize = 1000;

/// A type, by its place in [`Schema::types`], so that a type may contain itself.
pub(super) type TypeId = usize;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Null,
    Boolean,
    /// An `int` or a `long`, which are encoded alike.
    Integer,
    Float,
    Double,
    Bytes,
    String,
    Fixed(usize),
    Enum(Vec<String>),
    Array(TypeId),
    Map(TypeId),
    Union(Vec<TypeId>),
    Record(Vec<(String, TypeId)>),
}

#[derive(Debug)]
pub(super) struct Schema {
    types: Vec<Type>,
    pub(super) root: TypeId,
}

impl Schema {
    /// Reads the text of `avro.schema`.
    pub(super) fn parse(text: &[u8]) -> Result<Self, AvroError> {
        let text = std::str::from_utf8(text).map_err(|_| invalid("avro.schema is not UTF-8"))?;
        let json = super::json::parse(text, MAX_NESTING).map_err(AvroError::Format)?;
        let mut parser = Parser::default();
        let root = parser.schema(&json, "")?;
        Ok(Self { types: parser.types, root })
    }

    pub(super) fn get(&self, id: TypeId) -> &Type {
        &self.types[id]
    }
}

#[derive(Default)]
struct Parser {
    types: Vec<Type>,
    names: HashMap<String, TypeId>,
}

fn invalid(problem: impl Into<String>) -> AvroError {
    AvroError::Format(problem.into())
}

fn text<'a>(json: &'a Json, member: &str) -> Option<&'a str> {
    json.get(member).and_then(Json::as_str)
}

impl Parser {
    fn add(&mut self, of: Type) -> TypeId {
        self.types.push(of);
        self.types.len() - 1
    }

    fn schema(&mut self, json: &Json, space: &str) -> Result<TypeId, AvroError> {
        match json {
            Json::String(name) => self.named(name, space),
            Json::Array(branches) => {
                let branches = branches.iter().map(|branch| self.schema(branch, space)).collect::<Result<_, _>>()?;
                Ok(self.add(Type::Union(branches)))
            }
            Json::Object(_) => match json.get("type") {
                Some(Json::String(name)) => self.declared(name, json, space),
                // A schema inside a schema adds nothing but attributes.
                Some(inner @ (Json::Object(_) | Json::Array(_))) => self.schema(inner, space),
                _ => Err(invalid("the schema has an object without a `type`")),
            },
            other => Err(invalid(format!("expected a schema, found {other}"))),
        }
    }

    fn named(&mut self, name: &str, space: &str) -> Result<TypeId, AvroError> {
        let primitive = match name {
            "null" => Type::Null,
            "boolean" => Type::Boolean,
            "int" | "long" => Type::Integer,
            "float" => Type::Float,
            "double" => Type::Double,
            "bytes" => Type::Bytes,
            "string" => Type::String,
            name => {
                let found = self.names.get(&full_name(name, space)).or_else(|| self.names.get(name));
                return found
                    .copied()
                    .ok_or_else(|| invalid(format!("the schema refers to `{name}`, which it does not define before")));
            }
        };
        Ok(self.add(primitive))
    }

    fn declared(&mut self, kind: &str, json: &Json, space: &str) -> Result<TypeId, AvroError> {
        let part =
            |member: &str| json.get(member).ok_or_else(|| invalid(format!("the schema has {kind} without `{member}`")));
        match kind {
            "array" => {
                let items = self.schema(part("items")?, space)?;
                Ok(self.add(Type::Array(items)))
            }
            "map" => {
                let values = self.schema(part("values")?, space)?;
                Ok(self.add(Type::Map(values)))
            }
            "fixed" => {
                let size = part("size")?.as_u64().and_then(|size| usize::try_from(size).ok());
                let size = size.ok_or_else(|| invalid("the schema has a fixed type without a `size` in bytes"))?;
                self.define(Type::Fixed(size), json, space).map(|(id, _)| id)
            }
            "enum" => {
                let symbols = part("symbols")?.as_array().map(Vec::as_slice).unwrap_or_default();
                let symbols = symbols.iter().filter_map(Json::as_str).map(str::to_owned).collect();
                self.define(Type::Enum(symbols), json, space).map(|(id, _)| id)
            }
            "record" | "error" => {
                let listed = part("fields")?.as_array().ok_or_else(|| invalid("a record's `fields` are not a list"))?;
                let (id, space) = self.define(Type::Record(Vec::new()), json, space)?;
                let mut fields = Vec::with_capacity(listed.len());
                for field in listed {
                    let (name, of) = text(field, "name")
                        .zip(field.get("type"))
                        .ok_or_else(|| invalid("the schema has a field without a `name` or a `type`"))?;
                    fields.push((name.to_owned(), self.schema(of, &space)?));
                }
                self.types[id] = Type::Record(fields);
                Ok(id)
            }
            name => self.named(name, space),
        }
    }

    /// Notes a type's name, before its parts are read, and returns the namespace of those.
    fn define(&mut self, of: Type, json: &Json, space: &str) -> Result<(TypeId, String), AvroError> {
        let name = text(json, "name").ok_or_else(|| invalid("the schema has a named type without a `name`"))?;
        let full = full_name(name, text(json, "namespace").unwrap_or(space));
        let space = full.rsplit_once('.').map_or("", |(space, _)| space).to_owned();
        let id = self.add(of);
        self.names.insert(full, id);
        Ok((id, space))
    }
}

fn full_name(name: &str, space: &str) -> String {
    if name.contains('.') || space.is_empty() { name.to_owned() } else { format!("{space}.{name}") }
}
