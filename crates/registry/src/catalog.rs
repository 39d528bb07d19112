//! All that the registry knows, as plain data that changes only by [`Change`]s: the same code runs when a request is
//! answered and when the file is read at the start.

mod change;

use crate::{
    avro::{InvalidSchema, Origin},
    schema::{Content, Reference, Schema},
    settings::Settings,
};
use std::collections::{BTreeMap, HashSet};

pub(crate) use change::{Change, Deletion, Mode, Registration};

/// A subject's version, from 1.
pub(crate) type Version = i32;
/// A schema's id, from 1; the four bytes in front of every record.
pub(crate) type SchemaId = i32;
/// How a request names the latest version.
pub(crate) const LATEST: Version = -1;

/// Which versions a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Active,
    WithDeleted,
    DeletedOnly,
}

#[derive(Debug, Default)]
pub(crate) struct Catalog {
    subjects: BTreeMap<String, BTreeMap<Version, VersionEntry>>,
    /// Every schema that a version still has, by id.
    schemas: BTreeMap<SchemaId, Schema>,
    highest_id: SchemaId,
    own_settings: BTreeMap<String, Settings>,
    own_modes: BTreeMap<String, Mode>,
    settings: Settings,
    mode: Mode,
}

#[derive(Debug)]
struct VersionEntry {
    id: SchemaId,
    is_deleted: bool,
}

/// One version of a subject.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Registered<'a> {
    pub(crate) subject: &'a str,
    pub(crate) version: Version,
    pub(crate) id: SchemaId,
    pub(crate) schema: &'a Schema,
    pub(crate) is_deleted: bool,
}

impl Catalog {
    /// # Errors
    /// When the change registers something that is not a schema.
    pub(crate) fn apply(&mut self, change: Change) -> Result<(), InvalidSchema> {
        match change {
            Change::Registered(registration) => self.register(*registration)?,
            Change::VersionDeleted { subject, version, how } => self.delete(&subject, how, |other| other == version),
            Change::SubjectDeleted { subject, how } => {
                self.delete(&subject, how, |_| true);
                self.forget_own(&subject);
            }
            Change::LevelSet { subject, level } => {
                self.configure(subject, level.map(|level| Settings { level: Some(level), ..Settings::default() }));
            }
            Change::Configured { subject, settings } => self.configure(subject, settings.map(|settings| *settings)),
            Change::ModeSet { subject: None, mode } => self.mode = mode.unwrap_or_default(),
            Change::ModeSet { subject: Some(subject), mode } => set(&mut self.own_modes, subject, mode),
        }
        Ok(())
    }

    fn register(&mut self, registration: Registration) -> Result<(), InvalidSchema> {
        let Registration { subject, version, id, schema, references, metadata, rule_set } = registration;
        if !self.schemas.contains_key(&id) {
            let content = Content { text: schema, references, metadata, rule_set };
            self.schemas.insert(id, self.read(content, Origin::File)?);
        }
        self.highest_id = self.highest_id.max(id);
        // An older version that was deleted is this one under another number, and is forgotten, as in Confluent's registry.
        let replaced = self.versions(&subject, Scope::DeletedOnly).into_iter();
        let replaced = replaced.filter(|old| old.id == id && old.version < version);
        let replaced: Vec<_> = replaced.map(|old| old.version).collect();
        let replaced: Vec<_> =
            replaced.into_iter().filter(|old| self.referrers(&subject, *old, Scope::WithDeleted).is_empty()).collect();
        let versions = self.subjects.entry(subject).or_default();
        versions.retain(|version, _| !replaced.contains(version));
        versions.insert(version, VersionEntry { id, is_deleted: false });
        Ok(())
    }

    fn configure(&mut self, subject: Option<String>, settings: Option<Settings>) {
        match subject {
            None => self.settings = settings.unwrap_or_default(),
            Some(subject) => set(&mut self.own_settings, subject, settings),
        }
    }

    fn delete(&mut self, subject: &str, how: Deletion, is_meant: impl Fn(Version) -> bool) {
        let Some(versions) = self.subjects.get_mut(subject) else { return };
        match how {
            Deletion::Soft => {
                versions.iter_mut().filter(|(version, _)| is_meant(**version)).for_each(|(_, entry)| {
                    entry.is_deleted = true;
                });
            }
            Deletion::Permanent => {
                versions.retain(|version, entry| !(entry.is_deleted && is_meant(*version)));
                if versions.is_empty() {
                    self.subjects.remove(subject);
                    self.forget_own(subject);
                }
                let used: HashSet<SchemaId> = self.subjects.values().flat_map(BTreeMap::values).map(|e| e.id).collect();
                self.schemas.retain(|id, _| used.contains(id));
            }
        }
    }

    fn forget_own(&mut self, subject: &str) {
        self.own_settings.remove(subject);
        self.own_modes.remove(subject);
    }

    /// Reads a schema with the types of the versions that it refers to.
    ///
    /// # Errors
    /// When a referenced version is not there, or it is not a valid schema.
    pub(crate) fn read(&self, content: Content, origin: Origin) -> Result<Schema, InvalidSchema> {
        let (mut seen, mut texts) = (HashSet::new(), Vec::new());
        self.collect_texts(&content.references, &mut seen, &mut texts)?;
        Schema::new(content, &texts, origin)
    }

