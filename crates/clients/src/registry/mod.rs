//! A client of Confluent-compatible schema registries.
//!
//! A missing schema and a registry that did not answer are told apart: records of a missing schema go to the dead letters, and a
//! registry that does not answer is waited for. Only Confluent's own error codes mean that something is missing. A 404 of a wrong
//! path, or a proxy's page, does not.
//!
//! Source: Confluent's "Schema Registry API Reference". `schema_registry_converter` registers schemas; for reading, this asks by
//! itself, since that crate passes neither an answer's status nor the parameter `deleted`.

mod references;
#[cfg(test)]
mod tests;

use contract::{
    endpoints::{SchemaRegistry, Secret, is_loopback},
    names,
};
use reqwest_tls::{Client, StatusCode};
use schema_registry_converter::{
    async_impl::schema_registry::{SrSettings, post_schema},
    schema_registry_common::{SchemaType, SuppliedSchema},
};
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use url::Url;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Schemas that are remembered. A topic has few; ids that are garbage have none.
const REMEMBERED: usize = 10_000;
/// How much of an answer that is not understood is shown.
const SHOWN: usize = 200;

/// What the registry said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    Found(T),
    /// The registry says that it does not have it.
    Missing,
    /// It did not say; why, and what to look at.
    Down(String),
}

/// A schema of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// `AVRO`, `JSON`, `PROTOBUF` or another.
    pub kind: String,
    pub schema: String,
    /// The texts that it refers to, each after those that it refers to itself.
    pub references: Result<Vec<String>, String>,
    /// A subject that has it, and as which version.
    pub home: Option<(String, u32)>,
}

/// A client of one registry.
#[derive(Debug)]
pub struct Registry {
    client: Client,
    settings: SrSettings,
    url: Url,
    user: Option<(String, Option<Secret>)>,
    /// What was found, by topic and id. An id's schema never changes, and a version that is registered neither.
    known: Mutex<HashMap<(String, u32), Arc<Found>>>,
}

/// A registry that cannot be talked to at all, or did not register a schema.
#[derive(Debug, thiserror::Error)]
#[error("schema registry {url}: {tried}: {reason}")]
pub struct RegistryError {
    pub url: String,
    pub tried: String,
    pub reason: String,
    /// Whether the same may work later: the registry did not answer.
    pub may_pass: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemaAnswer {
    schema: String,
    schema_type: Option<String>,
    #[serde(default)]
    references: Vec<references::Reference>,
}

#[derive(Deserialize)]
struct SubjectVersion {
    subject: String,
    version: u32,
}

#[derive(Deserialize)]
struct Refused {
    error_code: u32,
}

/// Records outlive the versions that they were written with.
const DELETED_TOO: [(&str, &str); 1] = [("deleted", "true")];

/// Confluent's codes for a subject, a version and a schema that are not there.
const NOT_THERE: [u32; 3] = [40401, 40402, 40403];

impl Registry {
    /// # Errors
    /// When the URL is not one, or TLS cannot be set up.
    pub fn new(registry: &SchemaRegistry) -> Result<Self, RegistryError> {
        // The clients take the process's TLS provider and panic where there is none; an earlier choice stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let failed = |reason: String| {
            let (url, tried) = (registry.url.clone(), "making a client".to_owned());
            RegistryError {
                url,
                tried,
                may_pass: false,
                reason: format!("{reason}; registry.url must be like http://host:8081"),
            }
        };
        let url = registry.url.trim_end_matches('/');
        let parsed = Url::parse(url).map_err(|error| failed(error.to_string()))?;
        let mut settings = SrSettings::new_builder(url.to_owned());
        settings.set_timeout(REQUEST_TIMEOUT);
        let mut client = Client::builder().timeout(REQUEST_TIMEOUT);
        // A proxy between two ports of this machine helps nobody and is often configured all the same.
        if is_loopback(url) {
            client = client.no_proxy();
            settings.no_proxy();
        }
        let user = registry.user.clone().map(|user| (user, registry.password.clone()));
        if let Some((user, password)) = &user {
            settings.set_basic_authorization(user, password.as_ref().map(Secret::expose));
        }
        let client = client.build().map_err(|error| failed(error.to_string()))?;
        let settings = settings.build().map_err(|error| failed(error.to_string()))?;
        Ok(Self { client, settings, url: parsed, user, known: Mutex::default() })
    }

