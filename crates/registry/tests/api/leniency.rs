//! Schemas that other producers have registered elsewhere: what Java's Avro reads is taken.

use crate::harness::{Running, ask, converse, record, schema};
use serde_json::{Value, json};

#[tokio::test]
async fn what_java_reads_is_registered_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Running::start(&folder.path().join("registry.jsonl")).await;
    let envelope = json!({ "type": "record", "name": "Envelope", "namespace": "my-server.inventory", "fields": [
        { "name": "before", "type": ["null", { "type": "record", "name": "Value", "fields": [] }], "default": null },
        { "name": "after", "type": ["null", "Value"], "default": null }] });
    let default = record(json!([{ "name": "a", "type": "int", "default": "none" }]));
    for (number, text) in [envelope, default, record(json!([]))].iter().enumerate() {
        let (register, compare) = (
            format!("POST /subjects/s{number}/versions"),
            format!("POST /compatibility/subjects/s{number}/versions/latest"),
        );
        let steps = vec![
            (register.as_str(), schema(text), 200, json!({ "schema": text.to_string() })),
            (&compare, schema(text), 200, json!({ "is_compatible": true })),
        ];
        converse(&registry, steps).await;
    }
    registry.stop().await;
}

/// A schema's text; the tree of it would be too deep to be dropped on a test's stack.
fn nested(depth: usize, open: &str, innermost: &str, close: &str) -> String {
    let opened: String = (0..depth).map(|level| open.replace("LEVEL", &level.to_string())).collect();
    format!("{opened}{innermost}{}", close.repeat(depth))
}

#[tokio::test]
async fn deep_schemas_are_read_compared_and_read_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("registry.jsonl");
    let registry = Running::start(&file).await;
    let open = r#"{"type":"record","name":"RLEVEL","fields":[{"name":"f","type":"#;
    let records = |innermost: &str| nested(300, open, innermost, "}]}");
    let arrays = |innermost: &str| nested(999, r#"{"type":"array","items":"#, innermost, "}");
    for (subject, one, other) in
        [("records", records("\"int\""), records("\"string\"")), ("arrays", arrays("\"int\""), arrays("\"string\""))]
    {
        let (register, compare) = (
            format!("POST /subjects/{subject}/versions"),
            format!("POST /compatibility/subjects/{subject}/versions?verbose=true"),
        );
        let steps = vec![
            (register.as_str(), schema(&one), 200, json!({ "version": 1 })),
            (&compare, schema(&one), 200, json!({ "is_compatible": true })),
            (&compare, schema(&other), 200, json!({ "is_compatible": false })),
            (&register, schema(&other), 409, json!(409)),
        ];
        converse(&registry, steps).await;
    }
    registry.stop().await;

    let registry = Running::start(&file).await;
    let shown = json!({ "schema": records("\"int\"") });
    converse(&registry, vec![("GET /subjects/records/versions/1", None, 200, shown)]).await;
    registry.stop().await;
}

#[tokio::test]
async fn a_schema_beyond_javas_depth_is_refused_and_the_registry_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Running::start(&folder.path().join("registry.jsonl")).await;
    for text in [nested(1_100, r#"{"type":"array","items":"#, "\"int\"", "}"), "[".repeat(500_000)] {
        let (status, answer) = ask(&registry.url, "POST /subjects/s/versions", schema(text)).await;
        assert_eq!((status, &answer["error_code"]), (422, &Value::from(42201)));
        assert!(answer["message"].as_str().unwrap().contains("at most 1000 nested levels"), "{answer}");
    }
    converse(&registry, vec![("GET /subjects", None, 200, json!([]))]).await;
    registry.stop().await;
}
