//! JSON with brackets nested deeper than `serde_json` allows (128): a schema of 45 nested records already does.

use serde_json::{Map, Value};

/// Reads a JSON text in which brackets nest at most `limit` levels. Errors say what was expected where.
pub(super) fn parse(text: &str, limit: usize) -> Result<Value, String> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(limit)?;
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.expected("the end of the schema")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.text[self.at..].trim_start_matches([' ', '\t', '\r', '\n']);
        self.at = self.text.len() - rest.len();
        rest.bytes().next()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expected(&self, what: &str) -> String {
        format!("the schema is not JSON: expected {what} at byte {}", self.at)
    }

    fn value(&mut self, limit: usize) -> Result<Value, String> {
        let is_object = self.peek() == Some(b'{');
        if !is_object && self.peek() != Some(b'[') {
            return self.plain();
        }
        let Some(limit) = limit.checked_sub(1) else {
            return Err(format!("the schema nests its brackets too deeply at byte {}", self.at));
        };
        self.at += 1;
        let (mut items, mut members) = (Vec::new(), Map::new());
        let close = if is_object { b'}' } else { b']' };
        let mut is_first = true;
        while !self.take(close) {
            if !is_first && !self.take(b',') {
                return Err(self.expected("a comma or a closing bracket"));
            }
            is_first = false;
            if is_object {
                self.peek();
                let Value::String(key) = self.plain()? else { return Err(self.expected("a member's name")) };
                if !self.take(b':') {
                    return Err(self.expected("a colon"));
                }
                members.insert(key, self.value(limit)?);
            } else {
                items.push(self.value(limit)?);
            }
        }
        Ok(if is_object { Value::Object(members) } else { Value::Array(items) })
    }

    /// A value without brackets.
    fn plain(&mut self) -> Result<Value, String> {
        // The stream ends with its first value, whatever follows.
        let mut values = serde_json::Deserializer::from_str(&self.text[self.at..]).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => {
                self.at += values.byte_offset();
                Ok(value)
            }
            _ => Err(self.expected("a value")),
        }
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
            "[,1]",
            r#"{"a" 1}"#,
            r#"{"a":}"#,
            r"{1: 2}",
            "{,}",
            "[1",
            r#""open"#,
            "nul",
            "1}",
            "",
            "[1] 2",
        ] {
            assert_eq!(parse(text, 9).ok(), serde_json::from_str::<Value>(text).ok(), "{text}");
        }
    }

    #[test]
    fn brackets_nest_up_to_the_limit() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(200), 200).is_ok());
        assert!(parse(&nested(201), 200).unwrap_err().contains("too deeply"));
    }
}