    /// Looks up a schema that a record of `topic` names.
    pub async fn look_up(&self, topic: &str, id: u32) -> Answer<Arc<Found>> {
        if let Some(found) = self.known().get(&(topic.to_owned(), id)) {
            return Answer::Found(Arc::clone(found));
        }
        let id_text = id.to_string();
        let answer: SchemaAnswer = match self.get(&["schemas", "ids", &id_text], &[]).await {
            Answer::Found(answer) => answer,
            Answer::Missing => return Answer::Missing,
            Answer::Down(reason) => return Answer::Down(reason),
        };
        let references = match self.references(answer.references).await {
            Ok(references) => references,
            Err(reason) => return Answer::Down(reason),
        };
        let home = match self.home(topic, id).await {
            Ok(home) => home,
            Err(reason) => return Answer::Down(reason),
        };
        let kind = answer.schema_type.unwrap_or_else(|| "AVRO".to_owned());
        let found = Arc::new(Found { kind, schema: answer.schema, references, home });
        let mut known = self.known();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert((topic.to_owned(), id), Arc::clone(&found));
        Answer::Found(found)
    }

    /// Registers a schema under a subject, and returns its id.
    ///
    /// # Errors
    /// When the registry refuses it, or does not answer.
    pub async fn register(&self, subject: &str, schema: &str) -> Result<u32, RegistryError> {
        let supplied = SuppliedSchema::new(None, SchemaType::Avro, schema.to_owned());
        let posted = post_schema(&self.settings, subject.to_owned(), supplied).await;
        posted.map(|registered| registered.id).map_err(|error| RegistryError {
            url: self.url.to_string(),
            tried: format!("registering a schema under `{subject}`"),
            may_pass: error.retriable,
            reason: chain(&error),
        })
    }

    /// The subject that has a schema, and its version there. The topic's own subject comes before one that begins with the topic's
    /// name, as the strategies by record name have it, and that before others, as of a topic that is mirrored.
    async fn home(&self, topic: &str, id: u32) -> Result<Option<(String, u32)>, String> {
        let own = names::value_subject(topic);
        let id_text = id.to_string();
        let used: Vec<SubjectVersion> = match self.get(&["schemas", "ids", &id_text, "versions"], &DELETED_TOO).await {
            Answer::Found(used) => used,
            // Older registries do not have this path.
            Answer::Missing => Vec::new(),
            Answer::Down(reason) => match self.version_in(&own, id).await {
                Answer::Found(version) => return Ok(Some((own, version))),
                Answer::Missing => return Ok(None),
                Answer::Down(_) => return Err(reason),
            },
        };
        let of_topic = format!("{topic}-");
        let rank = |subject: &str| (subject != own, !subject.starts_with(&of_topic));
        // A schema that was registered again after its deletion has two versions in one subject.
        let best = used.into_iter().min_by(|a, b| {
            let (rank_a, rank_b) = (rank(&a.subject), rank(&b.subject));
            rank_a.cmp(&rank_b).then(a.subject.cmp(&b.subject)).then(b.version.cmp(&a.version))
        });
        Ok(best.map(|best| (best.subject, best.version)))
    }

    /// The version that a schema has in a subject, looked for among all of them, the newest first.
    async fn version_in(&self, subject: &str, id: u32) -> Answer<u32> {
        #[derive(Deserialize)]
        struct Version {
            id: u32,
        }
        let versions: Vec<u32> = match self.get(&["subjects", subject, "versions"], &DELETED_TOO).await {
            Answer::Found(versions) => versions,
            Answer::Missing => return Answer::Missing,
            Answer::Down(reason) => return Answer::Down(reason),
        };
        for version in versions.into_iter().rev() {
            let number = version.to_string();
            match self.get::<Version>(&["subjects", subject, "versions", &number], &DELETED_TOO).await {
                Answer::Found(found) if found.id == id => return Answer::Found(version),
                Answer::Found(_) | Answer::Missing => {}
                Answer::Down(reason) => return Answer::Down(reason),
            }
        }
        Answer::Missing
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Answer<T> {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request =
            self.client.get(url.clone()).header("accept", "application/vnd.schemaregistry.v1+json, application/json");
        if let Some((user, password)) = &self.user {
            request = request.basic_auth(user, password.as_ref().map(Secret::expose));
        }
        let down = |what: &str| Answer::Down(format!("GET {url}: {what}"));
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return down(&chain(&error.without_url())),
        };
        let status = response.status();
        let body = match response.text().await {
            Ok(body) => body,
            Err(error) => return down(&chain(&error.without_url())),
        };
        if status.is_success()
            && let Ok(value) = serde_json::from_str(&body)
        {
            return Answer::Found(value);
        }
        let code = serde_json::from_str(&body).map(|Refused { error_code }| error_code).ok();
        if status == StatusCode::NOT_FOUND && code.is_some_and(|code| NOT_THERE.contains(&code)) {
            return Answer::Missing;
        }
        let shown: String = body.chars().take(SHOWN).collect();
        let hint = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "check registry.user and registry.password",
            StatusCode::NOT_FOUND => {
                "this is not how a registry says that a schema is missing; check the path in registry.url, and what lies between"
            }
            status if status.is_success() => {
                "this is not the answer of a registry; check registry.url, and what lies between"
            }
            _ => "asked again until it answers",
        };
        down(&format!("found status {status} and `{}`; {hint}", shown.trim()))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<(String, u32), Arc<Found>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An error with what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
