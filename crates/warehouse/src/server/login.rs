//! Logging in, renewing tokens, closing.

use super::{
    Server, answer,
    answer::Body,
    request::{self, CloseQuery, Login, LoginQuery},
    sessions::{MASTER_VALIDITY, Refused, SESSION_VALIDITY},
    users,
};
use crate::SessionContext;
use axum::{
    body::Bytes,
    extract::{Query, State},
    http::HeaderMap,
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// POST `/session/v1/login-request`
pub(super) async fn login(
    State(server): State<Arc<Server>>,
    Query(query): Query<LoginQuery>,
    headers: HeaderMap,
    body: Bytes,
) -> Body {
    let login: Login = match request::decode(&headers, &body) {
        Ok(login) => login,
        Err(refusal) => return refusal,
    };
    let data = login.data;
    if let Some(other) = data.authenticator.as_ref().filter(|name| !name.eq_ignore_ascii_case("snowflake")) {
        return answer::refusal(
            "390104",
            &format!("The local warehouse knows user names and passwords only, not the authenticator {other}."),
        );
    }
    if let Some(account) = &server.options.account {
        let given = data.account_name.unwrap_or_default();
        if !given.eq_ignore_ascii_case(account) {
            let message = format!("The account {given} does not exist here: this warehouse serves another one.");
            return answer::refusal("390100", &message);
        }
    }
    let (name, password) = (data.login_name.unwrap_or_default(), data.password.unwrap_or_default());
    let Some(user) = users::authenticate(&server.options.users, &name, &password) else {
        tracing::warn!(user = name, "login refused");
        return answer::refusal("390100", "Incorrect username or password was specified.");
    };
    if let Err(refusal) = check_parameters(&data.session_parameters) {
        return refusal;
    }
    let wanted = SessionContext {
        user: user.name.to_uppercase(),
        role: chosen(query.role_name).unwrap_or_else(|| user.default_role.clone()),
        warehouse: chosen(query.warehouse),
        database: chosen(query.database_name),
        schema: chosen(query.schema_name),
    };
    let context = server.backend.existing(wanted.clone());
    let validate = data.session_parameters.get("CLIENT_VALIDATE_DEFAULT_PARAMETERS");
    if validate.is_some_and(|value| value == &json!(true) || value == &json!("true")) {
        for (kind, wanted, got) in [
            ("database", &wanted.database, &context.database),
            ("schema", &wanted.schema, &context.schema),
            ("warehouse", &wanted.warehouse, &context.warehouse),
        ] {
            if wanted.is_some() && wanted != got {
                let message = format!("The requested {kind} does not exist or not authorized.");
                return answer::refusal("390201", &message);
            }
        }
    }
    let (session, tokens) = server.sessions.open(server.backend.open(context.clone()));
    tracing::debug!(session = session.id, user = context.user, "logged in");
    answer::success(&json!({
        "masterToken": tokens.master,
        "token": tokens.session,
        "validityInSeconds": SESSION_VALIDITY.as_secs(),
        "masterValidityInSeconds": MASTER_VALIDITY.as_secs(),
        "displayUserName": context.user,
        "serverVersion": concat!(env!("CARGO_PKG_VERSION"), " local"),
        "firstLogin": false,
        "remMeToken": null,
        "remMeValidityInSeconds": 0,
        "healthCheckInterval": 45,
        "sessionId": session.id,
        "parameters": answer::parameters(),
        "sessionInfo": {
            "databaseName": context.database,
            "schemaName": context.schema,
            "warehouseName": context.warehouse,
            "roleName": context.role,
        },
        "idToken": null,
        "idTokenValidityInSeconds": 0,
        "responseData": null,
        "mfaToken": null,
        "mfaTokenValidityInSeconds": 0,
    }))
}

/// POST `/session/token-request`
pub(super) async fn renew(State(server): State<Arc<Server>>, headers: HeaderMap) -> Body {
    match server.sessions.renew(request::token(&headers).unwrap_or_default()) {
        Err(refused) => refuse(refused),
        Ok((id, tokens)) => answer::success(&json!({
            "sessionToken": tokens.session,
            "validityInSecondsST": SESSION_VALIDITY.as_secs(),
            "masterToken": tokens.master,
            "validityInSecondsMT": MASTER_VALIDITY.as_secs(),
            "sessionId": id,
        })),
    }
}

/// POST `/session?delete=true`
pub(super) async fn close(
    State(server): State<Arc<Server>>,
    Query(query): Query<CloseQuery>,
    headers: HeaderMap,
) -> Body {
    if query.delete.as_deref() != Some("true") {
        return answer::refusal("390400", "Bad request: /session takes delete=true only");
    }
    let token = request::token(&headers).unwrap_or_default();
    match server.sessions.get(token) {
        Err(Refused::Gone) => refuse(Refused::Gone),
        found => {
            if let Ok(session) = found {
                server.statements.abort_all(&session);
            }
            server.sessions.close(token);
            answer::success(&Value::Null)
        }
    }
}

/// POST `/session/heartbeat`
pub(super) async fn heartbeat(State(server): State<Arc<Server>>, headers: HeaderMap) -> Body {
    match server.sessions.get(request::token(&headers).unwrap_or_default()) {
        Ok(_) => answer::success(&Value::Null),
        Err(refused) => refuse(refused),
    }
}

/// POST `/telemetry/send`: drivers report their own timings; there is nobody here to read them.
pub(super) async fn telemetry() -> Body {
    answer::success(&json!("Log Received"))
}

pub(super) fn refuse(refused: Refused) -> Body {
    answer::refusal(refused.code(), refused.message())
}

/// Parameters that would change what statements mean here must have the value they have here; those that only concern
/// the client (`CLIENT_…`, `QUERY_TAG`) are its own business.
fn check_parameters(parameters: &Map<String, Value>) -> Result<(), Body> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for (name, value) in parameters {
        let allowed = match name.to_uppercase().as_str() {
            "QUERY_TAG" | "PYTHON_CONNECTOR_QUERY_RESULT_FORMAT" => true,
            "AUTOCOMMIT" => text(value).eq_ignore_ascii_case("true"),
            "TIMEZONE" => matches!(text(value).as_str(), "UTC" | "Etc/UTC"),
            other => other.starts_with("CLIENT_") || value.is_null(),
        };
        if !allowed {
            let message = format!("The local warehouse lacks the session parameter {name} = {}.", text(value));
            return Err(answer::refusal("390400", &message));
        }
    }
    Ok(())
}

/// An identifier as a connection string gives it: folded unless quoted. Some drivers send an empty one for none.
fn chosen(name: Option<String>) -> Option<String> {
    let name = name.filter(|name| !name.is_empty())?;
    Some(match name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => name.to_uppercase(),
    })
}
