//! Reads files back as strictly as they are written, to prove what is in them. The caller brings the bytes, a stretch at a
//! time, so a file of any size is read in the memory of one block.
//!
//! Source: Avro specification 1.12, "Object container files".

use flate2::read::DeflateDecoder;
use std::io::Read;

use crate::{
    container::Codec,
    file_schema::{FileSchema, FileSchemaError},
    varint::{Invalid, get_long},
};

/// No block is larger, before or after compression: one is closed once it holds 64 KiB, and the largest record that
/// Kafka's clients take is below 1 GB.
const MAX_BLOCK: u64 = 1 << 30;

/// Bytes that are no file of this program's, or not a whole one.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// More bytes may help; at the end of the file it is cut short.
    #[error("cut short")]
    Short,
    #[error("not an Avro object container file")]
    Magic,
    #[error("the head has no `{0}`")]
    Missing(&'static str),
    #[error("codec `{0}`, which files are not written with")]
    Codec(String),
    #[error("schema: {0}")]
    Schema(#[from] FileSchemaError),
    #[error("a block says it has {rows} rows in {bytes} bytes")]
    Block { rows: i64, bytes: i64 },
    #[error("a block does not end in the file's sync marker")]
    Sync,
    #[error("a block's {codec} data: {reason}")]
    Compressed { codec: &'static str, reason: String },
    #[error("row {row} of a block: {invalid}")]
    Row { row: u64, invalid: Invalid },
    #[error("{0} trailing bytes after the last row of a block")]
    Rest(usize),
}

/// What a file says at its beginning.
#[derive(Debug)]
pub struct Head {
    codec: Codec,
    sync: [u8; 16],
    pub schema: FileSchema,
}

/// One row, its parts as they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredRow<'a> {
    pub topic: &'a str,
    pub partition: i32,
    pub offset: i64,
    pub timestamp: Option<i64>,
    pub key: Option<&'a [u8]>,
    headers: &'a [u8],
    pub schema_id: Option<u32>,
    /// Which of the value's types, and a datum of it; `None` for a tombstone.
    pub value: Option<(u32, &'a [u8])>,
}

/// One of a row's headers: key and value.
pub type Header<'a> = (&'a str, Option<&'a [u8]>);

impl Head {
    /// Reads a file's head; also returns how many bytes it takes.
    ///
    /// # Errors
    /// [`Damage::Short`] where it goes on after these bytes, others where this is no file of this program's.
    pub fn parse(bytes: &[u8]) -> Result<(Self, usize), Damage> {
        if !b"Obj\x01".starts_with(&bytes[..bytes.len().min(4)]) {
            return Err(Damage::Magic);
        }
        let mut cursor = Cursor { bytes, at: 4.min(bytes.len()) };
        let (mut schema, mut codec) = (None, None);
        loop {
            let count = cursor.long()?;
            if count == 0 {
                break;
            }
            if count < 0 {
                cursor.long()?;
            }
            for _ in 0..count.unsigned_abs() {
                let (key, value) = (cursor.sized()?, cursor.sized()?);
                match key {
                    b"avro.schema" => schema = Some(value),
                    b"avro.codec" => codec = Some(value),
                    _ => {}
                }
            }
        }
        let sync = cursor.take(16)?.try_into().map_err(|_| Damage::Short)?;
        let codec = codec.ok_or(Damage::Missing("avro.codec"))?;
        let codec = [Codec::Null, Codec::Deflate, Codec::Snappy]
            .into_iter()
            .find(|known| known.name().as_bytes() == codec)
            .ok_or_else(|| Damage::Codec(String::from_utf8_lossy(codec).into_owned()))?;
        let schema = String::from_utf8_lossy(schema.ok_or(Damage::Missing("avro.schema"))?);
        Ok((Self { codec, sync, schema: FileSchema::parse(&schema)? }, cursor.at))
    }

    /// Reads the block at the beginning of `bytes` into `plain`; returns its number of rows and how many bytes it takes.
    ///
    /// # Errors
    /// [`Damage::Short`] where it goes on after these bytes, others where it is damaged.
    pub fn block(&self, bytes: &[u8], plain: &mut Vec<u8>) -> Result<(u64, usize), Damage> {
        let mut cursor = Cursor { bytes, at: 0 };
        let (rows, len) = (cursor.long()?, cursor.long()?);
        if rows < 1 || !(0..=MAX_BLOCK as i64).contains(&len) {
            return Err(Damage::Block { rows, bytes: len });
        }
        let data = cursor.take(len as usize)?;
        if cursor.take(16)? != self.sync {
            return Err(Damage::Sync);
        }
        plain.clear();
        self.expand(data, plain)?;
        Ok((rows as u64, cursor.at))
    }

    fn expand(&self, data: &[u8], plain: &mut Vec<u8>) -> Result<(), Damage> {
        let codec = self.codec.name();
        let failed = |reason: String| Damage::Compressed { codec, reason };
        match self.codec {
            Codec::Null => plain.extend_from_slice(data),
            Codec::Deflate => {
                let mut decoder = DeflateDecoder::new(data).take(MAX_BLOCK);
                decoder.read_to_end(plain).map_err(|error| failed(error.to_string()))?;
            }
            Codec::Snappy => {
                let (data, crc) = data.split_last_chunk::<4>().ok_or_else(|| failed("no checksum".to_owned()))?;
                let len = snap::raw::decompress_len(data).map_err(|error| failed(error.to_string()))?;
                if len as u64 > MAX_BLOCK {
                    return Err(failed(format!("claims {len} bytes")));
                }
                plain.resize(len, 0);
                snap::raw::Decoder::new().decompress(data, plain).map_err(|error| failed(error.to_string()))?;
                if crc32fast::hash(plain).to_be_bytes() != *crc {
                    return Err(failed("its checksum is another".to_owned()));
                }
            }
        }
        Ok(())
    }

    /// The rows of a block.
    pub fn rows<'a>(&'a self, plain: &'a [u8], rows: u64) -> Rows<'a> {
        Rows { schema: &self.schema, cursor: Cursor { bytes: plain, at: 0 }, row: 0, count: rows }
    }
}

/// Goes through the rows of a block; the last item is an error if bytes are left after them.
#[derive(Debug)]
pub struct Rows<'a> {
    schema: &'a FileSchema,
    cursor: Cursor<'a>,
    row: u64,
    count: u64,
}

impl<'a> Iterator for Rows<'a> {
    type Item = Result<StoredRow<'a>, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.row == self.count {
            let rest = self.cursor.bytes.len() - self.cursor.at;
            self.cursor.at = self.cursor.bytes.len();
            return (rest > 0).then_some(Err(Damage::Rest(rest)));
        }
        self.row += 1;
        let row = self.cursor.row(self.schema);
        let row = row.map_err(|invalid| Damage::Row { row: self.row, invalid });
        if row.is_err() {
            // What follows cannot be told apart.
            self.row = self.count;
            self.cursor.at = self.cursor.bytes.len();
        }
        Some(row)
    }
}

