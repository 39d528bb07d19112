//! Whether a row has its record's value, judged without the code that wrote it. Where a file holds data of another schema than
//! the record's, `apache-avro` decodes both sides, each by its own schema and none resolved, and the values are compared here
//! by what Avro says of two versions. What cannot be judged is said, not passed.
//!
//! Source: Avro specification 1.12, "Schema Resolution".

use apache_avro::{
    Schema,
    reader::datum::GenericDatumReader,
    schema::{Name, RecordField, RecordSchema, ResolvedSchema},
    types::Value,
};
use serde_json::Value as Json;
use std::{cell::Cell, collections::HashMap};

/// A record's schema and that of the branch which its row has.
#[derive(Debug)]
pub(super) enum Pairing {
    /// They differ in documentation alone, so the bytes are the same.
    Same,
    Decoded(Box<Decoded>),
    /// `apache-avro` does not read one of them.
    Opaque,
}

/// What comparing showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Same,
    Differs,
    /// The row is a datum of its schema; whether it is this record's value was not shown.
    Unjudged,
}

#[derive(Debug)]
pub(super) struct Decoded {
    theirs: Schema,
    ours: Schema,
}

impl Pairing {
    /// `theirs` is the record's schema, `ours` the row's; `same` where they differ in documentation alone.
    pub(super) fn new(theirs: &str, ours: &str, same: bool) -> Self {
        if same {
            return Self::Same;
        }
        let parse = |text: &str| {
            // What a logical type makes of a value is not compared, and some values have none.
            let plain = without_logical_types(serde_json::from_str(text).ok()?);
            let schema = Schema::parse(&plain).ok()?;
            ResolvedSchema::new(&schema).is_ok().then_some(schema)
        };
        match (parse(theirs), parse(ours)) {
            (Some(theirs), Some(ours)) => Self::Decoded(Box::new(Decoded { theirs, ours })),
            _ => Self::Opaque,
        }
    }

    /// Compares a record's datum with its row's.
    pub(super) fn compare(&self, theirs: &[u8], ours: &[u8]) -> Verdict {
        match self {
            Self::Same if theirs == ours => Verdict::Same,
            Self::Same => Verdict::Differs,
            Self::Opaque => Verdict::Unjudged,
            Self::Decoded(decoded) => decoded.compare(theirs, ours),
        }
    }
}

impl Decoded {
    fn compare(&self, theirs: &[u8], ours: &[u8]) -> Verdict {
        let decode = |schema: &Schema, mut bytes: &[u8]| {
            let value = GenericDatumReader::builder(schema).build().ok()?.read_value(&mut bytes).ok()?;
            bytes.is_empty().then_some(value)
        };
        let (Some(written), Some(read)) = (decode(&self.theirs, theirs), decode(&self.ours, ours)) else {
            return Verdict::Unjudged;
        };
        let (Ok(theirs), Ok(ours)) = (ResolvedSchema::new(&self.theirs), ResolvedSchema::new(&self.ours)) else {
            return Verdict::Unjudged;
        };
        let judge = Judge { theirs: theirs.get_names(), ours: ours.get_names(), guessed: Cell::new(false) };
        // A type that could not be a branch by itself is in a record of one field.
        let (ours, read) = match (&self.ours, read) {
            (Schema::Record(record), Value::Record(mut fields))
                if record.name.name() == "KafkaValue"
                    && !matches!(&self.theirs, Schema::Record(_))
                    && fields.len() == 1 =>
            {
                (&record.fields[0].schema, fields.remove(0).1)
            }
            (schema, read) => (schema, read),
        };
        match judge.same(&self.theirs, &written, ours, &read) {
            false => Verdict::Differs,
            true if judge.guessed.get() => Verdict::Unjudged,
            true => Verdict::Same,
        }
    }
}

type Names<'s> = HashMap<Name, &'s Schema>;

/// Compares values of two schemas.
struct Judge<'s> {
    theirs: &'s Names<'s>,
    ours: &'s Names<'s>,
    /// Whether a field has a value that nothing says: the record does not have it, and the file leaves out its default.
    guessed: Cell<bool>,
}

fn definition<'s>(schema: &'s Schema, names: &Names<'s>) -> &'s Schema {
    match schema {
        Schema::Ref { name } => names.get(name).copied().unwrap_or(schema),
        other => other,
    }
}

impl<'s> Judge<'s> {
    fn same(&self, theirs: &'s Schema, written: &Value, ours: &'s Schema, read: &Value) -> bool {
        let (theirs, ours) = (definition(theirs, self.theirs), definition(ours, self.ours));
        match (theirs, written, ours, read) {
            (Schema::Union(union), Value::Union(branch, value), _, _) => {
                union.variants().get(*branch as usize).is_some_and(|theirs| self.same(theirs, value, ours, read))
            }
            (_, _, Schema::Union(union), Value::Union(branch, value)) => {
                union.variants().get(*branch as usize).is_some_and(|ours| self.same(theirs, written, ours, value))
            }
            (Schema::Record(theirs), Value::Record(written), Schema::Record(ours), Value::Record(read)) => {
                called_alike(&theirs.name, &ours.name, ours.aliases.as_deref())
                    && self.same_fields(theirs, written, ours, read)
            }
            (Schema::Enum(theirs), Value::Enum(_, written), Schema::Enum(ours), Value::Enum(_, read)) => {
                let known = ours.symbols.contains(written);
                called_alike(&theirs.name, &ours.name, ours.aliases.as_deref())
                    && (written == read || (!known && ours.default.as_ref() == Some(read)))
            }
            (Schema::Array(theirs), Value::Array(written), Schema::Array(ours), Value::Array(read)) => {
                let pairs = written.iter().zip(read);
                written.len() == read.len()
                    && pairs.into_iter().all(|(written, read)| self.same(&theirs.items, written, &ours.items, read))
            }
            (Schema::Map(theirs), Value::Map(written), Schema::Map(ours), Value::Map(read)) => {
                let other = |(key, written): (&String, &Value)| {
                    read.get(key).is_some_and(|read| self.same(&theirs.types, written, &ours.types, read))
                };
                written.len() == read.len() && written.iter().all(other)
            }
            _ => same_primitive(written, read),
        }
    }

