use super::*;
use apache_avro::{Schema as Judge, reader::datum::GenericDatumReader};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::varint::{put_bytes, put_long};

/// A random schema; names are counted so that each is defined once.
fn schema(random: &mut impl Rng, depth: u32, names: &mut u32) -> Value {
    let deep = if depth == 0 { 13 } else { 18 };
    let name = |names: &mut u32| {
        *names += 1;
        format!("N{names}")
    };
    match random.random_range(0..deep) {
        0 => json!("null"),
        1 => json!("boolean"),
        2 => json!("int"),
        3 => json!("long"),
        4 => json!("float"),
        5 => json!("double"),
        6 => json!("bytes"),
        7 => json!("string"),
        8 => json!({"type": "map", "values": "long"}),
        9 => json!({"type": "fixed", "name": name(names), "size": random.random_range(1..20)}),
        10 => json!({"type": "enum", "name": name(names), "symbols": ["A", "B", "C"]}),
        11 => json!({"type": "long", "logicalType": "timestamp-millis"}),
        12 => json!({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}),
        13 => json!({"type": "array", "items": schema(random, depth - 1, names)}),
        14 => json!({"type": "map", "values": schema(random, depth - 1, names)}),
        15 => json!(["null", {"type": "array", "items": schema(random, depth - 1, names)}, "string", "long"]),
        _ => {
            let fields: Vec<Value> = (0..random.random_range(0..5))
                .map(|index| json!({"name": format!("f{index}"), "type": schema(random, depth - 1, names)}))
                .collect();
            json!({"type": "record", "name": name(names), "fields": fields})
        }
    }
}

/// Writes a random datum of a schema.
fn datum(random: &mut impl Rng, schema: &Value, out: &mut Vec<u8>) {
    let kind = match schema {
        Value::Array(branches) => {
            let index = random.random_range(0..branches.len());
            put_long(out, index as i64);
            return datum(random, &branches[index], out);
        }
        Value::Object(object) => object["type"].as_str().unwrap(),
        other => other.as_str().unwrap(),
    };
    let mut blocks = |random: &mut ChaCha8Rng, item: &dyn Fn(&mut ChaCha8Rng, &mut Vec<u8>)| {
        for _ in 0..random.random_range(0..3) {
            let count = random.random_range(1..4);
            let mut items = Vec::new();
            (0..count).for_each(|_| item(random, &mut items));
            if random.random() {
                put_long(out, -count);
                put_long(out, items.len() as i64);
            } else {
                put_long(out, count);
            }
            out.extend_from_slice(&items);
        }
        out.push(0);
    };
    let mut own = ChaCha8Rng::seed_from_u64(random.random());
    let text = |random: &mut ChaCha8Rng| "aé€😀".chars().take(random.random_range(0..5)).collect::<String>();
    match kind {
        "null" => {}
        "boolean" => out.push(random.random_range(0..2)),
        "int" => put_long(out, i64::from(random.random::<i32>())),
        "long" => put_long(out, random.random()),
        "float" => out.extend_from_slice(&random.random::<u32>().to_le_bytes()),
        "double" => out.extend_from_slice(&random.random::<u64>().to_le_bytes()),
        "bytes" => put_bytes(out, &vec![7; random.random_range(0..9)]),
        "string" => put_bytes(out, text(&mut own).as_bytes()),
        "fixed" => out.extend(std::iter::repeat_n(1, schema["size"].as_u64().unwrap() as usize)),
        "enum" => put_long(out, random.random_range(0..3)),
        "array" => blocks(&mut own, &|random, out| datum(random, &schema["items"], out)),
        "map" => blocks(&mut own, &|random, out| {
            put_bytes(out, text(random).as_bytes());
            datum(random, &schema["values"], out);
        }),
        "record" => schema["fields"].as_array().unwrap().iter().for_each(|field| datum(random, &field["type"], out)),
        other => panic!("{other}"),
    }
}

/// Whether apache-avro reads the bytes to their end as one datum.
fn decodes(schema: &Judge, mut bytes: &[u8]) -> bool {
    let reader = GenericDatumReader::builder(schema).build().unwrap();
    reader.read_value(&mut bytes).is_ok() && bytes.is_empty()
}

