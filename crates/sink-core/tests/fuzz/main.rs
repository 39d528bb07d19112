//! The skip program and the copying of data, held against apache-avro on random schemas and random, spoiled bytes.
//!
//! What passes, apache-avro reads to the last byte: that is what makes copying safe. The reverse does not hold: apache-avro
//! takes a string or a union that is cut short for null, drops the bits of an integer above the 64th, and does not look at
//! the byte sizes of blocks or at how deep data nests. Where it is laxer than the program, the reason must be one of [`STRICTER`].
//! It judges by schemas without logical types, which the program does not look at.
//!
//! `FUZZ_CASES` sets how many schemas are tried, `FUZZ_SEED` the first seed. A failure prints its seed and a line for
//! `tests/corpus/data.jsonl`, which is replayed first.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod generate;
mod spoil;

use apache_avro::{
    Reader, Schema, reader::datum::GenericDatumReader, types::Value as Datum, writer::datum::GenericDatumWriter,
};
use generate::{Names, Schemas, datum, names};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use sink_core::{
    container::{Codec, FileBuilder, Row, RowValue, Scratch},
    families::Home,
    intake::TopicSchemas,
    schema::Schema as OurSchema,
    skip::SkipProgram,
    value_schema::ValueSchema,
};
use spoil::spoil;

/// Why bytes are refused that apache-avro reads.
const STRICTER: [&str; 4] =
    ["integer cut short", "integer of more than 64 bits", "datum cut short", "block of another size than it says"];
/// Why bytes are refused with which apache-avro would run out of memory or stack.
const ENDLESS: [&str; 2] = ["nested too deeply", "too many items without bytes"];

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn cases(otherwise: u64) -> impl Iterator<Item = u64> {
    let (first, count) = (number("FUZZ_SEED", 1), number("FUZZ_CASES", otherwise));
    println!("{count} cases from seed {first}");
    first..first + count
}

/// Reads the bytes to their end as one datum.
fn decode(schema: &Schema, mut bytes: &[u8]) -> Option<Datum> {
    let value = GenericDatumReader::builder(schema).build().unwrap().read_value(&mut bytes).ok()?;
    bytes.is_empty().then_some(value)
}

fn encode(schema: &Schema, value: &Datum) -> Vec<u8> {
    let mut bytes = Vec::new();
    GenericDatumWriter::builder(schema).build().unwrap().write_value_ref(&mut bytes, value).unwrap();
    bytes
}

fn line(schema: &serde_json::Value, bytes: &[u8], valid: bool) -> String {
    format!(r#"{{"schema":{schema},"hex":"{}","valid":{valid}}}"#, hex::encode(bytes))
}

/// A random schema with a datum.
fn random_case(random: &mut ChaCha8Rng) -> (serde_json::Value, Schema, Vec<u8>) {
    let json = Schemas::new(random).schema(4);
    with_datum(random, json)
}

fn without_logical_types(schema: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match schema {
        Value::Object(object) => {
            let kept = object.iter().filter(|(key, _)| *key != "logicalType");
            Value::Object(kept.map(|(key, value)| (key.clone(), without_logical_types(value))).collect())
        }
        Value::Array(items) => items.iter().map(without_logical_types).collect(),
        other => other.clone(),
    }
}

fn program(json: &serde_json::Value) -> SkipProgram {
    SkipProgram::compile(&OurSchema::parse(&json.to_string()).unwrap_or_else(|error| panic!("{json}: {error}")))
}

fn with_datum(random: &mut ChaCha8Rng, json: serde_json::Value) -> (serde_json::Value, Schema, Vec<u8>) {
    let parsed = Schema::parse(&without_logical_types(&json)).unwrap_or_else(|error| panic!("{json}: {error}"));
    let (mut known, mut bytes) = (Names::new(), Vec::new());
    names(&json, &mut known);
    datum(random, &json, &known, 6, &mut bytes);
    (json, parsed, bytes)
}

/// apache-avro recurses for each level of a datum, deeper than a test's usual stack allows.
fn with_room(test: fn()) {
    std::thread::Builder::new().stack_size(64 << 20).spawn(test).unwrap().join().unwrap();
}

#[test]
fn what_passes_is_what_apache_avro_reads_and_what_it_alone_reads_is_refused_for_a_reason() {
    with_room(judge_alike);
}

fn judge_alike() {
    let (mut passed, mut stricter) = (0u64, 0u64);
    for seed in cases(1_500) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (json, schema, bytes) = random_case(&mut random);
        let program = program(&json);
        let value = decode(&schema, &bytes).unwrap_or_else(|| panic!("seed {seed}: {}", line(&json, &bytes, true)));
        assert_eq!(program.check(&bytes), Ok(()), "seed {seed}: {}", line(&json, &bytes, true));
        let again = encode(&schema, &value);
        assert_eq!(program.check(&again), Ok(()), "seed {seed}, by apache-avro: {}", line(&json, &again, true));
        let followed = [&bytes[..], b"\0\x02\xff"].concat();
        assert_eq!(program.skip(&followed), Ok(bytes.len()), "seed {seed}, followed: {}", line(&json, &bytes, true));
        for _ in 0..24 {
            let mut spoiled = bytes.clone();
            (0..random.random_range(1..4)).for_each(|_| spoil(&mut random, &mut spoiled));
            match program.check(&spoiled) {
                Ok(()) => {
                    passed += 1;
                    assert!(decode(&schema, &spoiled).is_some(), "seed {seed}: {}", line(&json, &spoiled, false));
                }
                Err(invalid) if ENDLESS.contains(&invalid.what) => stricter += 1,
                // The same, where what it does not look at leads it to such items.
                Err(_) if has_empty_items(&json) => {}
                Err(invalid) if decode(&schema, &spoiled).is_some() => {
                    stricter += 1;
                    let context = line(&json, &spoiled, false);
                    assert!(STRICTER.contains(&invalid.what), "seed {seed}: refused, {invalid}: {context}");
                }
                Err(_) => {}
            }
        }
    }
    println!("{passed} spoiled data passed, {stricter} were refused that apache-avro reads");
    assert!(passed > 100, "only {passed} spoiled data passed: the test shows little");
}

