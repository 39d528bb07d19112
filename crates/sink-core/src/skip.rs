//! Says whether bytes are one whole datum of a schema, without decoding it: the schema is compiled once into a program
//! that only knows how far to step. Copying a datum is safe because this has walked it to its last byte.
//!
//! Stricter than most decoders: a value that ends too early, a block whose byte size is wrong and an enum symbol out of
//! range are refused, and so is nesting deeper than [`MAX_DEPTH`].

use apache_avro::{
    Schema,
    schema::{InnerDecimalSchema, Name, NamespaceRef, UuidSchema},
};
use std::collections::HashMap;

use crate::varint::{Invalid, get_long};

/// How deep records, unions, arrays and maps may nest in a datum; the program recurses once for each.
pub const MAX_DEPTH: u32 = 200;
/// Items that take no bytes at all; without a bound, a few bytes could claim 2^63 of them.
const MAX_EMPTY_ITEMS: u32 = 1 << 16;

/// One step; those with parts point at a stretch of the program's `ops`.
#[derive(Debug, Clone, Copy)]
enum Op {
    Null,
    Boolean,
    Int,
    Long,
    Fixed(u32),
    Bytes,
    String,
    UuidString,
    UuidBytes,
    BigDecimal,
    Enum(u32),
    /// Steps one after another.
    Record(u32, u32),
    /// The branch's index chooses one step.
    Union(u32, u32),
    Array(u32),
    Map(u32),
    /// A named type that is being defined further out, or was before.
    Named(u32),
}

/// A schema, compiled.
#[derive(Debug)]
pub struct SkipProgram {
    ops: Vec<Op>,
    named: Vec<Op>,
    root: Op,
}

/// A schema that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("schema refers to `{0}`, which it does not define")]
pub struct Undefined(pub String);

struct Compiler {
    ops: Vec<Op>,
    named: Vec<Op>,
    names: HashMap<Name, u32>,
}

impl Compiler {
    fn push(&mut self, parts: &[Op]) -> (u32, u32) {
        let first = self.ops.len() as u32;
        self.ops.extend_from_slice(parts);
        (first, parts.len() as u32)
    }

    fn define(&mut self, name: &Name, space: NamespaceRef<'_>) -> u32 {
        let slot = self.named.len() as u32;
        self.named.push(Op::Null);
        self.names.insert(name.fully_qualified_name(space).into_owned(), slot);
        slot
    }

    fn named(&mut self, name: &Name, space: NamespaceRef<'_>, op: Op) -> Op {
        let slot = self.define(name, space);
        self.named[slot as usize] = op;
        op
    }

    fn compile(&mut self, schema: &Schema, space: NamespaceRef<'_>) -> Result<Op, Undefined> {
        Ok(match schema {
            Schema::Null => Op::Null,
            Schema::Boolean => Op::Boolean,
            Schema::Int | Schema::Date | Schema::TimeMillis => Op::Int,
            Schema::Long
            | Schema::TimeMicros
            | Schema::TimestampMillis
            | Schema::TimestampMicros
            | Schema::TimestampNanos
            | Schema::LocalTimestampMillis
            | Schema::LocalTimestampMicros
            | Schema::LocalTimestampNanos => Op::Long,
            Schema::Float => Op::Fixed(4),
            Schema::Double => Op::Fixed(8),
            Schema::Bytes => Op::Bytes,
            Schema::String => Op::String,
            Schema::BigDecimal => Op::BigDecimal,
            Schema::Uuid(UuidSchema::String) => Op::UuidString,
            Schema::Uuid(UuidSchema::Bytes) => Op::UuidBytes,
            Schema::Decimal(decimal) => match &decimal.inner {
                InnerDecimalSchema::Bytes => Op::Bytes,
                InnerDecimalSchema::Fixed(fixed) => self.named(&fixed.name, space, Op::Fixed(fixed.size as u32)),
            },
            Schema::Fixed(fixed) | Schema::Duration(fixed) | Schema::Uuid(UuidSchema::Fixed(fixed)) => {
                self.named(&fixed.name, space, Op::Fixed(fixed.size as u32))
            }
            Schema::Enum(symbols) => self.named(&symbols.name, space, Op::Enum(symbols.symbols.len() as u32)),
            Schema::Array(array) => {
                let items = self.compile(&array.items, space)?;
                Op::Array(self.push(&[items]).0)
            }
            Schema::Map(map) => {
                let values = self.compile(&map.types, space)?;
                Op::Map(self.push(&[values]).0)
            }
            Schema::Union(union) => {
                let parts: Result<Vec<_>, _> = union.variants().iter().map(|part| self.compile(part, space)).collect();
                let (first, len) = self.push(&parts?);
                Op::Union(first, len)
            }
            Schema::Record(record) => {
                let slot = self.define(&record.name, space);
                let full = record.name.fully_qualified_name(space);
                let fields = &record.fields;
                let parts: Result<Vec<_>, _> =
                    fields.iter().map(|field| self.compile(&field.schema, full.namespace())).collect();
                let (first, len) = self.push(&parts?);
                self.named[slot as usize] = Op::Record(first, len);
                Op::Record(first, len)
            }
            Schema::Ref { name } => {
                let full = name.fully_qualified_name(space);
                let slot = self.names.get(full.as_ref()).or_else(|| self.names.get(name));
                Op::Named(*slot.ok_or_else(|| Undefined(full.to_string()))?)
            }
        })
    }
}

