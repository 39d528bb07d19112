//! What happens to a record's value: copied, brought into the file's shape, put aside, or the reason to begin a new file.
//! Also what is known of a topic's schemas. "Newest" is by version within the topic's subject, never by id.

use contract::framing::{FramingError, unframe};
use std::{collections::HashMap, sync::Arc};

use crate::{value_schema::ValueSchema, varint::Invalid};

/// A schema that records of a topic were written with.
#[derive(Debug)]
pub struct Writer {
    pub id: u32,
    /// Within the topic's own subject; `None` for a schema of another.
    pub version: Option<u32>,
    pub schema: ValueSchema,
    /// Equal for schemas that differ in documentation only.
    layout: usize,
}

/// Why a record cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Poison {
    #[error("not framed: {0}")]
    Framing(#[from] FramingError),
    #[error("the registry knows no schema {0}")]
    UnknownSchema(u32),
    #[error("schema {id} is of type {kind}, not Avro")]
    NotAvro { id: u32, kind: String },
    #[error("not one whole datum of schema {id}: {invalid}")]
    Datum { id: u32, invalid: Invalid },
}

/// What to do with a value.
#[derive(Debug)]
pub enum Intake<'r> {
    /// Copy these bytes into the file.
    Copy {
        id: u32,
        datum: &'r [u8],
    },
    /// Bring these bytes into the shape of the file's schema first.
    Convert {
        writer: Arc<Writer>,
        datum: &'r [u8],
    },
    /// The file cannot take it; one with this schema can.
    Begin(Arc<Writer>),
    /// Look this schema up first.
    Ask(u32),
    Dead(Poison),
}

/// What is known of an id.
#[derive(Debug)]
enum Known {
    Usable(Arc<Writer>),
    Poison(Poison),
}

/// The schemas of one topic, as far as records have named them.
#[derive(Debug, Default)]
pub struct TopicSchemas {
    known: HashMap<u32, Known>,
    /// Records come in runs of one schema.
    last: Option<Arc<Writer>>,
    newest: Option<Arc<Writer>>,
    layouts: usize,
    readable: HashMap<(u32, u32), bool>,
}

impl TopicSchemas {
    /// The newest version that records have named so far.
    pub fn newest(&self) -> Option<&Arc<Writer>> {
        self.newest.as_ref()
    }

    /// A schema that a record named was found.
    pub fn found(&mut self, id: u32, version: Option<u32>, schema: ValueSchema) {
        let same = self.known.values().find_map(|known| match known {
            Known::Usable(other) if other.schema.same_layout(&schema) => Some(other.layout),
            _ => None,
        });
        let layout = same.unwrap_or_else(|| {
            self.layouts += 1;
            self.layouts
        });
        let writer = Arc::new(Writer { id, version, schema, layout });
        if version > self.newest.as_ref().and_then(|newest| newest.version) {
            self.newest = Some(Arc::clone(&writer));
        }
        self.known.insert(id, Known::Usable(writer));
    }

    /// Records that name this schema cannot be used.
    pub fn unusable(&mut self, id: u32, poison: Poison) {
        self.known.insert(id, Known::Poison(poison));
    }

    /// Ids that records named and the registry did not know.
    pub fn unknown(&self) -> Vec<u32> {
        let unknown = self.known.iter().filter(|(_, known)| matches!(known, Known::Poison(Poison::UnknownSchema(_))));
        unknown.map(|(id, _)| *id).collect()
    }

    /// Decides on a value. `file` is the open file's schema, if one is open.
    #[inline]
    pub fn intake<'r>(&mut self, value: &'r [u8], file: Option<&Arc<Writer>>) -> Intake<'r> {
        let (id, datum) = match unframe(value) {
            Ok(framed) => framed,
            Err(error) => return Intake::Dead(error.into()),
        };
        if self.last.as_ref().is_none_or(|last| last.id != id) {
            match self.known.get(&id) {
                Some(Known::Usable(writer)) => self.last = Some(Arc::clone(writer)),
                Some(Known::Poison(poison)) => return Intake::Dead(poison.clone()),
                None => return Intake::Ask(id),
            }
        }
        let Some(writer) = &self.last else { return Intake::Ask(id) };
        if let Err(invalid) = writer.schema.check(datum) {
            return Intake::Dead(Poison::Datum { id, invalid });
        }
        match file {
            Some(file) if file.layout == writer.layout => Intake::Copy { id, datum },
            _ => self.other_shape(Arc::clone(writer), datum, file),
        }
    }

    /// For a value that the open file, if there is one, cannot take as it is.
    fn other_shape<'r>(&mut self, writer: Arc<Writer>, datum: &'r [u8], file: Option<&Arc<Writer>>) -> Intake<'r> {
        match file {
            Some(file) if self.older(&writer, file) => Intake::Convert { writer, datum },
            Some(_) | None => Intake::Begin(self.best_for(writer)),
        }
    }

    /// Whether `writer` is an older version whose data `file` can hold.
    fn older(&mut self, writer: &Arc<Writer>, file: &Arc<Writer>) -> bool {
        writer.version.is_some()
            && writer.version < file.version
            && *self.readable.entry((writer.id, file.id)).or_insert_with(|| file.schema.can_read(&writer.schema))
    }

    /// The schema of a new file whose first value is of `writer`: the newest, so that a newer record does not end it.
    fn best_for(&mut self, writer: Arc<Writer>) -> Arc<Writer> {
        match self.newest.clone() {
            Some(newest) if self.older(&writer, &newest) => newest,
            _ => writer,
        }
    }
}

