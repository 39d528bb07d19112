//! From two schemas to a program.

use std::collections::HashMap;

use super::{
    Op, Resolution, Shuffled,
    choose::{self, Promotion},
};
use crate::{
    schema::{Field, Kind, NodeId, Schema},
    skip::SkipProgram,
};

/// Two schemas of which no datum of one can be read as the other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{what}", if at.is_empty() { String::new() } else { format!("{at}: ") })]
pub struct Unresolvable {
    /// The field, as `a.b`; empty for the whole.
    pub at: String,
    pub what: String,
}

/// What is known of a pair of records.
enum Pair {
    /// Being compiled further out; its steps will be at this place of `again`.
    Open(u32),
    Done(Result<Op, Unresolvable>),
}

struct Compiler<'s> {
    writer: &'s Schema,
    reader: &'s Schema,
    program: Resolution,
    pairs: HashMap<(NodeId, NodeId), Pair>,
    /// The fields that are being compiled, outermost first.
    path: Vec<&'s str>,
}

impl Resolution {
    /// Compiles a pair of schemas.
    ///
    /// # Errors
    /// When no datum of the writer could be resolved, and why.
    pub fn compile(writer: &Schema, reader: &Schema) -> Result<Self, Unresolvable> {
        Self::compile_part((writer, writer.root()), (reader, reader.root()))
    }

    fn compile_part(writer: (&Schema, NodeId), reader: (&Schema, NodeId)) -> Result<Self, Unresolvable> {
        let program = Self {
            skip: SkipProgram::compile(writer.0),
            root: Op::Fail,
            ops: Vec::new(),
            literals: Vec::new(),
            symbols: Vec::new(),
            shuffled: Vec::new(),
            again: Vec::new(),
            gaps: Vec::new(),
            keeps_all: true,
            keeps_meaning: true,
        };
        let mut compiler =
            Compiler { writer: writer.0, reader: reader.0, program, pairs: HashMap::new(), path: Vec::new() };
        compiler.program.root = compiler.resolve(writer.1, reader.1)?;
        Ok(compiler.program)
    }
}

impl<'s> Compiler<'s> {
    fn unresolvable<T>(&self, what: String) -> Result<T, Unresolvable> {
        Err(Unresolvable { at: self.path.join("."), what })
    }

    fn gap(&mut self, what: &str) {
        let at = self.path.join(".");
        self.program.gaps.push(if at.is_empty() { what.to_owned() } else { format!("{at}: {what}") });
    }

    fn push(&mut self, ops: &[Op]) -> (u32, u32) {
        let first = self.program.ops.len() as u32;
        self.program.ops.extend_from_slice(ops);
        (first, ops.len() as u32)
    }

