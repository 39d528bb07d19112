//! An object container file as blocks of encoded records.
//! <https://avro.apache.org/docs/1.12.0/specification/#object-container-files>

use super::{AvroError, decode::Input, schema::Schema};
use flate2::read::DeflateDecoder;
use std::io::{self, Read};

const MAGIC: &[u8] = b"Obj\x01";
const SYNC_LEN: usize = 16;
/// No file's block is near this; a damaged length is not allocated.
const LONGEST_BLOCK: usize = 1 << 30;

#[derive(Debug, Clone, Copy)]
enum Codec {
    Null,
    Deflate,
    Snappy,
}

/// A file behind its header.
pub(super) struct Container<R> {
    file: R,
    codec: Codec,
    sync: Vec<u8>,
}

/// Records of one block, uncompressed.
pub(super) struct Block {
    pub(super) records: u64,
    pub(super) bytes: Vec<u8>,
}

impl<R: Read> Container<R> {
    /// Reads the header.
    pub(super) fn open(mut file: R) -> Result<(Self, Schema), AvroError> {
        if exactly(&mut file, MAGIC.len())? != MAGIC {
            return Err(AvroError::Format("the file does not begin like an Avro object container file".into()));
        }
        let (mut schema, mut codec) = (None, Codec::Null);
        loop {
            let mut entries = long(&mut file)?;
            if entries == 0 {
                break;
            }
            if entries < 0 {
                // The size of the entries in bytes follows; they are read one by one all the same.
                long(&mut file)?;
                entries = entries.saturating_neg();
            }
            for _ in 0..entries {
                let (key, value) = (sized(&mut file)?, sized(&mut file)?);
                match &key[..] {
                    b"avro.schema" => schema = Some(Schema::parse(&value)?),
                    b"avro.codec" => codec = Codec::named(&value)?,
                    _ => {}
                }
            }
        }
        let schema = schema.ok_or_else(|| AvroError::Format("the file's header has no avro.schema".into()))?;
        let sync = exactly(&mut file, SYNC_LEN)?;
        Ok((Self { file, codec, sync }, schema))
    }

    /// The next block; `None` at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Block>, AvroError> {
        let mut first = [0];
        if self.file.read(&mut first).map_err(|error| ended(&error))? == 0 {
            return Ok(None);
        }
        let records = long((&first[..]).chain(&mut self.file))?;
        let records =
            u64::try_from(records).map_err(|_| AvroError::Format(format!("a block has {records} records")))?;
        let stored = sized(&mut self.file)?;
        if exactly(&mut self.file, SYNC_LEN)? != self.sync {
            return Err(AvroError::Format("a block does not end with the file's sync marker".into()));
        }
        Ok(Some(Block { records, bytes: self.codec.decompress(stored)? }))
    }
}

impl Codec {
    fn named(name: &[u8]) -> Result<Self, AvroError> {
        match name {
            b"null" => Ok(Self::Null),
            b"deflate" => Ok(Self::Deflate),
            b"snappy" => Ok(Self::Snappy),
            other => Err(AvroError::Format(format!(
                "the file's codec is {}; the local warehouse reads null, deflate and snappy",
                other.escape_ascii()
            ))),
        }
    }

    fn decompress(self, stored: Vec<u8>) -> Result<Vec<u8>, AvroError> {
        let damaged = |what: String| AvroError::Format(format!("a block cannot be decompressed: {what}"));
        match self {
            Self::Null => Ok(stored),
            Self::Deflate => {
                let mut bytes = Vec::new();
                DeflateDecoder::new(&stored[..]).read_to_end(&mut bytes).map_err(|error| damaged(error.to_string()))?;
                Ok(bytes)
            }
            Self::Snappy => {
                // Four bytes of checksum follow the compressed bytes.
                let (stored, checksum) =
                    stored.split_last_chunk::<4>().ok_or_else(|| damaged("it is too short".into()))?;
                let bytes =
                    snap::raw::Decoder::new().decompress_vec(stored).map_err(|error| damaged(error.to_string()))?;
                if crc32fast::hash(&bytes) != u32::from_be_bytes(*checksum) {
                    return Err(damaged("its checksum does not fit its bytes".into()));
                }
                Ok(bytes)
            }
        }
    }
}

fn ended(error: &io::Error) -> AvroError {
    AvroError::Format(match error.kind() {
        io::ErrorKind::UnexpectedEof => "the file ends early".to_owned(),
        _ => error.to_string(),
    })
}

fn long(mut file: impl Read) -> Result<i64, AvroError> {
    let mut bytes = Vec::with_capacity(10);
    loop {
        let byte = exactly(&mut file, 1)?[0];
        bytes.push(byte);
        if byte < 0x80 || bytes.len() == 10 {
            return Input::new(&bytes).long();
        }
    }
}

fn sized(file: &mut impl Read) -> Result<Vec<u8>, AvroError> {
    let length = long(&mut *file)?;
    match usize::try_from(length) {
        Ok(length) if length <= LONGEST_BLOCK => exactly(file, length),
        _ => Err(AvroError::Format(format!("found a length of {length} bytes, at most {LONGEST_BLOCK} can be read"))),
    }
}

fn exactly(file: &mut impl Read, length: usize) -> Result<Vec<u8>, AvroError> {
    let mut bytes = Vec::new();
    file.take(length as u64).read_to_end(&mut bytes).map_err(|error| ended(&error))?;
    if bytes.len() == length { Ok(bytes) } else { Err(ended(&io::ErrorKind::UnexpectedEof.into())) }
}
