//! The client against a server that answers as Snowflake does where the crate beneath is known to go wrong.

use super::*;
use axum::{Json, Router, extract::State, http::HeaderMap, routing::any, routing::get, routing::post};
use contract::endpoints::Secret;
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// Answers to statements, the first first; the last one stays.
type Script = Arc<Mutex<Vec<Value>>>;
/// What the server was asked for.
type Seen = Arc<Mutex<Vec<&'static str>>>;

fn result(rows: &Value) -> Value {
    json!({"success": true, "code": null, "message": null, "data": {
        "parameters": [], "rowset": rows, "total": 1, "returned": 1, "queryId": "q", "finalRoleName": "R",
        "rowtype": [{"name": "N", "type": "fixed", "scale": 0, "nullable": true}], "statementTypeId": 4096, "version": 1}})
}

async fn next(State((script, seen)): State<(Script, Seen)>, headers: HeaderMap) -> Json<Value> {
    assert_eq!(headers["accept"], "application/json");
    seen.lock().unwrap().push("statement");
    let mut script = script.lock().unwrap();
    Json(if script.len() > 1 { script.remove(0) } else { script[0].clone() })
}

async fn client(script: Vec<Value>) -> (Client, Seen) {
    let (script, seen): (Script, Seen) = (Arc::new(Mutex::new(script)), Arc::default());
    let logins = seen.clone();
    let login = move || {
        logins.lock().unwrap().push("login");
        let data = json!({"sessionId": 1, "token": "t", "masterToken": "m", "serverVersion": "8",
            "sessionInfo": {"roleName": "R"}, "masterValidityInSeconds": 14400, "validityInSeconds": 3600});
        std::future::ready(Json(json!({"success": true, "data": data})))
    };
    let app = Router::new()
        .route("/session/v1/login-request", post(login))
        .route("/queries/v1/query-request", post(next))
        .route("/queries/q/result", get(next))
        .fallback(any(|| std::future::ready("nothing here")))
        .with_state((script, seen.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut connection = Connection::with_password("local", "u", Secret::new("p"));
    connection.url = Some(format!("http://{}", listener.local_addr().unwrap()));
    connection.connect_deadline = Duration::from_millis(100);
    connection.statement_deadline = Duration::from_secs(5);
    tokio::spawn(async move { axum::serve(listener, app).await });
    (Client::new(&connection).unwrap(), seen)
}

#[tokio::test]
async fn rows_come_back_from_the_configured_server() {
    let (client, seen) = client(vec![result(&json!([["1"], [null]]))]).await;
    let rows = client.query("SELECT 1").await.unwrap();
    assert_eq!((rows.columns, rows.rows), (vec!["N".to_owned()], vec![vec![Some("1".to_owned())], vec![None]]));
    assert_eq!(*seen.lock().unwrap(), ["login", "statement"]);
}

#[tokio::test]
async fn a_long_statement_is_waited_for() {
    let running =
        |code| json!({"success": true, "code": code, "data": {"queryId": "q", "getResultUrl": "/queries/q/result"}});
    let (client, seen) = client(vec![running("333333"), running("333334"), result(&json!([["7"]]))]).await;
    assert_eq!(client.query("CALL LONG()").await.unwrap().first(), Some("7"));
    assert_eq!(seen.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn a_refusal_that_looks_like_a_result_is_an_error() {
    let mut refused = result(&json!([]));
    refused["success"] = json!(false);
    refused["code"] = json!("002003");
    refused["message"] = json!("Object 'X' does not exist");
    let (client, _) = client(vec![refused]).await;
    let error = client.query("SELECT * FROM X").await.unwrap_err();
    assert_eq!(error.code(), Some("002003"));
    assert!(error.to_string().contains("Object 'X'"), "{error}");
}

#[tokio::test]
async fn an_expired_session_logs_in_again_and_repeats_the_statement() {
    let over = json!({"success": false, "code": "390112", "message": "Your session has expired", "data": null});
    let (client, seen) = client(vec![over, result(&json!([["1"]]))]).await;
    assert_eq!(client.query("SELECT 1").await.unwrap().first(), Some("1"));
    assert_eq!(*seen.lock().unwrap(), ["login", "statement", "login", "statement"]);
}

#[tokio::test]
async fn a_result_in_chunks_is_refused_rather_than_cut_short() {
    let mut chunked = result(&json!([["1"]]));
    chunked["data"]["chunks"] = json!([{"url": "https://elsewhere/1", "rowCount": 5, "uncompressedSize": 9}]);
    let (client, _) = client(vec![chunked]).await;
    assert!(client.query("SELECT 1").await.unwrap_err().to_string().contains("fewer rows"));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_after_the_deadline() {
    let mut connection = Connection::with_password("local", "u", Secret::new("p"));
    connection.url = Some("http://127.0.0.1:9".to_owned());
    connection.connect_deadline = Duration::from_millis(50);
    let error = Client::new(&connection).unwrap().query("SELECT 1").await.unwrap_err();
    assert!(error.to_string().contains("127.0.0.1:9"), "{error}");
}
