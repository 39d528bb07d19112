//! Against a registry that answers what a test says.

use super::*;
use axum::{Router, extract::Request, response::IntoResponse};
use std::collections::BTreeMap;

/// Answers by path and query; anything else is a page of a proxy.
async fn registry(answers: &[(&str, u16, &str)]) -> Registry {
    let answers: BTreeMap<String, (u16, String)> =
        answers.iter().map(|(path, status, body)| ((*path).to_owned(), (*status, (*body).to_owned()))).collect();
    let app = Router::new().fallback(move |request: Request| {
        let (status, body) = answers
            .get(request.uri().path_and_query().map_or("", |path| path.as_str()))
            .cloned()
            .unwrap_or((404, "<html>no such page".to_owned()));
        async move { (axum::http::StatusCode::from_u16(status).unwrap(), body).into_response() }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/base/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    Registry::new(&SchemaRegistry { url, user: None, password: None }).unwrap()
}

const SEVEN: &str = "/base/schemas/ids/7";
const VERSIONS: &str = "/base/schemas/ids/7/versions?deleted=true";
const STRING: (&str, u16, &str) = (SEVEN, 200, r#"{"schema":"\"string\""}"#);

#[tokio::test]
async fn only_the_registrys_own_word_makes_a_schema_missing() {
    for (status, body, missing) in [
        (404, r#"{"error_code":40403,"message":"Schema not found"}"#, true),
        (404, r#"{"error_code":404,"message":"HTTP 404 Not Found"}"#, false),
        (404, "<html>no such page", false),
        (404, "", false),
        (200, "<html>please log in", false),
        (500, r#"{"error_code":40403}"#, false),
        (401, r#"{"error_code":401}"#, false),
    ] {
        let answer = registry(&[(SEVEN, status, body)]).await.look_up("t", 7).await;
        match answer {
            Answer::Missing => assert!(missing, "{status} {body}"),
            Answer::Down(reason) => {
                assert!(!missing && reason.contains("/base/schemas/ids/7"), "{reason}");
                assert!(reason.contains(&status.to_string()) && reason.contains(body), "{reason}");
            }
            Answer::Found(found) => panic!("{found:?}"),
        }
    }
}

#[tokio::test]
async fn the_topics_own_subject_is_a_schemas_home_before_any_other() {
    for (used, home) in [
        (
            r#"[{"subject":"a","version":1},{"subject":"t-value","version":2},{"subject":"t-value","version":5}]"#,
            Some(("t-value", 5)),
        ),
        (r#"[{"subject":"a","version":1},{"subject":"t-Order","version":3}]"#, Some(("t-Order", 3))),
        (r#"[{"subject":"source-value","version":4},{"subject":"other","version":1}]"#, Some(("other", 1))),
        ("[]", None),
    ] {
        let Answer::Found(found) = registry(&[STRING, (VERSIONS, 200, used)]).await.look_up("t", 7).await else {
            panic!()
        };
        assert_eq!(found.home, home.map(|(subject, version)| (subject.to_owned(), version)), "{used}");
    }
}

#[tokio::test]
async fn a_registry_without_that_path_is_asked_for_the_subjects_versions_deleted_ones_too() {
    let registry = registry(&[
        STRING,
        ("/base/subjects/t-value/versions?deleted=true", 200, "[1,2]"),
        ("/base/subjects/t-value/versions/2?deleted=true", 200, r#"{"id":9}"#),
        ("/base/subjects/t-value/versions/1?deleted=true", 200, r#"{"id":7}"#),
    ]);
    let Answer::Found(found) = registry.await.look_up("t", 7).await else { panic!() };
    assert_eq!(found.home, Some(("t-value".to_owned(), 1)));
}

#[tokio::test]
async fn references_come_in_the_order_in_which_they_are_needed_and_cycles_are_refused() {
    let refers = |to: &[(&str, u32)], schema: &str| {
        let to: Vec<String> = to
            .iter()
            .map(|(subject, version)| format!(r#"{{"name":"x","subject":"{subject}","version":{version}}}"#))
            .collect();
        format!(r#"{{"schema":"{schema}","references":[{}]}}"#, to.join(","))
    };
    let (root, a, b, c) = (
        refers(&[("a", 1), ("c", 3)], "root"),
        refers(&[("b", 2), ("c", 3)], "A"),
        refers(&[("c", 3)], "B"),
        refers(&[], "C"),
    );
    let at = |subject: &str, version: u32| format!("/base/subjects/{subject}/versions/{version}?deleted=true");
    let (path_a, path_b, path_c) = (at("a", 1), at("b", 2), at("c", 3));
    let answers = [
        (SEVEN, 200, root.as_str()),
        (VERSIONS, 200, "[]"),
        (&path_a, 200, &a),
        (&path_b, 200, &b),
        (&path_c, 200, &c),
    ];
    let Answer::Found(found) = registry(&answers).await.look_up("t", 7).await else { panic!() };
    assert_eq!(found.references, Ok(vec!["C".to_owned(), "B".to_owned(), "A".to_owned()]));

    let cycle = refers(&[("a", 1)], "C");
    let answers = [
        (SEVEN, 200, root.as_str()),
        (VERSIONS, 200, "[]"),
        (&path_a, 200, &a),
        (&path_b, 200, &b),
        (&path_c, 200, &cycle),
    ];
    let Answer::Found(found) = registry(&answers).await.look_up("t", 7).await else { panic!() };
    assert!(found.references.as_ref().unwrap_err().contains("`a` refers to itself"), "{found:?}");

    let gone = [(SEVEN, 200, root.as_str()), (VERSIONS, 200, "[]"), (&path_a, 404, r#"{"error_code":40402}"#)];
    let Answer::Found(found) = registry(&gone).await.look_up("t", 7).await else { panic!() };
    assert!(found.references.as_ref().unwrap_err().contains("version 1 of `a`"), "{found:?}");
}

#[test]
fn a_url_that_is_none_is_refused_with_the_form_it_should_have() {
    let registry = SchemaRegistry { url: "registry:8081/x y".to_owned(), user: None, password: None };
    let ok = Registry::new(&SchemaRegistry { url: "http://r".to_owned(), ..registry.clone() });
    assert!(ok.is_ok());
    let refused = Registry::new(&SchemaRegistry { url: "not one".to_owned(), ..registry }).unwrap_err().to_string();
    assert!(refused.contains("http://host:8081"), "{refused}");
}
