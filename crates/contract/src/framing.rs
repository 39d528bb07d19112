//! Confluent's wire format: a zero byte, the schema id as four big-endian bytes, then one Avro datum.
//!
//! Source: Confluent Schema Registry documentation, "Wire format".

/// The first byte of a framed value.
pub const MAGIC: u8 = 0;
/// Bytes in front of the datum.
pub const HEADER_LEN: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    #[error("value of {0} bytes is shorter than the {HEADER_LEN}-byte schema header")]
    TooShort(usize),
    #[error("value begins with byte {0:#04x}, not with the magic byte 0x00")]
    WrongMagic(u8),
}

/// Puts the header for `schema_id` in front of `datum`.
pub fn frame(schema_id: u32, datum: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(HEADER_LEN + datum.len());
    framed.push(MAGIC);
    framed.extend_from_slice(&schema_id.to_be_bytes());
    framed.extend_from_slice(datum);
    framed
}

/// Splits a framed value into its schema id and the datum's bytes.
///
/// # Errors
/// When the header is cut short or the magic byte is another one.
#[inline]
pub fn unframe(value: &[u8]) -> Result<(u32, &[u8]), FramingError> {
    match value {
        [MAGIC, a, b, c, d, datum @ ..] => Ok((u32::from_be_bytes([*a, *b, *c, *d]), datum)),
        [magic, ..] if *magic != MAGIC => Err(FramingError::WrongMagic(*magic)),
        short => Err(FramingError::TooShort(short.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_framed_is_unframed_alike() {
        for id in [0, 1, 258, u32::MAX] {
            let framed = frame(id, b"datum");
            assert_eq!(framed.len(), HEADER_LEN + 5);
            assert_eq!(unframe(&framed), Ok((id, &b"datum"[..])));
        }
        assert_eq!(unframe(&frame(7, b"")), Ok((7, &b""[..])));
    }

    #[test]
    fn an_unframed_value_is_refused_by_name() {
        assert_eq!(unframe(b""), Err(FramingError::TooShort(0)));
        assert_eq!(unframe(&[0, 0, 0, 1]), Err(FramingError::TooShort(4)));
        assert_eq!(unframe(b"{\"json\":1}"), Err(FramingError::WrongMagic(b'{')));
    }
}