    /// Adds the referenced texts, each after those that it refers to itself.
    fn collect_texts<'a>(
        &'a self,
        references: &[Reference],
        seen: &mut HashSet<(&'a str, Version)>,
        texts: &mut Vec<&'a str>,
    ) -> Result<(), InvalidSchema> {
        for Reference { name, subject, version } in references {
            let known = self.subjects.get_key_value(subject);
            let schema = known.and_then(|(_, versions)| self.schemas.get(&versions.get(version)?.id));
            let (Some((subject, _)), Some(schema)) = (known, schema) else {
                let (name, subject) = (name.clone(), subject.clone());
                return Err(InvalidSchema::Reference { name, subject, version: *version });
            };
            if seen.insert((subject, *version)) {
                self.collect_texts(&schema.content.references, seen, texts)?;
                texts.push(&schema.content.text);
            }
        }
        Ok(())
    }

    /// Replaces the latest version by its number, because a later one must not change what a schema means.
    pub(crate) fn pin(&self, references: &mut [Reference]) {
        for reference in references.iter_mut().filter(|reference| reference.version == LATEST) {
            if let Some(latest) = self.versions(&reference.subject, Scope::Active).last() {
                reference.version = latest.version;
            }
        }
    }

    /// Returns the versions in `scope` whose schemas refer to this version.
    pub(crate) fn referrers(&self, subject: &str, version: Version, scope: Scope) -> Vec<Registered<'_>> {
        let refers = |schema: &Schema| {
            schema
                .content
                .references
                .iter()
                .any(|reference| reference.subject == subject && reference.version == version)
        };
        self.all(scope).filter(|registered| refers(registered.schema)).collect()
    }

    /// Returns every version of every subject in `scope`.
    pub(crate) fn all(&self, scope: Scope) -> impl Iterator<Item = Registered<'_>> {
        self.subjects.keys().flat_map(move |subject| self.versions(subject, scope))
    }

    /// Returns the subjects with a version in `scope`; of those with deleted ones only, the ones without an active one.
    pub(crate) fn subjects(&self, scope: Scope) -> impl Iterator<Item = &str> {
        let listed = move |versions: &BTreeMap<_, VersionEntry>| match scope {
            Scope::WithDeleted => true,
            Scope::Active => versions.values().any(|entry| !entry.is_deleted),
            Scope::DeletedOnly => versions.values().all(|entry| entry.is_deleted),
        };
        self.subjects.iter().filter(move |(_, versions)| listed(versions)).map(|(subject, _)| subject.as_str())
    }

    /// Returns a subject's versions, oldest first; none for an unknown subject.
    pub(crate) fn versions<'a>(&'a self, subject: &str, scope: Scope) -> Vec<Registered<'a>> {
        let Some((subject, versions)) = self.subjects.get_key_value(subject) else { return Vec::new() };
        let in_scope = versions.iter().filter(|(_, entry)| match scope {
            Scope::Active => !entry.is_deleted,
            Scope::WithDeleted => true,
            Scope::DeletedOnly => entry.is_deleted,
        });
        in_scope
            .filter_map(|(version, entry)| {
                let schema = self.schemas.get(&entry.id)?;
                Some(Registered { subject, version: *version, id: entry.id, schema, is_deleted: entry.is_deleted })
            })
            .collect()
    }

    pub(crate) fn schema(&self, id: SchemaId) -> Option<&Schema> {
        self.schemas.get(&id)
    }

    pub(crate) fn id_of(&self, schema: &Schema) -> Option<SchemaId> {
        self.schemas.iter().find(|(_, known)| known.is(schema)).map(|(id, _)| *id)
    }

    pub(crate) fn by_guid(&self, guid: &str) -> Option<(SchemaId, &Schema)> {
        let found = self.schemas.iter().find(|(_, schema)| schema.guid.eq_ignore_ascii_case(guid));
        found.map(|(id, schema)| (*id, schema))
    }

    pub(crate) fn highest_id(&self) -> SchemaId {
        self.highest_id
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn own_settings(&self, subject: &str) -> Option<&Settings> {
        self.own_settings.get(subject)
    }

    /// Returns what holds for a subject.
    pub(crate) fn effective_settings(&self, subject: &str) -> Settings {
        let own = self.own_settings(subject).cloned();
        own.map_or_else(|| self.settings.clone(), |own| own.within(&self.settings))
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    pub(crate) fn own_mode(&self, subject: &str) -> Option<Mode> {
        self.own_modes.get(subject).copied()
    }

    pub(crate) fn subjects_with_mode(&self) -> impl Iterator<Item = &str> {
        self.own_modes.keys().map(String::as_str)
    }

    /// Returns what holds for a subject.
    pub(crate) fn effective_mode(&self, subject: &str) -> Mode {
        if self.mode == Mode::ReadOnlyOverride { self.mode } else { self.own_mode(subject).unwrap_or(self.mode) }
    }
}

fn set<T>(map: &mut BTreeMap<String, T>, subject: String, value: Option<T>) {
    match value {
        Some(value) => map.insert(subject, value),
        None => map.remove(&subject),
    };
}
