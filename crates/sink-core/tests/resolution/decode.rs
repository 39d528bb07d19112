//! Data as text, by the plainest of decoders: what is encoded in several ways, as blocks and the order of a map's entries are,
//! reads the same.

use serde_json::Value;
use std::{collections::BTreeMap, fmt::Write as _};

use crate::generate::Names;

/// The text of a datum.
pub(crate) fn render(schema: &Value, bytes: &[u8]) -> String {
    let mut names = Names::new();
    crate::generate::names(schema, &mut names);
    let mut decoder = Decoder { names: &names, bytes, at: 0 };
    let text = decoder.value(schema);
    assert_eq!(decoder.at, bytes.len(), "{schema}");
    text
}

struct Decoder<'a> {
    names: &'a Names,
    bytes: &'a [u8],
    at: usize,
}

impl Decoder<'_> {
    fn long(&mut self) -> i64 {
        let (mut n, mut shift) = (0u64, 0);
        loop {
            let byte = self.bytes[self.at];
            self.at += 1;
            n |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return (n >> 1) as i64 ^ -((n & 1) as i64);
            }
        }
    }

    fn take(&mut self, len: usize) -> String {
        let taken = hex::encode(&self.bytes[self.at..self.at + len]);
        self.at += len;
        taken
    }

    fn sized(&mut self) -> String {
        let len = self.long() as usize;
        self.take(len)
    }

    fn blocks(&mut self, mut item: impl FnMut(&mut Self)) {
        loop {
            let count = self.long();
            if count < 0 {
                self.long();
            }
            if count == 0 {
                return;
            }
            (0..count.abs()).for_each(|_| item(self));
        }
    }

    fn value(&mut self, schema: &Value) -> String {
        if let Value::Array(branches) = schema {
            let branch = self.long() as usize;
            return format!("{branch}:{}", self.value(&branches[branch]));
        }
        let kind = schema.as_str().or_else(|| schema["type"].as_str()).unwrap();
        match kind {
            "null" => "null".to_owned(),
            "boolean" => self.take(1),
            "int" | "long" | "enum" => self.long().to_string(),
            "float" => self.take(4),
            "double" => self.take(8),
            "bytes" | "string" => self.sized(),
            "fixed" => self.take(schema["size"].as_u64().unwrap() as usize),
            "array" => {
                let mut text = "[".to_owned();
                self.blocks(|decoder| write!(text, "{},", decoder.value(&schema["items"])).unwrap());
                text + "]"
            }
            "map" => {
                let mut entries = BTreeMap::new();
                self.blocks(|decoder| {
                    let key = decoder.sized();
                    entries.insert(key, decoder.value(&schema["values"]));
                });
                format!("{entries:?}")
            }
            "record" => {
                let fields = schema["fields"].as_array().unwrap();
                format!("{{{}}}", fields.iter().map(|field| self.value(&field["type"]) + ",").collect::<String>())
            }
            name => {
                let definition = self.names[name].clone();
                self.value(&definition)
            }
        }
    }
}
