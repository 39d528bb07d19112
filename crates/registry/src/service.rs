//! What each request means. Questions are answered from the catalogue; a change goes to the file first and to the
//! catalogue after, under one lock, so that no answer speaks of something that a crash could take back.

use crate::{
    Error,
    avro::AvroSchema,
    catalog::{Catalog, Change, Deletion, Mode, Registered, SchemaId, Scope, Version},
    compatibility::{self, Earlier, Level},
    journal::Journal,
    refusal::Refusal,
};
use serde::Serialize;
use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

#[derive(Debug)]
pub(crate) struct Service(Mutex<State>);

#[derive(Debug)]
struct State {
    catalog: Catalog,
    journal: Journal,
}

/// One version of a subject, as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct VersionView {
    pub(crate) subject: String,
    pub(crate) version: Version,
    pub(crate) id: SchemaId,
    pub(crate) schema: String,
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

    /// The schema's id; the same one for a schema that the subject or another one has already.
    pub(crate) fn register(&self, subject: &str, schema: &AvroSchema) -> Result<SchemaId, Refusal> {
        let mut state = self.state();
        let catalog = &state.catalog;
        let active = catalog.versions(subject, Scope::Active);
        if let Some(same) = active.iter().find(|known| known.schema.identity == schema.identity) {
            return Ok(same.id);
        }
        if catalog.own_mode(subject).unwrap_or(catalog.mode()) == Mode::ReadOnly {
            return Err(Refusal::NotPermitted(format!("Subject {subject} is in read-only mode")));
        }
        let reasons = compatibility::reasons(schema, &earlier(&active), effective_level(catalog, subject));
        if !reasons.is_empty() {
            return Err(Refusal::Incompatible { subject: subject.to_owned(), reasons });
        }
        let last = catalog.versions(subject, Scope::WithDeleted).last().map_or(0, |last| last.version);
        let id = catalog.id_of(schema).unwrap_or(catalog.highest_id() + 1);
        let change =
            Change::Registered { subject: subject.to_owned(), version: last + 1, id, schema: schema.text.clone() };
        state.change(change)?;
        Ok(id)
    }

    /// The newest version of the subject that has this schema.
    pub(crate) fn look_up(&self, subject: &str, schema: &AvroSchema, scope: Scope) -> Result<VersionView, Refusal> {
        let state = self.state();
        let versions = known(&state.catalog, subject, scope)?;
        let same = versions.iter().rev().find(|known| known.schema.identity == schema.identity);
        same.map(VersionView::from).ok_or(Refusal::SchemaNotFound)
    }

    pub(crate) fn version(&self, subject: &str, name: VersionName, scope: Scope) -> Result<VersionView, Refusal> {
        let state = self.state();
        let versions = known(&state.catalog, subject, scope)?;
        find(&versions, name).map(VersionView::from)
    }

    /// Reasons why the schema may not follow; none when it may.
    pub(crate) fn incompatibilities(
        &self,
        subject: &str,
        schema: &AvroSchema,
        against: Against,
    ) -> Result<Vec<String>, Refusal> {
        let state = self.state();
        let level = effective_level(&state.catalog, subject);
        let active = match against {
            Against::Subject => state.catalog.versions(subject, Scope::Active),
            Against::Version(name) => vec![*find(&known(&state.catalog, subject, Scope::Active)?, name)?],
        };
        Ok(compatibility::reasons(schema, &earlier(&active), level))
    }

    pub(crate) fn delete_version(&self, subject: &str, name: VersionName, how: Deletion) -> Result<Version, Refusal> {
        let mut state = self.state();
        let all = known(&state.catalog, subject, Scope::WithDeleted)?;
        // "latest" is the latest that can be meant: an active one to delete, a deleted one to forget.
        let meant: Vec<_> = match (name, how) {
            (VersionName::Latest, Deletion::Soft) => all.iter().filter(|v| !v.is_deleted).copied().collect(),
            (VersionName::Latest, Deletion::Permanent) => all.iter().filter(|v| v.is_deleted).copied().collect(),
            (VersionName::Number(_), _) => all,
        };
        let Registered { version, is_deleted, .. } = *find(&meant, name)?;
        match (how, is_deleted) {
            (Deletion::Soft, true) => Err(Refusal::VersionSoftDeleted(subject.to_owned(), version)),
            (Deletion::Permanent, false) => Err(Refusal::VersionNotSoftDeleted(subject.to_owned(), version)),
            _ => {
                state.change(Change::VersionDeleted { subject: subject.to_owned(), version, how })?;
                Ok(version)
            }
        }
    }

    /// The versions that went.
    pub(crate) fn delete_subject(&self, subject: &str, how: Deletion) -> Result<Vec<Version>, Refusal> {
        let mut state = self.state();
        let all = known(&state.catalog, subject, Scope::WithDeleted)?;
        let active: Vec<_> = all.iter().filter(|v| !v.is_deleted).map(|v| v.version).collect();
        let gone = match how {
            Deletion::Soft if active.is_empty() => return Err(Refusal::SubjectSoftDeleted(subject.to_owned())),
            Deletion::Permanent if !active.is_empty() => {
                return Err(Refusal::SubjectNotSoftDeleted(subject.to_owned()));
            }
            Deletion::Soft => active,
            Deletion::Permanent => all.iter().map(|v| v.version).collect(),
        };
        state.change(Change::SubjectDeleted { subject: subject.to_owned(), how })?;
        Ok(gone)
    }

    /// Sets or, with `None`, takes away a level; the level before.
    pub(crate) fn set_level(&self, subject: Option<String>, level: Option<Level>) -> Result<Level, Refusal> {
        let mut state = self.state();
        let before = match &subject {
            None => state.catalog.level(),
            Some(name) => match (state.catalog.own_level(name), level) {
                (None, None) => return Err(Refusal::NoOwnLevel(name.clone())),
                (own, _) => own.unwrap_or(state.catalog.level()),
            },
        };
        state.change(Change::LevelSet { subject, level })?;
        Ok(before)
    }

    /// Sets or, with `None`, takes away a mode; the mode before.
    pub(crate) fn set_mode(&self, subject: Option<String>, mode: Option<Mode>) -> Result<Mode, Refusal> {
        let mut state = self.state();
        let before = match &subject {
            None => state.catalog.mode(),
            Some(name) => match (state.catalog.own_mode(name), mode) {
                (None, None) => return Err(Refusal::NoOwnMode(name.clone())),
                (own, _) => own.unwrap_or(state.catalog.mode()),
            },
        };
        state.change(Change::ModeSet { subject, mode })?;
        Ok(before)
    }

    /// Lets go of the file, whoever still asks.
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
}

impl From<&Registered<'_>> for VersionView {
    fn from(known: &Registered<'_>) -> Self {
        Self {
            subject: known.subject.to_owned(),
            version: known.version,
            id: known.id,
            schema: known.schema.text.clone(),
        }
    }
}

/// The subject's versions, or that there is no such subject.
pub(crate) fn known<'a>(catalog: &'a Catalog, subject: &str, scope: Scope) -> Result<Vec<Registered<'a>>, Refusal> {
    let versions = catalog.versions(subject, scope);
    if versions.is_empty() { Err(Refusal::SubjectNotFound(subject.to_owned())) } else { Ok(versions) }
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

fn earlier<'a>(versions: &[Registered<'a>]) -> Vec<Earlier<'a>> {
    versions.iter().map(|known| Earlier { version: known.version, schema: known.schema }).collect()
}

fn effective_level(catalog: &Catalog, subject: &str) -> Level {
    catalog.own_level(subject).unwrap_or(catalog.level())
}