impl<'a> StoredRow<'a> {
    /// The record's headers, in their order.
    pub fn headers(&self) -> impl Iterator<Item = Header<'a>> + use<'a> {
        let mut cursor = Cursor { bytes: self.headers, at: 0 };
        let mut left = 0;
        // They were walked once: the end of the bytes is the end of the array.
        std::iter::from_fn(move || {
            if left == 0 {
                left = cursor.count().ok()?;
            }
            left = left.checked_sub(1)?;
            cursor.header().ok()
        })
    }
}

#[derive(Debug)]
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

const SHORT: &str = "cut short";
const NO_BRANCH: &str = "union branch out of range";

impl<'a> Cursor<'a> {
    /// A number of a file's framing: where the bytes end in it, more may come.
    fn long(&mut self) -> Result<i64, Damage> {
        let left = self.bytes.len() - self.at;
        get_long(self.bytes, &mut self.at).map_err(|_| if left < 10 { Damage::Short } else { Damage::Magic })
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Damage> {
        self.part(len).map_err(|_| Damage::Short)
    }

    fn sized(&mut self) -> Result<&'a [u8], Damage> {
        let len = self.long()?;
        self.take(usize::try_from(len).map_err(|_| Damage::Magic)?)
    }

    fn invalid(&self, what: &'static str) -> Invalid {
        Invalid { at: self.at, what }
    }

    fn part(&mut self, len: usize) -> Result<&'a [u8], Invalid> {
        let part = self.bytes[self.at..].get(..len).ok_or_else(|| self.invalid(SHORT))?;
        self.at += len;
        Ok(part)
    }

    fn number(&mut self) -> Result<i64, Invalid> {
        get_long(self.bytes, &mut self.at)
    }

    fn int(&mut self) -> Result<i32, Invalid> {
        let n = self.number()?;
        i32::try_from(n).map_err(|_| self.invalid("int of more than 32 bits"))
    }

    fn data(&mut self) -> Result<&'a [u8], Invalid> {
        let len = self.number()?;
        self.part(usize::try_from(len).map_err(|_| self.invalid("negative length"))?)
    }

    fn text(&mut self) -> Result<&'a str, Invalid> {
        std::str::from_utf8(self.data()?).map_err(|_| self.invalid("text that is not UTF-8"))
    }

    /// The branch of a union of null and something else.
    fn optional<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Invalid>) -> Result<Option<T>, Invalid> {
        match self.number()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(self.invalid(NO_BRANCH)),
        }
    }

    fn count(&mut self) -> Result<u64, Invalid> {
        let count = self.number()?;
        if count < 0 {
            self.number()?;
        }
        Ok(count.unsigned_abs())
    }

    fn header(&mut self) -> Result<Header<'a>, Invalid> {
        Ok((self.text()?, self.optional(Self::data)?))
    }

    fn row(&mut self, schema: &FileSchema) -> Result<StoredRow<'a>, Invalid> {
        let (topic, partition, offset) = (self.text()?, self.int()?, self.number()?);
        let (timestamp, key) = (self.optional(Self::number)?, self.optional(Self::data)?);
        let begin = self.at;
        loop {
            let count = self.count()?;
            if count == 0 {
                break;
            }
            for _ in 0..count {
                self.header()?;
            }
        }
        let headers = &self.bytes[begin..self.at];
        let schema_id = self.optional(Self::int)?.map(|id| id as u32);
        let value = match u32::try_from(self.number()?).map_err(|_| self.invalid(NO_BRANCH))? {
            0 => None,
            index => {
                let rest = &self.bytes[self.at..];
                let len = schema.skip(index - 1, rest);
                let len = len.map_err(|invalid| Invalid { at: self.at + invalid.at, ..invalid })?;
                Some((index - 1, self.part(len)?))
            }
        };
        Ok(StoredRow { topic, partition, offset, timestamp, key, headers, schema_id, value })
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
