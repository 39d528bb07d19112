//! Random schemas of every Avro type, and random data of them.

use rand::{Rng, RngExt};
use serde_json::{Map, Value, json};
use sink_core::varint::{put_bytes, put_long};
use std::collections::HashMap;

/// Named types by their full name.
pub(crate) type Names = HashMap<String, Value>;

/// Makes one schema; names are counted, so that each is defined once.
pub(crate) struct Schemas<'r, R> {
    random: &'r mut R,
    namespace: &'static str,
    /// Records that are being defined: only what can be left out may refer to them.
    open: Vec<String>,
    defined: Vec<String>,
    count: u32,
}

impl<'r, R: Rng> Schemas<'r, R> {
    pub(crate) fn new(random: &'r mut R) -> Self {
        let namespace = if random.random() { "some.space." } else { "" };
        Self { random, namespace, open: Vec::new(), defined: Vec::new(), count: 0 }
    }

    fn name(&mut self) -> String {
        self.count += 1;
        format!("{}N{}", self.namespace, self.count)
    }

    pub(crate) fn schema(&mut self, depth: u32) -> Value {
        let kinds = if depth == 0 { 30 } else { 44 };
        match self.random.random_range(0..kinds) {
            0 => json!("null"),
            1 => json!("boolean"),
            2 | 3 => json!("int"),
            4 | 5 => json!("long"),
            6 => json!("float"),
            7 => json!("double"),
            8 => json!("bytes"),
            9..12 => json!("string"),
            12 => self.logical("int", &["date", "time-millis"]),
            13..16 => self.logical(
                "long",
                &["time-micros", "timestamp-millis", "timestamp-micros", "timestamp-nanos", "local-timestamp-millis"],
            ),
            16 => json!({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}),
            17 => json!({"type": "bytes", "logicalType": "big-decimal"}),
            18 => json!({"type": "string", "logicalType": "uuid"}),
            19 => json!({"type": "bytes", "logicalType": "uuid"}),
            20..24 => self.fixed(),
            24 | 25 => self.enumeration(),
            26..30 => match self.random.random_range(0..=self.defined.len()) {
                0 => json!("string"),
                at => json!(self.defined[at - 1]),
            },
            30..33 => json!({"type": "array", "items": self.item(depth)}),
            33..35 => json!({"type": "map", "values": self.item(depth)}),
            35..39 => self.union(depth),
            _ => self.record(depth),
        }
    }

    fn logical(&mut self, kind: &str, types: &[&str]) -> Value {
        json!({"type": kind, "logicalType": types[self.random.random_range(0..types.len())]})
    }

    fn fixed(&mut self) -> Value {
        let name = self.name();
        self.defined.push(name.clone());
        match self.random.random_range(0..4) {
            0 => json!({"type": "fixed", "name": name, "size": 16, "logicalType": "uuid"}),
            1 => json!({"type": "fixed", "name": name, "size": 12, "logicalType": "duration"}),
            2 => {
                json!({"type": "fixed", "name": name, "size": 8, "logicalType": "decimal", "precision": 10, "scale": 3})
            }
            _ => json!({"type": "fixed", "name": name, "size": self.random.random_range(1..40)}),
        }
    }

    fn enumeration(&mut self) -> Value {
        let name = self.name();
        self.defined.push(name.clone());
        let symbols: Vec<String> = (0..self.random.random_range(1..80)).map(|n| format!("S{n}")).collect();
        json!({"type": "enum", "name": name, "symbols": symbols})
    }

    /// What may be left out, and may therefore be a record that is still open.
    fn item(&mut self, depth: u32) -> Value {
        if !self.open.is_empty() && self.random.random_range(0..3) == 0 {
            return json!(self.open[self.random.random_range(0..self.open.len())]);
        }
        self.schema(depth - 1)
    }

    fn union(&mut self, depth: u32) -> Value {
        let mut branches = vec![json!("null")];
        let others = ["boolean", "int", "long", "float", "double", "bytes", "string"];
        branches.extend(others.iter().filter(|_| self.random.random_range(0..3) == 0).map(|kind| json!(kind)));
        if let Some(open) = self.open.last().filter(|_| self.random.random_range(0..3) == 0) {
            branches.push(json!(open));
        }
        match self.random.random_range(0..4) {
            0 => branches.push(self.record(depth)),
            1 => branches.push(json!({"type": "array", "items": self.item(depth)})),
            2 => branches.push(json!({"type": "map", "values": self.item(depth)})),
            _ => branches.push(self.enumeration()),
        }
        let by = self.random.random_range(0..branches.len());
        branches.rotate_left(by);
        Value::Array(branches)
    }