    fn same_fields(
        &self,
        theirs: &'s RecordSchema,
        written: &[(String, Value)],
        ours: &'s RecordSchema,
        read: &[(String, Value)],
    ) -> bool {
        read.len() == ours.fields.len()
            && ours.fields.iter().zip(read).all(|(field, (_, read))| {
                let names = std::iter::once(&field.name).chain(&field.aliases);
                let at =
                    names.into_iter().find_map(|name| theirs.fields.iter().position(|theirs| theirs.name == *name));
                match at.and_then(|at| Some((theirs.fields.get(at)?, written.get(at)?))) {
                    Some((theirs, (_, written))) => self.same(&theirs.schema, written, &field.schema, read),
                    None => self.is_default(field, read),
                }
            })
    }

    fn is_default(&self, field: &'s RecordField, read: &Value) -> bool {
        let Some(default) = &field.default else {
            self.guessed.set(true);
            return true;
        };
        self.stands_for(default, &field.schema, read)
    }

    /// Whether a default's JSON stands for a value.
    fn stands_for(&self, json: &Json, schema: &'s Schema, value: &Value) -> bool {
        let text = |json: &Json| json.as_str().map(str::to_owned);
        let code_points = |json: &Json| {
            json.as_str()?.chars().map(|point| u8::try_from(u32::from(point)).ok()).collect::<Option<Vec<u8>>>()
        };
        match (definition(schema, self.ours), value) {
            (Schema::Union(union), Value::Union(branch, value)) => {
                union.variants().get(*branch as usize).is_some_and(|schema| self.stands_for(json, schema, value))
            }
            (Schema::Record(record), Value::Record(fields)) => {
                record.fields.iter().zip(fields).all(|(field, (_, value))| match json.get(&field.name) {
                    Some(json) => self.stands_for(json, &field.schema, value),
                    None => self.is_default(field, value),
                })
            }
            (Schema::Array(array), Value::Array(items)) => json.as_array().is_some_and(|json| {
                json.len() == items.len()
                    && json.iter().zip(items).all(|(json, item)| self.stands_for(json, &array.items, item))
            }),
            (Schema::Map(map), Value::Map(entries)) => json.as_object().is_some_and(|json| {
                let other = |(key, json): (&String, &Json)| {
                    entries.get(key).is_some_and(|value| self.stands_for(json, &map.types, value))
                };
                json.len() == entries.len() && json.iter().all(other)
            }),
            (_, Value::Null) => json.is_null(),
            (_, Value::Boolean(value)) => json.as_bool() == Some(*value),
            (_, Value::Int(value)) => json.as_i64() == Some(i64::from(*value)),
            (_, Value::Long(value)) => json.as_i64() == Some(*value),
            (_, Value::Float(value)) => json.as_f64().is_some_and(|json| (json as f32).to_bits() == value.to_bits()),
            (_, Value::Double(value)) => json.as_f64().is_some_and(|json| json.to_bits() == value.to_bits()),
            (_, Value::String(value) | Value::Enum(_, value)) => text(json).as_ref() == Some(value),
            (_, Value::Bytes(value) | Value::Fixed(_, value)) => code_points(json).as_ref() == Some(value),
            _ => false,
        }
    }
}

/// By their names without namespaces, which a file with several types changes, or by a former name.
fn called_alike(theirs: &Name, ours: &Name, aliases: Option<&[apache_avro::schema::Alias]>) -> bool {
    theirs.name() == ours.name() || aliases.unwrap_or_default().iter().any(|alias| alias.name() == theirs.name())
}

/// Numbers by their bits, after the promotions that Avro has.
fn same_primitive(written: &Value, read: &Value) -> bool {
    match (written, read) {
        (Value::Int(written), Value::Long(read)) => i64::from(*written) == *read,
        (Value::Int(written), Value::Float(read)) => (*written as f32).to_bits() == read.to_bits(),
        (Value::Int(written), Value::Double(read)) => f64::from(*written).to_bits() == read.to_bits(),
        (Value::Long(written), Value::Float(read)) => (*written as f32).to_bits() == read.to_bits(),
        (Value::Long(written), Value::Double(read)) => (*written as f64).to_bits() == read.to_bits(),
        (Value::Float(written), Value::Double(read)) => f64::from(*written).to_bits() == read.to_bits(),
        (Value::Float(written), Value::Float(read)) => written.to_bits() == read.to_bits(),
        (Value::Double(written), Value::Double(read)) => written.to_bits() == read.to_bits(),
        (Value::String(text), Value::Bytes(bytes)) | (Value::Bytes(bytes), Value::String(text)) => {
            text.as_bytes() == bytes
        }
        _ => written == read,
    }
}

fn without_logical_types(schema: Json) -> Json {
    match schema {
        Json::Object(object) => {
            let kept = object.into_iter().filter(|(key, _)| key != "logicalType");
            // A default is data.
            let part = |(key, value)| if key == "default" { (key, value) } else { (key, without_logical_types(value)) };
            Json::Object(kept.map(part).collect())
        }
        Json::Array(items) => items.into_iter().map(without_logical_types).collect(),
        other => other,
    }
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;
