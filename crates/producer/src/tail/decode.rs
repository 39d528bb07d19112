//! Values for human eyes: one datum as JSON, by the schema it was written with.
//!
//! It reads what any writer wrote: `apache-avro` refuses names with dashes, a `uuid` that is not a UUID and a short `decimal`,
//! and shows a NaN as null. Nothing is resolved here, so defaults and aliases do not matter.
//!
//! | Avro | JSON |
//! | --- | --- |
//! | null, boolean, int, long, string, array, map | as they are |
//! | float, double | a number, or one of the strings `NaN`, `Infinity`, `-Infinity` |
//! | bytes, fixed | `{"hex": "00FF"}` |
//! | `decimal` | a string with all its decimal places, `"-12.50"` |
//! | `duration` | `{"months": 1, "days": 2, "millis": 3}` |
//! | other logical types | as the type below them: a `timestamp-millis` is a number, a `uuid` its text or bytes |
//! | enum | its symbol |
//! | union | the value that it holds |
//! | record | an object with its fields in their order |

use serde_json::{Map, Number, Value as Json, json};
use std::collections::{BTreeMap, HashMap};

/// How deep values may nest: a schema may refer to itself, and a stack ends.
const MAX_DEPTH: usize = 200;
/// Items of one block that may take no bytes: nulls could be claimed without end by a damaged count.
const MOST_EMPTY_ITEMS: u64 = 1 << 20;

/// A writer's schema.
pub(super) struct Writer {
    root: Json,
    /// Named types and the namespace of what stands in them.
    named: HashMap<String, (Json, String)>,
}

impl Writer {
    /// Reads a schema and those that it refers to.
    pub(super) fn parse(text: &str, references: &[String]) -> Result<Self, String> {
        let mut named = HashMap::new();
        for reference in references {
            define(&parse(reference)?, "", &mut named);
        }
        let root = parse(text)?;
        define(&root, "", &mut named);
        Ok(Self { root, named })
    }

    /// Decodes one whole datum.
    pub(super) fn decode(&self, datum: &[u8]) -> Result<Json, String> {
        let mut decoder = Decoder { named: &self.named, bytes: datum, room: MAX_DEPTH };
        let value = decoder.value(&self.root, "")?;
        match decoder.bytes.len() {
            0 => Ok(value),
            left => Err(format!("{left} trailing bytes after the datum")),
        }
    }
}

/// Registries also hold the bare name of a primitive type.
fn parse(text: &str) -> Result<Json, String> {
    serde_json::from_str(text).or_else(|error| match text.trim() {
        name if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase()) => Ok(name.into()),
        _ => Err(format!("the schema is not JSON: {error}")),
    })
}

fn full_name(name: &str, space: &str) -> String {
    if name.contains('.') || space.is_empty() {
        name.trim_start_matches('.').to_owned()
    } else {
        format!("{space}.{name}")
    }
}

fn text<'a>(schema: &'a Json, member: &str) -> Option<&'a str> {
    schema.get(member).and_then(Json::as_str)
}

fn listed<'a>(schema: &'a Json, member: &str) -> &'a [Json] {
    schema.get(member).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Notes the named types of a schema.
fn define(schema: &Json, space: &str, named: &mut HashMap<String, (Json, String)>) {
    match schema {
        Json::Array(branches) => branches.iter().for_each(|branch| define(branch, space, named)),
        Json::Object(_) => {
            let mut inner = space.to_owned();
            if let (Some("record" | "error" | "enum" | "fixed"), Some(name)) =
                (text(schema, "type"), text(schema, "name"))
            {
                let full = full_name(name, text(schema, "namespace").unwrap_or(space));
                full.rsplit_once('.').map_or("", |(space, _)| space).clone_into(&mut inner);
                named.insert(full, (schema.clone(), inner.clone()));
            }
            for part in ["type", "items", "values"].into_iter().filter_map(|part| schema.get(part)) {
                define(part, &inner, named);
            }
            for of in listed(schema, "fields").iter().filter_map(|field| field.get("type")) {
                define(of, &inner, named);
            }
        }
        _ => {}
    }
}

