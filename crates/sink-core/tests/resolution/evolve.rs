//! Later versions of a schema: what compatibility rules allow, and now and then what they do not.

use rand::{Rng, RngExt};
use serde_json::{Value, json};

use crate::generate::{Names, names};

/// Changes a schema here and there.
pub(crate) fn evolve(random: &mut impl Rng, schema: &Value) -> Value {
    let mut evolution = Evolution { random, count: 0 };
    let later = evolution.schema(schema);
    let mut known = Names::new();
    names(&later, &mut known);
    let mut old: Vec<String> = known.into_keys().collect();
    old.sort();
    let at = evolution.random.random_range(0..=old.len());
    match old.get(at) {
        Some(old) if evolution.once_in(3) => {
            let (space, _) = old.rsplit_once('.').map_or(("", ""), |(space, name)| (space, name));
            let new = if space.is_empty() { "Renamed".to_owned() } else { format!("{space}.Renamed") };
            let aliased = !evolution.once_in(6);
            rename(&later, old, &new, aliased)
        }
        _ => later,
    }
}

/// Calls a type otherwise, where it is defined and wherever it is referred to.
fn rename(schema: &Value, old: &str, new: &str, aliased: bool) -> Value {
    match schema {
        Value::String(name) if name == old => json!(new),
        Value::Array(branches) => branches.iter().map(|branch| rename(branch, old, new, aliased)).collect(),
        Value::Object(object) => {
            let mut renamed = object.clone();
            for key in ["type", "items", "values"] {
                if let Some(part) = renamed.get_mut(key) {
                    *part = rename(part, old, new, aliased);
                }
            }
            for field in renamed.get_mut("fields").and_then(Value::as_array_mut).into_iter().flatten() {
                *field = rename(field, old, new, aliased);
            }
            if object.get("name").is_some_and(|name| name == old) {
                renamed.insert("name".to_owned(), json!(new));
                if aliased {
                    renamed.insert("aliases".to_owned(), json!([old]));
                }
            }
            Value::Object(renamed)
        }
        other => other.clone(),
    }
}

struct Evolution<'r, R> {
    random: &'r mut R,
    count: u32,
}

