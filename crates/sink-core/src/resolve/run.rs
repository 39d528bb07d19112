//! Running a program over a datum.

use super::{Op, Resolution, Scratch, Shuffled};
use crate::{
    skip::{self, Fault, MAX_DEPTH, Walk},
    varint::{Invalid, get_long, put_long},
};

const NO_COUNTERPART: Fault = "a value that the reader's schema has no place for";

pub(super) fn run(program: &Resolution, datum: &[u8], scratch: &mut Scratch, out: &mut Vec<u8>) -> Result<(), Invalid> {
    let held = out.len();
    scratch.starts.clear();
    let mut run = Run { program, walk: Walk::new(&program.skip, datum), starts: &mut scratch.starts, out };
    let done = match run.op(program.root, MAX_DEPTH) {
        Ok(()) if run.walk.at == datum.len() => Ok(()),
        Ok(()) => Err("trailing bytes after the datum"),
        Err(what) => Err(what),
    };
    let at = run.walk.at;
    done.map_err(|what| {
        out.truncate(held);
        Invalid { at, what }
    })
}

struct Run<'r, 'd> {
    program: &'d Resolution,
    walk: Walk<'d>,
    starts: &'r mut Vec<usize>,
    out: &'r mut Vec<u8>,
}

impl<'d> Run<'_, 'd> {
    #[inline]
    fn part(&self, at: u32) -> Op {
        self.program.ops[at as usize]
    }

    /// Walks over a stretch of the writer's fields.
    #[inline]
    fn skip(&mut self, first: u32, len: u32, depth: u32) -> Result<(), Fault> {
        for field in self.walk.parts(first, len) {
            self.walk.field(*field, depth)?;
        }
        Ok(())
    }

    /// Copies what `walk` steps over.
    #[inline]
    fn copy(&mut self, walk: impl FnOnce(&mut Self) -> Result<(), Fault>) -> Result<(), Fault> {
        let begin = self.walk.at;
        walk(self)?;
        self.out.extend_from_slice(&self.walk.bytes[begin..self.walk.at]);
        Ok(())
    }

    /// An int or a long; the step over it knows how large it may be.
    fn number(&mut self, from: skip::Op) -> Result<i64, Fault> {
        let mut at = self.walk.at;
        self.walk.field(from, 0)?;
        get_long(self.walk.bytes, &mut at).map_err(|invalid| invalid.what)
    }

    fn op(&mut self, op: Op, depth: u32) -> Result<(), Fault> {
        match op {
            Op::Copy(field) => self.copy(|run| run.walk.field(field, depth)),
            Op::CopyFields(first, len) => self.copy(|run| run.skip(first, len, depth)),
            Op::Skip(first, len) => self.skip(first, len, depth),
            Op::Literal(first, len) => {
                self.out.extend_from_slice(&self.program.literals[first as usize..(first + len) as usize]);
                Ok(())
            }
            Op::NumberToFloat(from) => {
                let n = self.number(from)?;
                self.out.extend_from_slice(&(n as f32).to_le_bytes());
                Ok(())
            }
            Op::NumberToDouble(from) => {
                let n = self.number(from)?;
                self.out.extend_from_slice(&(n as f64).to_le_bytes());
                Ok(())
            }
            Op::FloatToDouble => {
                let begin = self.walk.at;
                self.walk.skip(4)?;
                let mut bytes = [0; 4];
                bytes.copy_from_slice(&self.walk.bytes[begin..begin + 4]);
                self.out.extend_from_slice(&f64::from(f32::from_le_bytes(bytes)).to_le_bytes());
                Ok(())
            }
            Op::BytesToString => self.copy(|run| run.walk.text().map(drop)),
            Op::Enum(first, len) => {
                let index = usize::try_from(self.walk.long()?).ok().filter(|index| *index < len as usize);
                let index = index.ok_or("enum symbol out of range")?;
                let symbol = self.program.symbols[first as usize + index].ok_or(NO_COUNTERPART)?;
                put_long(self.out, i64::from(symbol));
                Ok(())
            }
            Op::Record(first, len) => {
                let depth = Walk::deeper(depth)?;
                let program = self.program;
                program.ops[first as usize..(first + len) as usize].iter().try_for_each(|op| self.op(*op, depth))
            }
            Op::Shuffled(at) => self.shuffled(&self.program.shuffled[at as usize], Walk::deeper(depth)?),
            Op::Union(first, len) => {
                let index = u32::try_from(self.walk.long()?).ok().filter(|index| *index < len);
                let branch = self.part(first + index.ok_or("union branch out of range")?);
                self.op(branch, Walk::deeper(depth)?)
            }
            Op::Branch(index, at) => {
                put_long(self.out, i64::from(index));
                self.op(self.part(at), depth)
            }
            Op::Array(item) => self.blocks(depth, |run, depth| run.op(run.part(item), depth)),
            Op::Map(value) => self.blocks(depth, |run, depth| {
                run.copy(|run| run.walk.text().map(drop))?;
                run.op(run.part(value), depth)
            }),
            Op::Again(at) => self.op(self.program.again[at as usize], Walk::deeper(depth)?),
            Op::Fail => Err(NO_COUNTERPART),
        }
    }

    /// The fields are found first, and then read in the reader's order.
    fn shuffled(&mut self, record: &'d Shuffled, depth: u32) -> Result<(), Fault> {
        let base = self.starts.len();
        for field in self.walk.parts(record.written.0, record.written.1) {
            self.starts.push(self.walk.at);
            self.walk.field(*field, depth)?;
        }
        let end = self.walk.at;
        for (from, op) in &record.read {
            if let Some(from) = from {
                self.walk.at = self.starts[base + *from as usize];
            }
            self.op(*op, depth)?;
        }
        self.walk.at = end;
        self.starts.truncate(base);
        Ok(())
    }

    /// Blocks keep their counts. Their sizes in bytes, which the writer may give, are left out: items change their size.
    fn blocks(&mut self, depth: u32, item: impl Fn(&mut Self, u32) -> Result<(), Fault>) -> Result<(), Fault> {
        let depth = Walk::deeper(depth)?;
        loop {
            let count = self.walk.long()?;
            if count == 0 {
                put_long(self.out, 0);
                return Ok(());
            }
            let size = if count < 0 { Some(self.walk.long()?) } else { None };
            let begin = self.walk.at;
            let count =
                i64::try_from(count.unsigned_abs()).map_err(|_| "block of more items than a number can count")?;
            put_long(self.out, count);
            for _ in 0..count {
                let before = self.walk.at;
                item(self, depth)?;
                if self.walk.at == before {
                    self.walk.empty_item()?;
                }
            }
            if size.is_some_and(|size| size != (self.walk.at - begin) as i64) {
                return Err("block of another size than it says");
            }
        }
    }
}
