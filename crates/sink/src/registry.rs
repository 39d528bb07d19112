//! What the schema registry knows of an id: the schema, and its version within the topic's own subject, which orders it
//! against the others.

use contract::endpoints::SchemaRegistry;
use schema_registry_converter::{
    async_impl::schema_registry::{SrSettings, get_all_versions, get_schema_by_id, get_schema_by_subject_and_version},
    error::SRCError,
    schema_registry_common::{RawError, SchemaType},
};
use sink_core::value_schema::ValueSchema;
use std::{
    collections::HashMap,
    error::Error as _,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::error::SinkError;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// What was found under an id.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// With the version in the topic's subject, if it is of that.
    Schema(Option<u32>, Box<ValueSchema>),
    /// There is no such id (yet).
    Missing,
    /// A schema of another language.
    NotAvro(String),
    /// A registered Avro schema that files cannot hold.
    Unusable(String),
    /// The registry did not answer: nothing is known.
    Down(String),
}

/// A client of one registry.
#[derive(Debug)]
pub(crate) struct Registry {
    settings: SrSettings,
    /// Versions by subject and schema id. A version never changes once it is registered.
    versions: Mutex<HashMap<String, HashMap<u32, u32>>>,
}

impl Registry {
    pub(crate) fn new(config: &SchemaRegistry) -> Result<Self, SinkError> {
        // The client takes the process's TLS provider and panics where there is none; an earlier choice stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = config.url.trim_end_matches('/').to_owned();
        let mut builder = SrSettings::new_builder(url.clone());
        builder.set_timeout(REQUEST_TIMEOUT);
        if let Some(user) = &config.user {
            let password = config.password.as_ref().map(|password| password.expose().to_owned());
            builder.set_basic_authorization(user, password.as_deref());
        }
        let settings = builder.build().map_err(|error| SinkError::Registry { url, reason: error.to_string() })?;
        Ok(Self { settings, versions: Mutex::default() })
    }

    /// Looks up a schema that a record of `topic` names.
    pub(crate) async fn look_up(&self, topic: &str, id: u32) -> Lookup {
        let found = match get_schema_by_id(id, &self.settings).await {
            Ok(found) => found,
            Err(error) if is_missing(&error) => return Lookup::Missing,
            Err(error) => return Lookup::Down(error.to_string()),
        };
        if found.schema_type != SchemaType::Avro {
            return Lookup::NotAvro(format!("{:?}", found.schema_type));
        }
        if !found.references.is_empty() {
            return Lookup::Unusable("it refers to other subjects, which files cannot hold; inline them".to_owned());
        }
        let version = match self.version(&contract::names::value_subject(topic), id).await {
            Ok(version) => version,
            Err(error) => return Lookup::Down(error.to_string()),
        };
        match ValueSchema::parse(&found.schema) {
            Ok(schema) => Lookup::Schema(version, Box::new(schema)),
            Err(error) => Lookup::Unusable(error.to_string()),
        }
    }

    /// The version that `id` has in `subject`; `None` if it has none there.
    async fn version(&self, subject: &str, id: u32) -> Result<Option<u32>, SRCError> {
        let mut known = self.lock().get(subject).cloned().unwrap_or_default();
        if let Some(version) = known.get(&id) {
            return Ok(Some(*version));
        }
        let all = match get_all_versions(&self.settings, subject.to_owned()).await {
            Ok(all) => all,
            Err(error) if is_missing(&error) => Vec::new(),
            Err(error) => return Err(error),
        };
        // The newest first: a new id is most likely a new version.
        for version in all.into_iter().rev() {
            if known.values().any(|seen| *seen == version) {
                continue;
            }
            match get_schema_by_subject_and_version(&self.settings, subject, Some(version)).await {
                Ok(found) => known.insert(found.id, version),
                Err(error) if is_missing(&error) => continue,
                Err(error) => return Err(error),
            };
            if known.contains_key(&id) {
                break;
            }
        }
        let version = known.get(&id).copied();
        self.lock().entry(subject.to_owned()).or_default().extend(known);
        Ok(version)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, HashMap<u32, u32>>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the registry said that there is no such schema, subject or version, as opposed to saying nothing useful.
/// Confluent's error codes are 40401, 40402 and 40403; others use plain 404.
fn is_missing(error: &SRCError) -> bool {
    let code = error.source().and_then(|source| source.downcast_ref::<RawError>()).map(|raw| raw.error_code);
    matches!(code, Some(404 | 40_400..=40_499)) || error.error.contains("status 404")
}