impl Writer {
    /// For a file whose first record is a tombstone of a topic without a known schema: any value begins another file.
    ///
    /// # Errors
    /// Never in practice: the schema is a constant.
    pub fn none_yet() -> Result<Arc<Self>, crate::value_schema::SchemaError> {
        Ok(Arc::new(Self { id: 0, version: None, schema: ValueSchema::unknown()?, layout: 0 }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::framing::frame;

    fn schema(fields: &str) -> ValueSchema {
        ValueSchema::parse(&format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)).unwrap()
    }

    /// Version 1 has id 9, version 2 id 5: ids do not order versions.
    fn topic() -> TopicSchemas {
        let mut topic = TopicSchemas::default();
        topic.found(9, Some(1), schema(r#"{"name":"a","type":"int"}"#));
        topic.found(5, Some(2), schema(r#"{"name":"a","type":"int"},{"name":"b","type":"int","default":7}"#));
        topic.found(6, None, schema(r#"{"name":"x","type":"string"}"#));
        topic
    }

    fn begin(topic: &mut TopicSchemas, value: &[u8], file: Option<&Arc<Writer>>) -> Arc<Writer> {
        match topic.intake(value, file) {
            Intake::Begin(writer) => writer,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_new_file_has_the_newest_version_and_older_data_is_brought_into_it() {
        let mut topic = topic();
        let old = frame(9, &[2]);
        let file = begin(&mut topic, &old, None);
        assert_eq!(file.id, 5);
        let Intake::Convert { writer, datum } = topic.intake(&old, Some(&file)) else { panic!() };
        let mut out = Vec::new();
        file.schema.convert(&writer.schema, datum, &mut out).unwrap();
        assert_eq!(out, [2, 14]);
        assert!(matches!(topic.intake(&frame(5, &[2, 4]), Some(&file)), Intake::Copy { id: 5, datum: [2, 4] }));
    }

    #[test]
    fn a_newer_version_begins_a_file_once_and_another_subject_each_time() {
        let mut topic = TopicSchemas::default();
        topic.found(9, Some(1), schema(r#"{"name":"a","type":"int"}"#));
        let file = begin(&mut topic, &frame(9, &[2]), None);
        topic.found(5, Some(2), schema(r#"{"name":"a","type":"int"},{"name":"b","type":"int","default":7}"#));
        let newer = begin(&mut topic, &frame(5, &[2, 2]), Some(&file));
        assert_eq!(newer.id, 5);
        assert!(matches!(topic.intake(&frame(9, &[2]), Some(&newer)), Intake::Convert { .. }));
        topic.found(6, None, schema(r#"{"name":"x","type":"string"}"#));
        assert_eq!(begin(&mut topic, &frame(6, &[2, b'a']), Some(&newer)).id, 6);
    }

    #[test]
    fn a_documented_copy_of_the_files_schema_does_not_end_the_file() {
        let mut topic = topic();
        let file = begin(&mut topic, &frame(5, &[2, 2]), None);
        let text = r#"{"type":"record","name":"R","doc":"!","fields":[{"name":"a","type":"int"},{"name":"b","type":"int","default":7}]}"#;
        topic.found(20, Some(3), ValueSchema::parse(text).unwrap());
        assert!(matches!(topic.intake(&frame(20, &[2, 2]), Some(&file)), Intake::Copy { id: 20, .. }));
    }

    #[test]
    fn what_cannot_be_used_is_put_aside_with_the_reason() {
        let mut topic = topic();
        assert!(matches!(topic.intake(b"{}", None), Intake::Dead(Poison::Framing(_))));
        assert!(matches!(topic.intake(&frame(77, &[]), None), Intake::Ask(77)));
        topic.unusable(77, Poison::UnknownSchema(77));
        assert!(matches!(topic.intake(&frame(77, &[]), None), Intake::Dead(Poison::UnknownSchema(77))));
        assert_eq!(topic.unknown(), [77]);
        topic.found(77, Some(9), schema(r#"{"name":"z","type":"int"}"#));
        assert!(topic.unknown().is_empty());
        assert!(matches!(topic.intake(&frame(9, &[2, 2]), None), Intake::Dead(Poison::Datum { id: 9, .. })));
        assert!(matches!(topic.intake(&frame(9, &[]), None), Intake::Dead(Poison::Datum { id: 9, .. })));
    }
}
