//! Avro's variable-length zig-zag integers, read and written without going through a decoded value.
//!
//! Source: Avro specification 1.12, "Binary encoding".

/// Bytes that are no datum of the schema they claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at byte {at}: {what}")]
pub struct Invalid {
    /// Where in the datum reading stopped.
    pub at: usize,
    pub what: &'static str,
}

/// Writes an `int` or `long`.
#[inline]
pub fn put_long(out: &mut Vec<u8>, n: i64) {
    let mut few = Few::new();
    few.long(n);
    out.extend_from_slice(few.as_slice());
}

/// A few numbers on the stack, on their way into a buffer: its room is then looked at once for all of them.
#[derive(Debug)]
pub(crate) struct Few {
    bytes: [u8; 64],
    len: usize,
}

impl Few {
    /// How many bytes a `long` takes at most; six of them fit.
    pub(crate) const LONG: usize = 10;

    #[inline]
    pub(crate) fn new() -> Self {
        Self { bytes: [0; 64], len: 0 }
    }

    #[inline]
    pub(crate) fn byte(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    #[inline]
    pub(crate) fn long(&mut self, n: i64) {
        let mut rest = ((n << 1) ^ (n >> 63)) as u64;
        while rest >= 0x80 {
            self.byte(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.byte(rest as u8);
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Writes `bytes` or a `string`: its length and the bytes.
#[inline]
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_long(out, bytes.len() as i64);
    out.extend_from_slice(bytes);
}

/// Reads a `long` at `at` and moves `at` behind it.
///
/// # Errors
/// When the bytes end too early or do not fit 64 bits.
#[inline]
pub fn get_long(bytes: &[u8], at: &mut usize) -> Result<i64, Invalid> {
    // Lengths and union branches are nearly always one byte.
    if let Some(&byte) = bytes.get(*at)
        && byte < 0x80
    {
        *at += 1;
        return Ok(i64::from(byte >> 1) ^ -i64::from(byte & 1));
    }
    get_long_slow(bytes, at)
}

fn get_long_slow(bytes: &[u8], at: &mut usize) -> Result<i64, Invalid> {
    let start = *at;
    let (mut n, mut shift) = (0u64, 0);
    for (index, &byte) in bytes[start.min(bytes.len())..].iter().enumerate() {
        if shift == 63 && byte > 1 {
            return Err(Invalid { at: start, what: "integer of more than 64 bits" });
        }
        n |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            *at = start + index + 1;
            return Ok((n >> 1) as i64 ^ -((n & 1) as i64));
        }
        shift += 7;
    }
    Err(Invalid { at: start, what: "integer cut short" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_specifications_examples_hold() {
        for (n, hex) in [(0, "00"), (-1, "01"), (1, "02"), (-64, "7f"), (64, "8001")] {
            let mut out = Vec::new();
            put_long(&mut out, n);
            assert_eq!(hex::encode(out), hex);
        }
    }

    #[test]
    fn what_is_no_64_bit_integer_is_refused() {
        for bytes in [&b""[..], &[0x80], &[0xff; 10], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]] {
            assert!(get_long(bytes, &mut 0).is_err(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn every_integer_comes_back(n: i64) {
            let (mut out, mut at) = (Vec::new(), 0);
            put_long(&mut out, n);
            prop_assert_eq!(get_long(&out, &mut at), Ok(n));
            prop_assert_eq!(at, out.len());
        }
    }
}
