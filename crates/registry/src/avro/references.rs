//! Puts the types that a schema's references define into the schema itself, each where it is used first, as Java prints a
//! schema whose references are resolved. What is left needs nothing else to be read.

use super::{InvalidSchema, definition_name, full_name, graph::is_primitive, json::DEEPEST};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// The types that the referenced schemas define, by full name.
#[derive(Default)]
pub(super) struct Library(HashMap<String, Value>);

impl Library {
    /// Adds the named types of a schema. The first definition of a name stays.
    pub(super) fn add(&mut self, schema: &Value) {
        self.qualified(schema, "");
    }

    /// The schema with every name in full, which means the same wherever it stands; its definitions are added.
    fn qualified(&mut self, schema: &Value, namespace: &str) -> Value {
        match schema {
            Value::String(name) if is_primitive(name) => schema.clone(),
            Value::String(name) => Value::String(self.known_as(name, namespace)),
            Value::Array(branches) => branches.iter().map(|branch| self.qualified(branch, namespace)).collect(),
            Value::Object(definition) => self.definition(definition, namespace),
            other => other.clone(),
        }
    }

    /// A name without a namespace is also looked for outside of any.
    fn known_as(&self, name: &str, namespace: &str) -> String {
        let full = full_name(name, namespace);
        if !self.0.contains_key(&full) && self.0.contains_key(name) { name.to_owned() } else { full }
    }

    fn definition(&mut self, definition: &Map<String, Value>, enclosing: &str) -> Value {
        if !is_named(definition) {
            return Value::Object(with_inner(definition, |inner| self.qualified(inner, enclosing)));
        }
        let (full, namespace) = definition_name(definition, enclosing);
        // Known before its fields are read: they may name it.
        let is_new = !self.0.contains_key(&full);
        if is_new {
            self.0.insert(full.clone(), Value::Null);
        }
        let mut qualified = with_inner(definition, |inner| self.qualified(inner, &namespace));
        let name = full.rsplit('.').next().unwrap_or(&full).to_owned();
        qualified.insert("name".to_owned(), Value::String(name));
        qualified.insert("namespace".to_owned(), Value::String(namespace));
        let qualified = Value::Object(qualified);
        if is_new {
            self.0.insert(full, qualified.clone());
        }
        qualified
    }

    /// The schema with the types of this library in it.
    pub(super) fn resolve(&self, schema: &Value) -> Result<Value, InvalidSchema> {
        Resolver { library: self, defined: HashSet::new(), depth: 0 }.schema(schema, "", Origin::Own)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Own,
    Library,
}

struct Resolver<'a> {
    library: &'a Library,
    /// Full names of the types that have been defined so far.
    defined: HashSet<String>,
    /// How many schemas the one that is looked at stands in. Types that only name each other where they are registered
    /// are put into each other here.
    depth: usize,
}

impl Resolver<'_> {
    fn schema(&mut self, schema: &Value, namespace: &str, origin: Origin) -> Result<Value, InvalidSchema> {
        if self.depth > DEEPEST {
            let problem = format!("expected at most {DEEPEST} nested types with those of the references, found more");
            return Err(InvalidSchema::At { path: "/".to_owned(), problem });
        }
        self.depth += 1;
        let resolved = match schema {
            Value::String(name) if !is_primitive(name) => self.named(name, namespace),
            Value::Array(branches) => {
                branches.iter().map(|branch| self.schema(branch, namespace, origin)).collect::<Result<_, _>>()
            }
            Value::Object(definition) => self.definition(definition, namespace, origin),
            other => Ok(other.clone()),
        };
        self.depth -= 1;
        resolved
    }

    fn named(&mut self, name: &str, namespace: &str) -> Result<Value, InvalidSchema> {
        let full = full_name(name, namespace);
        for known in [full.as_str(), name] {
            if self.defined.contains(known) {
                return Ok(Value::String(known.to_owned()));
            }
            if let Some(definition) = self.library.0.get(known) {
                return self.schema(definition, "", Origin::Library);
            }
        }
        Ok(Value::String(name.to_owned()))
    }

    fn definition(
        &mut self,
        definition: &Map<String, Value>,
        enclosing: &str,
        origin: Origin,
    ) -> Result<Value, InvalidSchema> {
        let mut namespace = enclosing.to_owned();
        if is_named(definition) {
            let full;
            (full, namespace) = definition_name(definition, enclosing);
            if origin == Origin::Own && self.library.0.contains_key(&full) {
                let problem = "expected a new name, found that of a type which a reference defines".to_owned();
                return Err(InvalidSchema::At { path: full, problem });
            }
            // Inside a type of the library, a type may stand that was used before.
            if origin == Origin::Library && self.defined.contains(&full) {
                return Ok(Value::String(full));
            }
            self.defined.insert(full);
        }
        let mut failed = None;
        let resolved = with_inner(definition, |inner| match self.schema(inner, &namespace, origin) {
            Ok(resolved) => resolved,
            Err(error) => {
                failed = failed.take().or(Some(error));
                Value::Null
            }
        });
        failed.map_or(Ok(Value::Object(resolved)), Err)
    }
}

fn is_named(definition: &Map<String, Value>) -> bool {
    let kind = definition.get("type").and_then(Value::as_str);
    matches!(kind, Some("record" | "error" | "enum" | "fixed"))
}

