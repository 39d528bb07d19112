//! Files written by another implementation, and by hand where that refuses to write them.

use super::*;
use apache_avro::{Codec, Schema, Writer, types::Value};

const SCHEMA: &str = r#"{"type": "record", "name": "R", "fields": [
    {"name": "n", "type": ["null", "long"]},
    {"name": "t", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "b", "type": "bytes"},
    {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}},
    {"name": "l", "type": {"type": "array", "items": "double"}}
]}"#;

fn file(codec: Codec) -> Vec<u8> {
    let schema = Schema::parse_str(SCHEMA).unwrap();
    let mut writer = Writer::with_codec(&schema, Vec::new(), codec).unwrap();
    for n in [Value::Union(0, Box::new(Value::Null)), Value::Union(1, Box::new(Value::Long(i64::MAX)))] {
        let fields = [
            ("n", n),
            ("t", Value::TimestampMillis(-1)),
            ("b", Value::Bytes(vec![0, 0xAB])),
            ("e", Value::Enum(1, "B".into())),
            ("l", Value::Array(vec![Value::Double(0.5)])),
        ];
        writer.append_value(Value::Record(fields.map(|(name, value)| (name.to_owned(), value)).into())).unwrap();
    }
    writer.into_inner().unwrap()
}

#[test]
fn a_record_becomes_one_value_whatever_the_codec() {
    for codec in [Codec::Null, Codec::Snappy, Codec::Deflate(apache_avro::DeflateSettings::default())] {
        let texts: Vec<_> = records(&file(codec)[..]).unwrap().map(Result::unwrap).collect();
        let expected = |n: &str| format!(r#"{{"n":{n},"t":-1,"b":"00AB","e":"B","l":[0.5]}}"#);
        assert_eq!(texts, [expected("null"), expected("9223372036854775807")]);
    }
}

#[test]
fn a_file_cut_short_fails_and_ends_there() {
    let whole = file(Codec::Null);
    let mut cut = records(&whole[..whole.len() - 20]).unwrap();
    assert!(cut.any(|record| record.is_err()));
    assert!(cut.next().is_none());
    assert!(records(&b"{}"[..]).is_err());
}

/// A file without compression that holds one record.
pub(crate) fn by_hand(schema: &str, record: &[u8]) -> Vec<u8> {
    let sized = |bytes: &[u8]| [&varint(bytes.len()), bytes].concat();
    let sync = [7; 16];
    [&b"Obj\x01"[..], &[2], &sized(b"avro.schema"), &sized(schema.as_bytes()), &[0], &sync, &[2], &sized(record), &sync]
        .concat()
}

/// Zig-zag of a length.
fn varint(length: usize) -> Vec<u8> {
    let (mut rest, mut bytes) = (length << 1, Vec::new());
    while rest >= 0x80 {
        bytes.push((rest as u8 & 0x7F) | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

fn one(schema: &str, record: &[u8]) -> String {
    let file = by_hand(schema, record);
    let mut found = records(&file[..]).unwrap();
    let text = found.next().unwrap().unwrap();
    assert!(found.next().is_none());
    text
}

#[test]
fn a_logical_type_loads_as_the_type_below_it() {
    let schema = r#"{"type": "record", "name": "R-1", "namespace": "a-b", "fields": [
        {"name": "text", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "id", "type": {"type": "fixed", "name": "Id", "size": 2, "logicalType": "uuid"}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}},
        {"name": "big", "type": {"type": "bytes", "logicalType": "big-decimal"}},
        {"name": "span", "type": {"type": "fixed", "name": "Span", "size": 12, "logicalType": "duration"}},
        {"name": "with-dash", "type": {"type": "int", "logicalType": "date"}}
    ]}"#;
    let record =
        [&[6][..], b"abc", &[1, 2], &[4, 0x30, 0x39], &[6, 2, 9, 4], &[1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0], &[3]]
            .concat();
    let expected =
        r#"{"text":"abc","id":"0102","price":"3039","big":"020904","span":"010000000200000003000000","with-dash":-2}"#;
    assert_eq!(one(schema, &record), expected);
}

#[test]
fn a_union_of_records_loads_without_a_tag() {
    let schema = r#"{"type": "record", "name": "Row", "fields": [{"name": "value", "type": ["null",
        {"type": "record", "name": "a.Created", "fields": [{"name": "n", "type": "int"}]},
        {"type": "record", "name": "b.Deleted", "fields": [{"name": "at", "type": "long"}, {"name": "by", "type": "string"}]}
    ]}]}"#;
    assert_eq!(one(schema, &[2, 4]), r#"{"value":{"n":2}}"#);
    assert_eq!(one(schema, &[4, 2, 2, b'x']), r#"{"value":{"at":1,"by":"x"}}"#);
    assert_eq!(one(schema, &[0]), r#"{"value":null}"#);
}

/// Runs on a thread with the stack that queries have.
fn with_room(test: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(64 << 20).spawn(test).unwrap().join().unwrap();
}

#[test]
fn a_record_nests_two_hundred_levels() {
    with_room(|| {
        let mut schema = r#""int""#.to_owned();
        for level in 0..200 {
            schema =
                format!(r#"{{"type": "record", "name": "R{level}", "fields": [{{"name": "f", "type": {schema}}}]}}"#);
        }
        let expected = format!("{}-1{}", r#"{"f":"#.repeat(200), "}".repeat(200));
        assert_eq!(one(&schema, &[1]), expected);
    });
}

#[test]
fn a_type_may_contain_itself_but_not_without_end() {
    with_room(|| {
        let list = r#"{"type": "record", "name": "L", "fields": [{"name": "next", "type": ["null", "L"]}]}"#;
        assert_eq!(one(list, &[2, 2, 0]), r#"{"next":{"next":{"next":null}}}"#);
        let endless = by_hand(list, &[2; 2000]);
        let error = records(&endless[..]).unwrap().next().unwrap().unwrap_err();
        assert!(error.to_string().contains("nests"), "{error}");
    });
}

#[test]
fn arrays_and_maps_are_read_block_by_block() {
    let schema = r#"{"type": "map", "values": {"type": "array", "items": "null"}}"#;
    // A block with its size in bytes, then one without; the last of two entries with one key counts.
    let record = [3, 14, 2, b'b', 4, 0, 2, b'a', 0, 2, 2, b'b', 2, 0, 0];
    assert_eq!(one(schema, &record), r#"{"a":[],"b":[null]}"#);
}

#[test]
fn a_damaged_count_is_an_error() {
    let schema = r#"{"type": "array", "items": "null"}"#;
    let file = by_hand(schema, &[0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0]);
    assert!(records(&file[..]).unwrap().next().unwrap().is_err());
}

#[test]
fn a_head_that_is_cut_short_or_absurd_is_an_error() {
    for bytes in
        [&b"Obj\x01"[..], b"Obj\x01\x02\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"Obj\x01\x02\x04ab\x7e", b"{}"]
    {
        assert!(records(bytes).is_err(), "{bytes:?}");
    }
}
