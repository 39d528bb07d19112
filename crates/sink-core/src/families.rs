//! Which schemas of a topic can share one type in a file. A family is a set of schemas whose data can all be brought into the
//! newest one's shape; a file's value is one of the topic's families. So a topic of several record types needs no more files
//! than a topic of one, and no type's fields are lost in another's.
//!
//! Whether a schema is newer is decided by its version where both are of one subject, never by id. Between subjects there is
//! no such order: there a schema joins a family only in a direction that keeps every field.

use std::{collections::HashMap, sync::Arc};

use crate::{file_schema, resolve::Resolution, schema::SchemaError, value_schema::ValueSchema};

/// Where a registry has a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    pub subject: String,
    pub version: u32,
}

/// A schema that records of a topic were written with.
#[derive(Debug)]
pub struct Writer {
    pub id: u32,
    /// `None` for a schema that no subject has (any more).
    pub home: Option<Home>,
    pub schema: ValueSchema,
}

/// How a writer's data get into another's shape.
#[derive(Debug, Clone)]
pub(crate) enum Way {
    Copy,
    Convert(Arc<Resolution>),
}

/// The types that a file's value can have.
#[derive(Debug)]
pub struct FileShape {
    /// Different for each shape of a topic.
    pub(crate) serial: u64,
    branches: Vec<Arc<Writer>>,
    schema: String,
}

impl FileShape {
    /// For a file of tombstones alone, in a topic of which no schema is known yet: any value begins another file.
    ///
    /// # Errors
    /// Never in practice: the schema is a constant.
    pub fn unknown() -> Result<Self, SchemaError> {
        let schema = ValueSchema::parse(r#"{"type": "record", "name": "Unknown", "fields": []}"#)?;
        let writer = Writer { id: 0, home: None, schema };
        Ok(Self { serial: 0, schema: file_schema::compose(&[&writer])?, branches: Vec::new() })
    }

    /// The whole file's schema as JSON text.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// The newest schema of each family, in the order of the value's branches after null.
    pub fn branches(&self) -> &[Arc<Writer>] {
        &self.branches
    }
}

/// Schemas that share a type; the last is the newest.
#[derive(Debug)]
struct Family(Vec<Arc<Writer>>);

/// The families of one topic, as far as records have named their schemas.
#[derive(Debug, Default)]
pub(crate) struct Families {
    all: Vec<Family>,
    /// By the ids of a writer and a reader.
    ways: HashMap<(u32, u32), Option<Way>>,
    /// What a new file holds, once that was asked for; it changes with the families.
    shape: Option<Arc<FileShape>>,
    serial: u64,
}

impl Families {
    /// Notes a schema. It joins the family whose newest schema reads it, or all of which it reads; else it begins one.
    pub(crate) fn add(&mut self, writer: Arc<Writer>) {
        self.shape = None;
        for index in 0..self.all.len() {
            let members = self.all[index].0.clone();
            if members.last().is_some_and(|newest| self.way(&writer, newest).is_some()) {
                let newest = self.all[index].0.len() - 1;
                return self.all[index].0.insert(newest, writer);
            }
            if members.iter().all(|member| self.way(member, &writer).is_some()) {
                return self.all[index].0.push(writer);
            }
        }
        self.all.push(Family(vec![writer]));
    }

    /// The shape of a new file; `None` while no schema is known.
    ///
    /// # Errors
    /// When the schemas do not make a file's schema together.
    pub(crate) fn shape(&mut self) -> Result<Option<Arc<FileShape>>, SchemaError> {
        if self.shape.is_none() && !self.all.is_empty() {
            let branches: Vec<Arc<Writer>> =
                self.all.iter().filter_map(|family| family.0.last().map(Arc::clone)).collect();
            let schema = file_schema::compose(&branches.iter().map(AsRef::as_ref).collect::<Vec<_>>())?;
            self.serial += 1;
            self.shape = Some(Arc::new(FileShape { serial: self.serial, branches, schema }));
        }
        Ok(self.shape.clone())
    }

    /// The branch of a file that takes a writer's data, and how; one of the very same type before any other.
    pub(crate) fn place(&mut self, writer: &Writer, shape: &FileShape) -> Option<(u32, Way)> {
        let ways: Vec<Option<Way>> = shape.branches.iter().map(|branch| self.way(writer, branch)).collect();
        let copied = ways.iter().position(|way| matches!(way, Some(Way::Copy)));
        let index = copied.or_else(|| ways.iter().position(Option::is_some))?;
        ways[index].clone().map(|way| (index as u32, way))
    }

    fn way(&mut self, from: &Writer, to: &Writer) -> Option<Way> {
        self.ways.entry((from.id, to.id)).or_insert_with(|| way(from, to)).clone()
    }
}

fn way(from: &Writer, to: &Writer) -> Option<Way> {
    if from.schema.same_layout(&to.schema) {
        return Some(Way::Copy);
    }
    let ordered = match (&from.home, &to.home) {
        (Some(from), Some(to)) if from.subject == to.subject => {
            if from.version > to.version {
                return None;
            }
            true
        }
        _ => false,
    };
    let resolution = from.schema.resolution_to(&to.schema).ok()?;
    let fits = resolution.is_total() && resolution.keeps_meaning() && (ordered || resolution.keeps_all());
    fits.then(|| if resolution.is_copy() { Way::Copy } else { Way::Convert(Arc::new(resolution)) })
}

#[cfg(test)]
#[path = "families_tests.rs"]
mod tests;
