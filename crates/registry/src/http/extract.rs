//! Reads paths and bodies, so that everything malformed is answered in the API's own form. Members of a body that are not
//! known are refused by name: what they ask for would not be done.

use crate::{
    catalog::{LATEST, Version},
    metadata::{Metadata, RuleSet},
    refusal::Refusal,
    schema::{Content, Reference},
    service::{RegistrationRequest, VersionName},
};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::request::Parts,
};
use serde::{Deserialize, de::DeserializeOwned};

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
        subject_name(&subject).map(|name| Self(name.to_owned()))
    }
}

/// Returns the name without the default context, which is the only one.
fn subject_name(subject: &str) -> Result<&str, Refusal> {
    let name = subject.strip_prefix(":.:").unwrap_or(subject);
    let is_valid = !name.trim().is_empty() && !name.starts_with(':') && !name.contains(char::is_control);
    if is_valid { Ok(name) } else { Err(Refusal::InvalidSubject(subject.to_owned())) }
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
            (_, Ok(LATEST)) => Ok(Self::Latest),
            (name, _) if name.eq_ignore_ascii_case("latest") => Ok(Self::Latest),
            (_, Ok(number)) if number > 0 => Ok(Self::Number(number)),
            _ => Err(Refusal::InvalidVersion(version)),
        }
    }
}

/// A schema as it is sent for registration, lookup and comparison.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SchemaBody {
    schema: String,
    schema_type: Option<String>,
    references: Option<Vec<Reference>>,
    metadata: Option<Metadata>,
    rule_set: Option<RuleSet>,
    id: Option<i32>,
    version: Option<Version>,
}

impl SchemaBody {
    pub(super) fn content(self) -> Result<Content, Refusal> {
        self.registration().map(|request| request.content)
    }

    pub(super) fn registration(self) -> Result<RegistrationRequest, Refusal> {
        if let Some(other) = self.schema_type.filter(|name| name != "AVRO") {
            return Err(Refusal::InvalidSchema(format!("expected the schema type AVRO, found {other}")));
        }
        if let Some(rules) = &self.rule_set {
            rules.check().map_err(Refusal::InvalidRules)?;
        }
        let mut references = self.references.unwrap_or_default();
        for reference in &mut references {
            reference.subject = subject_name(&reference.subject)?.to_owned();
        }
        // Clients send -1 (id) and 0 or -1 (version) for "none".
        let content = Content { text: self.schema, references, metadata: self.metadata, rule_set: self.rule_set };
        let (id, version) = (self.id.filter(|id| *id > 0), self.version.filter(|version| *version > 0));
        Ok(RegistrationRequest { content, id, version })
    }
}
