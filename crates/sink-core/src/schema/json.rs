//! JSON without serde_json's limit of 128 nested brackets, which a schema of 45 nested records passes. Only the brackets are
//! read here; whatever stands between them is serde_json's.

use serde_json::{Map, Value};

use super::{
    SchemaError,
    room::{MAX_NESTING, nesting},
};

/// Parses a schema's text. Registries also hold the bare name of a primitive type.
pub(crate) fn json(text: &str) -> Result<Value, SchemaError> {
    let deep = nesting(text);
    if deep > MAX_NESTING {
        return Err(SchemaError::TooDeep(deep));
    }
    let mut reader = Reader { text, at: 0 };
    let parsed = reader.value().and_then(|value| match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.unexpected("the end")),
    });
    parsed.or_else(|error| match text.trim() {
        name if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase()) => Ok(name.into()),
        _ => Err(SchemaError::Json(error)),
    })
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().position(|byte| !b" \t\r\n".contains(byte)).unwrap_or(rest.len());
        self.text.as_bytes().get(self.at).copied()
    }

    fn unexpected(&self, expected: &str) -> String {
        format!("expected {expected} at byte {}", self.at)
    }

    fn expect(&mut self, byte: u8) -> Result<(), String> {
        if self.peek() != Some(byte) {
            return Err(self.unexpected(&format!("`{}`", char::from(byte))));
        }
        self.at += 1;
        Ok(())
    }

    /// Whether another member follows; steps over the comma before it, or over the closing bracket.
    fn more(&mut self, first: bool, close: u8) -> Result<bool, String> {
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(false);
        }
        if !first {
            self.expect(b',')?;
        }
        Ok(true)
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.peek() {
            Some(b'[') => {
                self.at += 1;
                let mut items = Vec::new();
                while self.more(items.is_empty(), b']')? {
                    items.push(self.value()?);
                }
                Ok(items.into())
            }
            Some(b'{') => {
                self.at += 1;
                let mut members = Map::new();
                let mut first = true;
                while self.more(first, b'}')? {
                    first = false;
                    self.peek();
                    let Value::String(key) = self.plain()? else { return Err(self.unexpected("a member's name")) };
                    self.expect(b':')?;
                    let value = self.value()?;
                    members.insert(key, value);
                }
                Ok(Value::Object(members))
            }
            Some(_) => self.plain(),
            None => Err(self.unexpected("a value")),
        }
    }

    /// A value without brackets.
    fn plain(&mut self) -> Result<Value, String> {
        let token = self.token();
        let value = serde_json::from_str(token).map_err(|error| format!("{error}, at byte {}", self.at))?;
        self.at += token.len();
        Ok(value)
    }

    fn token(&self) -> &'a str {
        let rest = &self.text[self.at..];
        let end = if rest.starts_with('"') {
            let mut escaped = false;
            let close = rest.bytes().skip(1).position(|byte| {
                let closes = byte == b'"' && !escaped;
                escaped = byte == b'\\' && !escaped;
                closes
            });
            close.map_or(rest.len(), |close| close + 2)
        } else {
            rest.find([',', ']', '}', ':', ' ', '\t', '\r', '\n']).unwrap_or(rest.len())
        };
        &rest[..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_serde_json_reads_is_read_alike_and_what_it_refuses_is_refused() {
        for text in [
            r#" {"a": [1, -2.5e3, true, null, "x\"]}\\", {}], "ü\u00e9": {"b": []} } "#,
            r#""text""#,
            "[]",
            "[1,]",
            "[1 2]",
            r#"{"a" 1}"#,
            r#"{"a":}"#,
            r"{1: 2}",
            "{,}",
            "[1",
            r#""open"#,
            r#""open\"#,
            "nul",
            "1}",
            "",
            "[1] 2",
        ] {
            let expected = serde_json::from_str::<Value>(text).ok();
            let found = Reader { text, at: 0 };
            let mut found = found;
            let value = found.value().ok().filter(|_| found.peek().is_none());
            assert_eq!(value, expected, "{text}");
        }
    }

    #[test]
    fn brackets_nest_as_deep_as_a_schema_needs() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(super::super::with_room(900, || json(&nested(900)).is_ok()));
        assert_eq!(json(&nested(1001)).unwrap_err(), SchemaError::TooDeep(1001));
        assert_eq!(json("string").unwrap(), "string");
    }
}