impl SkipProgram {
    /// Compiles a schema, however recursive.
    ///
    /// # Errors
    /// When it refers to a name that it does not define.
    pub fn compile(schema: &Schema) -> Result<Self, Undefined> {
        let mut compiler = Compiler { ops: Vec::new(), named: Vec::new(), names: HashMap::new() };
        let root = compiler.compile(schema, None)?;
        Ok(Self { ops: compiler.ops, named: compiler.named, root })
    }

    /// How many bytes the datum takes that `bytes` begin with.
    ///
    /// # Errors
    /// When they do not begin with one.
    #[inline]
    pub fn skip(&self, bytes: &[u8]) -> Result<usize, Invalid> {
        let mut walk = Walk { program: self, bytes, at: 0, empty_items: 0 };
        match walk.step(self.root, MAX_DEPTH) {
            Ok(()) => Ok(walk.at),
            Err(what) => Err(Invalid { at: walk.at, what }),
        }
    }

    /// Whether `datum` is one whole datum of the schema.
    ///
    /// # Errors
    /// When it is cut short, has bytes left, or holds what the schema does not allow.
    #[inline]
    pub fn check(&self, datum: &[u8]) -> Result<(), Invalid> {
        let end = self.skip(datum)?;
        if end == datum.len() { Ok(()) } else { Err(Invalid { at: end, what: "bytes behind the datum" }) }
    }
}

struct Walk<'a> {
    program: &'a SkipProgram,
    bytes: &'a [u8],
    at: usize,
    empty_items: u32,
}

/// Why a step failed; where is where the walk stands. Small, since every step returns one.
type Fault = &'static str;

const CUT_SHORT: Fault = "datum cut short";
const TOO_DEEP: Fault = "nested too deeply";