struct Decoder<'a> {
    named: &'a HashMap<String, (Json, String)>,
    bytes: &'a [u8],
    room: usize,
}

impl<'a> Decoder<'a> {
    fn value(&mut self, schema: &'a Json, space: &'a str) -> Result<Json, String> {
        self.room = self.room.checked_sub(1).ok_or_else(|| format!("the value nests more than {MAX_DEPTH} levels"))?;
        let value = match schema {
            Json::String(name) => self.kind(name, schema, space),
            Json::Array(branches) => {
                let branch = self.index(branches.len(), "a branch of a union")?;
                self.value(&branches[branch], space)
            }
            _ => match schema.get("type") {
                Some(Json::String(name)) => self.kind(name, schema, space),
                Some(inner) => self.value(inner, space),
                None => Err(format!("expected a schema, found {schema}")),
            },
        };
        self.room += 1;
        value
    }

    fn kind(&mut self, kind: &str, schema: &'a Json, space: &'a str) -> Result<Json, String> {
        let logical = text(schema, "logicalType").unwrap_or_default();
        Ok(match kind {
            "null" => Json::Null,
            "boolean" => match self.take(1)? {
                [0] => false.into(),
                [1] => true.into(),
                other => return Err(format!("expected 0 or 1 for a boolean, found {other:?}")),
            },
            "int" | "long" => self.long()?.into(),
            "float" => {
                let value = f32::from_le_bytes(self.array()?);
                // The shortest text of the float; as a double it would have digits that nobody wrote.
                value
                    .to_string()
                    .parse()
                    .ok()
                    .and_then(Number::from_f64)
                    .map_or_else(|| special(value.into()), Json::Number)
            }
            "double" => {
                let value = f64::from_le_bytes(self.array()?);
                Number::from_f64(value).map_or_else(|| special(value), Json::Number)
            }
            "string" => {
                let bytes = self.sized()?;
                std::str::from_utf8(bytes).map_err(|error| format!("a string is not UTF-8: {error}"))?.into()
            }
            "bytes" => {
                let bytes = self.sized()?;
                if logical == "decimal" { decimal(bytes, schema) } else { hexadecimal(bytes) }
            }
            "array" => {
                let (mut items, of) = (Vec::new(), schema.get("items").unwrap_or(&Json::Null));
                self.repeat(|decoder| {
                    items.push(decoder.value(of, space)?);
                    Ok(())
                })?;
                items.into()
            }
            "map" => {
                let (mut entries, of) = (BTreeMap::new(), schema.get("values").unwrap_or(&Json::Null));
                self.repeat(|decoder| {
                    let key = String::from_utf8_lossy(decoder.sized()?).into_owned();
                    entries.insert(key, decoder.value(of, space)?);
                    Ok(())
                })?;
                Json::Object(entries.into_iter().collect())
            }
            name => return self.named(name, schema, space, logical),
        })
    }

    /// A type with a name, defined here or elsewhere.
    fn named(&mut self, kind: &str, schema: &'a Json, space: &'a str, logical: &str) -> Result<Json, String> {
        match kind {
            "record" | "error" => {
                let full =
                    full_name(text(schema, "name").unwrap_or_default(), text(schema, "namespace").unwrap_or(space));
                let space = self.named.get(&full).map_or(space, |(_, space)| space);
                let mut members = Map::new();
                for field in listed(schema, "fields") {
                    let value = self.value(field.get("type").unwrap_or(&Json::Null), space)?;
                    members.insert(text(field, "name").unwrap_or_default().to_owned(), value);
                }
                Ok(Json::Object(members))
            }
            "enum" => {
                let symbols = listed(schema, "symbols");
                Ok(symbols[self.index(symbols.len(), "the position of an enum's symbol")?].clone())
            }
            "fixed" => {
                let size = schema.get("size").and_then(Json::as_u64).and_then(|size| usize::try_from(size).ok());
                let bytes = self.take(size.ok_or("the schema has a fixed type without a size")?)?;
                Ok(match (logical, bytes) {
                    ("decimal", bytes) => decimal(bytes, schema),
                    ("duration", bytes) if bytes.len() == 12 => duration(bytes),
                    (_, bytes) => hexadecimal(bytes),
                })
            }
            name => {
                let found = self.named.get(&full_name(name, space)).or_else(|| self.named.get(name));
                let (definition, space) = found.ok_or_else(|| format!("the schema does not define `{name}`"))?;
                self.value(definition, space)
            }
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or("the bytes end within the datum")?;
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        self.take(N)?.try_into().map_err(|_| "the bytes end within the datum".to_owned())
    }

    fn long(&mut self) -> Result<i64, String> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        Err("an integer has more than ten bytes".to_owned())
    }

