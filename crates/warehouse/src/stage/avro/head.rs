//! The head of an object container file, with a schema that says what the bytes are and nothing else.
//!
//! `apache-avro` turns the bytes of a logical type into a value of its own and fails where they are none: a `uuid` that is any other
//! text, a decimal of no digits. A VARIANT shows the type below, so the file is read as if logical types were not there.
//!
//! Source: Avro specification 1.12, "Object container files".

use serde_json::Value;
use std::io::{Cursor, Error, ErrorKind, Read, Result};

const MAGIC: [u8; 4] = *b"Obj\x01";
/// A schema or a codec's name; more is not a head.
const MOST: i64 = 64 << 20;

/// The file with a plain schema in its head. A file that does not begin like one is left to its reader, which says so.
pub(super) fn plain<R: Read>(mut file: R) -> Result<impl Read> {
    let mut magic = Vec::new();
    file.by_ref().take(4).read_to_end(&mut magic)?;
    let mut head = magic.clone();
    if magic == MAGIC {
        loop {
            let mut count = long(&mut file)?;
            if count < 0 {
                // The size of the block, which changes.
                long(&mut file)?;
                count = count.checked_neg().ok_or_else(|| broken("a count"))?;
            }
            put_long(&mut head, count);
            if count == 0 {
                break;
            }
            for _ in 0..count {
                let (key, mut value) = (sized(&mut file)?, sized(&mut file)?);
                if key == b"avro.schema"
                    && let Ok(schema) = serde_json::from_slice(&value)
                {
                    value = without_logical_types(schema).to_string().into_bytes();
                }
                for part in [key, value] {
                    put_long(&mut head, part.len() as i64);
                    head.extend(part);
                }
            }
        }
    }
    Ok(Cursor::new(head).chain(file))
}

fn without_logical_types(schema: Value) -> Value {
    match schema {
        Value::Object(object) => {
            let kept = object.into_iter().filter(|(key, _)| key != "logicalType");
            // A default is data.
            let part = |(key, value)| if key == "default" { (key, value) } else { (key, without_logical_types(value)) };
            Value::Object(kept.map(part).collect())
        }
        Value::Array(items) => items.into_iter().map(without_logical_types).collect(),
        other => other,
    }
}

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("the head of the file is damaged: {what}"))
}

fn sized(file: &mut impl Read) -> Result<Vec<u8>> {
    let len = long(file)?;
    if !(0..=MOST).contains(&len) {
        return Err(broken("a length"));
    }
    let mut bytes = Vec::new();
    file.take(len as u64).read_to_end(&mut bytes)?;
    if bytes.len() as i64 == len { Ok(bytes) } else { Err(broken("it is cut short")) }
}

fn long(file: &mut impl Read) -> Result<i64> {
    let (mut n, mut shift) = (0u64, 0);
    loop {
        let mut byte = [0];
        file.read_exact(&mut byte)?;
        if shift > 63 {
            return Err(broken("a number"));
        }
        n |= u64::from(byte[0] & 0x7f) << shift;
        shift += 7;
        if byte[0] < 0x80 {
            return Ok((n >> 1) as i64 ^ -((n & 1) as i64));
        }
    }
}

fn put_long(out: &mut Vec<u8>, n: i64) {
    let mut rest = ((n << 1) ^ (n >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A schema without its logical types.
    pub(in crate::stage::avro) fn plain(schema: &str) -> String {
        without_logical_types(serde_json::from_str(schema).unwrap()).to_string()
    }

    /// A file with another schema in its head.
    pub(in crate::stage::avro) fn with_schema(file: &[u8], schema: &str) -> Vec<u8> {
        let mut rest = &file[4..];
        let mut out = MAGIC.to_vec();
        loop {
            let count = long(&mut rest).unwrap();
            put_long(&mut out, count);
            if count == 0 {
                return [out, rest.to_vec()].concat();
            }
            for _ in 0..count {
                let (key, value) = (sized(&mut rest).unwrap(), sized(&mut rest).unwrap());
                let value = if key == b"avro.schema" { schema.as_bytes().to_vec() } else { value };
                for part in [key, value] {
                    put_long(&mut out, part.len() as i64);
                    out.extend(part);
                }
            }
        }
    }

    #[test]
    fn a_head_that_is_cut_short_or_absurd_is_an_error_and_not_an_abort() {
        for bytes in [&b"Obj\x01"[..], b"Obj\x01\x02\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"Obj\x01\x02\x04ab\x7e"]
        {
            assert!(super::plain(bytes).is_err(), "{bytes:?}");
        }
        let mut text = String::new();
        super::plain(&b"{}"[..]).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "{}", "left to the reader");
    }
}
