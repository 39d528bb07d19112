//! Ways to spoil data.

use rand::{Rng, RngExt};
use sink_core::varint::put_long;

/// Changes, cuts or extends bytes.
pub(crate) fn spoil(random: &mut impl Rng, bytes: &mut Vec<u8>) {
    let at = random.random_range(0..=bytes.len());
    let inside = at.min(bytes.len().saturating_sub(1));
    match random.random_range(0..8) {
        0 if !bytes.is_empty() => bytes[inside] = random.random(),
        1 if !bytes.is_empty() => bytes[inside] ^= 1 << random.random_range(0..8),
        2 => bytes.truncate(at),
        3 => bytes.push(random.random()),
        4 => bytes.insert(at, random.random()),
        5 if !bytes.is_empty() => drop(bytes.remove(inside)),
        // A number at the edge of what fits.
        6 => {
            let mut edge = Vec::new();
            let edges = [i64::MIN, i64::MIN + 1, -1, i64::from(i32::MAX), i64::from(i32::MIN) - 1, i64::MAX];
            put_long(&mut edge, edges[random.random_range(0..edges.len())]);
            let end = (at + random.random_range(0..3)).min(bytes.len());
            bytes.splice(at..end, edge);
        }
        _ => {
            let end = (at + random.random_range(0..9)).min(bytes.len());
            let copy = bytes[at..end].to_vec();
            bytes.splice(at..at, copy);
        }
    }
}
