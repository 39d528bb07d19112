//! Other names for a schema's types: the text is that of the registry otherwise. Defaults and aliases are left out where strict
//! readers would refuse them, since data can be read without.

use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

use crate::schema::{Kind, NodeId, Schema, full_name, primitive, space_of};

/// Gives the types of one schema a namespace.
pub(super) struct Rewriting<'a> {
    space: &'a str,
    schema: &'a Schema,
    /// New full names by old ones.
    names: HashMap<String, String>,
    taken: HashSet<String>,
    /// Types that other texts define and that were not needed yet, with the namespace they stand in.
    known: HashMap<String, (Value, String)>,
}

impl<'a> Rewriting<'a> {
    pub(super) fn new(space: &'a str, schema: &'a Schema) -> Self {
        Self { space, schema, names: HashMap::new(), taken: HashSet::new(), known: HashMap::new() }
    }

    /// Notes the types that a text defines, to be written where one is used first.
    pub(super) fn learn(&mut self, json: &Value, space: &str) {
        match json {
            Value::Array(branches) => branches.iter().for_each(|branch| self.learn(branch, space)),
            Value::Object(object) => {
                let full = defined(object, space);
                let inner = full.as_deref().map_or(space, space_of).to_owned();
                if let Some(full) = full {
                    self.known.insert(full, (json.clone(), space.to_owned()));
                }
                for key in ["type", "items", "values", "fields"] {
                    if let Some(part @ (Value::Object(_) | Value::Array(_))) = object.get(key) {
                        self.learn(part, &inner);
                    }
                }
            }
            _ => {}
        }
    }

    /// The schema with other names.
    pub(super) fn schema(&mut self, json: &Value, space: &str) -> Value {
        match json {
            Value::String(name) => self.named(name, space),
            Value::Array(branches) => branches.iter().map(|branch| self.schema(branch, space)).collect(),
            Value::Object(object) => self.object(object, space),
            other => other.clone(),
        }
    }

    fn named(&mut self, name: &str, space: &str) -> Value {
        if primitive(name).is_some() {
            return name.into();
        }
        for full in [full_name(name, space), name.to_owned()] {
            if let Some(new) = self.names.get(&full) {
                return new.as_str().into();
            }
            if let Some((json, space)) = self.known.remove(&full) {
                return self.schema(&json, &space);
            }
        }
        name.into()
    }

    fn object(&mut self, object: &Map<String, Value>, space: &str) -> Value {
        let full = defined(object, space);
        if let Some(full) = &full {
            if let Some(new) = self.names.get(full) {
                // Defined by a text before this one as well, which then is the same.
                return new.as_str().into();
            }
            self.known.remove(full);
            self.rename(full);
        }
        let inner = full.as_deref().map_or(space, space_of);
        let mut out = Map::new();
        for (key, value) in object {
            match key.as_str() {
                "namespace" if full.is_some() => {}
                // Some readers refuse an enum whose default is not a symbol of its own.
                "default" if full.is_some() && !is_symbol(object, value) => {}
                "aliases" if full.is_some() => {
                    let aliases =
                        value.as_array().map(Vec::as_slice).unwrap_or_default().iter().filter_map(Value::as_str);
                    let aliases: Value =
                        aliases.map(|alias| Value::from(self.renamed(&full_name(alias, inner)))).collect();
                    out.insert(key.clone(), aliases);
                }
                "name" if full.is_some() => {
                    let new = full.as_ref().and_then(|full| self.names.get(full)).map_or("", String::as_str);
                    let (space, name) = new.rsplit_once('.').unwrap_or(("", new));
                    out.insert("name".to_owned(), name.into());
                    out.insert("namespace".to_owned(), space.into());
                }
                "type" if value.is_string() && full.is_some() => {
                    out.insert(key.clone(), value.clone());
                }
                "type" if is_container(object) => {
                    out.insert(key.clone(), value.clone());
                }
                "type" | "items" | "values" => {
                    out.insert(key.clone(), self.schema(value, inner));
                }
                "fields" => {
                    let fields = value.as_array().map(Vec::as_slice).unwrap_or_default();
                    let fields: Value = fields.iter().map(|field| self.field(field, full.as_deref(), inner)).collect();
                    out.insert(key.clone(), fields);
                }
                _ => {
                    out.insert(key.clone(), value.clone());
                }
            }
        }
        Value::Object(out)
    }

    fn renamed(&self, full: &str) -> String {
        let plain: Vec<String> = full.split('.').filter(|part| !part.is_empty()).map(plain).collect();
        format!("{}.{}", self.space, plain.join("."))
    }

    fn field(&mut self, field: &Value, record: Option<&str>, space: &str) -> Value {
        let mut out = self.schema(field, space);
        let name = field.get("name").and_then(Value::as_str).unwrap_or_default();
        let is_valid = record.is_some_and(|record| self.has_strict_default(record, name));
        if let Some(object) = out.as_object_mut() {
            if !is_valid {
                object.remove("default");
            }
            if let Some(aliases) = object.get_mut("aliases").and_then(Value::as_array_mut) {
                aliases.retain(|alias| alias.as_str().is_some_and(|alias| !alias.is_empty() && plain(alias) == alias));
            }
        }
        out
    }

    /// Whether a field has a default that is a value of its type; before Avro 1.12, of a union's first type.
    fn has_strict_default(&self, record: &str, name: &str) -> bool {
        let of_record = |at: usize| match self.schema.kind(NodeId::at(at)) {
            Kind::Record(names, fields) if names.full == record => fields.iter().find(|field| field.name == name),
            _ => None,
        };
        let Some(field) = (0..self.schema.len()).find_map(of_record) else { return false };
        let of = match self.schema.kind(field.node) {
            Kind::Union(branches) => branches.first().copied(),
            _ => Some(field.node),
        };
        let default = field.default.as_ref().zip(of);
        default.is_some_and(|(default, of)| self.schema.encode_default(of, default, &mut Vec::new()).is_ok())
    }

    /// A new name that every reader takes, and that is not in use.
    fn rename(&mut self, full: &str) {
        let mut new = self.renamed(full);
        while !self.taken.insert(new.clone()) {
            new.push('_');
        }
        self.names.insert(full.to_owned(), new);
    }
}

fn is_symbol(object: &Map<String, Value>, value: &Value) -> bool {
    object.get("symbols").and_then(Value::as_array).is_some_and(|symbols| symbols.contains(value))
}

/// The full name of the type that an object defines, if it defines one.
fn defined(object: &Map<String, Value>, space: &str) -> Option<String> {
    if !matches!(object.get("type")?.as_str()?, "record" | "error" | "enum" | "fixed") {
        return None;
    }
    let own = object.get("namespace").and_then(Value::as_str);
    Some(full_name(object.get("name")?.as_str()?, own.unwrap_or(space)))
}

fn is_container(object: &Map<String, Value>) -> bool {
    matches!(object.get("type").and_then(Value::as_str), Some("array" | "map"))
}

/// Letters, digits and `_` alone, beginning with none of the digits.
fn plain(part: &str) -> String {
    let mut out: String = part.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert(0, '_');
    }
    out
}
