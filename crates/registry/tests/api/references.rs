//! Schemas that name the types of other subjects.

use crate::harness::{Running, ask, converse, reference, schema};
use serde_json::{Value, json};

fn address(city: &str) -> Option<Value> {
    let fields = json!([{ "name": "city", "type": city, "default": null }]);
    schema(json!({ "type": "record", "name": "Address", "namespace": "ns", "fields": fields }))
}

fn person_text() -> String {
    let fields = json!([{ "name": "home", "type": "ns.Address" }, { "name": "work", "type": "ns.Address" }]);
    json!({ "type": "record", "name": "Person", "fields": fields }).to_string()
}

fn person(version: i32) -> Option<Value> {
    Some(json!({ "schema": person_text(), "references": [reference("address", version)] }))
}

fn team() -> Option<Value> {
    let fields = json!([{ "name": "lead", "type": "Person" }, { "name": "office", "type": "ns.Address" }]);
    let text = json!({ "type": "record", "name": "Team", "fields": fields }).to_string();
    Some(json!({ "schema": text, "references": [reference("person", 1)] }))
}

async fn start(folder: &tempfile::TempDir) -> Running {
    Running::start(&folder.path().join("registry.jsonl")).await
}

#[tokio::test]
async fn a_reference_is_resolved_through_others_and_pinned() {
    let folder = tempfile::tempdir().unwrap();
    let registry = start(&folder).await;
    let none = |found: &str| Some(json!({ "schema": person_text(), "references": [reference(found, 1)] }));
    converse(
        &registry,
        vec![
            ("POST /subjects/address/versions", address("string"), 200, json!({ "id": 1 })),
            ("POST /subjects/person/versions", schema(person_text()), 422, json!(42201)),
            ("POST /subjects/person/versions", none("nowhere"), 422, json!(42201)),
            ("POST /subjects/person/versions", person(7), 422, json!(42201)),
            (
                "POST /subjects/person/versions",
                person(-1),
                200,
                json!({ "id": 2, "references": [reference("address", 1)] }),
            ),
            ("POST /subjects/team/versions", team(), 200, json!({ "id": 3 })),
            ("POST /subjects/person", person(1), 200, json!({ "version": 1, "schema": person_text() })),
            (
                "GET /schemas/ids/2",
                None,
                200,
                json!({ "references": [reference("address", 1)], "schema": person_text() }),
            ),
        ],
    )
    .await;
    let (_, answer) = ask(&registry.url, "GET /schemas/ids/3?format=resolved", None).await;
    let resolved: Value = serde_json::from_str(answer["schema"].as_str().unwrap()).unwrap();
    assert_eq!(resolved["fields"][0]["type"]["fields"][0]["type"]["fields"][0]["name"], "city", "{resolved}");
    assert_eq!(resolved["fields"][1]["type"], "ns.Address", "{resolved}");
    // A client that sends the whole schema means the registered one.
    converse(&registry, vec![("POST /subjects/team", schema(resolved), 200, json!({ "version": 1, "id": 3 }))]).await;
    registry.stop().await;
}

#[tokio::test]
async fn what_a_schema_refers_to_is_not_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let registry = start(&folder).await;
    converse(
        &registry,
        vec![
            ("POST /subjects/address/versions", address("string"), 200, json!({ "id": 1 })),
            ("POST /subjects/person/versions", person(1), 200, json!({ "id": 2 })),
            ("GET /subjects/address/versions/1/referencedby", None, 200, json!([2])),
            ("GET /subjects/address/versions/latest/referencedby?offset=1", None, 200, json!([])),
            ("GET /subjects/person/versions/1/referencedby", None, 200, json!([])),
            ("GET /subjects/address/versions/2/referencedby", None, 404, json!(40402)),
            ("GET /subjects/nowhere/versions/1/referencedby", None, 404, json!(40401)),
            ("DELETE /subjects/address/versions/1", None, 422, json!(42206)),
            ("DELETE /subjects/address", None, 422, json!(42206)),
            // A soft deletion of what refers to it allows a soft deletion, and no more.
            ("DELETE /subjects/person", None, 200, json!([1])),
            ("GET /subjects/address/versions/1/referencedby", None, 200, json!([])),
            ("GET /subjects/address/versions/1/referencedby?deleted=true", None, 200, json!([2])),
            ("DELETE /subjects/address", None, 200, json!([1])),
            ("DELETE /subjects/address?permanent=true", None, 422, json!(42206)),
            ("DELETE /subjects/address/versions/1?permanent=true", None, 422, json!(42206)),
            ("GET /schemas/ids/2?format=resolved", None, 200, json!({ "schemaType": "AVRO" })),
            ("DELETE /subjects/person?permanent=true", None, 200, json!([1])),
            ("DELETE /subjects/address?permanent=true", None, 200, json!([1])),
        ],
    )
    .await;
    registry.stop().await;
}

#[tokio::test]
async fn references_within_a_subject_go_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let registry = start(&folder).await;
    let own = || Some(json!({ "schema": person_text(), "references": [reference("address", 1)] }));
    converse(
        &registry,
        vec![
            ("PUT /config", Some(json!({ "compatibility": "NONE" })), 200, json!({})),
            ("POST /subjects/address/versions", address("string"), 200, json!({ "id": 1 })),
            ("POST /subjects/address/versions", own(), 200, json!({ "id": 2, "version": 2 })),
            ("DELETE /subjects/address/versions/1", None, 422, json!(42206)),
            ("DELETE /subjects/address", None, 200, json!([1, 2])),
            ("DELETE /subjects/address?permanent=true", None, 200, json!([1, 2])),
        ],
    )
    .await;
    registry.stop().await;
}

#[tokio::test]
async fn a_change_of_a_referenced_type_counts_as_the_schemas_own() {
    let folder = tempfile::tempdir().unwrap();
    let registry = start(&folder).await;
    let compatible = |is_compatible: bool| json!({ "is_compatible": is_compatible });
    converse(
        &registry,
        vec![
            ("PUT /config/address", Some(json!({ "compatibility": "NONE" })), 200, json!({})),
            ("POST /subjects/address/versions", address("string"), 200, json!({ "id": 1 })),
            ("POST /subjects/address/versions", address("int"), 200, json!({ "id": 2 })),
            ("POST /subjects/person/versions", person(1), 200, json!({ "id": 3 })),
            ("POST /compatibility/subjects/person/versions/latest", person(1), 200, compatible(true)),
            ("POST /compatibility/subjects/person/versions", person(2), 200, compatible(false)),
            ("POST /subjects/person/versions", person(2), 409, json!(409)),
            // The same text with another reference is another schema.
            ("POST /subjects/person", person(2), 404, json!(40403)),
            ("PUT /config/person", Some(json!({ "compatibility": "NONE" })), 200, json!({})),
            ("POST /subjects/person/versions", person(2), 200, json!({ "id": 4, "version": 2 })),
        ],
    )
    .await;
    registry.stop().await;
}