impl<'a> Walk<'a> {
    fn parts(&self, first: u32, len: u32) -> &'a [Op] {
        &self.program.ops[first as usize..(first + len) as usize]
    }

    #[inline]
    fn long(&mut self) -> Result<i64, Fault> {
        get_long(self.bytes, &mut self.at).map_err(|invalid| invalid.what)
    }

    #[inline]
    fn skip(&mut self, len: usize) -> Result<(), Fault> {
        if len > self.bytes.len() - self.at {
            return Err(CUT_SHORT);
        }
        self.at += len;
        Ok(())
    }

    /// Steps over a length and says how many bytes follow, all of which are there.
    #[inline]
    fn length(&mut self) -> Result<usize, Fault> {
        let len = usize::try_from(self.long()?).map_err(|_| "negative length")?;
        if len > self.bytes.len() - self.at {
            return Err(CUT_SHORT);
        }
        Ok(len)
    }

    #[inline]
    fn sized(&mut self) -> Result<(), Fault> {
        self.at += self.length()?;
        Ok(())
    }

    #[inline]
    fn text(&mut self) -> Result<&'a [u8], Fault> {
        let len = self.length()?;
        let rest = &self.bytes[self.at..];
        let text = &rest[..len];
        if !is_ascii(rest, len) && std::str::from_utf8(text).is_err() {
            return Err("text that is not UTF-8");
        }
        self.at += len;
        Ok(text)
    }

    #[inline]
    fn deeper(depth: u32) -> Result<u32, Fault> {
        depth.checked_sub(1).ok_or(TOO_DEEP)
    }

    /// One step without a call where it has no parts, as most have none.
    #[inline]
    fn field(&mut self, op: Op, depth: u32) -> Result<(), Fault> {
        match op {
            Op::Null => Ok(()),
            Op::Boolean => match self.bytes.get(self.at) {
                Some(0 | 1) => {
                    self.at += 1;
                    Ok(())
                }
                Some(_) => Err("boolean that is neither 0 nor 1"),
                None => Err(CUT_SHORT),
            },
            Op::Int => i32::try_from(self.long()?).map(drop).map_err(|_| "int of more than 32 bits"),
            Op::Long => self.long().map(drop),
            Op::Fixed(len) => self.skip(len as usize),
            Op::Bytes => self.sized(),
            Op::String => self.text().map(drop),
            Op::Enum(symbols) => match self.long()? {
                index if (0..i64::from(symbols)).contains(&index) => Ok(()),
                _ => Err("enum symbol out of range"),
            },
            other => self.step(other, depth),
        }
    }

    fn step(&mut self, op: Op, depth: u32) -> Result<(), Fault> {
        match op {
            Op::Record(first, len) => {
                let depth = Self::deeper(depth)?;
                for part in self.parts(first, len) {
                    if let Op::Union(first, len) = *part {
                        self.union(first, len, depth)?;
                    } else {
                        self.field(*part, depth)?;
                    }
                }
                Ok(())
            }
            Op::Union(first, len) => self.union(first, len, depth),
            Op::UuidString => {
                let text = self.text()?;
                uuid::Uuid::try_parse_ascii(text).map(drop).map_err(|_| "text that is no UUID")
            }
            Op::UuidBytes => match self.length()? {
                16 => self.skip(16),
                _ => Err("UUID of other than 16 bytes"),
            },
            Op::BigDecimal => {
                let end = self.length()? + self.at;
                self.sized()?;
                self.long()?;
                if self.at == end { Ok(()) } else { Err("decimal of another length than it says") }
            }
            Op::Array(items) => self.blocks(depth, |walk, depth| walk.field(walk.program.ops[items as usize], depth)),
            Op::Map(values) => self.blocks(depth, |walk, depth| {
                walk.text()?;
                walk.field(walk.program.ops[values as usize], depth)
            }),
            Op::Named(slot) => {
                let depth = Self::deeper(depth)?;
                self.step(self.program.named[slot as usize], depth)
            }
            plain => self.field(plain, depth),
        }
    }

    #[inline]
    fn union(&mut self, first: u32, len: u32, depth: u32) -> Result<(), Fault> {
        let index = self.long()?;
        let branch = usize::try_from(index).ok().and_then(|index| self.parts(first, len).get(index));
        let branch = *branch.ok_or("union branch out of range")?;
        self.field(branch, Self::deeper(depth)?)
    }

    /// Array and map blocks: a count, negative where the block's size in bytes follows; a count of zero ends them.
    fn blocks(&mut self, depth: u32, item: impl Fn(&mut Self, u32) -> Result<(), Fault> + Copy) -> Result<(), Fault> {
        let depth = Self::deeper(depth)?;
        loop {
            let count = self.long()?;
            let end = if count < 0 { Some(self.long()?) } else { None };
            let begin = self.at;
            if count == 0 {
                return Ok(());
            }
            for _ in 0..count.unsigned_abs() {
                let before = self.at;
                item(self, depth)?;
                if self.at == before {
                    self.empty_items += 1;
                    if self.empty_items > MAX_EMPTY_ITEMS {
                        return Err("too many items without bytes");
                    }
                }
            }
            if end.is_some_and(|size| size != (self.at - begin) as i64) {
                return Err("block of another size than it says");
            }
        }
    }
}

/// Whether the first `len` of `bytes`, of which there are as many, are ASCII. Most text is short: sixteen bytes at a time,
/// those behind its end cut off, take no loop over single bytes, whose number no branch predictor knows.
#[inline]
fn is_ascii(bytes: &[u8], len: usize) -> bool {
    const HIGH: u128 = u128::from_ne_bytes([0x80; 16]);
    let (mut rest, mut left, mut high) = (bytes, len, 0);
    while left > 0 {
        let Some((sixteen, behind)) = rest.split_first_chunk::<16>() else {
            return high & HIGH == 0 && rest[..left].is_ascii();
        };
        let word = u128::from_le_bytes(*sixteen);
        if left < 16 {
            high |= word & ((1 << (8 * left)) - 1);
            break;
        }
        high |= word;
        (rest, left) = (behind, left - 16);
    }
    high & HIGH == 0
}

#[cfg(test)]
#[path = "skip_tests.rs"]
mod tests;
