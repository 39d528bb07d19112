//! What a schema may carry besides its text: metadata and rules for the clients. The registry keeps both, makes them part of
//! what a schema is, and merges them with a subject's defaults; only clients act on them.
//! Format: <https://docs.confluent.io/platform/current/schema-registry/fundamentals/data-contracts.html>.

use serde::{Deserialize, Deserializer, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt,
};

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Metadata {
    /// Tags by the path of a field.
    #[serde(deserialize_with = "null_is_none", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, BTreeSet<String>>,
    #[serde(deserialize_with = "null_is_none", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) properties: BTreeMap<String, String>,
    /// Names of properties that clients must not show.
    #[serde(deserialize_with = "null_is_none", skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) sensitive: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RuleSet {
    #[serde(deserialize_with = "null_is_none", skip_serializing_if = "Vec::is_empty")]
    pub(crate) migration_rules: Vec<Rule>,
    #[serde(deserialize_with = "null_is_none", skip_serializing_if = "Vec::is_empty")]
    pub(crate) domain_rules: Vec<Rule>,
    #[serde(deserialize_with = "null_is_none", skip_serializing_if = "Vec::is_empty")]
    pub(crate) encoding_rules: Vec<Rule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) enable_at: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) doc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<RuleKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<RuleMode>,
    /// What runs the rule, such as CEL.
    #[serde(rename = "type")]
    pub(crate) executor: String,
    #[serde(default, deserialize_with = "null_is_none", skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) tags: BTreeSet<String>,
    #[serde(default, deserialize_with = "null_is_none", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) params: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_success: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_failure: Option<String>,
    #[serde(default, deserialize_with = "null_is_none")]
    pub(crate) disabled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum RuleKind {
    Condition,
    Transform,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum RuleMode {
    Upgrade,
    Downgrade,
    UpDown,
    Write,
    Read,
    WriteRead,
}

impl fmt::Display for RuleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Condition => "CONDITION",
            Self::Transform => "TRANSFORM",
        })
    }
}

impl fmt::Display for RuleMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upgrade => "UPGRADE",
            Self::Downgrade => "DOWNGRADE",
            Self::UpDown => "UPDOWN",
            Self::Write => "WRITE",
            Self::Read => "READ",
            Self::WriteRead => "WRITEREAD",
        })
    }
}

impl Metadata {
    /// Returns both, `later` where they contradict each other.
    pub(crate) fn merged(self, later: Self) -> Self {
        let (mut tags, mut properties, mut sensitive) = (self.tags, self.properties, self.sensitive);
        tags.extend(later.tags);
        properties.extend(later.properties);
        sensitive.extend(later.sensitive);
        Self { tags, properties, sensitive }
    }
}

impl RuleSet {
    /// Returns both; a rule of `later` replaces one of the same name.
    pub(crate) fn merged(self, later: Self) -> Self {
        Self {
            migration_rules: merged(self.migration_rules, later.migration_rules),
            domain_rules: merged(self.domain_rules, later.domain_rules),
            encoding_rules: merged(self.encoding_rules, later.encoding_rules),
            enable_at: later.enable_at.or(self.enable_at),
        }
    }

    /// # Errors
    /// When a rule has no valid name, the name of another rule, or a mode of another kind of rules.
    pub(crate) fn check(&self) -> Result<(), String> {
        let mut names = HashSet::new();
        for (rule, is_migration) in self.migration_rules.iter().map(|rule| (rule, true)).chain(self.others()) {
            let mut signs = rule.name.chars();
            let starts = signs.next().is_some_and(|first| first.is_alphabetic() || first == '_');
            if !starts || !signs.all(|sign| sign.is_alphanumeric() || "_-".contains(sign)) {
                let expected =
                    "expected a rule's name of letters, digits, `_` and `-` that begins with a letter or `_`";
                return Err(format!("{expected}, found `{}`", rule.name));
            }
            if !names.insert(rule.name.as_str()) {
                return Err(format!("expected each rule's name once, found '{}' again", rule.name));
            }
            let migrates = rule.mode.map(|m| matches!(m, RuleMode::Upgrade | RuleMode::Downgrade | RuleMode::UpDown));
            if let (Some(mode), Some(migrates)) = (rule.mode, migrates)
                && migrates != is_migration
            {
                let expected = if is_migration { "UPGRADE, DOWNGRADE or UPDOWN" } else { "WRITE, READ or WRITEREAD" };
                return Err(format!("rule '{}': expected the mode {expected}, found {mode}", rule.name));
            }
        }
        Ok(())
    }

    fn others(&self) -> impl Iterator<Item = (&Rule, bool)> {
        self.domain_rules.iter().chain(&self.encoding_rules).map(|rule| (rule, false))
    }
}

fn merged(earlier: Vec<Rule>, later: Vec<Rule>) -> Vec<Rule> {
    let is_replaced = |rule: &Rule| later.iter().any(|other| other.name == rule.name);
    let mut rules: Vec<_> = earlier.into_iter().filter(|rule| !is_replaced(rule)).collect();
    rules.extend(later);
    rules
}

/// Clients write `null` for what they have none of.
fn null_is_none<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
