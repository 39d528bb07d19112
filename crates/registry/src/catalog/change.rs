//! The steps of the registry's history, in the form in which the file holds them. What is here in any version stays readable:
//! members may be added with a default, never renamed.

use super::{SchemaId, Version};
use crate::{
    compatibility::Level,
    metadata::{Metadata, RuleSet},
    schema::Reference,
    settings::Settings,
};
use serde::{Deserialize, Serialize};

/// One step in the registry's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Change {
    Registered(Box<Registration>),
    VersionDeleted {
        subject: String,
        version: Version,
        how: Deletion,
    },
    SubjectDeleted {
        subject: String,
        how: Deletion,
    },
    /// What files of earlier versions have instead of `Configured`: the level is the only setting.
    LevelSet {
        subject: Option<String>,
        level: Option<Level>,
    },
    /// Without a subject these are the settings for all; without settings it is the end of own ones.
    Configured {
        subject: Option<String>,
        settings: Option<Box<Settings>>,
    },
    ModeSet {
        subject: Option<String>,
        mode: Option<Mode>,
    },
}

/// A version that was registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registration {
    pub(crate) subject: String,
    pub(crate) version: Version,
    pub(crate) id: SchemaId,
    pub(crate) schema: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) references: Vec<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<Metadata>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rule_set: Option<RuleSet>,
}

/// How a version is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Deletion {
    /// No longer listed or compared with, but its id can still be looked up: records carry it.
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
    /// As the mode of all subjects, stronger than a subject's own.
    #[serde(rename = "READONLY_OVERRIDE")]
    ReadOnlyOverride,
    /// Takes schemas with the ids that they have elsewhere, without comparing them.
    Import,
}
