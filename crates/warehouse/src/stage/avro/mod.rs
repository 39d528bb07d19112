//! Avro files as VARIANT values, the way Snowflake loads them: one value for each record, a union as the value it holds
//! (without a tag), an enum as its symbol, bytes in upper-case hexadecimal.
//!
//! Snowflake documents that Avro is read into one VARIANT (page "Supported formats for semi-structured data") and says
//! nothing about logical types. Here each loads as the type below it: a `decimal` as hexadecimal bytes, a `uuid` as the
//! text or the bytes it is, a timestamp as a number. The reader is the warehouse's own because `apache-avro` applies
//! logical types while it reads, refuses a `uuid` that is not a UUID and names that other writers use, and needs up to 60 KB
//! of stack for each level that a value nests.

mod container;
mod decode;
mod json;
mod schema;
#[cfg(test)]
pub(crate) mod tests;

use container::{Block, Container};
use decode::Input;
use schema::Schema;
use std::io::Read;

/// Why a file, or the rest of it, cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum AvroError {
    #[error("Avro file format error: {0}")]
    Format(String),
    #[error(
        "Avro floating point number {0}: expected a finite number, because a VARIANT of the local warehouse holds no \
         other; have the producer write null or a string instead"
    )]
    NotFinite(f64),
}

/// The records of an object container file as JSON texts, in their order. After an error the iterator ends.
///
/// # Errors
/// When `file` does not begin like an object container file, or its codec is not null, deflate or snappy.
pub fn records<R: Read>(file: R) -> Result<impl Iterator<Item = Result<String, AvroError>>, AvroError> {
    let (container, schema) = Container::open(file)?;
    Ok(Records { container, schema, block: Block { records: 0, bytes: Vec::new() }, at: 0, failed: false })
}

struct Records<R> {
    container: Container<R>,
    schema: Schema,
    /// What is left of the block, from `at` on.
    block: Block,
    at: usize,
    failed: bool,
}

impl<R: Read> Records<R> {
    fn record(&mut self) -> Result<Option<String>, AvroError> {
        while self.block.records == 0 {
            let left = self.block.bytes.len() - self.at;
            if left > 0 {
                return Err(AvroError::Format(format!("{left} trailing bytes after the last record of a block")));
            }
            let Some(block) = self.container.next()? else { return Ok(None) };
            (self.block, self.at) = (block, 0);
        }
        let mut input = Input::new(&self.block.bytes[self.at..]);
        let mut text = String::new();
        decode::value(&self.schema, self.schema.root, &mut input, &mut text)?;
        self.at = self.block.bytes.len() - input.left();
        self.block.records -= 1;
        Ok(Some(text))
    }
}

impl<R: Read> Iterator for Records<R> {
    type Item = Result<String, AvroError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let record = self.record().transpose();
        self.failed = matches!(record, Some(Err(_)));
        record
    }
}
