//! Avro object container files, written from bytes: rows are metadata columns followed by a datum that is copied as it
//! came. Everything is appended to buffers that the caller owns and keeps, so a record costs no allocation.
//!
//! Source: Avro specification 1.12, "Object container files".

use flate2::{Compression, write::DeflateEncoder};
use serde::{Deserialize, Serialize};
use std::{fmt, io::Write};

use crate::varint::{Few, put_bytes, put_long};

const MAGIC: &[u8; 4] = b"Obj\x01";
/// A block is closed once it holds this much before compression: what snappy looks back over anyway.
pub const BLOCK_BYTES: usize = 64 * 1024;

/// How blocks are compressed. Snappy and deflate are what warehouses document for Avro.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Codec {
    Null,
    Deflate,
    #[default]
    Snappy,
}

impl Codec {
    /// The name in the file's head.
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Deflate => "deflate",
            Self::Snappy => "snappy",
        }
    }
}

/// A block that could not be compressed: a bug, since the codecs work in memory.
#[derive(Debug, thiserror::Error)]
#[error("compressing a block with {codec}: {reason}")]
pub struct CompressError {
    codec: &'static str,
    reason: String,
}

/// Bytes that a block grows by while it is filled for the first time.
const GROWTH: usize = 4096;

/// Of a block, besides its packed rows: two numbers and the file's mark.
const BESIDE_PACKED: usize = 2 * 10 + 16;

/// What compressing needs besides its input and output: kept between blocks, of one file or many.
pub struct Scratch {
    packed: Vec<u8>,
    snappy: snap::raw::Encoder,
}

impl Default for Scratch {
    fn default() -> Self {
        Self { packed: Vec::new(), snappy: snap::raw::Encoder::new() }
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").field("packed", &self.packed.len()).finish_non_exhaustive()
    }
}

/// What a row says about its value.
#[derive(Debug, Clone, Copy)]
pub enum RowValue<'a> {
    Tombstone,
    /// A datum of one of the types that the file's value has, and the id of the schema it was written with.
    Datum {
        schema_id: u32,
        /// Which of the types, null not counted.
        branch: u32,
        datum: &'a [u8],
    },
}

/// One Kafka record without its headers.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    pub offset: i64,
    /// Milliseconds since 1970, where Kafka has one.
    pub timestamp: Option<i64>,
    pub key: Option<&'a [u8]>,
    pub value: RowValue<'a>,
}

/// The open block of a file and what all its rows share.
#[derive(Debug)]
pub struct FileBuilder {
    codec: Codec,
    sync: [u8; 16],
    /// Topic and partition, encoded.
    prefix: Vec<u8>,
    block: Vec<u8>,
    rows: i64,
}

impl FileBuilder {
    /// Starts a file of one partition: puts its head into `out`. The schema is a whole file's.
    pub fn new(topic: &str, partition: i32, schema: &str, codec: Codec, sync: [u8; 16], out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(MAGIC);
        let entries = [("avro.schema", schema.as_bytes()), ("avro.codec", codec.name().as_bytes())];
        put_file_metadata(out, &entries);
        out.extend_from_slice(&sync);
        let mut prefix = Vec::with_capacity(topic.len() + 8);
        put_bytes(&mut prefix, topic.as_bytes());
        put_long(&mut prefix, i64::from(partition));
        Self { codec, sync, prefix, block: Vec::new(), rows: 0 }
    }

