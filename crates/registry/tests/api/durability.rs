//! What was answered stays so, whatever happens to the process.

use crate::harness::{Running, ask, assert_shows, converse, record, schema};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

fn version(field: &str) -> Option<serde_json::Value> {
    schema(record(json!([{ "name": field, "type": "int", "default": 0 }])))
}

#[tokio::test]
async fn a_restart_answers_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("registry.jsonl");
    let questions = [
        "GET /subjects",
        "GET /subjects?deleted=true",
        "GET /subjects/a/versions/latest",
        "GET /subjects/a/versions",
        "GET /subjects/a/versions?deleted=true",
        "GET /schemas/ids/2/versions",
        "GET /schemas/ids/3",
        "GET /config",
        "GET /config/a",
        "GET /config/b",
        "GET /mode/a",
        "GET /mode",
        "GET /subjects/d/versions/1?format=resolved",
        "GET /subjects/e/versions/2",
        "GET /subjects/b/versions/1/referencedby",
        "GET /config/d",
        "GET /schemas?deleted=true",
    ];
    let referring =
        Some(json!({ "schema": r#"["null","R"]"#, "references": [{ "name": "R", "subject": "b", "version": 1 }] }));
    let rule = json!({ "name": "r", "kind": "CONDITION", "mode": "WRITE", "type": "CEL", "expr": "true" });
    let with_rule =
        Some(json!({ "schema": r#"["null","R"]"#, "references": [{ "name": "R", "subject": "b", "version": 1 }],
        "metadata": { "tags": { "**": ["PII"] } }, "ruleSet": { "domainRules": [rule] } }));
    let mut before = Vec::new();
    let registry = Running::start(&file).await;
    for (request, body) in [
        ("POST /subjects/a/versions", version("one")),
        ("POST /subjects/a/versions", version("two")),
        ("POST /subjects/b/versions", version("two")),
        ("POST /subjects/c/versions", version("three")),
        ("DELETE /subjects/a/versions/1", None),
        ("DELETE /subjects/c", None),
        ("DELETE /subjects/c?permanent=true", None),
        ("PUT /config/a", Some(json!({ "compatibility": "FULL_TRANSITIVE" }))),
        ("PUT /config/b", Some(json!({ "compatibility": "NONE" }))),
        ("DELETE /config/b", None),
        ("PUT /config", Some(json!({ "compatibility": "FORWARD" }))),
        ("PUT /mode/a", Some(json!({ "mode": "READONLY" }))),
        ("POST /subjects/d/versions", referring.clone()),
        (
            "PUT /config/d",
            Some(json!({ "defaultMetadata": { "properties": { "k": "v" } }, "compatibilityGroup": "k" })),
        ),
        ("POST /subjects/e/versions", referring),
        ("POST /subjects/e/versions", with_rule),
    ] {
        let (status, answer) = ask(&registry.url, request, body).await;
        assert_eq!(status, 200, "{request}: {answer}");
    }
    for question in questions {
        before.push(ask(&registry.url, question, None).await);
    }
    registry.stop().await;

    let registry = Running::start(&file).await;
    for (question, before) in questions.iter().zip(before) {
        assert_eq!(ask(&registry.url, question, None).await, before, "{question}");
    }
    // An id that records may carry is never given to another schema, even after everything about it was deleted.
    let (_, answer) = ask(&registry.url, "POST /subjects/c/versions", version("four")).await;
    assert_shows(&answer, &json!({ "id": 6 }), "the next id");
    registry.stop().await;
}

#[tokio::test]
async fn a_file_of_an_earlier_version_is_read_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("registry.jsonl");
    // As version 0.1 wrote it; the second schema would be refused today.
    let lines = [
        r#"{"format":"schema-registry-journal","version":1}"#,
        r#"{"change":"registered","subject":"a","version":1,"id":1,"schema":"\"int\""}"#,
        r#"{"change":"registered","subject":"b","version":1,"id":2,"schema":"[\"long\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}]"}"#,
        r#"{"change":"level-set","subject":"a","level":"FULL_TRANSITIVE"}"#,
        r#"{"change":"level-set","subject":null,"level":"NONE"}"#,
        r#"{"change":"mode-set","subject":"b","mode":"READONLY"}"#,
        r#"{"change":"version-deleted","subject":"b","version":1,"how":"soft"}"#,
        "",
    ];
    std::fs::write(&file, lines.join("\n")).unwrap();
    for _ in 0..2 {
        let registry = Running::start(&file).await;
        converse(
            &registry,
            vec![
                ("GET /subjects/a/versions/1", None, 200, json!({ "id": 1, "schema": "\"int\"" })),
                ("GET /subjects?deletedOnly=true", None, 200, json!(["b"])),
                ("GET /schemas/ids/2", None, 200, json!({ "schemaType": "AVRO" })),
                ("GET /config/a", None, 200, json!({ "compatibilityLevel": "FULL_TRANSITIVE" })),
                ("GET /config", None, 200, json!({ "compatibilityLevel": "NONE" })),
                ("GET /mode/b", None, 200, json!({ "mode": "READONLY" })),
                ("PUT /config/c", Some(json!({ "compatibilityGroup": "major" })), 200, json!({})),
                ("POST /subjects/c/versions", version("new"), 200, json!({ "id": 3, "version": 1 })),
            ],
        )
        .await;
        registry.stop().await;
    }
}

#[tokio::test]
async fn racing_registrations_of_one_schema_get_one_id() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Running::start(&folder.path().join("registry.jsonl")).await;
    let racing = (0..8).map(|racer| {
        let url = registry.url.clone();
        tokio::spawn(async move {
            let path = format!("POST /subjects/s{}/versions", racer % 2);
            ask(&url, &path, version("x")).await
        })
    });
    for racer in racing.collect::<Vec<_>>() {
        let (status, answer) = racer.await.unwrap();
        assert_eq!((status, &answer["id"]), (200, &json!(1)));
    }
    assert_eq!(ask(&registry.url, "GET /subjects/s0/versions", None).await.1, json!([1]));
    registry.stop().await;
}

#[tokio::test]
async fn a_stop_closes_the_file_even_while_a_client_is_still_sending() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("registry.jsonl");
    let registry = Running::start(&file).await;
    let address = registry.url.trim_start_matches("http://").to_owned();
    let mut client = tokio::net::TcpStream::connect(&address).await.unwrap();
    client.write_all(b"POST /subjects/a/versions HTTP/1.1\r\nhost: here\r\ncontent-length: 10\r\n\r\n{").await.unwrap();
    // Accepted in turn: when a later one is answered, that one was taken.
    ask(&registry.url, "GET /subjects", None).await;
    registry.stop().await;
    Running::start(&file).await.stop().await;
    drop(client);
}
