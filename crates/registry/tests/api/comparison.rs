//! Where `REGISTRY_URL` names a real registry (Confluent's, or Apicurio's `.../apis/ccompat/v7`), both must judge alike.

use crate::harness::{Running, ask, record, schema};
use serde_json::{Value, json};

/// Types that a field changes between.
fn types() -> Vec<Value> {
    let nested = |fields: Value| json!({ "type": "record", "name": "N", "fields": fields });
    vec![
        json!("int"),
        json!("long"),
        json!("double"),
        json!("string"),
        json!("bytes"),
        json!({ "type": "long", "logicalType": "timestamp-millis" }),
        json!(["null", "int"]),
        json!(["null", "long", "string"]),
        json!(["string"]),
        json!({ "type": "array", "items": "int" }),
        json!({ "type": "map", "values": ["null", "long"] }),
        json!({ "type": "fixed", "name": "F", "size": 4 }),
        json!({ "type": "fixed", "name": "F", "size": 8 }),
        json!({ "type": "enum", "name": "E", "symbols": ["A", "B"] }),
        json!({ "type": "enum", "name": "E", "symbols": ["A"] }),
        json!({ "type": "enum", "name": "E", "symbols": ["A"], "default": "A" }),
        nested(json!([{ "name": "x", "type": "int" }])),
        nested(json!([{ "name": "x", "type": "long" }, { "name": "y", "type": "int", "default": 0 }])),
        nested(json!([{ "name": "z", "type": "long", "aliases": ["x"] }])),
        nested(json!([{ "name": "x", "type": "int" }, { "name": "next", "type": ["null", "R"] }])),
        json!(["null", nested(json!([{ "name": "x", "type": "string" }]))]),
    ]
}

#[tokio::test]
async fn a_real_registry_judges_compatibility_alike() {
    let Ok(real) = std::env::var("REGISTRY_URL") else { return };
    let folder = tempfile::tempdir().unwrap();
    let registry = Running::start(&folder.path().join("registry.jsonl")).await;
    let mut bodies: Vec<_> =
        types().iter().map(|kind| schema(record(json!([{ "name": "f", "type": kind }])))).collect();
    bodies.push(schema(record(json!([]))));
    bodies.push(schema(record(json!([{ "name": "f", "type": "int", "default": 1 }]))));
    let run = std::process::id();
    let mut differences = Vec::new();
    for (number, earlier) in bodies.iter().enumerate() {
        let subject = format!("comparison-{run}-{number}");
        for url in [&registry.url, &real] {
            let (status, answer) = ask(url, &format!("POST /subjects/{subject}/versions"), earlier.clone()).await;
            assert_eq!(status, 200, "{url}: {answer}");
        }
        for level in ["BACKWARD", "FORWARD", "FULL"] {
            for url in [&registry.url, &real] {
                let level = Some(json!({ "compatibility": level }));
                assert_eq!(ask(url, &format!("PUT /config/{subject}"), level).await.0, 200);
            }
            for later in &bodies {
                let request = format!("POST /compatibility/subjects/{subject}/versions/latest");
                let (_, own) = ask(&registry.url, &request, later.clone()).await;
                let (_, others) = ask(&real, &request, later.clone()).await;
                assert!(own["is_compatible"].is_boolean() && others["is_compatible"].is_boolean(), "{own} {others}");
                if own["is_compatible"] != others["is_compatible"] {
                    differences.push(format!("{level}: {later:?} after {earlier:?}: {own}, there {others}"));
                }
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    registry.stop().await;
}
