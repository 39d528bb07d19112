//! Lists, their filters and pages, and the other ways to a schema.

use crate::harness::{Running, ask, converse, record, schema};
use serde_json::{Value, json};

fn version(fields: usize) -> Option<Value> {
    let fields: Vec<_> =
        (0..fields).map(|at| json!({ "name": format!("f{at}"), "type": "int", "default": 0 })).collect();
    schema(record(json!(fields)))
}

/// Subjects a, b, c with versions 1 to 3 of the same schemas; c is deleted, and of b its second version.
async fn filled(folder: &tempfile::TempDir) -> Running {
    let registry = Running::start(&folder.path().join("registry.jsonl")).await;
    for subject in ["a", "b", "c"] {
        for fields in 1..=3 {
            let (status, answer) =
                ask(&registry.url, &format!("POST /subjects/{subject}/versions"), version(fields)).await;
            assert_eq!(status, 200, "{answer}");
        }
    }
    for deleted in ["DELETE /subjects/c", "DELETE /subjects/b/versions/2"] {
        assert_eq!(ask(&registry.url, deleted, None).await.0, 200);
    }
    registry
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let folder = tempfile::tempdir().unwrap();
    let registry = filled(&folder).await;
    let at = |subject: &str, version: i32| json!({ "subject": subject, "version": version });
    let cases = [
        ("/subjects?offset=0&limit=-1&deleted=False&deleted_only=False", json!(["a", "b"])),
        ("/subjects?deleted=True", json!(["a", "b", "c"])),
        ("/subjects?deletedOnly=true", json!(["c"])),
        ("/subjects?deleted_only=True&deleted=true", json!(["c"])),
        ("/subjects?offset=1&limit=1&deleted=true", json!(["b"])),
        ("/subjects?subjectPrefix=:.:b", json!(["b"])),
        ("/subjects?subjectPrefix=:*:", json!(["a", "b"])),
        ("/subjects?offset=7", json!([])),
        ("/subjects/b/versions", json!([1, 3])),
        ("/subjects/:.:b/versions", json!([1, 3])),
        ("/subjects/b/versions?deleted=true&offset=1&limit=5", json!([2, 3])),
        ("/subjects/b/versions?deletedOnly=true", json!([2])),
        ("/subjects/b/versions?deleted_only=True", json!([2])),
        ("/subjects/a/versions?deletedOnly=true", json!([])),
        ("/subjects/b/versions?deletedAsNegative=true", json!([1, -2, 3])),
        ("/schemas/ids/2/subjects", json!(["a"])),
        ("/schemas/ids/2/subjects?subject=a&deleted=true&offset=1", json!(["b", "c"])),
        ("/schemas/ids/2/versions?limit=0", json!([at("a", 2)])),
        ("/schemas/ids/2/versions?deleted=true&limit=2", json!([at("a", 2), at("b", 2)])),
        ("/contexts", json!(["."])),
        ("/contexts?offset=1&limit=10", json!([])),
        ("/contexts?contextPrefix=other", json!([])),
        ("/associations/resources/lkc/topic?resourceType=topic", json!([])),
    ];
    for (path, expected) in cases {
        assert_eq!(ask(&registry.url, &format!("GET {path}"), None).await, (200, expected), "{path}");
    }
    registry.stop().await;
}

#[tokio::test]
async fn all_schemas_are_listed_with_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let registry = filled(&folder).await;
    for (path, expected) in [
        ("/schemas", json!([["a", 1, 1], ["a", 2, 2], ["a", 3, 3], ["b", 1, 1], ["b", 3, 3]])),
        ("/schemas?latestOnly=true", json!([["a", 3, 3], ["b", 3, 3]])),
        ("/schemas?subjectPrefix=b&deleted=true&offset=1&limit=1", json!([["b", 2, 2]])),
        ("/schemas?subjectPrefix=c", json!([])),
    ] {
        let (status, answer) = ask(&registry.url, &format!("GET {path}"), None).await;
        let found = answer.as_array().unwrap().iter();
        let found: Vec<_> = found.map(|one| json!([one["subject"], one["version"], one["id"]])).collect();
        assert_eq!((status, json!(found)), (200, expected), "{path}");
    }
    registry.stop().await;
}

#[tokio::test]
async fn a_guid_is_in_every_answer_and_leads_back_to_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let registry = filled(&folder).await;
    let (_, by_id) = ask(&registry.url, "GET /schemas/ids/2", None).await;
    let guid = by_id["guid"].as_str().unwrap().to_owned();
    assert_eq!((guid.len(), guid.matches('-').count()), (36, 4), "{guid}");
    let shown = json!({ "guid": guid, "schema": version(2).unwrap()["schema"], "schemaType": "AVRO" });
    let (by_guid, ids) = (format!("GET /schemas/guids/{guid}?format="), format!("GET /schemas/guids/{guid}/ids"));
    converse(
        &registry,
        vec![
            (&by_guid, None, 200, shown.clone()),
            (&ids, None, 200, json!([{ "context": ".", "id": 2 }])),
            ("GET /subjects/a/versions/2?format=no-such", None, 200, shown.clone()),
            ("GET /schemas/ids/2?subject=b", None, 200, json!({ "guid": guid, "subject": "b", "version": 2 })),
            ("GET /subjects/b/versions/2?deleted=true", None, 200, json!({ "guid": guid, "deleted": true })),
            ("POST /subjects/a", version(2), 200, shown.clone()),
            ("POST /subjects/a/versions", version(2), 200, shown),
            ("GET /schemas/guids/00000000-0000-0000-0000-000000000000", None, 404, json!(40403)),
            ("GET /schemas/guids/00000000-0000-0000-0000-000000000000/ids", None, 200, json!([])),
            // An older version that was deleted goes when its schema comes again.
            ("POST /subjects/b/versions", version(2), 200, json!({ "version": 4, "id": 2 })),
            ("GET /subjects/b/versions?deleted=true", None, 200, json!([1, 3, 4])),
        ],
    )
    .await;
    registry.stop().await;
}

#[tokio::test]
async fn what_the_registry_does_not_keep_is_said_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let registry = filled(&folder).await;
    let association = || Some(json!({ "resourceName": "topic" }));
    converse(
        &registry,
        vec![
            ("POST /associations", association(), 501, json!(501)),
            ("PUT /associations", association(), 501, json!(501)),
            ("DELETE /associations/resources/topic?cascadeLifecycle=False", None, 204, json!("")),
            ("GET /dek-registry/v1/keks", None, 404, json!(404)),
            ("GET /subjects/:.other:a/versions", None, 422, json!(42208)),
        ],
    )
    .await;
    registry.stop().await;
}
