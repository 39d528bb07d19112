//! Every answer that is not the one asked for, in Confluent's words and with the numbers that clients of its registry know:
//! <https://docs.confluent.io/platform/current/schema-registry/develop/api.html#errors>.

use crate::{
    catalog::{SchemaId, Version},
    journal::JournalError,
};

/// Why a request was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("Subject '{0}' not found.")]
    SubjectNotFound(String),
    #[error("Version {0} not found.")]
    VersionNotFound(String),
    #[error("Schema not found")]
    SchemaNotFound,
    #[error("Subject '{0}' was soft deleted. Set permanent=true to delete permanently")]
    SubjectSoftDeleted(String),
    #[error("Subject '{0}' was not deleted first before being permanently deleted")]
    SubjectNotSoftDeleted(String),
    #[error("Subject '{0}' Version {1} was soft deleted. Set permanent=true to delete permanently")]
    VersionSoftDeleted(String, Version),
    #[error("Subject '{0}' Version {1} was not deleted first before being permanently deleted")]
    VersionNotSoftDeleted(String, Version),
    #[error("Subject '{0}' does not have subject-level compatibility configured")]
    NoOwnLevel(String),
    #[error("Subject '{0}' does not have subject-level mode configured")]
    NoOwnMode(String),
    #[error(
        "Schema being registered is incompatible with an earlier schema for subject \"{subject}\", details: [{}]",
        reasons.join(", ")
    )]
    Incompatible { subject: String, reasons: Vec<String> },
    #[error("Invalid schema: {0}")]
    InvalidSchema(String),
    #[error(
        "The specified version '{0}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\""
    )]
    InvalidVersion(String),
    #[error(
        "Invalid compatibility level '{0}'. Valid values are none, backward, forward, full, backward_transitive, \
         forward_transitive, and full_transitive"
    )]
    InvalidLevel(String),
    #[error("Invalid mode '{0}'. Valid values here are {1}")]
    InvalidMode(String, &'static str),
    #[error("{0}")]
    NotPermitted(String),
    #[error("Subject {0} is in read-only mode")]
    ReadOnly(String),
    #[error("One or more references exist to the schema {{magic=1,keytype=SCHEMA,subject={0},version={1}}}.")]
    Referenced(String, Version),
    #[error("Overwrite new schema with id {0} is not permitted: another schema has this id")]
    IdTaken(SchemaId),
    #[error("Invalid rule set: {0}")]
    InvalidRules(String),
    #[error("{0}")]
    NotSupported(String),
    #[error(
        "The specified subject '{0}' is not a valid subject. It is empty, has control characters, or names a context other than the default one"
    )]
    InvalidSubject(String),
    #[error("{0}")]
    Malformed(String),
    #[error("expected a path of the schema registry's API, found {0}")]
    UnknownPath(String),
    #[error("expected a method that this path takes, found {0}")]
    UnknownMethod(String),
    #[error("Error in the backend data store: {0}")]
    Store(#[from] JournalError),
    #[error("the registry failed: {0}; this is a bug")]
    Internal(String),
}

impl Refusal {
    /// The answer's status and Confluent's number.
    pub(crate) fn codes(&self) -> (u16, u32) {
        match self {
            Self::SubjectNotFound(_) => (404, 40401),
            Self::VersionNotFound(_) => (404, 40402),
            Self::SchemaNotFound => (404, 40403),
            Self::SubjectSoftDeleted(_) => (404, 40404),
            Self::SubjectNotSoftDeleted(_) => (404, 40405),
            Self::VersionSoftDeleted(..) => (404, 40406),
            Self::VersionNotSoftDeleted(..) => (404, 40407),
            Self::NoOwnLevel(_) => (404, 40408),
            Self::NoOwnMode(_) => (404, 40409),
            Self::UnknownPath(_) => (404, 404),
            Self::UnknownMethod(_) => (405, 405),
            Self::Incompatible { .. } => (409, 409),
            Self::Malformed(_) => (422, 422),
            Self::InvalidSchema(_) => (422, 42201),
            Self::InvalidVersion(_) => (422, 42202),
            Self::InvalidLevel(_) => (422, 42203),
            Self::InvalidMode(..) => (422, 42204),
            Self::NotPermitted(_) | Self::ReadOnly(_) => (422, 42205),
            Self::Referenced(..) => (422, 42206),
            Self::IdTaken(_) => (422, 42207),
            Self::InvalidSubject(_) => (422, 42208),
            Self::InvalidRules(_) => (422, 42210),
            Self::Store(_) => (500, 50001),
            Self::Internal(_) => (500, 500),
            Self::NotSupported(_) => (501, 501),
        }
    }
}
