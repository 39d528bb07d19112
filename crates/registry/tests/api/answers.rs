//! Answer by answer what Confluent documents.

use crate::harness::{Running, ask, converse, record, schema};
use serde_json::{Value, json};

fn long() -> Option<Value> {
    schema(record(json!([{ "name": "x", "type": "long" }])))
}

fn int() -> Option<Value> {
    schema(record(json!([{ "name": "x", "type": "int" }])))
}

fn long_and_optional() -> Option<Value> {
    let fields = json!([{ "name": "x", "type": "long" }, { "name": "y", "type": ["null", "string"], "default": null }]);
    schema(record(fields))
}

fn long_and_required() -> Option<Value> {
    schema(record(json!([{ "name": "x", "type": "long" }, { "name": "y", "type": "string" }])))
}

fn text_field() -> Option<Value> {
    schema(record(json!([{ "name": "x", "type": "string" }])))
}

/// Requests in order, with what is expected: the status, and the error's number or the answer. Of an answer's members those
/// that are named here are compared.
fn conversation() -> Vec<(&'static str, Option<Value>, u16, Value)> {
    let no_type = Some(json!({ "schema": r#"{"name":"R"}"# }));
    let protobuf = Some(json!({ "schema": "syntax = \"proto3\";", "schemaType": "PROTOBUF" }));
    let reference = json!([{ "name": "N", "subject": "n", "version": 1 }]);
    let references = Some(json!({ "schema": "\"string\"", "references": reference }));
    let level = |level: &str| Some(json!({ "compatibility": level }));
    let mode = |mode: &str| Some(json!({ "mode": mode }));
    let text = long().unwrap()["schema"].clone();
    let one = json!({ "subject": "s", "version": 1, "id": 1, "schema": text });
    [
        ("GET /subjects", None, 200, json!([])),
        ("GET /schemas/types", None, 200, json!(["AVRO"])),
        ("GET /config", None, 200, json!({ "compatibilityLevel": "BACKWARD" })),
        ("GET /mode", None, 200, json!({ "mode": "READWRITE" })),
        ("GET /subjects/s/versions", None, 404, json!(40401)),
        ("GET /subjects/s/versions/latest", None, 404, json!(40401)),
        ("GET /schemas/ids/1", None, 404, json!(40403)),
        ("POST /subjects/s", long(), 404, json!(40401)),
        ("DELETE /subjects/s", None, 404, json!(40401)),
        ("POST /compatibility/subjects/s/versions/latest", long(), 200, json!({ "is_compatible": true })),
        ("POST /compatibility/subjects/s/versions/1", long(), 404, json!(40402)),
        ("POST /compatibility/subjects/s/versions", long(), 200, json!({ "is_compatible": true })),
        // Registering.
        ("POST /subjects/s/versions?normalize=False", long(), 200, json!({ "id": 1 })),
        ("POST /subjects/s/versions", long(), 200, json!({ "id": 1 })),
        ("POST /subjects/other/versions", long(), 200, json!({ "id": 1 })),
        ("GET /subjects", None, 200, json!(["other", "s"])),
        ("GET /subjects?subjectPrefix=o", None, 200, json!(["other"])),
        ("GET /subjects/s/versions/1", None, 200, one.clone()),
        ("GET /subjects/s/versions/latest", None, 200, one.clone()),
        ("GET /subjects/s/versions/-1", None, 200, one.clone()),
        ("POST /subjects/s", long(), 200, one),
        ("POST /subjects/s", int(), 404, json!(40403)),
        ("GET /schemas/ids/1", None, 200, json!({ "schema": text })),
        ("GET /schemas/ids/1?fetchMaxId=true&subject=s", None, 200, json!({ "schema": text, "maxId": 1 })),
        ("GET /schemas/ids/1?subject=none", None, 200, json!({ "schema": text })),
        ("GET /schemas/ids/one", None, 404, json!(40403)),
        ("GET /schemas/ids/1/subjects", None, 200, json!(["other", "s"])),
        (
            "GET /schemas/ids/1/versions",
            None,
            200,
            json!([{ "subject": "other", "version": 1 }, { "subject": "s", "version": 1 }]),
        ),
        ("GET /schemas/ids/1/schema", None, 200, record(json!([{ "name": "x", "type": "long" }]))),
        ("GET /subjects/s/versions/1/schema", None, 200, record(json!([{ "name": "x", "type": "long" }]))),
        // Refusing.
        ("POST /subjects/s/versions", no_type, 422, json!(42201)),
        ("POST /subjects/s/versions", protobuf, 422, json!(42201)),
        ("POST /subjects/s/versions", references, 422, json!(42201)),
        ("POST /subjects/s/versions", Some(json!({ "schema": "\"int\"", "id": 7 })), 422, json!(42205)),
        ("POST /subjects/s/versions", Some(json!({ "schema": "\"int\"", "colour": 7 })), 422, json!(422)),
        ("POST /subjects/s/versions?colour=blue", long(), 200, json!({ "id": 1 })),
        ("GET /subjects?deleted=perhaps", None, 422, json!(422)),
        ("GET /subjects?offset=-1", None, 422, json!(422)),
        ("GET /subjects?limit=some", None, 422, json!(422)),
        ("POST /subjects/:.context:s/versions", long(), 422, json!(42208)),
        ("GET /subjects/s/versions/0", None, 422, json!(42202)),
        ("GET /subjects/s/versions/first", None, 422, json!(42202)),
        ("GET /subjects/s/versions/2", None, 404, json!(40402)),
        ("GET /nowhere", None, 404, json!(404)),
        ("DELETE /schemas/types", None, 405, json!(405)),
        // Compatibility.
        ("POST /subjects/s/versions", long_and_required(), 409, json!(409)),
        ("POST /compatibility/subjects/s/versions/1", int(), 200, json!({ "is_compatible": false })),
        ("POST /subjects/s/versions", long_and_optional(), 200, json!({ "id": 2 })),
        ("GET /subjects/s/versions", None, 200, json!([1, 2])),
        ("GET /config/s", None, 404, json!(40408)),
        ("GET /config/s?defaultToGlobal=true", None, 200, json!({ "compatibilityLevel": "BACKWARD" })),
        ("PUT /config/s", level("SIDEWAYS"), 422, json!(42203)),
        ("PUT /config/s", level("forward"), 200, json!({ "compatibility": "FORWARD" })),
        ("GET /config/s", None, 200, json!({ "compatibilityLevel": "FORWARD" })),
        ("POST /subjects/s/versions", text_field(), 409, json!(409)),
        ("PUT /config/s", level("NONE"), 200, json!({ "compatibility": "NONE" })),
        ("POST /subjects/s/versions", long_and_required(), 200, json!({ "id": 3 })),
        ("DELETE /config/s", None, 200, json!({ "compatibilityLevel": "NONE" })),
        ("DELETE /config/s", None, 404, json!(40401)),
        // Modes.
        ("GET /mode/s", None, 404, json!(40409)),
        ("PUT /mode/s", mode("FORWARD"), 422, json!(42204)),
        ("PUT /mode/s", mode("READONLY"), 200, json!({ "mode": "READONLY" })),
        ("POST /subjects/s/versions", int(), 422, json!(42205)),
        ("POST /subjects/s/versions", long(), 200, json!({ "id": 1 })),
        ("DELETE /mode/s", None, 200, json!({ "mode": "READONLY" })),
        // Deleting.
        ("DELETE /subjects/s/versions/3?permanent=true", None, 404, json!(40407)),
        ("DELETE /subjects/s/versions/3", None, 200, json!(3)),
        ("DELETE /subjects/s/versions/3", None, 404, json!(40406)),
        ("GET /subjects/s/versions/3", None, 404, json!(40402)),
        ("GET /subjects/s/versions?deleted=true", None, 200, json!([1, 2, 3])),
        ("GET /schemas/ids/3/versions", None, 200, json!([])),
        ("GET /schemas/ids/3/versions?deleted=true", None, 200, json!([{ "subject": "s", "version": 3 }])),
        ("POST /subjects/s/versions", int(), 409, json!(409)),
        ("DELETE /subjects/s/versions/3?permanent=true", None, 200, json!(3)),
        ("GET /schemas/ids/3", None, 404, json!(40403)),
        ("DELETE /subjects/s?permanent=true", None, 404, json!(40405)),
        ("DELETE /subjects/s", None, 200, json!([1, 2])),
        ("DELETE /subjects/s", None, 404, json!(40404)),
        ("GET /subjects", None, 200, json!(["other"])),
        ("GET /subjects?deleted=true", None, 200, json!(["other", "s"])),
        ("POST /subjects/s?deleted=true", long_and_optional(), 200, {
            json!({ "subject": "s", "version": 2, "id": 2, "schema": long_and_optional().unwrap()["schema"] })
        }),
        ("POST /subjects/s/versions", int(), 200, json!({ "id": 4 })),
        ("GET /subjects/s/versions", None, 200, json!([3])),
    ]
    .into()
}

#[tokio::test]
async fn each_answer_is_the_documented_one() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Running::start(&folder.path().join("registry.jsonl")).await;
    converse(&registry, conversation()).await;
    registry.stop().await;
}

#[tokio::test]
async fn a_refusal_says_each_reason_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Running::start(&folder.path().join("registry.jsonl")).await;
    let earlier = schema(record(json!([{ "name": "x", "type": "long" }, { "name": "z", "type": "string" }])));
    ask(&registry.url, "POST /subjects/s/versions", earlier).await;
    let new = || schema(record(json!([{ "name": "x", "type": "int" }, { "name": "y", "type": "string" }])));

    let (_, answer) = ask(&registry.url, "POST /compatibility/subjects/s/versions/latest?verbose=true", new()).await;
    let messages: Vec<_> = answer["messages"].as_array().unwrap().iter().map(|m| m.as_str().unwrap()).collect();
    let expected = [
        "{errorType:'TYPE_MISMATCH', description:'The type (path '/fields/0/type') of a field in the new schema does \
         not match with the old schema', additionalInfo:'reader type: INT not compatible with writer type: LONG'}",
        "{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'The field 'y' at path '/fields/1' in the new \
         schema has no default value and is missing in the old schema', additionalInfo:'y'}",
        "{oldSchemaVersion: 1}",
    ];
    assert_eq!(messages[..3], expected);

    let (status, refusal) = ask(&registry.url, "POST /subjects/s/versions", new()).await;
    let details = format!("details: [{}]", messages.join(", "));
    assert!(status == 409 && refusal["message"].as_str().unwrap().ends_with(&details), "{refusal}");
    registry.stop().await;
}
