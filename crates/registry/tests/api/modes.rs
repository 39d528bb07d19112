//! Read-only and import modes.

use crate::harness::{Running, converse, record, schema};
use serde_json::{Value, json};

fn version(fields: usize) -> Option<Value> {
    let fields: Vec<_> =
        (0..fields).map(|at| json!({ "name": format!("f{at}"), "type": "int", "default": 0 })).collect();
    schema(record(json!(fields)))
}

fn import(fields: usize, id: i32, number: i32) -> Option<Value> {
    version(fields).map(|mut body| {
        body["id"] = json!(id);
        body["version"] = json!(number);
        body
    })
}

fn mode(mode: &str) -> Option<Value> {
    Some(json!({ "mode": mode }))
}

#[tokio::test]
async fn a_read_only_subject_does_not_change() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Running::start(&folder.path().join("registry.jsonl")).await;
    let level = || Some(json!({ "compatibility": "NONE" }));
    converse(
        &registry,
        vec![
            ("POST /subjects/s/versions", version(1), 200, json!({ "id": 1 })),
            ("PUT /mode/s?force=False", mode("readonly"), 200, json!({ "mode": "READONLY" })),
            ("POST /subjects/s/versions", version(1), 200, json!({ "id": 1 })),
            ("POST /subjects/s/versions", version(2), 422, json!(42205)),
            ("DELETE /subjects/s/versions/1", None, 422, json!(42205)),
            ("DELETE /subjects/s", None, 422, json!(42205)),
            ("PUT /config/s", level(), 422, json!(42205)),
            ("DELETE /config/s", None, 422, json!(42205)),
            ("POST /subjects/t/versions", version(2), 200, json!({ "id": 2 })),
            ("DELETE /mode/s", None, 200, json!({ "mode": "READONLY" })),
            ("DELETE /mode/s", None, 404, json!(40401)),
            ("DELETE /subjects/s", None, 200, json!([1])),
        ],
    )
    .await;
    registry.stop().await;
}

#[tokio::test]
async fn a_global_mode_holds_where_a_subject_has_none_unless_it_overrides() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Running::start(&folder.path().join("registry.jsonl")).await;
    converse(
        &registry,
        vec![
            ("PUT /mode", mode("READONLY"), 200, json!({ "mode": "READONLY" })),
            ("PUT /config", Some(json!({ "compatibility": "NONE" })), 422, json!(42205)),
            ("DELETE /config", None, 422, json!(42205)),
            ("POST /subjects/s/versions", version(1), 422, json!(42205)),
            ("GET /mode/s?defaultToGlobal=true", None, 200, json!({ "mode": "READONLY" })),
            ("PUT /mode/s", mode("READWRITE"), 200, json!({ "mode": "READWRITE" })),
            ("POST /subjects/s/versions", version(1), 200, json!({ "id": 1 })),
            ("PUT /mode/s", mode("READONLY_OVERRIDE"), 422, json!(42204)),
            ("PUT /mode?force=true", mode("READONLY_OVERRIDE"), 200, json!({ "mode": "READONLY_OVERRIDE" })),
            ("POST /subjects/s/versions", version(2), 422, json!(42205)),
            ("GET /mode/s", None, 200, json!({ "mode": "READWRITE" })),
            ("PUT /mode", mode("FORWARD"), 422, json!(42204)),
            ("DELETE /mode", None, 200, json!({ "mode": "READONLY_OVERRIDE" })),
            ("GET /mode/s", None, 200, json!({ "mode": "READWRITE" })),
            ("DELETE /mode?recursive=true", None, 200, json!({ "mode": "READWRITE" })),
            ("GET /mode/s", None, 404, json!(40409)),
        ],
    )
    .await;
    registry.stop().await;
}

#[tokio::test]
async fn an_import_keeps_ids_and_versions_and_compares_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Running::start(&folder.path().join("registry.jsonl")).await;
    let other = || {
        let text = record(json!([{ "name": "f0", "type": "string" }])).to_string();
        Some(json!({ "schema": text, "id": 70 }))
    };
    converse(
        &registry,
        vec![
            ("POST /subjects/s/versions", import(1, 40, 4), 422, json!(42205)),
            ("PUT /mode/s", mode("IMPORT"), 200, json!({ "mode": "IMPORT" })),
            ("POST /subjects/s/versions", version(1), 422, json!(42205)),
            ("POST /subjects/s/versions", import(1, 40, 4), 200, json!({ "id": 40, "version": 4 })),
            ("POST /subjects/s/versions", import(1, 40, 4), 200, json!({ "id": 40, "version": 4 })),
            ("POST /subjects/s/versions", import(2, 40, 5), 422, json!(42207)),
            ("POST /subjects/s/versions", import(2, 41, 4), 422, json!(42205)),
            ("POST /subjects/s/versions", other(), 200, json!({ "id": 70, "version": 5 })),
            ("DELETE /mode/s", None, 200, json!({ "mode": "IMPORT" })),
            ("POST /subjects/t/versions", version(3), 200, json!({ "id": 71 })),
        ],
    )
    .await;
    registry.stop().await;
}

#[tokio::test]
async fn import_mode_is_for_subjects_without_versions_unless_forced() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Running::start(&folder.path().join("registry.jsonl")).await;
    converse(
        &registry,
        vec![
            ("POST /subjects/s/versions", version(1), 200, json!({ "id": 1 })),
            ("PUT /mode", mode("IMPORT"), 422, json!(42205)),
            ("PUT /mode/s", mode("IMPORT"), 422, json!(42205)),
            ("PUT /mode/t", mode("IMPORT"), 200, json!({ "mode": "IMPORT" })),
            ("PUT /mode/s?force=True", mode("IMPORT"), 200, json!({ "mode": "IMPORT" })),
            ("GET /subjects/s/versions", None, 200, json!([1])),
            ("PUT /mode/s", mode("READWRITE"), 200, json!({ "mode": "READWRITE" })),
            ("DELETE /subjects/s", None, 200, json!([1])),
            // What is deleted already is forgotten.
            ("PUT /mode/s", mode("IMPORT"), 200, json!({ "mode": "IMPORT" })),
            ("GET /subjects?deleted=true", None, 200, json!([])),
        ],
    )
    .await;
    registry.stop().await;
}
