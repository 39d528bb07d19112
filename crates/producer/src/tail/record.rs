//! What a record looks like: as JSON for programs, as a line for people.

use serde::Serialize;
use std::fmt;

/// One record of a topic. Its JSON loses nothing:
///
/// ```json
/// {"partition": 0, "offset": 7, "timestamp": 1767225600000, "key": "a",
///  "headers": [{"name": "h", "value": "text"}, {"name": "h", "value": null}, {"name": "trace", "value": {"hex": "00FF"}}],
///  "kind": "avro", "schema_id": 1, "value": {"price": "12.50", "payload": {"hex": "00FF"}}}
/// ```
///
/// `timestamp` is in milliseconds since 1970. A key, a header's value and a value that cannot be decoded are text where they
/// are UTF-8, and `{"hex": …}` where they are not; null where the record has none. Headers stand in their order, names may
/// repeat; without any, there is no `headers`. `kind` is `avro`, `tombstone` (no value) or `undecodable` (with the `reason`).
/// How Avro values look is in the table of `crates/producer/src/tail/decode.rs` and in `pipeline topic --help`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TailRecord {
    pub partition: i32,
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp: Option<i64>,
    pub key: Option<TailBytes>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<TailHeader>,
    #[serde(flatten)]
    pub value: TailValue,
}

/// Bytes as text, if they are UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum TailBytes {
    Text(String),
    Binary {
        /// Two upper-case digits a byte.
        hex: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TailHeader {
    pub name: String,
    pub value: Option<TailBytes>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum TailValue {
    Avro { schema_id: u32, value: serde_json::Value },
    Undecodable { reason: String, value: TailBytes },
    Tombstone,
}

impl TailBytes {
    pub fn new(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Binary { hex: super::hexadecimal(bytes) },
        }
    }

    /// The text, unless the bytes are something else.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary { .. } => None,
        }
    }
}

impl fmt::Display for TailBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{}", text.escape_debug()),
            Self::Binary { hex } => write!(f, "0x{hex}"),
        }
    }
}

impl fmt::Display for TailRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} key=", self.partition, self.offset)?;
        match &self.key {
            Some(key) => write!(f, "{key}")?,
            None => f.write_str("-")?,
        }
        for TailHeader { name, value } in &self.headers {
            match value {
                Some(value) => write!(f, " {name}={value}")?,
                None => write!(f, " {name}")?,
            }
        }
        match &self.value {
            TailValue::Avro { schema_id, value } => write!(f, " schema={schema_id} {value}"),
            TailValue::Undecodable { reason, value } => write!(f, " undecodable ({reason}): {value}"),
            TailValue::Tombstone => f.write_str(" tombstone"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_shown_without_loss() {
        let record = TailRecord {
            partition: 0,
            offset: 7,
            timestamp: None,
            key: Some(TailBytes::new(&[0, 0xFF])),
            headers: vec![
                TailHeader { name: "h".into(), value: Some(TailBytes::new(b"a\nb")) },
                TailHeader { name: "h".into(), value: None },
            ],
            value: TailValue::Undecodable { reason: "why".into(), value: TailBytes::new(b"{}") },
        };
        let expected = concat!(
            r#"{"partition":0,"offset":7,"timestamp":null,"key":{"hex":"00FF"},"headers":[{"name":"h","value":"a\nb"},"#,
            r#"{"name":"h","value":null}],"kind":"undecodable","reason":"why","value":"{}"}"#
        );
        assert_eq!(serde_json::to_string(&record).unwrap(), expected);
        assert_eq!(record.to_string(), r"0/7 key=0x00FF h=a\nb h undecodable (why): {}");
    }
}
