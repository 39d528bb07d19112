//! Registers schemas, in the order in which Confluent's registry decides: a schema that is there already is found even
//! where nothing new may be registered.

use super::{Format, Service, State, VersionView, read, reasons};
use crate::{
    catalog::{Catalog, Change, Mode, Registration, SchemaId, Scope, Version},
    refusal::Refusal,
    schema::{Content, Schema},
};

/// What a client asks to be registered.
#[derive(Debug)]
pub(crate) struct RegistrationRequest {
    pub(crate) content: Content,
    /// The id and version that an import brings along.
    pub(crate) id: Option<SchemaId>,
    pub(crate) version: Option<Version>,
}

impl Service {
    /// Returns the version; the one that is there already for a schema that the subject has. The id is the same for a
    /// schema that another subject has.
    pub(crate) fn register(
        &self,
        subject: &str,
        request: RegistrationRequest,
        format: Format,
    ) -> Result<VersionView, Refusal> {
        let mut state = self.state();
        let RegistrationRequest { content, id, version } = request;
        let schema = read(&state.catalog, content)?;
        let settings = state.catalog.effective_settings(subject);
        let active = state.catalog.versions(subject, Scope::Active);
        let fits = |known: SchemaId| id.is_none_or(|id| id == known);
        let wanted = |schema: &Schema| active.iter().rev().find(|v| schema.finds(v.schema) && fits(v.id));
        let populated = state.populated(subject, &schema);
        if !settings.adds()
            && let Some(same) = wanted(&schema).or_else(|| wanted(&populated))
        {
            return Ok(VersionView::new(same, format));
        }
        let mode = state.catalog.effective_mode(subject);
        check_mode(subject, mode, id, version)?;
        // An import says itself what its schemas carry.
        let schema = if mode == Mode::Import { schema } else { populated };
        if let Some(same) = wanted(&schema) {
            return Ok(VersionView::new(same, format));
        }
        if mode != Mode::Import {
            let reasons = reasons(&schema, &active, &settings);
            if !reasons.is_empty() {
                return Err(Refusal::Incompatible { subject: subject.to_owned(), reasons });
            }
        }
        let id = free_id(&state.catalog, &schema, id)?;
        let version = free_version(&state.catalog, subject, version)?;
        let Content { text, references, metadata, rule_set } = schema.content;
        let subject = subject.to_owned();
        let registration =
            Registration { subject: subject.clone(), version, id, schema: text, references, metadata, rule_set };
        state.change(Change::Registered(Box::new(registration)))?;
        let registered = state.catalog.versions(&subject, Scope::Active).into_iter().find(|v| v.version == version);
        registered.map(|registered| VersionView::new(&registered, format)).ok_or_else(|| {
            Refusal::Internal(format!("version {version} of '{subject}' is not there after its registration"))
        })
    }
}

impl State {
    /// Returns the schema with the metadata and rules that it would be registered with: where it has none, those of the
    /// version before it, and what the subject's settings add.
    pub(super) fn populated(&self, subject: &str, schema: &Schema) -> Schema {
        let previous = self.catalog.versions(subject, Scope::Active).last().map(|previous| &previous.schema.content);
        let metadata = schema.content.metadata.clone().or_else(|| previous?.metadata.clone());
        let rule_set = schema.content.rule_set.clone().or_else(|| previous?.rule_set.clone());
        let (metadata, rule_set) = self.catalog.effective_settings(subject).applied(metadata, rule_set);
        schema.with(metadata, rule_set)
    }
}

fn check_mode(subject: &str, mode: Mode, id: Option<SchemaId>, version: Option<Version>) -> Result<(), Refusal> {
    let brings_numbers = id.is_some() || version.is_some();
    match mode {
        Mode::ReadOnly | Mode::ReadOnlyOverride => Err(Refusal::ReadOnly(subject.to_owned())),
        Mode::ReadWrite if brings_numbers => Err(Refusal::NotPermitted(format!(
            "Subject {subject} is not in import mode: expected a schema without id and version, which the registry gives"
        ))),
        Mode::Import if id.is_none() => Err(Refusal::NotPermitted(format!(
            "Subject {subject} is in import mode, not in read-write mode: expected a schema with an id"
        ))),
        Mode::ReadWrite | Mode::Import => Ok(()),
    }
}

/// Returns the schema's id: the one it has, the wanted one, or the next.
fn free_id(catalog: &Catalog, schema: &Schema, wanted: Option<SchemaId>) -> Result<SchemaId, Refusal> {
    match wanted {
        None => Ok(catalog.id_of(schema).unwrap_or(catalog.highest_id() + 1)),
        Some(id) if catalog.schema(id).is_some_and(|taken| !taken.is(schema)) => Err(Refusal::IdTaken(id)),
        Some(id) => Ok(id),
    }
}

fn free_version(catalog: &Catalog, subject: &str, wanted: Option<Version>) -> Result<Version, Refusal> {
    let all = catalog.versions(subject, Scope::WithDeleted);
    match wanted {
        None => Ok(all.last().map_or(0, |last| last.version) + 1),
        Some(version) if all.iter().any(|known| known.version == version) => {
            Err(Refusal::NotPermitted(format!("Version {version} of subject {subject} has another schema already")))
        }
        Some(version) => Ok(version),
    }
}
