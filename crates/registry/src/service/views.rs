//! Schemas and versions as the API shows them.

use crate::{
    catalog::{Registered, SchemaId, Version},
    metadata::{Metadata, RuleSet},
    schema::{Reference, Schema},
};
use serde::Serialize;

/// How the text of a schema is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    AsRegistered,
    /// With the types of its references in it.
    Resolved,
}

/// A schema without the place where it is registered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SchemaView {
    guid: String,
    schema_type: &'static str,
    schema: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_set: Option<RuleSet>,
}

/// One version of a subject.
#[derive(Debug, Serialize)]
pub(crate) struct VersionView {
    subject: String,
    version: Version,
    id: SchemaId,
    #[serde(flatten)]
    schema: SchemaView,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
}

impl SchemaView {
    pub(crate) fn new(schema: &Schema, format: Format) -> Self {
        Self {
            guid: schema.guid.clone(),
            schema_type: "AVRO",
            schema: match format {
                Format::AsRegistered => schema.content.text.clone(),
                Format::Resolved => schema.avro.resolved_text.clone(),
            },
            references: schema.content.references.clone(),
            metadata: schema.content.metadata.clone(),
            rule_set: schema.content.rule_set.clone(),
        }
    }

    pub(crate) fn into_text(self) -> String {
        self.schema
    }
}

impl VersionView {
    pub(crate) fn new(known: &Registered<'_>, format: Format) -> Self {
        Self {
            subject: known.subject.to_owned(),
            version: known.version,
            id: known.id,
            schema: SchemaView::new(known.schema, format),
            deleted: known.is_deleted,
        }
    }

    pub(crate) fn into_text(self) -> String {
        self.schema.into_text()
    }
}