/// Types with a default each.
const NEW: [(&str, &str); 12] = [
    (r#""int""#, "-7"),
    (r#""long""#, "4294967296"),
    (r#""float""#, "0.5"),
    (r#""double""#, "1e300"),
    (r#""boolean""#, "true"),
    (r#""string""#, r#""é€""#),
    (r#""bytes""#, r#""\u00ff\u0000""#),
    (r#"["null","string"]"#, "null"),
    (r#"["string","null"]"#, r#""x""#),
    (r#"{"type":"array","items":"int"}"#, "[1,2]"),
    (r#"{"type":"map","values":["null","long"]}"#, r#"{"a":null,"b":3}"#),
    (r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}"#, r#""\u0000""#),
];

impl<R: Rng> Evolution<'_, R> {
    fn once_in(&mut self, times: u32) -> bool {
        self.random.random_range(0..times) == 0
    }

    fn fresh(&mut self) -> String {
        self.count += 1;
        format!("New{}", self.count)
    }

    fn schema(&mut self, schema: &Value) -> Value {
        let changed = match schema {
            Value::String(kind) => self.primitive(kind),
            Value::Array(branches) => return self.union(branches),
            Value::Object(object) => match object["type"].as_str().unwrap() {
                "record" => self.record(schema),
                "enum" => self.symbols(schema),
                "array" => json!({"type": "array", "items": self.schema(&object["items"])}),
                "map" => json!({"type": "map", "values": self.schema(&object["values"])}),
                // Now and then with another meaning, or none: the bytes are the same.
                kind @ ("int" | "long" | "bytes" | "string") if self.once_in(4) => json!(kind),
                _ => schema.clone(),
            },
            other => other.clone(),
        };
        // Into a union, beside what it is not.
        if changed != "null" && self.once_in(8) {
            let mut branches = vec![json!("null"), changed];
            let at = self.random.random_range(0..2);
            branches.swap(0, at);
            return Value::Array(branches);
        }
        changed
    }

    fn primitive(&mut self, kind: &str) -> Value {
        let wider: &[&str] = match kind {
            "int" => &["int", "long", "float", "double", "string"],
            "long" => &["long", "float", "double", "int"],
            "float" => &["float", "double"],
            "string" => &["string", "bytes"],
            "bytes" => &["bytes", "string"],
            other => return json!(other),
        };
        // The last of the first two lists is not allowed.
        let choices = if self.once_in(10) { wider.len() } else { wider.len().min(if kind == "int" { 4 } else { 3 }) };
        if self.once_in(2) { json!(kind) } else { json!(wider[self.random.random_range(0..choices)]) }
    }

    fn union(&mut self, branches: &[Value]) -> Value {
        let mut later: Vec<Value> = Vec::new();
        for branch in branches {
            // A union in a union is not one.
            let evolved = match self.schema(branch) {
                Value::Array(_) => branch.clone(),
                evolved => evolved,
            };
            let kind = |schema: &Value| match schema {
                Value::Object(object) if object.contains_key("name") => object["name"].clone(),
                Value::Object(object) => object["type"].clone(),
                other => other.clone(),
            };
            let evolved =
                if later.iter().any(|other| kind(other) == kind(&evolved)) { branch.clone() } else { evolved };
            if !later.iter().any(|other| kind(other) == kind(&evolved)) {
                later.push(evolved);
            }
        }
        let has_definitions = |schema: &Value| schema.to_string().contains("\"name\"");
        if later.len() > 1 && self.once_in(8) {
            let at = self.random.random_range(0..later.len());
            if !has_definitions(&later[at]) {
                later.remove(at);
            }
        }
        for kind in ["double", "string", "boolean", "null"] {
            if !later.contains(&json!(kind)) && self.once_in(6) && !later.iter().any(|other| other["type"] == kind) {
                let at = self.random.random_range(0..=later.len());
                // What defines a type stays before what refers to it: plain types may stand anywhere.
                later.insert(at, json!(kind));
            }
        }
        match &later[..] {
            [one] if self.once_in(2) => one.clone(),
            _ => Value::Array(later),
        }
    }

    fn symbols(&mut self, schema: &Value) -> Value {
        let mut later = schema.clone();
        let symbols = later["symbols"].as_array_mut().unwrap();
        match self.random.random_range(0..5) {
            0 => symbols.push(json!("NEW")),
            1 => symbols.reverse(),
            2 if symbols.len() > 1 => drop(symbols.remove(0)),
            3 if symbols.len() > 1 => {
                let default = symbols.pop().and_then(|_| symbols.last().cloned());
                later["default"] = default.unwrap();
            }
            _ => {}
        }
        later
    }

    fn record(&mut self, schema: &Value) -> Value {
        let mut later = schema.clone();
        later["doc"] = json!("Changed.");
        let mut fields: Vec<Value> = Vec::new();
        for field in schema["fields"].as_array().unwrap() {
            let mut evolved = field.clone();
            let defines = field["type"].to_string().contains("\"name\"");
            if !defines && self.once_in(8) {
                continue;
            }
            evolved["type"] = self.schema(&field["type"]);
            if self.once_in(5) {
                evolved["aliases"] = json!(["never", field["name"]]);
                evolved["name"] = json!(self.fresh());
                if self.once_in(2) && evolved["type"] == "string" {
                    evolved["default"] = json!("?");
                }
            }
            fields.push(evolved);
        }
        while self.once_in(3) {
            let (kind, default) = NEW[self.random.random_range(0..NEW.len())];
            let mut field = json!({"name": self.fresh(), "type": serde_json::from_str::<Value>(kind).unwrap()});
            if !self.once_in(20) {
                field["default"] = serde_json::from_str(default).unwrap();
            }
            let at = self.random.random_range(0..=fields.len());
            fields.insert(at, field);
        }
        if self.once_in(12) {
            let (name, inner) = (self.fresh(), self.fresh());
            fields.push(json!({"name": name, "default": {"a": "X", "b": {"c": "\u{ff}\u{0}"}}, "type": {"type": "record", "name": inner, "fields": [
                {"name": "a", "type": {"type": "enum", "name": format!("{inner}E"), "symbols": ["W", "X"]}},
                {"name": "b", "type": {"type": "map", "values": {"type": "fixed", "name": format!("{inner}F"), "size": 2}}},
                {"name": "d", "type": ["null", "int"], "default": null}]}}));
        }
        // Only plain fields change places: what defines a type stays before what refers to it.
        let plain: Vec<usize> = (0..fields.len())
            .filter(|at| fields[*at]["type"].is_string() || !fields[*at]["type"].to_string().contains("name"))
            .collect();
        if plain.len() > 1 && self.once_in(3) {
            let (a, b) = (self.random.random_range(0..plain.len()), self.random.random_range(0..plain.len()));
            let refers = |field: &Value| field["type"].to_string().contains('N');
            if !refers(&fields[plain[a]]) && !refers(&fields[plain[b]]) {
                fields.swap(plain[a], plain[b]);
            }
        }
        later["fields"] = Value::Array(fields);
        later
    }
}