/// Whether an array may have items without bytes: few bytes then claim any number of them.
fn has_empty_items(schema: &serde_json::Value) -> bool {
    schema.to_string().contains(r#""items":"#)
        && (schema.to_string().contains("\"null\"") || schema.to_string().contains(r#""fields":[]"#))
}

#[test]
fn arbitrary_bytes_never_pass_unread() {
    with_room(judge_arbitrary_bytes);
}

fn judge_arbitrary_bytes() {
    for seed in cases(1_500) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (json, schema, _) = random_case(&mut random);
        let program = program(&json);
        for _ in 0..16 {
            let bytes: Vec<u8> = (0..random.random_range(0..60)).map(|_| random.random()).collect();
            let passes = program.check(&bytes).is_ok();
            assert!(!passes || decode(&schema, &bytes).is_some(), "seed {seed}: {}", line(&json, &bytes, false));
            if let Ok(len) = program.skip(&bytes) {
                assert!(
                    len <= bytes.len() && program.check(&bytes[..len]).is_ok(),
                    "seed {seed}: {}",
                    line(&json, &bytes, false)
                );
            }
        }
    }
}

#[test]
fn files_of_every_codec_hold_what_was_copied_into_them() {
    for seed in cases(300) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (json, _, first) = random_case(&mut random);
        let schema = Schema::parse(&json).unwrap();
        let Ok(value_schema) = ValueSchema::parse(&json.to_string()) else { panic!("seed {seed}: {json}") };
        let mut topic = TopicSchemas::default();
        topic.found(1, Some(Home { subject: "s".into(), version: 1 }), value_schema);
        let shape = topic.shape().unwrap().unwrap();
        let mut known = Names::new();
        names(&json, &mut known);
        let mut data = vec![first];
        for _ in 0..random.random_range(0..40) {
            let mut bytes = Vec::new();
            datum(&mut random, &json, &known, 6, &mut bytes);
            data.push(bytes);
        }
        for codec in [Codec::Null, Codec::Deflate, Codec::Snappy] {
            let (mut out, mut scratch) = (Vec::new(), Scratch::default());
            let mut builder = FileBuilder::new("t", 0, shape.schema(), codec, random.random(), &mut out);
            for (offset, datum) in data.iter().enumerate() {
                let value = RowValue::Datum { schema_id: 1, branch: 0, datum };
                builder.append(&Row { offset: offset as i64, timestamp: None, key: None, value }, std::iter::empty());
                if random.random_range(0..5) == 0 {
                    builder.close_block(&mut out, &mut scratch).unwrap();
                }
            }
            builder.close_block(&mut out, &mut scratch).unwrap();
            let rows: Vec<Datum> = Reader::new(&out[..]).unwrap().map(Result::unwrap).collect();
            assert_eq!(rows.len(), data.len(), "seed {seed}, {codec:?}: {json}");
            for (row, bytes) in rows.iter().zip(&data) {
                assert_eq!(copied(row), decode(&schema, bytes), "seed {seed}, {codec:?}: {json}");
            }
        }
    }
}

/// The value column of a row; unions and null are in a record of one field there.
fn copied(row: &Datum) -> Option<Datum> {
    let Datum::Record(columns) = row else { return None };
    let Datum::Union(1, value) = &columns.last()?.1 else { return None };
    match value.as_ref() {
        Datum::Record(fields) if fields.len() == 1 && fields[0].0 == "value" => Some(fields[0].1.clone()),
        other => Some(other.clone()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    schema: serde_json::Value,
    hex: String,
    valid: bool,
}

/// Cases worth keeping: the edges of every rule, and what ever went wrong.
#[test]
fn the_stored_corpus_is_judged_as_it_was() {
    let mut count = 0;
    for (number, text) in include_str!("../corpus/data.jsonl").lines().enumerate() {
        let stored: Stored = serde_json::from_str(text).unwrap_or_else(|error| panic!("line {}: {error}", number + 1));
        let schema = Schema::parse(&without_logical_types(&stored.schema)).unwrap();
        let bytes = hex::decode(&stored.hex).unwrap();
        let program = program(&stored.schema);
        let checked = program.check(&bytes);
        assert_eq!(checked.is_ok(), stored.valid, "line {}: {checked:?}: {text}", number + 1);
        assert!(!stored.valid || decode(&schema, &bytes).is_some(), "line {}: {text}", number + 1);
        count += 1;
    }
    assert!(count > 30);
}
