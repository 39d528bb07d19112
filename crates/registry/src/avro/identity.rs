//! Decides when two texts are one schema. Confluent's registry compares what Java prints: members in a fixed order, names
//! relative to the namespace around them; documentation, defaults and further attributes count. The form here counts the
//! same things. It is only compared, never shown.

use super::{definition_name, full_name, graph::is_primitive};
use serde_json::{Map, Value};

pub(super) fn of(json: &Value) -> String {
    schema(json, "").to_string()
}

fn schema(json: &Value, namespace: &str) -> Value {
    match json {
        Value::String(name) if is_primitive(name) => json.clone(),
        Value::String(name) => Value::String(full_name(name, namespace)),
        Value::Array(branches) => branches.iter().map(|branch| schema(branch, namespace)).collect(),
        Value::Object(definition) => object(definition, namespace),
        other => other.clone(),
    }
}

fn object(definition: &Map<String, Value>, enclosing: &str) -> Value {
    // `{"type": X}` says no more than X.
    if let (1, Some(only)) = (definition.len(), definition.get("type")) {
        return schema(only, enclosing);
    }
    let kind = definition.get("type").and_then(Value::as_str).unwrap_or_default();
    let is_named = matches!(kind, "record" | "error" | "enum" | "fixed");
    let (full, namespace) =
        if is_named { definition_name(definition, enclosing) } else { (String::new(), enclosing.to_owned()) };
    let mut members = Map::new();
    for (member, value) in definition {
        let value = match member.as_str() {
            "namespace" if is_named => continue,
            "name" if is_named => Value::String(full.clone()),
            "aliases" if is_named => aliases(value, &namespace),
            "type" if is_named || matches!(kind, "array" | "map") => value.clone(),
            "type" | "items" | "values" => schema(value, &namespace),
            "fields" if is_named => value.as_array().into_iter().flatten().map(|f| field(f, &namespace)).collect(),
            _ => sorted(value),
        };
        members.insert(member.clone(), value);
    }
    members.sort_keys();
    Value::Object(members)
}

fn field(json: &Value, namespace: &str) -> Value {
    let Value::Object(field) = json else { return json.clone() };
    let mut members: Map<String, Value> = field
        .iter()
        .map(|(member, value)| {
            let value = if member == "type" { schema(value, namespace) } else { sorted(value) };
            (member.clone(), value)
        })
        .collect();
    members.sort_keys();
    Value::Object(members)
}

fn aliases(json: &Value, namespace: &str) -> Value {
    let names = json.as_array().into_iter().flatten().filter_map(Value::as_str);
    names.map(|alias| full_name(alias, namespace)).collect()
}

fn sorted(json: &Value) -> Value {
    let mut json = json.clone();
    json.sort_all_objects();
    json
}

#[cfg(test)]
mod tests {
    use crate::avro::{AvroSchema, Origin};

    fn identity(text: &str) -> String {
        AvroSchema::parse(text, &[], Origin::Request).unwrap().identity
    }

    #[test]
    fn spacing_order_and_the_way_a_name_is_written_do_not_make_another_schema() {
        let one = r#"{"type":"record","name":"C","namespace":"a.b","fields":[
            {"name":"x","type":{"type":"string"}},{"name":"next","type":["null","C"],"default":null}]}"#;
        let other = r#"{"name":"a.b.C","fields":[{"type":"string","name":"x"},
            {"default":null,"name":"next","type":["null","a.b.C"]}],"type":"record"}"#;
        assert_eq!(identity(one), identity(other));
    }

    #[test]
    fn documentation_defaults_order_of_fields_and_attributes_do() {
        let base = r#"{"type":"record","name":"C","fields":[{"name":"x","type":"int"},{"name":"y","type":"int"}]}"#;
        for other in [
            r#"{"type":"record","name":"C","doc":"d","fields":[{"name":"x","type":"int"},{"name":"y","type":"int"}]}"#,
            r#"{"type":"record","name":"C","fields":[{"name":"x","type":"int","default":0},{"name":"y","type":"int"}]}"#,
            r#"{"type":"record","name":"C","fields":[{"name":"y","type":"int"},{"name":"x","type":"int"}]}"#,
            r#"{"type":"record","name":"C","fields":[{"name":"x","type":{"type":"int","logicalType":"date"}},{"name":"y","type":"int"}]}"#,
        ] {
            assert_ne!(identity(base), identity(other), "{other}");
        }
    }
}
