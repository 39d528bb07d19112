//! One encoded record as JSON text.

use super::{
    AvroError,
    schema::{Schema, Type, TypeId},
};
use std::collections::BTreeMap;

/// How deep values may nest. A schema may refer to itself, so its own depth is not a limit.
const MAX_DEPTH: usize = 1000;

/// Encoded bytes that are still to be read.
pub(super) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn left(&self) -> usize {
        self.0.len()
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], AvroError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(|| invalid("a record ends early"))?;
        self.0 = rest;
        Ok(taken)
    }

    /// A zig-zag integer of at most ten bytes.
    pub(super) fn long(&mut self) -> Result<i64, AvroError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        Err(invalid("an integer has more than ten bytes"))
    }

    fn index(&mut self, of: usize, what: &str) -> Result<usize, AvroError> {
        let found = self.long()?;
        let index = usize::try_from(found).ok().filter(|index| *index < of);
        index.ok_or_else(|| invalid(format!("expected {what} below {of}, found {found}")))
    }

    fn bytes(&mut self) -> Result<&'a [u8], AvroError> {
        let length = self.long()?;
        self.take(usize::try_from(length).map_err(|_| invalid(format!("found a length of {length} bytes")))?)
    }

    fn text(&mut self) -> Result<&'a str, AvroError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| invalid("a string is not UTF-8"))
    }

    /// The number of items of the next block of an array or a map; 0 at the end.
    fn items(&mut self) -> Result<u64, AvroError> {
        let items = self.long()?;
        if items < 0 {
            // The size of the block in bytes follows.
            self.long()?;
        }
        Ok(items.unsigned_abs())
    }
}

fn invalid(problem: impl Into<String>) -> AvroError {
    AvroError::Format(problem.into())
}

/// Writes the next value of this type.
pub(super) fn value(schema: &Schema, id: TypeId, input: &mut Input<'_>, out: &mut String) -> Result<(), AvroError> {
    nested(schema, id, input, out, MAX_DEPTH)
}

fn nested(schema: &Schema, id: TypeId, input: &mut Input<'_>, out: &mut String, room: usize) -> Result<(), AvroError> {
    let Some(room) = room.checked_sub(1) else {
        return Err(invalid(format!("a value nests more than {MAX_DEPTH} levels")));
    };
    match schema.get(id) {
        Type::Null => out.push_str("null"),
        Type::Boolean => match input.take(1)?[0] {
            0 => out.push_str("false"),
            1 => out.push_str("true"),
            other => return Err(invalid(format!("expected 0 or 1 for a boolean, found {other}"))),
        },
        Type::Integer => out.push_str(&input.long()?.to_string()),
        Type::Float => {
            let mut bytes = [0; 4];
            bytes.copy_from_slice(input.take(4)?);
            float(f32::from_le_bytes(bytes).into(), out)?;
        }
        Type::Double => {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(input.take(8)?);
            float(f64::from_le_bytes(bytes), out)?;
        }
        Type::Bytes => hexadecimal(input.bytes()?, out),
        Type::Fixed(size) => hexadecimal(input.take(*size)?, out),
        Type::String => json_string(input.text()?, out),
        Type::Enum(symbols) => json_string(&symbols[input.index(symbols.len(), "an enum's position")?], out),
        Type::Union(branches) => {
            let branch = branches[input.index(branches.len(), "a union's branch")?];
            nested(schema, branch, input, out, room)?;
        }
        Type::Record(fields) => {
            out.push('{');
            for (at, (name, of)) in fields.iter().enumerate() {
                separate(at > 0, out);
                json_string(name, out);
                out.push(':');
                nested(schema, *of, input, out, room)?;
            }
            out.push('}');
        }
        Type::Array(items) => {
            out.push('[');
            let mut is_first = true;
            repeat(input, |input| {
                separate(!is_first, out);
                is_first = false;
                nested(schema, *items, input, out, room)
            })?;
            out.push(']');
        }
        Type::Map(values) => {
            // Of entries with the same key the last one counts, as in Avro for Java.
            let mut entries = BTreeMap::new();
            repeat(input, |input| {
                let (key, mut value) = (input.text()?, String::new());
                nested(schema, *values, input, &mut value, room)?;
                entries.insert(key, value);
                Ok(())
            })?;
            out.push('{');
            for (at, (key, value)) in entries.iter().enumerate() {
                separate(at > 0, out);
                json_string(key, out);
                out.push(':');
                out.push_str(value);
            }
            out.push('}');
        }
    }
    Ok(())
}

/// Items of one block that may take no bytes: nulls could be claimed without end by a damaged count.
const MOST_EMPTY_ITEMS: u64 = 1 << 20;

/// Reads the blocks of an array or a map.
fn repeat<'a>(
    input: &mut Input<'a>,
    mut each: impl FnMut(&mut Input<'a>) -> Result<(), AvroError>,
) -> Result<(), AvroError> {
    loop {
        let items = input.items()?;
        if items == 0 {
            return Ok(());
        }
        for _ in 0..items {
            let before = input.left();
            each(input)?;
            if input.left() == before && items > MOST_EMPTY_ITEMS {
                return Err(invalid(format!("a block claims {items} items without bytes")));
            }
        }
    }
}

fn separate(is_needed: bool, out: &mut String) {
    if is_needed {
        out.push(',');
    }
}

fn json_string(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

fn float(value: f64, out: &mut String) -> Result<(), AvroError> {
    let number = serde_json::Number::from_f64(value).ok_or(AvroError::NotFinite(value))?;
    out.push_str(&number.to_string());
    Ok(())
}

fn hexadecimal(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('"');
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    out.push('"');
}
