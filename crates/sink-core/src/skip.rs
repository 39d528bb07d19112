//! Says whether bytes are one whole datum of a schema, without decoding it: the schema is compiled once into a program
//! that only knows how far to step. Copying a datum is safe because this has walked it to its last byte.
//!
//! Stricter than most decoders: a value that ends too early, a block whose byte size is wrong and an enum symbol out of
//! range are refused, and so is nesting deeper than [`MAX_DEPTH`]. Logical types are not looked at: a `uuid` is a string, and
//! a string that is not a UUID is one too.

use crate::{
    schema::{Kind, NodeId, Schema},
    varint::{Invalid, get_long},
};

/// How deep records, unions, arrays and maps may nest in a datum; the program recurses once for each. A record that holds
/// itself in a union nests three levels each time.
pub const MAX_DEPTH: u32 = 640;
/// Items that take no bytes at all; without a bound, a few bytes could claim 2^63 of them.
const MAX_EMPTY_ITEMS: u32 = 1 << 16;

/// One step; those with parts point at a stretch of the program's `ops`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Null,
    Boolean,
    Int,
    Long,
    Fixed(u32),
    Bytes,
    String,
    Enum(u32),
    /// Steps one after another.
    Record(u32, u32),
    /// The branch's index chooses one step.
    Union(u32, u32),
    Array(u32),
    Map(u32),
    /// A record that this step is a part of.
    Again(NodeId),
}

/// A schema, compiled.
#[derive(Debug)]
pub struct SkipProgram {
    ops: Vec<Op>,
    /// The step of each node of the schema.
    nodes: Vec<Op>,
    root: Op,
}

struct Compiler<'s> {
    schema: &'s Schema,
    ops: Vec<Op>,
    /// `None` for a node that is not compiled to its end.
    nodes: Vec<Option<Op>>,
}

impl Compiler<'_> {
    fn parts(&mut self, parts: &[Op]) -> (u32, u32) {
        let first = self.ops.len() as u32;
        self.ops.extend_from_slice(parts);
        (first, parts.len() as u32)
    }

    fn compile(&mut self, id: NodeId, open: &mut Vec<NodeId>) -> Op {
        if let Some(op) = self.nodes[id.index()] {
            return op;
        }
        if open.contains(&id) {
            return Op::Again(id);
        }
        let schema = self.schema;
        let op = match schema.kind(id) {
            Kind::Null => Op::Null,
            Kind::Boolean => Op::Boolean,
            Kind::Int => Op::Int,
            Kind::Long => Op::Long,
            Kind::Float => Op::Fixed(4),
            Kind::Double => Op::Fixed(8),
            Kind::Bytes => Op::Bytes,
            Kind::String => Op::String,
            Kind::Fixed(_, size) => Op::Fixed(*size as u32),
            Kind::Enum(_, symbols) => Op::Enum(symbols.all.len() as u32),
            Kind::Array(items) => {
                let items = self.compile(*items, open);
                Op::Array(self.parts(&[items]).0)
            }
            Kind::Map(values) => {
                let values = self.compile(*values, open);
                Op::Map(self.parts(&[values]).0)
            }
            Kind::Union(branches) => {
                let parts: Vec<Op> = branches.iter().map(|branch| self.compile(*branch, open)).collect();
                let (first, len) = self.parts(&parts);
                Op::Union(first, len)
            }
            Kind::Record(_, fields) => {
                open.push(id);
                let parts: Vec<Op> = fields.iter().map(|field| self.compile(field.node, open)).collect();
                open.pop();
                let (first, len) = self.parts(&parts);
                Op::Record(first, len)
            }
        };
        self.nodes[id.index()] = Some(op);
        op
    }
}

impl SkipProgram {
    /// Compiles a schema, however recursive.
    pub fn compile(schema: &Schema) -> Self {
        let mut compiler = Compiler { schema, ops: Vec::new(), nodes: vec![None; schema.len()] };
        let root = compiler.compile(schema.root(), &mut Vec::new());
        // A type that only a reference's text defines, and nothing uses, has no step: nothing asks for it.
        let nodes = compiler.nodes.into_iter().map(|op| op.unwrap_or(Op::Null)).collect();
        Self { ops: compiler.ops, nodes, root }
    }

    /// The step over a node's values.
    pub(crate) fn of(&self, node: NodeId) -> Op {
        self.nodes[node.index()]
    }

    /// How many bytes the datum takes that `bytes` begin with.
    ///
    /// # Errors
    /// When they do not begin with one.
    #[inline]
    pub fn skip(&self, bytes: &[u8]) -> Result<usize, Invalid> {
        let mut walk = Walk::new(self, bytes);
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
        if end == datum.len() { Ok(()) } else { Err(Invalid { at: end, what: "trailing bytes after the datum" }) }
    }
}

/// A place in a datum, and what is known of it.
pub(crate) struct Walk<'a> {
    program: &'a SkipProgram,
    pub(crate) bytes: &'a [u8],
    pub(crate) at: usize,
    empty_items: u32,
}

/// Why a step failed; where is where the walk stands. Small, since every step returns one.
pub(crate) type Fault = &'static str;

const CUT_SHORT: Fault = "datum cut short";
const TOO_DEEP: Fault = "nested too deeply";

impl<'a> Walk<'a> {
    pub(crate) fn new(program: &'a SkipProgram, bytes: &'a [u8]) -> Self {
        Self { program, bytes, at: 0, empty_items: 0 }
    }

    pub(crate) fn parts(&self, first: u32, len: u32) -> &'a [Op] {
        &self.program.ops[first as usize..(first + len) as usize]
    }

    #[inline]
    pub(crate) fn long(&mut self) -> Result<i64, Fault> {
        get_long(self.bytes, &mut self.at).map_err(|invalid| invalid.what)
    }

    #[inline]
    pub(crate) fn skip(&mut self, len: usize) -> Result<(), Fault> {
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
    pub(crate) fn text(&mut self) -> Result<&'a [u8], Fault> {
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
    pub(crate) fn deeper(depth: u32) -> Result<u32, Fault> {
        depth.checked_sub(1).ok_or(TOO_DEEP)
    }

    /// One step without a call where it has no parts, as most have none.
    #[inline]
    pub(crate) fn field(&mut self, op: Op, depth: u32) -> Result<(), Fault> {
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
            Op::Array(items) => self.blocks(depth, |walk, depth| walk.field(walk.program.ops[items as usize], depth)),
            Op::Map(values) => self.blocks(depth, |walk, depth| {
                walk.text()?;
                walk.field(walk.program.ops[values as usize], depth)
            }),
            Op::Again(node) => {
                let depth = Self::deeper(depth)?;
                self.step(self.program.of(node), depth)
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

    /// Counts an item that took no bytes.
    pub(crate) fn empty_item(&mut self) -> Result<(), Fault> {
        self.empty_items += 1;
        if self.empty_items > MAX_EMPTY_ITEMS { Err("too many items without bytes") } else { Ok(()) }
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
                    self.empty_item()?;
                }
            }
            if end.is_some_and(|size| size != (self.at - begin) as i64) {
                return Err("block of another size than it says");
            }
        }
    }
}

/// Whether the first `len` of `bytes`, of which there are as many, are ASCII. Most text is short: sixteen bytes at a time,
/// those after its end cut off, take no loop over single bytes, whose number no branch predictor knows.
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
