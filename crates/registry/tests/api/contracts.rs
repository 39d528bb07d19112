//! Metadata and rules beside a schema, and the settings of subjects.

use crate::harness::{Running, ask, converse, record};
use serde_json::{Value, json};

fn field(kind: &str) -> String {
    record(json!([{ "name": "x", "type": kind }])).to_string()
}

fn with_metadata(kind: &str, properties: Value) -> Option<Value> {
    Some(json!({ "schema": field(kind), "metadata": { "properties": properties, "tags": null }, "ruleSet": null }))
}

fn rule(name: &str, mode: &str) -> Value {
    json!({ "name": name, "kind": "CONDITION", "mode": mode, "type": "CEL", "expr": "true", "disabled": false })
}

fn rules(names: &[&str]) -> Value {
    json!({ "domainRules": names.iter().map(|name| rule(name, "WRITE")).collect::<Vec<_>>() })
}

#[tokio::test]
async fn metadata_and_rules_make_a_schema_and_are_inherited() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Running::start(&folder.path().join("registry.jsonl")).await;
    let metadata = json!({ "tags": { "**.x": ["PII"] }, "properties": { "owner": "me" }, "sensitive": ["owner"] });
    let with_both = || Some(json!({ "schema": field("int"), "metadata": metadata, "ruleSet": rules(&["one"]) }));
    let plain = |kind: &str| Some(json!({ "schema": field(kind) }));
    let twice = Some(json!({ "schema": field("int"), "ruleSet": rules(&["one", "one"]) }));
    let wrong_mode = Some(json!({ "schema": field("int"), "ruleSet": { "domainRules": [rule("one", "UPGRADE")] } }));
    let unknown = Some(json!({ "schema": field("int"), "metadata": { "colour": "blue" } }));
    let shown = json!({ "id": 2, "metadata": metadata, "ruleSet": rules(&["one"]) });
    converse(
        &registry,
        vec![
            ("POST /subjects/s/versions", plain("int"), 200, json!({ "id": 1 })),
            ("POST /subjects/s/versions", with_both(), 200, shown.clone()),
            ("GET /subjects/s/versions/2", None, 200, shown.clone()),
            ("GET /schemas/ids/2", None, 200, json!({ "metadata": metadata })),
            // Without metadata, the first version is meant, and of another text the next one, with what the last one had.
            ("POST /subjects/s/versions", plain("int"), 200, json!({ "id": 1 })),
            (
                "POST /subjects/s/versions",
                plain("long"),
                200,
                json!({ "id": 3, "metadata": metadata, "ruleSet": rules(&["one"]) }),
            ),
            ("POST /subjects/s", plain("long"), 200, json!({ "version": 3 })),
            ("POST /subjects/s/versions", twice, 422, json!(42210)),
            ("POST /subjects/s/versions", wrong_mode, 422, json!(42210)),
            ("POST /subjects/s/versions", unknown, 422, json!(422)),
        ],
    )
    .await;
    registry.stop().await;
}

#[tokio::test]
async fn the_latest_with_metadata_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Running::start(&folder.path().join("registry.jsonl")).await;
    converse(
        &registry,
        vec![
            (
                "POST /subjects/s/versions",
                with_metadata("int", json!({ "major": "1", "owner": "a b" })),
                200,
                json!({ "version": 1 }),
            ),
            ("POST /subjects/s/versions", with_metadata("long", json!({ "major": "1" })), 200, json!({ "version": 2 })),
            (
                "POST /subjects/s/versions",
                with_metadata("float", json!({ "major": "2" })),
                200,
                json!({ "version": 3 }),
            ),
            ("GET /subjects/s/metadata?key=major&value=1", None, 200, json!({ "version": 2 })),
            ("GET /subjects/s/metadata?key=major&key=owner&value=1&value=a%20b", None, 200, json!({ "version": 1 })),
            ("GET /subjects/s/metadata", None, 200, json!({ "version": 3 })),
            ("GET /subjects/s/metadata?key=major&value=9", None, 404, json!(40403)),
            ("GET /subjects/none/metadata?key=major&value=1", None, 404, json!(40401)),
            ("DELETE /subjects/s/versions/3", None, 200, json!(3)),
            ("GET /subjects/s/metadata?key=major&value=2", None, 404, json!(40403)),
            (
                "GET /subjects/s/metadata?key=major&value=2&deleted=True&format=resolved",
                None,
                200,
                json!({ "version": 3 }),
            ),
        ],
    )
    .await;
    registry.stop().await;
}