    fn sized(&mut self) -> Result<&'a [u8], String> {
        let length = self.long()?;
        self.take(usize::try_from(length).map_err(|_| format!("found a length of {length} bytes"))?)
    }

    fn index(&mut self, of: usize, what: &str) -> Result<usize, String> {
        let found = self.long()?;
        let index = usize::try_from(found).ok().filter(|index| *index < of);
        index.ok_or_else(|| format!("expected {what} below {of}, found {found}"))
    }

    /// Reads the blocks of an array or a map.
    fn repeat(&mut self, mut each: impl FnMut(&mut Self) -> Result<(), String>) -> Result<(), String> {
        loop {
            let items = self.long()?;
            if items == 0 {
                return Ok(());
            }
            if items < 0 {
                // The size of the block in bytes follows.
                self.long()?;
            }
            let items = items.unsigned_abs();
            for _ in 0..items {
                let left = self.bytes.len();
                each(self)?;
                if self.bytes.len() == left && items > MOST_EMPTY_ITEMS {
                    return Err(format!("a block claims {items} items without bytes"));
                }
            }
        }
    }
}

fn special(value: f64) -> Json {
    match value {
        value if value.is_nan() => "NaN",
        f64::INFINITY => "Infinity",
        _ => "-Infinity",
    }
    .into()
}

fn hexadecimal(bytes: &[u8]) -> Json {
    json!({"hex": super::hexadecimal(bytes)})
}

/// Three little-endian numbers.
fn duration(bytes: &[u8]) -> Json {
    let parts =
        bytes.chunks_exact(4).map(|part| part.iter().rfold(0_u32, |number, byte| number << 8 | u32::from(*byte)));
    Json::Object(["months", "days", "millis"].map(str::to_owned).into_iter().zip(parts.map(Json::from)).collect())
}

/// A big-endian number in two's complement, with the schema's decimal places.
fn decimal(bytes: &[u8], schema: &Json) -> Json {
    let scale = schema.get("scale").and_then(Json::as_u64).and_then(|scale| usize::try_from(scale).ok());
    let scale = scale.unwrap_or_default();
    if scale > MOST_PLACES || bytes.len() > MOST_DECIMAL_BYTES {
        return hexadecimal(bytes);
    }
    let is_negative = bytes.first().is_some_and(|byte| *byte >= 0x80);
    let mut rest = bytes.to_vec();
    if is_negative {
        let mut carry = true;
        for byte in rest.iter_mut().rev() {
            (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
        }
    }
    let mut digits = Vec::new();
    while rest.iter().any(|byte| *byte != 0) || digits.len() <= scale {
        let mut remainder = 0_u16;
        for byte in &mut rest {
            let part = remainder << 8 | u16::from(*byte);
            (*byte, remainder) = ((part / 10) as u8, part % 10);
        }
        digits.push(b'0' + remainder as u8);
        if digits.len() == scale {
            digits.push(b'.');
        }
    }
    // A scale of three has its point after three digits, and at least one digit before it.
    if digits.last() == Some(&b'.') {
        digits.push(b'0');
    }
    if is_negative {
        digits.push(b'-');
    }
    digits.reverse();
    digits.iter().map(|digit| char::from(*digit)).collect::<String>().into()
}

/// Longer numbers are shown as bytes: their digits would take minutes.
const MOST_DECIMAL_BYTES: usize = 1024;
const MOST_PLACES: usize = 4096;