    fn resolve(&mut self, w: NodeId, r: NodeId) -> Result<Op, Unresolvable> {
        let (writer, reader) = (self.writer, self.reader);
        let (from, to) = (writer.kind(w), reader.kind(r));
        if let (Some(theirs), Some(ours)) = (&writer.node(w).logical, &reader.node(r).logical) {
            self.program.keeps_meaning &= theirs == ours;
        }
        match (from, to) {
            (Kind::Union(branches), _) => self.writer_union(w, branches, r),
            (_, Kind::Union(branches)) => {
                let Some(index) = self.choose(w, branches) else {
                    return self.unresolvable(format!("none of the reader's branches can read {}", describe(from)));
                };
                let op = self.resolve(w, branches[index])?;
                let at = self.push(&[op]).0;
                Ok(Op::Branch(index as u32, at))
            }
            (Kind::Record(theirs, written), Kind::Record(ours, read)) if choose::same_name(theirs, ours).is_some() => {
                self.record((w, written), (r, read))
            }
            (Kind::Enum(theirs, written), Kind::Enum(ours, read)) if choose::same_name(theirs, ours).is_some() => {
                let symbol = |name: &String| read.all.iter().position(|other| other == name).or(read.default);
                let symbols: Vec<Option<usize>> = written.all.iter().map(symbol).collect();
                for (name, _) in written.all.iter().zip(&symbols).filter(|(_, symbol)| symbol.is_none()) {
                    self.gap(&format!("the reader's enum has no symbol `{name}` and no default"));
                }
                if symbols.iter().enumerate().all(|(index, symbol)| *symbol == Some(index)) {
                    return Ok(Op::Copy(self.program.skip.of(w)));
                }
                let first = self.program.symbols.len() as u32;
                self.program.symbols.extend(symbols.iter().map(|symbol| symbol.map(|index| index as u32)));
                Ok(Op::Enum(first, symbols.len() as u32))
            }
            (Kind::Fixed(theirs, written), Kind::Fixed(ours, read))
                if choose::same_name(theirs, ours).is_some() && written == read =>
            {
                Ok(Op::Copy(self.program.skip.of(w)))
            }
            (Kind::Array(written), Kind::Array(read)) => Ok(match self.items(*written, *read) {
                Op::Copy(_) => Op::Copy(self.program.skip.of(w)),
                item => Op::Array(self.push(&[item]).0),
            }),
            (Kind::Map(written), Kind::Map(read)) => Ok(match self.items(*written, *read) {
                Op::Copy(_) => Op::Copy(self.program.skip.of(w)),
                value => Op::Map(self.push(&[value]).0),
            }),
            _ => match choose::promotion(from, to) {
                Some(Promotion::None) => Ok(Op::Copy(self.program.skip.of(w))),
                Some(Promotion::NumberToFloat) => Ok(Op::NumberToFloat(self.program.skip.of(w))),
                Some(Promotion::NumberToDouble) => Ok(Op::NumberToDouble(self.program.skip.of(w))),
                Some(Promotion::FloatToDouble) => Ok(Op::FloatToDouble),
                Some(Promotion::BytesToString) => {
                    self.gap("bytes become a string only where they are UTF-8");
                    Ok(Op::BytesToString)
                }
                None => self.unresolvable(format!("{} cannot be read as {}", describe(from), describe(to))),
            },
        }
    }

    /// Items that cannot be resolved leave those data that have none.
    fn items(&mut self, w: NodeId, r: NodeId) -> Op {
        self.resolve(w, r).unwrap_or_else(|error| {
            self.program.gaps.push(error.to_string());
            Op::Fail
        })
    }

    fn choose(&mut self, w: NodeId, branches: &[NodeId]) -> Option<usize> {
        let (writer, reader) = (self.writer, self.reader);
        choose::branch((writer, w), (reader, branches), |branch| {
            // Tried apart: what a branch that is not taken lacks is not a gap.
            let program = Resolution::compile_part((writer, w), (reader, branch));
            program.is_ok_and(|program| program.is_total())
        })
    }

    fn writer_union(&mut self, w: NodeId, branches: &[NodeId], r: NodeId) -> Result<Op, Unresolvable> {
        let mut ops = Vec::with_capacity(branches.len());
        let mut failed = None;
        for branch in branches {
            match self.resolve(*branch, r) {
                Ok(op) => ops.push(op),
                Err(error) => {
                    self.program.gaps.push(error.to_string());
                    failed = Some(error);
                    ops.push(Op::Fail);
                }
            }
        }
        if let Some(error) = failed
            && ops.iter().all(|op| matches!(op, Op::Fail))
        {
            return Err(error);
        }
        // The same branches in the same places.
        let is_copy = |(index, op): (usize, &Op)| matches!(op, Op::Branch(to, at) if *to as usize == index && matches!(self.program.ops[*at as usize], Op::Copy(_)));
        if !ops.is_empty() && ops.iter().enumerate().all(is_copy) {
            return Ok(Op::Copy(self.program.skip.of(w)));
        }
        let (first, len) = self.push(&ops);
        Ok(Op::Union(first, len))
    }