#[tokio::test]
async fn settings_are_taken_in_both_spellings_and_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Running::start(&folder.path().join("registry.jsonl")).await;
    let body = |body: Value| Some(body);
    converse(
        &registry,
        vec![
            ("PUT /config/s", body(json!({ "compatibilityLevel": "full" })), 200, json!({ "compatibility": "FULL" })),
            ("GET /config/s", None, 200, json!({ "compatibilityLevel": "FULL" })),
            (
                "PUT /config/s",
                body(json!({ "compatibility": "NONE", "compatibilityLevel": "NONE" })),
                200,
                json!({ "compatibility": "NONE" }),
            ),
            ("PUT /config/s", body(json!({ "compatibility": "NONE", "compatibilityLevel": "FULL" })), 422, json!(422)),
            (
                "PUT /config/s",
                body(json!({ "compatibilityGroup": "major" })),
                200,
                json!({ "compatibility": "NONE", "compatibilityGroup": "major" }),
            ),
            ("PUT /config/s", body(json!({ "alias": "t" })), 422, json!(422)),
            ("PUT /config/s", body(json!({ "compatibility": 7 })), 422, json!(422)),
            ("PUT /config/s", body(json!({ "compatibility": "SIDEWAYS" })), 422, json!(42203)),
            ("PUT /config/s", body(json!({ "overrideRuleSet": rules(&["a", "a"]) })), 422, json!(42210)),
            ("PUT /config/s", body(json!({ "compatibility": null })), 200, json!({ "compatibilityGroup": "major" })),
            ("GET /config/s", None, 200, json!({ "compatibilityLevel": "BACKWARD", "compatibilityGroup": "major" })),
            (
                "PUT /config",
                body(json!({ "compatibilityLevel": "FORWARD", "compatibilityGroup": "all" })),
                200,
                json!({ "compatibility": "FORWARD" }),
            ),
            (
                "GET /config/s?defaultToGlobal=true",
                None,
                200,
                json!({ "compatibilityLevel": "FORWARD", "compatibilityGroup": "major" }),
            ),
            (
                "GET /config/t?defaultToGlobal=true",
                None,
                200,
                json!({ "compatibilityLevel": "FORWARD", "compatibilityGroup": "all" }),
            ),
            ("DELETE /config", None, 200, json!({ "compatibilityLevel": "FORWARD" })),
            ("GET /config", None, 200, json!({ "compatibilityLevel": "BACKWARD" })),
        ],
    )
    .await;
    let (_, refusal) = ask(&registry.url, "PUT /config/s", Some(json!({ "alias": "t" }))).await;
    assert!(refusal["message"].as_str().unwrap().ends_with("found alias"), "{refusal}");
    registry.stop().await;
}

#[tokio::test]
async fn a_compatibility_group_keeps_versions_apart() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Running::start(&folder.path().join("registry.jsonl")).await;
    let of = |kind: &str, major: &str| with_metadata(kind, json!({ "major": major }));
    converse(
        &registry,
        vec![
            ("PUT /config/s", Some(json!({ "compatibilityGroup": "major" })), 200, json!({})),
            ("POST /subjects/s/versions", of("int", "1"), 200, json!({ "version": 1 })),
            ("POST /subjects/s/versions", of("string", "1"), 409, json!(409)),
            ("POST /subjects/s/versions", of("string", "2"), 200, json!({ "version": 2 })),
            ("POST /compatibility/subjects/s/versions", of("long", "1"), 200, json!({ "is_compatible": true })),
            ("POST /compatibility/subjects/s/versions", of("long", "2"), 200, json!({ "is_compatible": false })),
        ],
    )
    .await;
    registry.stop().await;
}

#[tokio::test]
async fn settings_add_metadata_and_rules() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Running::start(&folder.path().join("registry.jsonl")).await;
    let settings = json!({
        "defaultMetadata": { "properties": { "owner": "nobody", "team": "core" } },
        "overrideMetadata": { "properties": { "audited": "yes" } },
        "defaultRuleSet": rules(&["standard"]), "overrideRuleSet": rules(&["always"]),
    });
    let expected = json!({
        "version": 1, "ruleSet": rules(&["standard", "always"]),
        "metadata": { "properties": { "audited": "yes", "owner": "me", "team": "core" } },
    });
    let own = || with_metadata("int", json!({ "owner": "me", "audited": "no" }));
    converse(
        &registry,
        vec![
            ("PUT /config/s", Some(settings.clone()), 200, settings.clone()),
            ("GET /config/s", None, 200, settings),
            ("POST /subjects/s/versions", own(), 200, expected.clone()),
            ("POST /subjects/s/versions", own(), 200, expected.clone()),
            ("GET /subjects/s/versions/latest", None, 200, expected),
            ("GET /subjects/s/versions", None, 200, json!([1])),
        ],
    )
    .await;
    registry.stop().await;
}