#[test]
fn what_passes_is_what_a_decoder_reads_to_the_end() {
    let mut mutants = 0;
    for seed in 0..4_000 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let json = schema(&mut random, 3, &mut 0);
        let parsed = Judge::parse(&json).unwrap();
        let program = program(&json.to_string());
        let mut bytes = Vec::new();
        datum(&mut random, &json, &mut bytes);
        let context = |bytes: &[u8]| format!("seed {seed}: {json} {}", hex::encode(bytes));
        assert_eq!(program.check(&bytes), Ok(()), "{}", context(&bytes));
        assert!(decodes(&parsed, &bytes), "{}", context(&bytes));
        for _ in 0..8 {
            let mut mutant = bytes.clone();
            match random.random_range(0..4) {
                0 if !mutant.is_empty() => {
                    let at = random.random_range(0..mutant.len());
                    mutant[at] = random.random();
                }
                1 if !mutant.is_empty() => mutant.truncate(random.random_range(0..mutant.len())),
                2 => mutant.push(random.random()),
                _ => mutant.insert(random.random_range(0..=mutant.len()), random.random()),
            }
            if program.check(&mutant).is_ok() {
                mutants += 1;
                assert!(decodes(&parsed, &mutant), "passes, but does not decode: {}", context(&mutant));
            }
        }
    }
    assert!(mutants > 1_000, "only {mutants} mutants passed: the test shows little");
}

#[test]
fn random_bytes_neither_panic_nor_pass_undecoded() {
    for seed in 0..4_000 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let json = schema(&mut random, 3, &mut 0);
        let parsed = Judge::parse(&json).unwrap();
        let program = program(&json.to_string());
        let bytes: Vec<u8> = (0..random.random_range(0..40)).map(|_| random.random()).collect();
        if program.check(&bytes).is_ok() {
            assert!(decodes(&parsed, &bytes), "seed {seed}: {json} {}", hex::encode(&bytes));
        }
    }
}

fn program(text: &str) -> SkipProgram {
    SkipProgram::compile(&Schema::parse(text).unwrap())
}

#[test]
fn a_recursive_schema_is_walked_and_its_depth_is_bounded() {
    let list = program(
        r#"{"type":"record","name":"List","fields":[{"name":"next","type":["null","List"]},{"name":"n","type":"int"}]}"#,
    );
    let nested = |depth: usize| [vec![2; depth], vec![0], vec![4; depth + 1]].concat();
    assert_eq!(list.check(&nested(3)), Ok(()));
    assert_eq!(list.check(&nested(1_000_000)).unwrap_err().what, "nested too deeply");
}

#[test]
fn a_few_bytes_cannot_claim_endless_items() {
    let nulls = program(r#"{"type":"array","items":"null"}"#);
    let mut bytes = Vec::new();
    put_long(&mut bytes, i64::MAX);
    bytes.push(0);
    assert_eq!(nulls.check(&bytes).unwrap_err().what, "too many items without bytes");
    let mut few = Vec::new();
    put_long(&mut few, 3);
    few.push(0);
    assert_eq!(nulls.check(&few), Ok(()));
}

#[test]
fn a_block_of_another_size_than_it_says_is_refused() {
    let ints = program(r#"{"type":"array","items":"int"}"#);
    assert_eq!(ints.check(&[3, 4, 2, 2, 0]), Ok(()));
    assert_eq!(ints.check(&[3, 6, 2, 2, 0]).unwrap_err().what, "block of another size than it says");
    assert!(ints.check(&[1]).is_err(), "i64::MIN-like counts and cut blocks are refused");
}

#[test]
fn names_are_found_in_the_namespace_of_their_record() {
    let text = r#"{"type":"record","name":"a.b.Outer","fields":[
        {"name":"x","type":{"type":"enum","name":"Kind","symbols":["A"]}},
        {"name":"y","type":"Kind"},{"name":"z","type":"a.b.Kind"}]}"#;
    assert_eq!(program(text).check(&[0, 0, 0]), Ok(()));
    assert!(program(text).check(&[0, 0, 2]).is_err());
}

#[test]
fn a_logical_type_says_nothing_about_the_bytes() {
    for (text, bytes) in [
        (r#"{"type":"string","logicalType":"uuid"}"#, &b"\x08none"[..]),
        (r#"{"type":"bytes","logicalType":"big-decimal"}"#, b"\x02\xff"),
        (r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}"#, b"\0"),
    ] {
        assert_eq!(program(text).check(bytes), Ok(()), "{text}");
    }
}

#[test]
fn two_hundred_nested_records_are_walked() {
    let text = r#"{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}"#;
    let bytes = [vec![2; 199], vec![0]].concat();
    assert_eq!(program(text).check(&bytes), Ok(()));
}
