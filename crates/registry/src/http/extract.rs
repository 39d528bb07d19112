//! Reads requests, so that everything malformed is answered in the API's own form. What is not known is refused by name.

use crate::{
    avro::AvroSchema,
    catalog::{Scope, Version},
    refusal::Refusal,
    service::VersionName,
};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::request::Parts,
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error as _};

/// The query string.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let query = Query::from_request_parts(parts, state).await;
        query.map(|Query(params)| Self(params)).map_err(|error| Refusal::Malformed(error.body_text()))
    }
}

/// A JSON body, whatever media type its sender gives it.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|error| Refusal::Malformed(error.body_text()))?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| Refusal::Malformed(format!("the body: {error}")))
    }
}

/// The `{subject}` of a path.
pub(super) struct Subject(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Subject {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        #[derive(Deserialize)]
        struct Named {
            subject: String,
        }
        let path = Path::from_request_parts(parts, state).await;
        let Path(Named { subject }) = path.map_err(|error| Refusal::Malformed(error.body_text()))?;
        let is_valid = !subject.trim().is_empty() && !subject.starts_with(':') && !subject.contains(char::is_control);
        if is_valid { Ok(Self(subject)) } else { Err(Refusal::InvalidSubject(subject)) }
    }
}

/// The `{version}` of a path: a number from 1, `latest`, or `-1` for the same.
impl<S: Send + Sync> FromRequestParts<S> for VersionName {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        #[derive(Deserialize)]
        struct Named {
            version: String,
        }
        let path = Path::from_request_parts(parts, state).await;
        let Path(Named { version }) = path.map_err(|error| Refusal::Malformed(error.body_text()))?;
        match (version.as_str(), version.parse::<Version>()) {
            ("latest" | "-1", _) => Ok(Self::Latest),
            (_, Ok(number)) if number > 0 => Ok(Self::Number(number)),
            _ => Err(Refusal::InvalidVersion(version)),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct NoParams {}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ScopeParams {
    #[serde(deserialize_with = "flag")]
    deleted: bool,
    /// Clients send it; two texts that mean the same schema are one here in any case.
    #[serde(deserialize_with = "flag")]
    normalize: bool,
}

impl ScopeParams {
    pub(super) fn scope(&self) -> Scope {
        scope(self.deleted)
    }
}

pub(super) fn scope(with_deleted: bool) -> Scope {
    if with_deleted { Scope::WithDeleted } else { Scope::Active }
}

/// `true` or `false` in any case of letters: Python's clients write `False`.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(D::Error::custom(format!("`{text}` is neither true nor false"))),
    }
}

/// A schema as it is sent for registration, look-up and comparison.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SchemaBody {
    schema: String,
    schema_type: Option<String>,
    references: Option<Vec<serde_json::Value>>,
    metadata: Option<serde_json::Value>,
    rule_set: Option<serde_json::Value>,
    id: Option<i64>,
    version: Option<i64>,
}

impl SchemaBody {
    pub(super) fn parse(self) -> Result<AvroSchema, Refusal> {
        let unsupported = |what: &str| Err(Refusal::InvalidSchema(format!("this registry does not support {what}")));
        match self.schema_type.as_deref() {
            None | Some("AVRO") => {}
            Some(other) => return unsupported(&format!("the schema type {other}, only AVRO")),
        }
        if self.references.is_some_and(|references| !references.is_empty()) {
            return unsupported("references");
        }
        if self.metadata.is_some() {
            return unsupported("metadata");
        }
        if self.rule_set.is_some() {
            return unsupported("ruleSet");
        }
        // Clients send -1 (id) and 0 or -1 (version) for "none".
        if self.id.is_some_and(|id| id > 0) || self.version.is_some_and(|version| version > 0) {
            let message = "ids and versions are given by the registry: it has no import mode";
            return Err(Refusal::NotPermitted(message.to_owned()));
        }
        AvroSchema::parse(&self.schema).map_err(|error| Refusal::InvalidSchema(error.to_string()))
    }
}
