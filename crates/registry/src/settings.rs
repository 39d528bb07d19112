//! How a subject's schemas may evolve, and what is added to each: the `/config` of all subjects or of one.

use crate::{
    compatibility::Level,
    metadata::{Metadata, RuleSet},
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Settings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) level: Option<Level>,
    /// A property of the metadata: only versions with the same value of it are compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default_metadata: Option<Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) override_metadata: Option<Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default_rule_set: Option<RuleSet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) override_rule_set: Option<RuleSet>,
}

/// One setting with its new value; `None` takes it away.
#[derive(Debug)]
pub(crate) enum Setting {
    Level(Option<Level>),
    Group(Option<String>),
    DefaultMetadata(Option<Metadata>),
    OverrideMetadata(Option<Metadata>),
    DefaultRuleSet(Option<RuleSet>),
    OverrideRuleSet(Option<RuleSet>),
}

impl Settings {
    /// Returns what holds for a subject with these settings of its own.
    pub(crate) fn within(self, global: &Self) -> Self {
        let group = self.group.or_else(|| global.group.clone());
        Self { level: self.level.or(global.level), group, ..self }
    }

    pub(crate) fn set(&mut self, setting: Setting) {
        match setting {
            Setting::Level(level) => self.level = level,
            Setting::Group(group) => self.group = group,
            Setting::DefaultMetadata(metadata) => self.default_metadata = metadata,
            Setting::OverrideMetadata(metadata) => self.override_metadata = metadata,
            Setting::DefaultRuleSet(rules) => self.default_rule_set = rules,
            Setting::OverrideRuleSet(rules) => self.override_rule_set = rules,
        }
    }

    /// Whether anything is added to what a client registers.
    pub(crate) fn adds(&self) -> bool {
        let metadata = self.default_metadata.is_some() || self.override_metadata.is_some();
        metadata || self.default_rule_set.is_some() || self.override_rule_set.is_some()
    }

    /// Returns the metadata and rules of a schema whose own are given.
    pub(crate) fn applied(
        &self,
        metadata: Option<Metadata>,
        rules: Option<RuleSet>,
    ) -> (Option<Metadata>, Option<RuleSet>) {
        let metadata = [self.default_metadata.clone(), metadata, self.override_metadata.clone()];
        let rules = [self.default_rule_set.clone(), rules, self.override_rule_set.clone()];
        (metadata.into_iter().flatten().reduce(Metadata::merged), rules.into_iter().flatten().reduce(RuleSet::merged))
    }
}
