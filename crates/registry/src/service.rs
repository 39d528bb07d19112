//! What each request means. Questions are answered from the catalogue; a change goes to the file first and to the
//! catalogue after, under one lock, so that no answer speaks of something that a crash could take back.

mod deletions;
mod registration;
mod settings;
mod views;

use crate::{
    Error,
    avro::Origin,
    catalog::{Catalog, Change, Registered, SchemaId, Scope, Version},
    compatibility::{self, Earlier},
    journal::Journal,
    refusal::Refusal,
    schema::{Content, Schema},
    settings::Settings,
};
use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

pub(crate) use registration::RegistrationRequest;
pub(crate) use views::{Format, SchemaView, VersionView};

#[derive(Debug)]
pub(crate) struct Service(Mutex<State>);

#[derive(Debug)]
struct State {
    catalog: Catalog,
    journal: Journal,
}

/// A version as a request names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VersionName {
    Latest,
    Number(Version),
}

/// What a schema is to be compared with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Against {
    /// What a registration would be compared with.
    Subject,
    Version(VersionName),
}

impl Service {
    pub(crate) fn open(file: &Path) -> Result<Self, Error> {
        let (journal, changes) = Journal::open(file)?;
        let mut catalog = Catalog::default();
        for change in changes {
            catalog.apply(change).map_err(|source| Error::Content { path: file.to_owned(), source })?;
        }
        Ok(Self(Mutex::new(State { catalog, journal })))
    }

    /// Answers a question.
    pub(crate) fn ask<T>(&self, question: impl FnOnce(&Catalog) -> T) -> T {
        question(&self.state().catalog)
    }

    /// Returns the newest version of the subject that has this schema.
    pub(crate) fn look_up(
        &self,
        subject: &str,
        content: Content,
        scope: Scope,
        format: Format,
    ) -> Result<VersionView, Refusal> {
        let state = self.state();
        let versions = known(&state.catalog, subject, scope)?;
        let schema = read(&state.catalog, content)?;
        let found = state.find(subject, &schema, &versions);
        found.map(|found| VersionView::new(found, format)).ok_or(Refusal::SchemaNotFound)
    }

    pub(crate) fn version(
        &self,
        subject: &str,
        name: VersionName,
        scope: Scope,
        format: Format,
    ) -> Result<VersionView, Refusal> {
        let state = self.state();
        let versions = known(&state.catalog, subject, scope)?;
        find(&versions, name).map(|found| VersionView::new(found, format))
    }

    /// Returns the newest version whose metadata has all these properties.
    pub(crate) fn with_properties(
        &self,
        subject: &str,
        properties: &[(String, String)],
        scope: Scope,
        format: Format,
    ) -> Result<VersionView, Refusal> {
        let state = self.state();
        let versions = known(&state.catalog, subject, scope)?;
        let has_all = |version: &&Registered<'_>| {
            let metadata = version.schema.content.metadata.as_ref();
            metadata.is_some_and(|m| properties.iter().all(|(key, value)| m.properties.get(key) == Some(value)))
        };
        let found = versions.iter().rev().find(has_all);
        found.map(|found| VersionView::new(found, format)).ok_or(Refusal::SchemaNotFound)
    }

    /// Returns the reasons why the schema may not follow; none when it may.
    pub(crate) fn incompatibilities(
        &self,
        subject: &str,
        content: Content,
        against: Against,
    ) -> Result<Vec<String>, Refusal> {
        let state = self.state();
        let active = state.catalog.versions(subject, Scope::Active);
        let compared = match against {
            Against::Subject => active,
            // Without any version there is nothing to be incompatible with.
            Against::Version(VersionName::Latest) => active.last().copied().into_iter().collect(),
            Against::Version(name) => vec![*find(&active, name)?],
        };
        let schema = read(&state.catalog, content)?;
        Ok(reasons(&schema, &compared, &state.catalog.effective_settings(subject)))
    }

    /// Returns the schemas that refer to a version.
    pub(crate) fn referenced_by(
        &self,
        subject: &str,
        name: VersionName,
        scope: Scope,
    ) -> Result<Vec<SchemaId>, Refusal> {
        let state = self.state();
        let version = find(&known(&state.catalog, subject, scope)?, name)?.version;
        let mut ids: Vec<_> = state.catalog.referrers(subject, version, scope).iter().map(|user| user.id).collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// Releases the file, also while clients are still connected.
    pub(crate) fn close(&self) {
        self.state().journal.close();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn change(&mut self, change: Change) -> Result<(), Refusal> {
        self.journal.append(&change)?;
        self.catalog.apply(change).map_err(|error| Refusal::Internal(error.to_string()))
    }

    /// Returns the newest of `versions` that a client means by `schema`: this schema, or the one that a registration of it
    /// would have made from it.
    fn find<'v, 'a>(
        &self,
        subject: &str,
        schema: &Schema,
        versions: &'v [Registered<'a>],
    ) -> Option<&'v Registered<'a>> {
        let newest = |schema: &Schema| versions.iter().rev().find(|known| schema.finds(known.schema));
        newest(schema).or_else(|| newest(&self.populated(subject, schema)))
    }
}

/// Reads what a client sends.
fn read(catalog: &Catalog, mut content: Content) -> Result<Schema, Refusal> {
    catalog.pin(&mut content.references);
    catalog.read(content, Origin::Request).map_err(|error| Refusal::InvalidSchema(error.to_string()))
}

/// Returns the subject's versions, or that there is no such subject.
pub(crate) fn known<'a>(catalog: &'a Catalog, subject: &str, scope: Scope) -> Result<Vec<Registered<'a>>, Refusal> {
    let versions = catalog.versions(subject, scope);
    let exists = !versions.is_empty()
        || (scope == Scope::DeletedOnly && !catalog.versions(subject, Scope::WithDeleted).is_empty());
    if exists { Ok(versions) } else { Err(Refusal::SubjectNotFound(subject.to_owned())) }
}

fn find<'v, 'a>(versions: &'v [Registered<'a>], name: VersionName) -> Result<&'v Registered<'a>, Refusal> {
    match name {
        VersionName::Latest => versions.last().ok_or_else(|| Refusal::VersionNotFound("latest".to_owned())),
        VersionName::Number(number) => versions
            .iter()
            .find(|known| known.version == number)
            .ok_or_else(|| Refusal::VersionNotFound(number.to_string())),
    }
}

/// Compares `schema` with those of `versions` (oldest first) that the settings name.
fn reasons(schema: &Schema, versions: &[Registered<'_>], settings: &Settings) -> Vec<String> {
    let group_of = |schema: &Schema| {
        let (group, metadata) = (settings.group.as_ref()?, schema.content.metadata.as_ref()?);
        metadata.properties.get(group).cloned()
    };
    let own_group = group_of(schema);
    let of_group = versions.iter().filter(|version| group_of(version.schema) == own_group);
    let earlier: Vec<_> = of_group.map(|v| Earlier { version: v.version, schema: &v.schema.avro }).collect();
    compatibility::reasons(&schema.avro, &earlier, settings.level.unwrap_or_default())
}
