//! What happens to a record's value: taken into the open file, put aside, or the reason to begin a new file. Also what is known
//! of a topic's schemas.

use contract::framing::{FramingError, unframe};
use std::{collections::HashMap, sync::Arc};

use crate::{
    families::{Families, FileShape, Home, Way, Writer},
    resolve::Scratch,
    schema::SchemaError,
    value_schema::ValueSchema,
    varint::Invalid,
};

/// Why a record cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Poison {
    #[error("not framed: {0}")]
    Framing(#[from] FramingError),
    #[error("the registry does not have schema {0}")]
    UnknownSchema(u32),
    #[error("schema {id} is of type {kind}, not Avro")]
    NotAvro { id: u32, kind: String },
    #[error("not one whole datum of schema {id}: {invalid}")]
    Datum { id: u32, invalid: Invalid },
    #[error("files cannot hold schema {id}: {reason}")]
    Unreadable { id: u32, reason: String },
}

/// What to do with a value.
#[derive(Debug)]
pub enum Intake<'r> {
    /// Put these bytes into the file: one whole datum of a branch of its value.
    Take {
        id: u32,
        branch: u32,
        datum: &'r [u8],
    },
    /// The file cannot take it; one of this shape can.
    Begin(Arc<FileShape>),
    /// Look this schema up first.
    Ask(u32),
    Dead(Poison),
    /// Schemas that are each readable do not make a file's schema together: a bug.
    Failed(SchemaError),
}

/// What is known of an id.
#[derive(Debug)]
enum Known {
    Usable(Arc<Writer>),
    Poison(Poison),
}

/// Records come in runs of few schemas: how those of one get into files of one shape.
#[derive(Debug)]
struct Recent {
    id: u32,
    /// The file's shape.
    serial: u64,
    writer: Arc<Writer>,
    branch: u32,
    way: Way,
}

/// Ids that are remembered before unknown ones are forgotten.
const MOST_KNOWN: usize = 10_000;

/// How many are kept. All of them are compared with each record, so there are few.
const RECENT: usize = 8;

/// The schemas of one topic, as far as records have named them.
#[derive(Debug, Default)]
pub struct TopicSchemas {
    known: HashMap<u32, Known>,
    families: Families,
    recent: Vec<Recent>,
    /// Where the next of `recent` goes.
    oldest: usize,
    converted: Vec<u8>,
    scratch: Scratch,
}

impl TopicSchemas {
    /// The shape of a file that begins now; `None` while no schema is known.
    ///
    /// # Errors
    /// When the schemas do not make a file's schema together: a bug.
    pub fn shape(&mut self) -> Result<Option<Arc<FileShape>>, SchemaError> {
        self.families.shape()
    }

    /// A schema that a record named was found.
    pub fn found(&mut self, id: u32, home: Option<Home>, schema: ValueSchema) {
        let writer = Arc::new(Writer { id, home, schema });
        self.families.add(Arc::clone(&writer));
        self.known.insert(id, Known::Usable(writer));
    }

    /// Records that name this schema cannot be used.
    pub fn unusable(&mut self, id: u32, poison: Poison) {
        // Values that are not framed may name any id. Those that are forgotten are asked for again when a record names them.
        if self.known.len() >= MOST_KNOWN {
            self.known.retain(|_, known| !matches!(known, Known::Poison(Poison::UnknownSchema(_))));
        }
        self.known.insert(id, Known::Poison(poison));
    }

    /// Ids that records named and the registry did not know, at most a hundred of them.
    pub fn unknown(&self) -> Vec<u32> {
        let unknown = self.known.iter().filter(|(_, known)| matches!(known, Known::Poison(Poison::UnknownSchema(_))));
        unknown.map(|(id, _)| *id).take(100).collect()
    }

    /// Decides on a value. `file` is the open file's shape, if one is open.
    #[inline]
    pub fn intake<'r>(&'r mut self, value: &'r [u8], file: Option<&FileShape>) -> Intake<'r> {
        let (id, datum) = match unframe(value) {
            Ok(framed) => framed,
            Err(error) => return Intake::Dead(error.into()),
        };
        let serial = file.map_or(0, |file| file.serial);
        let recent = match self.recent.iter().position(|recent| recent.id == id && recent.serial == serial) {
            Some(at) => at,
            None => match self.meet(id, datum, file) {
                Ok(at) => at,
                Err(other) => return other,
            },
        };
        let Recent { writer, branch, way, .. } = &self.recent[recent];
        let (branch, dead) = (*branch, |invalid| Intake::Dead(Poison::Datum { id, invalid }));
        match way {
            Way::Copy => match writer.schema.check(datum) {
                Ok(()) => Intake::Take { id, branch, datum },
                Err(invalid) => dead(invalid),
            },
            // Which checks every byte on its way.
            Way::Convert(resolution) => {
                self.converted.clear();
                match resolution.run(datum, &mut self.scratch, &mut self.converted) {
                    Ok(()) => Intake::Take { id, branch, datum: &self.converted },
                    Err(invalid) => dead(invalid),
                }
            }
        }
    }

    /// For a schema whose way into the open file is not known. A record that is not a datum of it does not begin a file.
    #[cold]
    fn meet<'r>(&mut self, id: u32, datum: &[u8], file: Option<&FileShape>) -> Result<usize, Intake<'r>> {
        let writer = match self.known.get(&id) {
            Some(Known::Usable(writer)) => Arc::clone(writer),
            Some(Known::Poison(poison)) => return Err(Intake::Dead(poison.clone())),
            None => return Err(Intake::Ask(id)),
        };
        if let Err(invalid) = writer.schema.check(datum) {
            return Err(Intake::Dead(Poison::Datum { id, invalid }));
        }
        let Some((file, (branch, way))) = file.and_then(|file| Some((file, self.families.place(&writer, file)?)))
        else {
            return Err(match self.families.shape() {
                Ok(Some(shape)) => Intake::Begin(shape),
                Ok(None) => Intake::Ask(id),
                Err(error) => Intake::Failed(error),
            });
        };
        let recent = Recent { id, serial: file.serial, writer, branch, way };
        if self.recent.len() < RECENT {
            self.recent.push(recent);
            return Ok(self.recent.len() - 1);
        }
        self.oldest = (self.oldest + 1) % RECENT;
        self.recent[self.oldest] = recent;
        Ok(self.oldest)
    }
}

#[cfg(test)]
#[path = "intake_tests.rs"]
mod tests;
