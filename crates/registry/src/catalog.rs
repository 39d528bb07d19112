//! All that the registry knows, as plain data that changes only by [`Change`]s: the same code runs when a request is
//! answered and when the file is read at the start.

use crate::{
    avro::{AvroSchema, InvalidSchema},
    compatibility::Level,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, btree_map::Entry};

/// A subject's version, from 1.
pub(crate) type Version = i32;
/// A schema's id, from 1; the four bytes in front of every record.
pub(crate) type SchemaId = i32;

/// One step in the registry's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Change {
    Registered {
        subject: String,
        version: Version,
        id: SchemaId,
        schema: String,
    },
    VersionDeleted {
        subject: String,
        version: Version,
        how: Deletion,
    },
    SubjectDeleted {
        subject: String,
        how: Deletion,
    },
    /// Without a subject it is the level for all; without a level it is the end of an own one.
    LevelSet {
        subject: Option<String>,
        level: Option<Level>,
    },
    ModeSet {
        subject: Option<String>,
        mode: Option<Mode>,
    },
}

/// How a version goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Deletion {
    /// No longer listed or compared with, but its id can still be asked for: records carry it.
    Soft,
    /// Forgotten, after a soft deletion.
    Permanent,
}

/// Whether a subject takes new schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Mode {
    #[default]
    ReadWrite,
    ReadOnly,
}

/// Which versions a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Active,
    WithDeleted,
}

#[derive(Debug, Default)]
pub(crate) struct Catalog {
    subjects: BTreeMap<String, BTreeMap<Version, VersionEntry>>,
    /// Every schema that a version still has, by id.
    schemas: BTreeMap<SchemaId, AvroSchema>,
    highest_id: SchemaId,
    levels: BTreeMap<String, Level>,
    modes: BTreeMap<String, Mode>,
    level: Level,
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
    pub(crate) schema: &'a AvroSchema,
    pub(crate) is_deleted: bool,
}

impl Catalog {
    /// # Errors
    /// When the change registers something that is not a schema.
    pub(crate) fn apply(&mut self, change: Change) -> Result<(), InvalidSchema> {
        match change {
            Change::Registered { subject, version, id, schema } => {
                if let Entry::Vacant(unknown) = self.schemas.entry(id) {
                    unknown.insert(AvroSchema::parse(&schema)?);
                }
                self.highest_id = self.highest_id.max(id);
                self.subjects.entry(subject).or_default().insert(version, VersionEntry { id, is_deleted: false });
            }
            Change::VersionDeleted { subject, version, how } => self.delete(&subject, how, |other| other == version),
            Change::SubjectDeleted { subject, how } => {
                self.delete(&subject, how, |_| true);
                self.levels.remove(&subject);
                self.modes.remove(&subject);
            }
            Change::LevelSet { subject: None, level } => self.level = level.unwrap_or_default(),
            Change::LevelSet { subject: Some(subject), level } => set(&mut self.levels, subject, level),
            Change::ModeSet { subject: None, mode } => self.mode = mode.unwrap_or_default(),
            Change::ModeSet { subject: Some(subject), mode } => set(&mut self.modes, subject, mode),
        }
        Ok(())
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
                }
                let used: Vec<SchemaId> = self.subjects.values().flat_map(BTreeMap::values).map(|e| e.id).collect();
                self.schemas.retain(|id, _| used.contains(id));
            }
        }
    }

    pub(crate) fn subjects(&self, scope: Scope) -> impl Iterator<Item = &str> {
        let listed = move |versions: &BTreeMap<_, VersionEntry>| {
            scope == Scope::WithDeleted || versions.values().any(|entry| !entry.is_deleted)
        };
        self.subjects.iter().filter(move |(_, versions)| listed(versions)).map(|(subject, _)| subject.as_str())
    }

    /// A subject's versions, oldest first; none for an unknown subject.
    pub(crate) fn versions<'a>(&'a self, subject: &str, scope: Scope) -> Vec<Registered<'a>> {
        let Some((subject, versions)) = self.subjects.get_key_value(subject) else { return Vec::new() };
        let in_scope = versions.iter().filter(|(_, entry)| scope == Scope::WithDeleted || !entry.is_deleted);
        in_scope
            .filter_map(|(version, entry)| {
                let schema = self.schemas.get(&entry.id)?;
                Some(Registered { subject, version: *version, id: entry.id, schema, is_deleted: entry.is_deleted })
            })
            .collect()
    }

    pub(crate) fn schema(&self, id: SchemaId) -> Option<&AvroSchema> {
        self.schemas.get(&id)
    }

    pub(crate) fn id_of(&self, schema: &AvroSchema) -> Option<SchemaId> {
        self.schemas.iter().find(|(_, known)| known.identity == schema.identity).map(|(id, _)| *id)
    }

    pub(crate) fn highest_id(&self) -> SchemaId {
        self.highest_id
    }

    pub(crate) fn level(&self) -> Level {
        self.level
    }

    pub(crate) fn own_level(&self, subject: &str) -> Option<Level> {
        self.levels.get(subject).copied()
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    pub(crate) fn own_mode(&self, subject: &str) -> Option<Mode> {
        self.modes.get(subject).copied()
    }
}

fn set<T>(map: &mut BTreeMap<String, T>, subject: String, value: Option<T>) {
    match value {
        Some(value) => map.insert(subject, value),
        None => map.remove(&subject),
    };
}