/// The definition with each schema directly inside it replaced; other attributes stay.
fn with_inner(definition: &Map<String, Value>, mut replace: impl FnMut(&Value) -> Value) -> Map<String, Value> {
    let kind = definition.get("type").and_then(Value::as_str);
    let replaced = definition.iter().map(|(member, value)| {
        let value = match (kind, member.as_str(), value) {
            (Some("record" | "error"), "fields", Value::Array(fields)) => {
                fields.iter().map(|field| field_with(field, &mut replace)).collect()
            }
            (Some("array"), "items", _) | (Some("map"), "values", _) => replace(value),
            (Some("record" | "error" | "enum" | "fixed" | "array" | "map"), _, _) => value.clone(),
            (_, "type", _) => replace(value),
            _ => value.clone(),
        };
        (member.clone(), value)
    });
    replaced.collect()
}

fn field_with(field: &Value, replace: &mut impl FnMut(&Value) -> Value) -> Value {
    let Value::Object(members) = field else { return field.clone() };
    let members = members.iter().map(|(member, value)| {
        let value = if member == "type" { replace(value) } else { value.clone() };
        (member.clone(), value)
    });
    Value::Object(members.collect())
}

#[cfg(test)]
mod tests {
    use crate::avro::{AvroSchema, Origin};
    use serde_json::{Value, json};

    fn resolved(schema: &Value, references: &[Value]) -> Value {
        let references: Vec<_> = references.iter().map(Value::to_string).collect();
        let references: Vec<_> = references.iter().map(String::as_str).collect();
        let schema = AvroSchema::parse(&schema.to_string(), &references, Origin::Request).unwrap();
        serde_json::from_str(&schema.resolved_text).unwrap()
    }

    #[test]
    fn a_type_is_defined_where_it_is_used_first_and_named_afterwards() {
        let city = json!({ "type": "enum", "name": "City", "symbols": ["OSLO"] });
        let address = json!({ "type": "record", "name": "Address", "namespace": "ns", "fields": [
            { "name": "city", "type": "City" }, { "name": "next", "type": ["null", "Address"] }] });
        let person = json!({ "type": "record", "name": "Person", "namespace": "other", "fields": [
            { "name": "homes", "type": { "type": "array", "items": "ns.Address" } },
            { "name": "work", "type": ["null", "ns.Address"] }, { "name": "city", "type": "City" }] });
        let city_inside = json!({ "type": "enum", "name": "City", "symbols": ["OSLO"], "namespace": "" });
        let address_inside = json!({ "type": "record", "name": "Address", "namespace": "ns", "fields": [
            { "name": "city", "type": city_inside }, { "name": "next", "type": ["null", "ns.Address"] }] });
        assert_eq!(
            resolved(&person, &[city, address]),
            json!({ "type": "record", "name": "Person", "namespace": "other", "fields": [
                { "name": "homes", "type": { "type": "array", "items": address_inside } },
                { "name": "work", "type": ["null", "ns.Address"] }, { "name": "city", "type": "City" }] })
        );
    }

    #[test]
    fn a_type_inside_a_referenced_one_is_not_defined_twice() {
        let outer = json!({ "type": "record", "name": "Outer", "fields": [
            { "name": "a", "type": { "type": "fixed", "name": "Inner", "size": 2 } }] });
        let user = json!({ "type": "record", "name": "User", "fields": [
            { "name": "first", "type": "Inner" }, { "name": "second", "type": "Outer" }] });
        let inner = json!({ "type": "fixed", "name": "Inner", "size": 2, "namespace": "" });
        let outer_inside =
            json!({ "type": "record", "name": "Outer", "fields": [{ "name": "a", "type": "Inner" }], "namespace": "" });
        assert_eq!(
            resolved(&user, &[outer]),
            json!({ "type": "record", "name": "User", "fields": [
                { "name": "first", "type": inner }, { "name": "second", "type": outer_inside }] })
        );
    }

    #[test]
    fn types_that_name_each_other_do_not_nest_without_end() {
        let chain = |length: usize| {
            let of = |level: usize| {
                json!({ "type": "record", "name": format!("L{level}"), "fields": [
                { "name": "f", "type": level.checked_sub(1).map_or("int".to_owned(), |inner| format!("L{inner}")) }] })
            };
            let library = Value::Array((0..length).map(of).collect()).to_string();
            let user = json!({ "type": "array", "items": format!("L{}", length - 1) }).to_string();
            AvroSchema::parse(&user, &[&library], Origin::Request)
        };
        assert!(chain(400).is_ok());
        assert!(chain(20_000).is_err_and(|error| error.to_string().contains("at most 1000")));
    }

    #[test]
    fn a_name_that_no_reference_defines_or_that_one_defines_already_is_refused() {
        let refuses = |schema: Value, reference: Value| {
            AvroSchema::parse(&schema.to_string(), &[&reference.to_string()], Origin::Request).is_err()
        };
        let a = json!({ "type": "fixed", "name": "A", "size": 2 });
        assert!(refuses(json!({ "type": "array", "items": "B" }), a.clone()));
        assert!(refuses(json!({ "type": "record", "name": "A", "fields": [] }), a));
    }
}
