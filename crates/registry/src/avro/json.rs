//! Reads the JSON of a schema to the depth that Java's parser reads. `serde_json` stops at 128 levels, and a record in a
//! record is three of them, so it refuses schemas of 43 nested records. Here the nesting is read, and `serde_json` reads
//! what does not nest.
//!
//! What walks such a tree (also its `Drop`) recurses, so a deep one must be made, used and dropped inside [`with_room`].

use super::InvalidSchema;
use serde_json::{Map, Value};

/// The nesting that Java's JSON parser allows (Jackson's `StreamReadConstraints`).
pub(super) const DEEPEST: usize = 1_000;
/// What any thread's stack has room for.
const SHALLOW: usize = 64;
/// For [`DEEPEST`] levels in an unoptimised build, several times over.
const STACK_BYTES: usize = 64 << 20;

/// Runs `work` on a stack that is large enough for JSON of [`DEEPEST`] levels.
pub(super) fn with_room<T: Send>(work: impl FnOnce() -> Result<T, InvalidSchema> + Send) -> Result<T, InvalidSchema> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        let thread = thread.map_err(|error| invalid(0, &format!("no thread could be started to read it: {error}")))?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Reads one JSON value and nothing after it.
pub(super) fn read(text: &str) -> Result<Value, InvalidSchema> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.skip_space();
    if reader.at == text.len() { Ok(value) } else { Err(invalid(reader.at, "found more text after the value")) }
}

/// Whether the text may nest deeper than any thread's stack allows. Brackets inside strings count too.
pub(super) fn is_deep(text: &str) -> bool {
    let mut open = 0_usize;
    text.bytes().any(|byte| {
        match byte {
            b'{' | b'[' => open += 1,
            b'}' | b']' => open = open.saturating_sub(1),
            _ => {}
        }
        open > SHALLOW
    })
}

struct Reader<'a> {
    text: &'a str,
    /// The byte to read next.
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Value, InvalidSchema> {
        if depth > DEEPEST {
            return Err(invalid(self.at, &format!("expected at most {DEEPEST} nested levels, found more")));
        }
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Value::String),
            Some(_) => self.scalar(),
            None => Err(invalid(self.at, "expected a value, found the end of the text")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, InvalidSchema> {
        self.at += 1;
        let mut members = Map::new();
        if self.takes(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(invalid(self.at, "expected a member's name in double quotes"));
            }
            let name = self.string()?;
            if !self.takes(b':') {
                return Err(invalid(self.at, "expected a colon after a member's name"));
            }
            members.insert(name, self.value(depth + 1)?);
            if self.takes(b'}') {
                return Ok(Value::Object(members));
            }
            if !self.takes(b',') {
                return Err(invalid(self.at, "expected a comma or a closing brace after a member"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, InvalidSchema> {
        self.at += 1;
        let mut items = Vec::new();
        if self.takes(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.takes(b']') {
                return Ok(Value::Array(items));
            }
            if !self.takes(b',') {
                return Err(invalid(self.at, "expected a comma or a closing bracket after an item"));
            }
        }
    }

    fn string(&mut self) -> Result<String, InvalidSchema> {
        let rest = &self.text.as_bytes()[self.at + 1..];
        let mut is_escaped = false;
        let end = rest.iter().position(|byte| {
            let ends = *byte == b'"' && !is_escaped;
            is_escaped = *byte == b'\\' && !is_escaped;
            ends
        });
        let length = end.ok_or_else(|| invalid(self.at, "found a string without its closing quote"))?;
        self.parse(length + 2)
    }

    fn scalar(&mut self) -> Result<Value, InvalidSchema> {
        let rest = &self.text[self.at..];
        let end = rest.find(|sign: char| sign.is_ascii_whitespace() || ",:[]{}\"".contains(sign));
        // At least one sign, so that the error is about something.
        self.parse(end.unwrap_or(rest.len()).max(1))
    }

    /// Hands the next `length` bytes to `serde_json`.
    fn parse<T: serde::de::DeserializeOwned>(&mut self, length: usize) -> Result<T, InvalidSchema> {
        let token = &self.text[self.at..self.at + length];
        let value = serde_json::from_str(token).map_err(|error| invalid(self.at, &format!("{token}: {error}")))?;
        self.at += length;
        Ok(value)
    }

    fn takes(&mut self, byte: u8) -> bool {
        self.skip_space();
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

fn invalid(at: usize, problem: &str) -> InvalidSchema {
    InvalidSchema::NotJson { at, problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{DEEPEST, read, with_room};

    #[test]
    fn what_serde_json_reads_is_read_alike() {
        for text in [
            r#" {"a" : [1, -2.5e3, true, null, "x\"\\\u00e9\ud83d\ude00]"], "b":{}, "c":[]} "#,
            "12",
            "\"\"",
            "[[],[[]]]",
            r#"{"a":1,"a":2}"#,
        ] {
            assert_eq!(read(text).unwrap(), serde_json::from_str::<serde_json::Value>(text).unwrap(), "{text}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "",
            " ",
            "{",
            "[",
            "[1,]",
            "{\"a\"}",
            "{\"a\":1,}",
            "{a:1}",
            "\"x",
            "\"\\\"",
            "nul",
            "[1 2]",
            "1 2",
            "}",
            ",",
            "é",
            "[,1]",
            "{\"a\":}",
            "01",
            "\"\\x\"",
        ] {
            assert!(serde_json::from_str::<serde_json::Value>(text).is_err(), "{text}");
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nesting_is_read_to_the_depth_of_java_and_refused_beyond() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let is_read = |text: &str| with_room(|| read(text).map(|_| ())).is_ok();
        assert!(is_read(&nested(DEEPEST)));
        assert!(!is_read(&nested(DEEPEST + 2)));
        assert!(!is_read(&"[".repeat(1_000_000)));
    }
}
