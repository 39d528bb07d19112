//! Statements: sending, asking again, aborting, watching.

use super::{
    Server, answer,
    answer::Body,
    login::refuse,
    request::{self, Abort, QueryQuery},
    sessions::Session,
    statements::State as Progress,
};
use axum::{
    body::Bytes,
    extract::{Path, Query, State},
    http::HeaderMap,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// POST `/queries/v1/query-request`
pub(super) async fn submit(
    State(server): State<Arc<Server>>,
    Query(query): Query<QueryQuery>,
    headers: HeaderMap,
    body: Bytes,
) -> Body {
    let session = match session(&server, &headers) {
        Ok(session) => session,
        Err(refusal) => return refusal,
    };
    let request: request::Query = match request::decode(&headers, &body) {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    if let Some(what) = unsupported(&request) {
        return answer::failure(&crate::SqlError::unsupported(what, ""), "");
    }
    let statement = server.statements.start(&session, &query.request_id, request.sql_text, server.options.limits());
    if request.async_exec {
        return answer::in_progress(&statement.id, true);
    }
    let answered = statement.answer(server.options.inline_wait).await;
    answered.unwrap_or_else(|| answer::in_progress(&statement.id, false))
}

/// What a request asks for that the protocol has and this server lacks.
fn unsupported(request: &request::Query) -> Option<&'static str> {
    let given = |value: &Value| value.as_object().is_some_and(|bindings| !bindings.is_empty());
    if request.bindings.as_ref().is_some_and(given) || request.bind_stage.is_some() {
        return Some("bind variables");
    }
    if request.describe_only == Some(true) {
        return Some("describing a statement without running it");
    }
    let multiple = request.parameters.as_ref().and_then(|parameters| parameters.get("MULTI_STATEMENT_COUNT"));
    if multiple.is_some_and(|count| !matches!(count.as_i64(), Some(1)) && count.as_str() != Some("1")) {
        return Some("several statements in one request");
    }
    None
}

/// GET `/queries/{id}/result`
pub(super) async fn result(State(server): State<Arc<Server>>, Path(id): Path<String>, headers: HeaderMap) -> Body {
    let session = match session(&server, &headers) {
        Ok(session) => session,
        Err(refusal) => return refusal,
    };
    let Some(statement) = server.statements.get(&session, &id) else { return unknown(&id) };
    let answered = statement.answer(server.options.inline_wait).await;
    answered.unwrap_or_else(|| answer::in_progress(&id, false))
}

/// GET `/monitoring/queries/{id}`
pub(super) async fn monitor(State(server): State<Arc<Server>>, Path(id): Path<String>, headers: HeaderMap) -> Body {
    let session = match session(&server, &headers) {
        Ok(session) => session,
        Err(refusal) => return refusal,
    };
    let Some(statement) = server.statements.get(&session, &id) else {
        return answer::success(&json!({ "queries": [] }));
    };
    let (status, code, message) = match statement.state() {
        Progress::Running => ("RUNNING", String::new(), String::new()),
        Progress::Succeeded(_) => ("SUCCESS", String::new(), String::new()),
        Progress::Failed(error, _) => ("FAILED_WITH_ERROR", error.code.to_owned(), error.message),
    };
    answer::success(&json!({ "queries": [{
        "id": statement.id,
        "sqlText": statement.sql,
        "status": status,
        "state": status,
        "errorCode": code,
        "errorMessage": message,
        "startTime": statement.started.timestamp_millis(),
        "sessionId": session.id,
    }] }))
}

/// POST `/queries/v1/abort-request`
pub(super) async fn abort(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Body {
    let session = match session(&server, &headers) {
        Ok(session) => session,
        Err(refusal) => return refusal,
    };
    let request: Abort = match request::decode(&headers, &body) {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    if server.statements.abort(&session, &request.request_id) {
        answer::success(&Value::Null)
    } else {
        answer::refusal("000605", "Identified SQL statement is not currently executing.")
    }
}

/// POST `/queries/{id}/abort-request`
pub(super) async fn abort_by_id(State(server): State<Arc<Server>>, Path(id): Path<String>, headers: HeaderMap) -> Body {
    let session = match session(&server, &headers) {
        Ok(session) => session,
        Err(refusal) => return refusal,
    };
    match server.statements.get(&session, &id) {
        Some(statement) => {
            statement.abort();
            answer::success(&Value::Null)
        }
        None => answer::refusal("000605", "Identified SQL statement is not currently executing."),
    }
}

fn session(server: &Server, headers: &HeaderMap) -> Result<Arc<Session>, Body> {
    server.sessions.get(request::token(headers).unwrap_or_default()).map_err(refuse)
}

fn unknown(id: &str) -> Body {
    let error = crate::SqlError::new("000709", "02000", format!("Statement {id} not found"));
    answer::failure(&error, id)
}
