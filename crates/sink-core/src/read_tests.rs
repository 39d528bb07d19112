use super::*;
use crate::container::{FileBuilder, Row, RowValue, Scratch};
use rand::{RngExt, SeedableRng};

const CODECS: [Codec; 3] = [Codec::Null, Codec::Deflate, Codec::Snappy];
/// Offset, timestamp, key, headers, schema id and value, with its branch.
type Written = (i64, Option<i64>, Option<Vec<u8>>, Vec<(String, Option<Vec<u8>>)>, Option<u32>, Option<(u32, Vec<u8>)>);
/// Rows by block, each with its topic and partition.
type Blocks = Vec<Vec<(String, i32, Written)>>;

/// Two blocks: a value with everything, a tombstone with nothing, and values of two types.
fn rows() -> Blocks {
    let headers = vec![("a".to_owned(), Some(b"1".to_vec())), ("b".to_owned(), None)];
    let text = |text: &str| Some((0, [&[text.len() as u8 * 2], text.as_bytes()].concat()));
    let row = |row: Written| ("t".to_owned(), 3, row);
    vec![
        vec![
            row((10, Some(-5), Some(b"k".to_vec()), headers, Some(7), text("one"))),
            row((12, None, None, vec![], None, None)),
            row((13, None, None, vec![], Some(8), Some((1, vec![0xfe, 1])))),
        ],
        vec![row((i64::MAX, Some(0), Some(vec![]), vec![], Some(u32::MAX >> 1), text("")))],
    ]
}

fn file(codec: Codec) -> Vec<u8> {
    let schema = contract::file::record_schema(&["string".into(), "long".into()]).to_string();
    let (mut out, mut scratch) = (Vec::new(), Scratch::default());
    let mut builder = FileBuilder::new("t", 3, &schema, codec, *b"0123456789abcdef", &mut out);
    for block in rows() {
        for (_, _, (offset, timestamp, key, headers, id, value)) in &block {
            let value = match (id, value) {
                (Some(schema_id), Some(value)) => {
                    RowValue::Datum { schema_id: *schema_id, branch: value.0, datum: &value.1 }
                }
                _ => RowValue::Tombstone,
            };
            let row = Row { offset: *offset, timestamp: *timestamp, key: key.as_deref(), value };
            builder.append(&row, headers.iter().map(|(key, value)| (key.as_bytes(), value.as_deref())));
        }
        builder.close_block(&mut out, &mut scratch).unwrap();
    }
    out
}

fn written(row: &StoredRow<'_>) -> (String, i32, Written) {
    let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
    let headers = row.headers().map(|(key, value)| (key.to_owned(), owned(value))).collect();
    let written = (
        row.offset,
        row.timestamp,
        owned(row.key),
        headers,
        row.schema_id,
        row.value.map(|(branch, datum)| (branch, datum.to_vec())),
    );
    (row.topic.to_owned(), row.partition, written)
}

fn read(bytes: &[u8]) -> Result<Blocks, Damage> {
    let (head, mut at) = Head::parse(bytes)?;
    let (mut plain, mut blocks) = (Vec::new(), Vec::new());
    while at < bytes.len() {
        let (rows, used) = head.block(&bytes[at..], &mut plain)?;
        at += used;
        blocks.push(head.rows(&plain, rows).map(|row| row.map(|row| written(&row))).collect::<Result<_, _>>()?);
    }
    Ok(blocks)
}

#[test]
fn what_was_written_is_read_back_from_every_codec() {
    for codec in CODECS {
        assert_eq!(read(&file(codec)).unwrap(), rows(), "{codec:?}");
    }
}

#[test]
fn a_file_cut_short_anywhere_asks_for_more_bytes() {
    for codec in CODECS {
        let whole = file(codec);
        let (_, head) = Head::parse(&whole).unwrap();
        let first = head + Head::parse(&whole).unwrap().0.block(&whole[head..], &mut Vec::new()).unwrap().1;
        for len in (0..whole.len()).filter(|len| ![head, first].contains(len)) {
            assert!(matches!(read(&whole[..len]), Err(Damage::Short)), "{codec:?} cut at {len}");
        }
    }
}

#[test]
fn no_damage_panics_and_a_compressed_block_shows_every_changed_byte() {
    let seed = 7;
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    for codec in CODECS {
        let whole = file(codec);
        let (_, head) = Head::parse(&whole).unwrap();
        for _ in 0..5_000 {
            let mut damaged = whole.clone();
            let at = random.random_range(0..whole.len());
            damaged[at] ^= random.random_range(1..=255u8);
            let read = read(&damaged);
            assert!(codec != Codec::Snappy || at < head || read.is_err(), "seed {seed}: byte {at} of snappy");
        }
    }
}
