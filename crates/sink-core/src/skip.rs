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
    pub fn skip(&self, bytes: &[u8]) -> Result<usize, Invalid> {
        let mut walk = Walk { program: self, bytes, at: 0, empty_items: 0 };
        walk.step(self.root, MAX_DEPTH)?;
        Ok(walk.at)
    }

    /// Whether `datum` is one whole datum of the schema.
    ///
    /// # Errors
    /// When it is cut short, has bytes left, or holds what the schema does not allow.
    #[inline]
    pub fn check(&self, datum: &[u8]) -> Result<(), Invalid> {
        let mut walk = Walk { program: self, bytes: datum, at: 0, empty_items: 0 };
        walk.step(self.root, MAX_DEPTH)?;
        if walk.at == datum.len() { Ok(()) } else { Err(walk.invalid("bytes behind the datum")) }
    }
}

struct Walk<'a> {
    program: &'a SkipProgram,
    bytes: &'a [u8],
    at: usize,
    empty_items: u32,
}

impl<'a> Walk<'a> {
    #[cold]
    fn invalid(&self, what: &'static str) -> Invalid {
        Invalid { at: self.at, what }
    }

    fn parts(&self, first: u32, len: u32) -> &'a [Op] {
        &self.program.ops[first as usize..(first + len) as usize]
    }

    #[inline]
    fn long(&mut self) -> Result<i64, Invalid> {
        get_long(self.bytes, &mut self.at)
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a [u8], Invalid> {
        let taken = self.bytes[self.at..].get(..len).ok_or_else(|| self.invalid("datum cut short"))?;
        self.at += len;
        Ok(taken)
    }

    #[inline]
    fn sized(&mut self) -> Result<&'a [u8], Invalid> {
        let len = self.long()?;
        self.take(usize::try_from(len).map_err(|_| self.invalid("negative length"))?)
    }

    #[inline]
    fn text(&mut self) -> Result<&'a str, Invalid> {
        let bytes = self.sized()?;
        std::str::from_utf8(bytes).map_err(|_| self.invalid("text that is not UTF-8"))
    }

    fn step(&mut self, op: Op, depth: u32) -> Result<(), Invalid> {
        match op {
            Op::Null => {}
            Op::Boolean => {
                if self.take(1)?[0] > 1 {
                    return Err(self.invalid("boolean that is neither 0 nor 1"));
                }
            }
            Op::Int => {
                let n = self.long()?;
                i32::try_from(n).map_err(|_| self.invalid("int of more than 32 bits"))?;
            }
            Op::Long => {
                self.long()?;
            }
            Op::Fixed(len) => {
                self.take(len as usize)?;
            }
            Op::Bytes => {
                self.sized()?;
            }
            Op::String => {
                self.text()?;
            }
            Op::UuidString => {
                let text = self.text()?;
                uuid::Uuid::try_parse(text).map_err(|_| self.invalid("text that is no UUID"))?;
            }
            Op::UuidBytes => {
                if self.sized()?.len() != 16 {
                    return Err(self.invalid("UUID of other than 16 bytes"));
                }
            }
            Op::BigDecimal => {
                let len = self.long()?;
                let end = usize::try_from(len).ok().and_then(|len| self.at.checked_add(len));
                let end = end.ok_or_else(|| self.invalid("length out of range"))?;
                self.sized()?;
                self.long()?;
                if self.at != end {
                    return Err(self.invalid("decimal of another length than it says"));
                }
            }
            Op::Enum(symbols) => {
                let index = self.long()?;
                if !(0..i64::from(symbols)).contains(&index) {
                    return Err(self.invalid("enum symbol out of range"));
                }
            }
            Op::Record(first, len) => {
                let depth = self.deeper(depth)?;
                for part in self.parts(first, len) {
                    self.step(*part, depth)?;
                }
            }
            Op::Union(first, len) => {
                let index = self.long()?;
                let branch = usize::try_from(index).ok().and_then(|index| self.parts(first, len).get(index));
                let branch = *branch.ok_or_else(|| self.invalid("union branch out of range"))?;
                let depth = self.deeper(depth)?;
                self.step(branch, depth)?;
            }
            Op::Array(items) => self.blocks(depth, |walk, depth| walk.step(walk.program.ops[items as usize], depth))?,
            Op::Map(values) => self.blocks(depth, |walk, depth| {
                walk.text()?;
                walk.step(walk.program.ops[values as usize], depth)
            })?,
            Op::Named(slot) => {
                let depth = self.deeper(depth)?;
                self.step(self.program.named[slot as usize], depth)?;
            }
        }
        Ok(())
    }

    fn deeper(&self, depth: u32) -> Result<u32, Invalid> {
        depth.checked_sub(1).ok_or_else(|| self.invalid("nested too deeply"))
    }

    /// Array and map blocks: a count, negative where the block's size in bytes follows; a count of zero ends them.
    fn blocks(
        &mut self,
        depth: u32,
        item: impl Fn(&mut Self, u32) -> Result<(), Invalid> + Copy,
    ) -> Result<(), Invalid> {
        let depth = self.deeper(depth)?;
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
                        return Err(self.invalid("too many items without bytes"));
                    }
                }
            }
            if end.is_some_and(|size| size != (self.at - begin) as i64) {
                return Err(self.invalid("block of another size than it says"));
            }
        }
    }
}

#[cfg(test)]
#[path = "skip_tests.rs"]
mod tests;
