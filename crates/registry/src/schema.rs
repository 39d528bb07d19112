//! A schema as a client registers it: its text and all that counts towards its being this schema and no other.

use crate::{
    avro::{AvroSchema, InvalidSchema, Origin},
    guid,
    metadata::{Metadata, RuleSet},
};
use serde::{Deserialize, Serialize};

/// A version of another subject whose types a schema names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reference {
    /// For Avro the name of the type; it is only shown.
    pub(crate) name: String,
    pub(crate) subject: String,
    /// -1 in a request means the latest.
    pub(crate) version: i32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) text: String,
    pub(crate) references: Vec<Reference>,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) rule_set: Option<RuleSet>,
}

#[derive(Debug, Clone)]
pub(crate) struct Schema {
    pub(crate) content: Content,
    pub(crate) avro: AvroSchema,
    /// See [`guid::of`].
    pub(crate) guid: String,
}

impl Schema {
    /// Reads `content`; `referenced` are the texts of all referenced schemas, each after those that it refers to.
    pub(crate) fn new(content: Content, referenced: &[&str], origin: Origin) -> Result<Self, InvalidSchema> {
        let avro = AvroSchema::parse(&content.text, referenced, origin)?;
        let content = Content { text: avro.text.clone(), ..content };
        Ok(Self { guid: guid::of(&content), content, avro })
    }

    /// Returns the same schema with other metadata and rules.
    pub(crate) fn with(&self, metadata: Option<Metadata>, rule_set: Option<RuleSet>) -> Self {
        let content = Content { metadata, rule_set, ..self.content.clone() };
        Self { guid: guid::of(&content), content, avro: self.avro.clone() }
    }

    /// Whether both are one schema, which has one id.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.avro.identity == other.avro.identity
            && self.content.references == other.content.references
            && self.has_same_extras(other)
    }

    /// Whether a client that sends this schema means `registered`: also when it sends it with the referenced types in it.
    pub(crate) fn finds(&self, registered: &Self) -> bool {
        let is_inlined = self.content.references.is_empty()
            && self.avro.identity == registered.avro.resolved_identity
            && self.has_same_extras(registered);
        is_inlined || self.is(registered)
    }

    fn has_same_extras(&self, other: &Self) -> bool {
        self.content.metadata == other.content.metadata && self.content.rule_set == other.content.rule_set
    }
}