    fn record(&mut self, w: (NodeId, &'s [Field]), r: (NodeId, &'s [Field])) -> Result<Op, Unresolvable> {
        let pair = (w.0, r.0);
        match self.pairs.get(&pair) {
            Some(Pair::Open(place)) => return Ok(Op::Again(*place)),
            Some(Pair::Done(done)) => return done.clone(),
            None => {}
        }
        let place = self.program.again.len() as u32;
        self.program.again.push(Op::Fail);
        self.pairs.insert(pair, Pair::Open(place));
        let done = self.fields(w, r);
        if let Ok(op) = done {
            self.program.again[place as usize] = op;
        }
        self.pairs.insert(pair, Pair::Done(done.clone()));
        done
    }

    fn fields(&mut self, w: (NodeId, &'s [Field]), r: (NodeId, &'s [Field])) -> Result<Op, Unresolvable> {
        let chosen = choose::fields(w.1, r.1);
        self.program.keeps_all &= (0..w.1.len()).all(|index| chosen.contains(&Some(index)));
        let mut read = Vec::with_capacity(r.1.len());
        for (field, from) in r.1.iter().zip(chosen) {
            self.path.push(&field.name);
            let op = match from {
                Some(from) => self.resolve(w.1[from].node, field.node),
                None => self.default(field),
            };
            self.path.pop();
            read.push((from.map(|from| from as u32), op?));
        }
        let order: Vec<u32> = read.iter().filter_map(|(from, _)| *from).collect();
        // Fields of the record in the writer's skip program: one step each, next to each other.
        let crate::skip::Op::Record(first, len) = self.program.skip.of(w.0) else {
            return self.unresolvable("a record without a program: a bug".to_owned());
        };
        if order.is_sorted() {
            return Ok(self.in_order(w.0, (first, len), &read));
        }
        self.program.shuffled.push(Shuffled { written: (first, len), read });
        Ok(Op::Shuffled(self.program.shuffled.len() as u32 - 1))
    }

    /// Joins neighbours that are copied, or dropped, so that each stretch of a record costs one step.
    fn in_order(&mut self, w: NodeId, (first, len): (u32, u32), read: &[(Option<u32>, Op)]) -> Op {
        let mut ops: Vec<Op> = Vec::new();
        let mut next = 0;
        let drop_to = |ops: &mut Vec<Op>, next: u32, to: u32| {
            if to > next {
                ops.push(Op::Skip(first + next, to - next));
            }
        };
        for (from, op) in read {
            if let Some(from) = *from {
                drop_to(&mut ops, next, from);
                next = from + 1;
            }
            match (from, *op, ops.last_mut()) {
                (Some(from), Op::Copy(_), Some(Op::CopyFields(begin, count))) if *begin + *count == first + from => {
                    *count += 1;
                }
                (Some(from), Op::Copy(_), _) => ops.push(Op::CopyFields(first + from, 1)),
                (None, Op::Literal(at, more), Some(Op::Literal(begin, count))) if *begin + *count == at => {
                    *count += more;
                }
                (_, op, _) => ops.push(op),
            }
        }
        drop_to(&mut ops, next, len);
        match ops[..] {
            [] => Op::Copy(self.program.skip.of(w)),
            [Op::CopyFields(begin, count)] if begin == first && count == len => Op::Copy(self.program.skip.of(w)),
            _ => {
                let (first, len) = self.push(&ops);
                Op::Record(first, len)
            }
        }
    }

    fn default(&mut self, field: &Field) -> Result<Op, Unresolvable> {
        let Some(default) = &field.default else {
            return self.unresolvable("the writer does not have the field, and it has no default".to_owned());
        };
        let first = self.program.literals.len();
        if let Err(bad) = self.reader.encode_default(field.node, default, &mut self.program.literals) {
            self.program.literals.truncate(first);
            return self.unresolvable(format!("the writer does not have the field, and {bad}"));
        }
        Ok(Op::Literal(first as u32, (self.program.literals.len() - first) as u32))
    }
}

fn describe(kind: &Kind) -> String {
    match kind.names() {
        Some(names) => format!("{} `{}`", kind.name(), names.full),
        None => kind.name().to_owned(),
    }
}