    /// Adds a row to the open block. The datum must have been checked against the file's value schema.
    #[inline]
    pub fn append<'h>(&mut self, row: &Row<'_>, headers: impl ExactSizeIterator<Item = (&'h [u8], Option<&'h [u8]>)>) {
        let block = &mut self.block;
        let mut head = Few::new();
        head.long(row.offset);
        match row.timestamp {
            Some(timestamp) => {
                head.byte(2);
                head.long(timestamp);
            }
            None => head.byte(0),
        }
        let key = row.key.unwrap_or_default();
        head.byte(if row.key.is_some() { 2 } else { 0 });
        if row.key.is_some() {
            head.long(key.len() as i64);
        }
        let mut tail = Few::new();
        // The end of the headers.
        tail.byte(0);
        let datum: &[u8] = match row.value {
            RowValue::Tombstone => {
                tail.byte(0);
                tail.byte(0);
                &[]
            }
            RowValue::Datum { schema_id, branch, datum } => {
                tail.byte(2);
                tail.long(i64::from(schema_id as i32));
                tail.long(i64::from(branch) + 1);
                datum
            }
        };
        let row = self.prefix.len() + key.len() + datum.len() + 6 * Few::LONG;
        if block.capacity() - block.len() < row {
            // By little: thousands of blocks that double at the same time would double the memory of all.
            block.reserve_exact(row.max(GROWTH));
        }
        block.extend_from_slice(&self.prefix);
        block.extend_from_slice(head.as_slice());
        block.extend_from_slice(key);
        if headers.len() > 0 {
            put_long(block, headers.len() as i64);
            for (key, value) in headers {
                put_text(block, key);
                put_optional(block, value);
            }
        }
        block.extend_from_slice(tail.as_slice());
        block.extend_from_slice(datum);
        self.rows += 1;
    }

    /// Bytes in the open block, before compression.
    #[inline]
    pub fn block_len(&self) -> usize {
        self.block.len()
    }

    /// Memory that the open block holds.
    pub fn capacity(&self) -> usize {
        self.block.capacity() + self.prefix.capacity()
    }

    /// Compresses the open block into `out`, if it has rows.
    ///
    /// # Errors
    /// When the codec fails, which would be a bug.
    pub fn close_block(&mut self, out: &mut Vec<u8>, scratch: &mut Scratch) -> Result<(), CompressError> {
        if self.rows == 0 {
            return Ok(());
        }
        let failed = |codec| move |error: &dyn fmt::Display| CompressError { codec, reason: error.to_string() };
        let (packed, checksum): (&[u8], _) = match self.codec {
            Codec::Null => (&self.block, None),
            Codec::Deflate => {
                let packed = &mut scratch.packed;
                packed.clear();
                let mut encoder = DeflateEncoder::new(&mut *packed, Compression::default());
                let written = encoder.write_all(&self.block).and_then(|()| encoder.finish().map(|_| ()));
                written.map_err(|error| failed("deflate")(&error))?;
                (packed, None)
            }
            Codec::Snappy => {
                let (packed, room) = (&mut scratch.packed, snap::raw::max_compress_len(self.block.len()));
                if packed.len() < room {
                    packed.resize(room, 0);
                }
                let written = scratch.snappy.compress(&self.block, packed);
                let len = written.map_err(|error| failed("snappy")(&error))?;
                (&packed[..len], Some(crc32fast::hash(&self.block).to_be_bytes()))
            }
        };
        let checksum = checksum.as_ref().map_or(&[][..], |checksum| checksum);
        // Not twice what there is, as a vector would by itself.
        out.reserve_exact(packed.len() + checksum.len() + BESIDE_PACKED);
        put_long(out, self.rows);
        put_long(out, (packed.len() + checksum.len()) as i64);
        out.extend_from_slice(packed);
        out.extend_from_slice(checksum);
        out.extend_from_slice(&self.sync);
        self.block.clear();
        self.rows = 0;
        Ok(())
    }
}

/// The Avro map in the head of an object container file.
fn put_file_metadata(out: &mut Vec<u8>, entries: &[(&str, &[u8])]) {
    put_long(out, entries.len() as i64);
    for (key, value) in entries {
        put_bytes(out, key.as_bytes());
        put_bytes(out, value);
    }
    put_long(out, 0);
}

#[inline]
fn put_optional(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => {
            out.push(2);
            put_bytes(out, bytes);
        }
        None => out.push(0),
    }
}

/// Kafka does not hold header keys to UTF-8, Avro's strings do.
fn put_text(out: &mut Vec<u8>, bytes: &[u8]) {
    put_bytes(out, String::from_utf8_lossy(bytes).as_bytes());
}

#[cfg(test)]
#[path = "container_tests.rs"]
mod tests;
