//! Whether a schema may follow the earlier ones of its subject, with every reason why not. The reasons have the words of
//! Confluent's registry, because people search the web for these words.

mod rules;

use crate::avro::AvroSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

pub(crate) use rules::{Fault, FaultKind};

/// A subject's compatibility level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Level {
    /// Anything may follow.
    None,
    /// The new schema reads what the latest one wrote.
    #[default]
    Backward,
    /// The new schema reads what any earlier one wrote.
    BackwardTransitive,
    /// The latest schema reads what the new one writes.
    Forward,
    /// Every earlier schema reads what the new one writes.
    ForwardTransitive,
    /// Both directions, with the latest.
    Full,
    /// Both directions, with every earlier one.
    FullTransitive,
}

impl Level {
    const ALL: [(Self, &str); 7] = [
        (Self::None, "NONE"),
        (Self::Backward, "BACKWARD"),
        (Self::BackwardTransitive, "BACKWARD_TRANSITIVE"),
        (Self::Forward, "FORWARD"),
        (Self::ForwardTransitive, "FORWARD_TRANSITIVE"),
        (Self::Full, "FULL"),
        (Self::FullTransitive, "FULL_TRANSITIVE"),
    ];

    /// Reads the API's word, in any case of letters as Confluent's registry does.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(level, _)| *level)
    }

    fn is_transitive(self) -> bool {
        matches!(self, Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive)
    }

    fn new_reads_old(self) -> bool {
        matches!(self, Self::Backward | Self::BackwardTransitive | Self::Full | Self::FullTransitive)
    }

    fn old_reads_new(self) -> bool {
        matches!(self, Self::Forward | Self::ForwardTransitive | Self::Full | Self::FullTransitive)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(level, _)| level == self).map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

/// An earlier schema of the subject.
pub(crate) struct Earlier<'a> {
    pub(crate) version: i32,
    pub(crate) schema: &'a AvroSchema,
}

/// Reasons why `new` may not follow `earlier` (oldest first); none when it may.
pub(crate) fn reasons(new: &AvroSchema, earlier: &[Earlier<'_>], level: Level) -> Vec<String> {
    let checked = if level.is_transitive() { earlier } else { &earlier[earlier.len().saturating_sub(1)..] };
    // Newest first: the reader of the reasons knows the newest version best.
    for old in checked.iter().rev() {
        let mut reasons = Vec::new();
        if level.new_reads_old() {
            let faults = rules::faults(&new.graph, &old.schema.graph);
            reasons.extend(faults.iter().map(|fault| describe(fault, "new", "old")));
        }
        if level.old_reads_new() {
            let faults = rules::faults(&old.schema.graph, &new.graph);
            reasons.extend(faults.iter().map(|fault| describe(fault, "old", "new")));
        }
        if !reasons.is_empty() {
            reasons.push(format!("{{oldSchemaVersion: {}}}", old.version));
            reasons.push(format!("{{oldSchema: '{}'}}", old.schema.text));
            reasons.push(format!("{{validateFields: 'false', compatibility: '{level}'}}"));
            return reasons;
        }
    }
    Vec::new()
}

fn describe(fault: &Fault, reader: &str, writer: &str) -> String {
    let Fault { kind, path, detail } = fault;
    let (name, description) = match kind {
        FaultKind::NameMismatch => {
            ("NAME_MISMATCH", format!("The name of the schema has changed at path '{path}' in the {reader} schema"))
        }
        FaultKind::FixedSizeMismatch => (
            "FIXED_SIZE_MISMATCH",
            format!(
                "The size of FIXED type field at path '{path}' in the {reader} schema does not match with the {writer} schema"
            ),
        ),
        FaultKind::MissingEnumSymbols => (
            "MISSING_ENUM_SYMBOLS",
            format!("The {reader} schema is missing enum symbols '{detail}' at path '{path}' of the {writer} schema"),
        ),
        FaultKind::ReaderFieldMissingDefaultValue => (
            "READER_FIELD_MISSING_DEFAULT_VALUE",
            format!(
                "The field '{detail}' at path '{path}' in the {reader} schema has no default value and is missing in the {writer} schema"
            ),
        ),
        FaultKind::TypeMismatch => (
            "TYPE_MISMATCH",
            format!(
                "The type (path '{path}') of a field in the {reader} schema does not match with the {writer} schema"
            ),
        ),
        FaultKind::MissingUnionBranch => (
            "MISSING_UNION_BRANCH",
            format!(
                "The {reader} schema is missing a type inside a union field at path '{path}' of the {writer} schema"
            ),
        ),
    };
    format!("{{errorType:'{name}', description:'{description}', additionalInfo:'{detail}'}}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::avro::Origin;

    fn schema(text: &str) -> AvroSchema {
        AvroSchema::parse(text, &[], Origin::Request).unwrap()
    }

    fn record(fields: &str) -> AvroSchema {
        schema(&format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#))
    }

    #[test]
    fn each_level_asks_for_its_directions_and_its_versions() {
        let first = record(r#"{"name":"a","type":"int"}"#);
        let second = record("");
        let with_default = record(r#"{"name":"a","type":"int","default":0}"#);
        let with_string = record(r#"{"name":"a","type":"string","default":""}"#);
        let earlier = [Earlier { version: 1, schema: &first }, Earlier { version: 2, schema: &second }];
        let allowed = |new, level| reasons(new, &earlier, level).is_empty();

        // The latest has no field at all, so only the first version objects to the other type, and only if asked.
        for (level, expected) in [
            (Level::None, true),
            (Level::Backward, true),
            (Level::BackwardTransitive, false),
            (Level::Forward, true),
            (Level::ForwardTransitive, false),
            (Level::Full, true),
            (Level::FullTransitive, false),
        ] {
            assert!(allowed(&with_default, level), "{level}");
            assert_eq!(allowed(&with_string, level), expected, "{level}");
        }
        // Without a default, the new schema cannot read the latest; the latest reads the new one all the same.
        assert!(!allowed(&first, Level::Backward) && allowed(&first, Level::Forward) && !allowed(&first, Level::Full));
    }

    #[test]
    fn a_refusal_names_every_fault_its_path_and_the_version() {
        let old = record(r#"{"name":"a","type":"int"},{"name":"b","type":"string"}"#);
        let new = record(r#"{"name":"a","type":"string"},{"name":"b","type":"string"},{"name":"c","type":"long"}"#);
        let reasons = reasons(&new, &[Earlier { version: 7, schema: &old }], Level::Backward);
        assert_eq!(reasons.len(), 5, "{reasons:?}");
        assert!(reasons[0].contains("TYPE_MISMATCH") && reasons[0].contains("'/fields/0/type'"));
        assert!(reasons[1].contains("READER_FIELD_MISSING_DEFAULT_VALUE") && reasons[1].contains("'/fields/2'"));
        assert_eq!(
            (reasons[2].as_str(), reasons[4].as_str()),
            ("{oldSchemaVersion: 7}", "{validateFields: 'false', compatibility: 'BACKWARD'}")
        );
    }

    #[test]
    fn levels_are_read_as_they_are_shown() {
        for (level, name) in Level::ALL {
            assert_eq!((Level::parse(name), level.to_string().as_str()), (Some(level), name));
            assert_eq!(serde_json::to_string(&level).unwrap(), format!("\"{name}\""));
        }
        assert_eq!(Level::parse("SIDEWAYS"), None);
    }
}
