//! Brings a datum of one schema into the shape of another, bytes to bytes: both schemas are compiled once into a program that
//! copies what is the same, drops what the reader does not have, and writes defaults, promoted numbers and other branches in
//! the places of the rest. A record costs no allocation.
//!
//! A datum is resolved by what the schemas say, never by trying which type a value would fit: a union's branch is chosen when
//! the program is compiled, by name and type. What cannot be resolved is known then too, down to the branch or symbol that
//! has no counterpart; a program with such a place fails only for data that have it.
//!
//! Source: Avro specification 1.12, "Schema Resolution" and "Aliases". Where the specification leaves a choice, this does what
//! Avro for Java does: a union's branch of the same type and full name is preferred to one that another rule allows, and then
//! the first is taken. Unlike there, a record is never taken for one of another name only because its fields fit: two event
//! types of one topic would become each other. Logical types do not take part; [`Resolution::keeps_meaning`] looks at them.

mod choose;
mod compile;
mod run;

use crate::{
    skip::{self, SkipProgram},
    varint::Invalid,
};

pub use compile::Unresolvable;

/// One step. Pairs of numbers point at stretches: of the writer's skip program, of `ops`, of `literals` or of `symbols`.
#[derive(Debug, Clone, Copy)]
enum Op {
    /// The same bytes.
    Copy(skip::Op),
    /// The same bytes, of several fields.
    CopyFields(u32, u32),
    /// Fields that the reader does not have.
    Skip(u32, u32),
    /// A default.
    Literal(u32, u32),
    /// From an int or a long, as the step over it says.
    NumberToFloat(skip::Op),
    NumberToDouble(skip::Op),
    FloatToDouble,
    /// The same bytes, if they are text.
    BytesToString,
    /// The reader's symbol for each of the writer's.
    Enum(u32, u32),
    /// Steps in the order in which the writer wrote.
    Record(u32, u32),
    /// Steps in another order than the writer's.
    Shuffled(u32),
    /// One step for each of the writer's branches.
    Union(u32, u32),
    /// The reader's branch, and the step to it.
    Branch(u32, u32),
    Array(u32),
    Map(u32),
    /// A pair of records that this step is a part of.
    Again(u32),
    /// Data that come here cannot be resolved.
    Fail,
}

/// A record whose fields the reader has in another order.
#[derive(Debug, Clone)]
struct Shuffled {
    /// The writer's fields: a stretch of its skip program.
    written: (u32, u32),
    /// For each of the reader's fields: which of the writer's it is, and the step.
    read: Vec<(Option<u32>, Op)>,
}

/// A pair of schemas, compiled.
#[derive(Debug)]
pub struct Resolution {
    skip: SkipProgram,
    root: Op,
    ops: Vec<Op>,
    literals: Vec<u8>,
    /// `None` for a symbol that the reader has no counterpart of.
    symbols: Vec<Option<u32>>,
    shuffled: Vec<Shuffled>,
    again: Vec<Op>,
    gaps: Vec<String>,
    keeps_all: bool,
    keeps_meaning: bool,
}

/// Memory that running a program needs, to be kept from record to record.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Where fields begin that are read in another order than written.
    starts: Vec<usize>,
}

impl Resolution {
    /// Whether every datum of the writer can be resolved.
    pub fn is_total(&self) -> bool {
        self.gaps.is_empty()
    }

    /// The branches, symbols and promotions for which resolving fails, in words.
    pub fn gaps(&self) -> &[String] {
        &self.gaps
    }

    /// Whether the reader has every field that the writer has.
    pub fn keeps_all(&self) -> bool {
        self.keeps_all
    }

    /// Whether no value changes its meaning: a number of milliseconds stays one. The bytes would be the same, so this is
    /// nothing that resolution looks at.
    pub fn keeps_meaning(&self) -> bool {
        self.keeps_meaning
    }

    /// Whether the reader's bytes are the writer's.
    pub fn is_copy(&self) -> bool {
        matches!(self.root, Op::Copy(_))
    }

    /// Writes a datum of the writer's schema in the reader's, after what `out` holds.
    ///
    /// # Errors
    /// When `datum` is not one whole datum of the writer's schema, or has what the reader has no counterpart of; `out` then
    /// holds what it held before.
    pub fn run(&self, datum: &[u8], scratch: &mut Scratch, out: &mut Vec<u8>) -> Result<(), Invalid> {
        run::run(self, datum, scratch, out)
    }
}
