//! The resolution of schemas, held against Avro for Java and fastavro, which share no code with it: a corpus with the bytes that
//! Java made, and pairs of schemas made at random.
//!
//! What is refused here and read by Java, on purpose: a record under another name without an alias, whose fields happen to fit
//! (Java looks at no record's name outside of unions, and inside takes any record whose fields fit), a default of another type or length, and
//! bytes that are not UTF-8 as a string.
//!
//! `RESOLUTION_PAIRS` says how many random pairs are tried, `RESOLUTION_SEED` the first seed, and `RESOLUTION_JUDGE` names a
//! command that runs the judges (`.ci/judge-resolution`); without one, what comes out is only checked to be whole data.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod decode;
mod evolve;
#[path = "../fuzz/generate.rs"]
mod generate;
mod judge;

use generate::{Names, Schemas, datum, names};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use serde_json::{Value, json};
use sink_core::{
    resolve::{Resolution, Scratch},
    schema::Schema,
    skip::SkipProgram,
};

/// What became of a datum; `None` where it cannot be resolved.
type Resolved = Option<Vec<u8>>;

fn resolve(writer: &Value, reader: &Value, data: &[Vec<u8>]) -> Vec<Resolved> {
    let parse = |json: &Value| Schema::parse(&json.to_string()).unwrap_or_else(|error| panic!("{error}: {json}"));
    let (writer, reader) = (parse(writer), parse(reader));
    let Ok(program) = Resolution::compile(&writer, &reader) else { return vec![None; data.len()] };
    let (check, mut scratch) = (SkipProgram::compile(&reader), Scratch::default());
    let resolved = data.iter().map(|datum| {
        let mut out = b"kept".to_vec();
        let done = program.run(datum, &mut scratch, &mut out);
        assert!(out.starts_with(b"kept") && (done.is_ok() || out.len() == 4));
        assert!(done.is_ok() || !program.is_total(), "a total program failed: {done:?}");
        done.ok().map(|()| {
            assert_eq!(check.check(&out[4..]), Ok(()), "not a whole datum of the reader");
            out.split_off(4)
        })
    });
    resolved.collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    rule: String,
    writer: Value,
    reader: Value,
    data: Vec<String>,
    expected: Vec<Option<String>>,
}

#[test]
fn the_corpus_is_resolved_to_the_bytes_that_java_made() {
    let (mut pairs, mut rules) = (0, std::collections::BTreeSet::new());
    for line in include_str!("../corpus/resolution.jsonl").lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        let data: Vec<Vec<u8>> = case.data.iter().map(|datum| hex::decode(datum).unwrap()).collect();
        let found = resolve(&case.writer, &case.reader, &data);
        let found: Vec<Option<String>> = found.into_iter().map(|datum| datum.map(hex::encode)).collect();
        assert_eq!(found, case.expected, "{}: {} to {}", case.rule, case.writer, case.reader);
        pairs += 1;
        rules.insert(case.rule.split(':').next().unwrap().to_owned());
    }
    println!("{pairs} pairs, {} rules", rules.len());
    assert!(pairs >= 300 && rules.len() >= 20, "{pairs} pairs, {} rules", rules.len());
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// A pair of schemas with data of the first.
struct Pair {
    seed: u64,
    writer: Value,
    reader: Value,
    data: Vec<Vec<u8>>,
}

impl Pair {
    /// Whether the reader calls a record otherwise without saying so.
    fn is_renamed(&self) -> bool {
        let (mut writer, mut reader) = (Names::new(), Names::new());
        names(&self.writer, &mut writer);
        names(&self.reader, &mut reader);
        reader.iter().any(|(name, schema)| {
            name.ends_with("Renamed") && schema["type"] == "record" && schema.get("aliases").is_none()
        }) && writer.keys().all(|name| !name.ends_with("Renamed"))
    }
}

fn pair(seed: u64) -> Pair {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut schemas = Schemas::new(&mut random);
    let writer = if seed.is_multiple_of(3) { schemas.schema(3) } else { schemas.record(4) };
    let reader = evolve::evolve(&mut random, &writer);
    let mut known = Names::new();
    names(&writer, &mut known);
    let data = (0..random.random_range(1..5)).map(|_| {
        let mut bytes = Vec::new();
        datum(&mut random, &writer, &known, 5, &mut bytes);
        bytes
    });
    let data = data.collect();
    Pair { seed, writer, reader, data }
}

#[test]
fn a_record_is_never_taken_for_one_of_another_name() {
    let record = |name: &str, more: &str| -> Value {
        serde_json::from_str(&format!(
            r#"{{"type":"record","name":"{name}","fields":[{{"name":"ts","type":"long"}}{more}]}}"#
        ))
        .unwrap()
    };
    let (order, heartbeat) = (record("Order", r#",{"name":"amount","type":"int"}"#), record("Heartbeat", ""));
    let datum = vec![2, 4];
    assert_eq!(resolve(&order, &heartbeat, std::slice::from_ref(&datum)), [None], "Java reads a heartbeat");
    assert_eq!(resolve(&order, &json!(["null", heartbeat]), &[datum]), [None], "Java reads a heartbeat");
    assert_eq!(resolve(&json!("bytes"), &json!("string"), &[vec![2, 0xff]]), [None], "Java reads what is not UTF-8");
}

#[test]
fn random_pairs_are_resolved_as_the_judges_resolve_them() {
    let (first, count) = (number("RESOLUTION_SEED", 1), number("RESOLUTION_PAIRS", 2_000));
    println!("{count} pairs from seed {first}");
    let pairs: Vec<Pair> = (first..first + count).map(pair).collect();
    let ours: Vec<Vec<Resolved>> = pairs.iter().map(|pair| resolve(&pair.writer, &pair.reader, &pair.data)).collect();
    let resolved = ours.iter().flatten().filter(|datum| datum.is_some()).count();
    let all: usize = ours.iter().map(Vec::len).sum();
    println!("{resolved} of {all} data resolved");
    assert!(resolved * 2 > all, "only {resolved} of {all} data were resolved: the test shows little");
    let Ok(command) = std::env::var("RESOLUTION_JUDGE") else { return };
    let asked: Vec<Value> = pairs
        .iter()
        .map(|pair| {
            let data: Vec<String> = pair.data.iter().map(hex::encode).collect();
            json!({"writer": pair.writer, "reader": pair.reader, "data": data})
        })
        .collect();
    let judged = judge::judge(&command, &asked);
    let mut counted = judge::Counted::default();
    for ((pair, ours), judged) in pairs.iter().zip(&ours).zip(&judged) {
        for (index, ours) in ours.iter().enumerate() {
            counted.compare(pair, index, ours.as_deref(), judged);
        }
    }
    counted.report();
}
