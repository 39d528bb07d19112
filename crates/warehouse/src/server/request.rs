//! Reading requests: JSON bodies, gzipped or not, and the token in `Authorization: Snowflake Token="…"`.

use super::{answer, answer::Body};
use axum::http::{HeaderMap, header};
use flate2::read::GzDecoder;
use serde::{Deserialize, de::DeserializeOwned};
use std::io::Read;

/// A body in its decoded form; a statement's text is at most 1 MB on Snowflake.
pub(super) const MAX_BODY: usize = 16 << 20;

/// # Errors
/// The answer to give when the body does not decode.
pub(super) fn decode<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Body> {
    let zipped = headers.get(header::CONTENT_ENCODING).is_some_and(|value| value.as_bytes() == b"gzip");
    let bad = |why: String| answer::refusal("390400", &format!("Bad request: {why}"));
    if !zipped {
        return serde_json::from_slice(body).map_err(|error| bad(error.to_string()));
    }
    let mut text = Vec::new();
    // One byte more than allowed tells "too long" from "just fits".
    GzDecoder::new(body).take(MAX_BODY as u64 + 1).read_to_end(&mut text).map_err(|error| bad(error.to_string()))?;
    if text.len() > MAX_BODY {
        return Err(bad(format!("the body is longer than {MAX_BODY} bytes")));
    }
    serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))
}

pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Snowflake Token=\"")?.strip_suffix('"')
}

#[derive(Debug, Deserialize)]
pub(super) struct Login {
    pub(super) data: LoginData,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) struct LoginData {
    #[serde(default)]
    pub(super) account_name: Option<String>,
    #[serde(default)]
    pub(super) login_name: Option<String>,
    #[serde(default)]
    pub(super) password: Option<String>,
    #[serde(default)]
    pub(super) authenticator: Option<String>,
    #[serde(default)]
    pub(super) session_parameters: serde_json::Map<String, serde_json::Value>,
}

/// What the login's URL asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LoginQuery {
    pub(super) warehouse: Option<String>,
    pub(super) database_name: Option<String>,
    pub(super) schema_name: Option<String>,
    pub(super) role_name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Query {
    pub(super) sql_text: String,
    #[serde(default)]
    pub(super) async_exec: bool,
    #[serde(default)]
    pub(super) describe_only: Option<bool>,
    #[serde(default)]
    pub(super) bindings: Option<serde_json::Value>,
    #[serde(default)]
    pub(super) bind_stage: Option<String>,
    #[serde(default)]
    pub(super) parameters: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct QueryQuery {
    #[serde(default)]
    pub(super) request_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Abort {
    pub(super) request_id: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct CloseQuery {
    #[serde(default)]
    pub(super) delete: Option<String>,
}