    pub(crate) fn record(&mut self, depth: u32) -> Value {
        let name = self.name();
        self.open.push(name.clone());
        let fields: Vec<Value> = (0..self.random.random_range(0..6))
            .map(|index| json!({"name": format!("f{index}"), "type": self.schema(depth.saturating_sub(1))}))
            .collect();
        self.open.pop();
        self.defined.push(name.clone());
        json!({"type": "record", "name": name, "fields": fields})
    }
}

/// The named types that a schema defines.
pub(crate) fn names(schema: &Value, into: &mut Names) {
    match schema {
        Value::Array(branches) => branches.iter().for_each(|branch| names(branch, into)),
        Value::Object(object) => {
            if let Some(name) = object.get("name").and_then(Value::as_str) {
                into.insert(name.to_owned(), schema.clone());
            }
            for key in ["items", "values"] {
                object.get(key).into_iter().for_each(|part| names(part, into));
            }
            for field in object.get("fields").and_then(Value::as_array).into_iter().flatten() {
                names(&field["type"], into);
            }
        }
        _ => {}
    }
}

/// Writes a random datum. Arrays and maps come in several blocks, some with their size in bytes, as writers may.
pub(crate) fn datum(random: &mut impl Rng, schema: &Value, names: &Names, depth: u32, out: &mut Vec<u8>) {
    if let Value::Array(branches) = schema {
        let null = branches.iter().position(|branch| branch == "null");
        let index = null.filter(|_| depth == 0).unwrap_or_else(|| random.random_range(0..branches.len()));
        put_long(out, index as i64);
        return datum(random, &branches[index], names, depth.saturating_sub(1), out);
    }
    let none = Map::new();
    let (kind, object) = match schema {
        Value::Object(object) => (object["type"].as_str().unwrap(), object),
        other => (other.as_str().unwrap(), &none),
    };
    let logical = object.get("logicalType").and_then(Value::as_str);
    match (kind, logical) {
        ("null", _) => {}
        ("boolean", _) => out.push(random.random_range(0..2)),
        ("int", Some("time-millis")) => put_long(out, random.random_range(0..86_400_000)),
        ("int", _) => put_long(out, i64::from(random.random::<i32>()) >> random.random_range(0..32)),
        ("long", _) => put_long(out, random.random::<i64>() >> random.random_range(0..64)),
        ("float", _) => out.extend_from_slice(&(random.random::<i32>() as f32).to_le_bytes()),
        ("double", _) => out.extend_from_slice(&(random.random::<i64>() as f64).to_le_bytes()),
        ("bytes", Some("uuid")) => put_bytes(out, &random.random::<u128>().to_be_bytes()),
        ("bytes", Some("big-decimal")) => {
            let mut inner = Vec::new();
            put_bytes(&mut inner, &random.random::<i64>().to_be_bytes());
            put_long(&mut inner, random.random_range(0..20));
            put_bytes(out, &inner);
        }
        ("bytes", _) => {
            let bytes: Vec<u8> = (0..random.random_range(1..9)).map(|_| random.random()).collect();
            put_bytes(out, &bytes);
        }
        ("string", Some("uuid")) => {
            put_bytes(out, uuid::Uuid::from_u128(random.random()).to_string().as_bytes());
        }
        ("string", _) => put_bytes(out, text(random).as_bytes()),
        ("fixed", _) => out.extend((0..object["size"].as_u64().unwrap()).map(|_| random.random::<u8>())),
        ("enum", _) => put_long(out, random.random_range(0..object["symbols"].as_array().unwrap().len()) as i64),
        ("array", _) => blocks(random, depth, out, |random, out| {
            datum(random, &object["items"], names, depth - 1, out);
        }),
        ("map", _) => blocks(random, depth, out, |random, out| {
            put_bytes(out, text(random).as_bytes());
            datum(random, &object["values"], names, depth - 1, out);
        }),
        ("record", _) => {
            for field in object["fields"].as_array().unwrap() {
                datum(random, &field["type"], names, depth.saturating_sub(1), out);
            }
        }
        (name, _) => datum(random, &names[name], names, depth, out),
    }
}

fn text(random: &mut impl Rng) -> String {
    "aé€😀z".chars().take(random.random_range(0..6)).collect()
}

fn blocks<R: Rng>(random: &mut R, depth: u32, out: &mut Vec<u8>, mut item: impl FnMut(&mut R, &mut Vec<u8>)) {
    for _ in 0..if depth == 0 { 0 } else { random.random_range(0..3) } {
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
}
