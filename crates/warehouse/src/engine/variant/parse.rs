//! JSON text to its canonical form. `serde_json` is not used because it keeps numbers as 64-bit integers or floats, while
//! a VARIANT holds up to 38 decimal digits exactly.

use std::fmt::Write as _;

/// Nesting that is refused, so that no input can exhaust the stack. A value of 200 levels has room in a row around it.
const MAX_DEPTH: usize = 256;

/// Where and why a text is not JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}, pos {position}")]
pub(crate) struct JsonError {
    message: &'static str,
    position: usize,
}

/// The canonical form of a JSON text. As on Snowflake, a repeated key is an error.
pub(crate) fn canonicalize(text: &str) -> Result<String, JsonError> {
    let mut parser = Parser { bytes: text.as_bytes(), text, at: 0 };
    let mut out = String::with_capacity(text.len());
    parser.blanks();
    parser.value(&mut out, 0)?;
    parser.blanks();
    if parser.at < parser.bytes.len() {
        return Err(parser.error("more than one document in the input"));
    }
    Ok(out)
}

/// Appends `value` as a JSON string.
pub(crate) fn write_string(value: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in value.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0c => "\\f",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&value[plain..at]);
        if escape.is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{byte:04x}");
        } else {
            out.push_str(escape);
        }
        plain = at + 1;
    }
    out.push_str(&value[plain..]);
    out.push('"');
}

/// Appends a finite float: plain digits where they are short, else with an exponent.
pub(crate) fn write_float(value: f64, out: &mut String) {
    let size = value.abs();
    let _ = if value == 0.0 {
        write!(out, "0")
    } else if (1e-5..1e15).contains(&size) {
        write!(out, "{value}")
    } else {
        write!(out, "{value:e}")
    };
}

struct Parser<'a> {
    bytes: &'a [u8],
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn error(&self, message: &'static str) -> JsonError {
        JsonError { message, position: self.at }
    }

    fn blanks(&mut self) {
        while self.bytes.get(self.at).is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, out: &mut String, depth: usize) -> Result<(), JsonError> {
        if depth > MAX_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        match self.bytes.get(self.at) {
            None => Err(self.error("incomplete input")),
            Some(b'{') => self.object(out, depth),
            Some(b'[') => self.array(out, depth),
            Some(b'"') => {
                let value = self.string()?;
                write_string(&value, out);
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => self.number(out),
            Some(_) => {
                for word in ["true", "false", "null"] {
                    if self.text[self.at..].starts_with(word) {
                        self.at += word.len();
                        out.push_str(word);
                        return Ok(());
                    }
                }
                Err(self.error("unknown keyword"))
            }
        }
    }

    fn object(&mut self, out: &mut String, depth: usize) -> Result<(), JsonError> {
        self.at += 1;
        let mut entries: Vec<(String, String)> = Vec::new();
        self.blanks();
        if !self.take(b'}') {
            loop {
                self.blanks();
                if self.bytes.get(self.at) != Some(&b'"') {
                    return Err(self.error("missing object key"));
                }
                let key = self.string()?;
                self.blanks();
                if !self.take(b':') {
                    return Err(self.error("missing colon"));
                }
                self.blanks();
                let mut value = String::new();
                self.value(&mut value, depth + 1)?;
                entries.push((key, value));
                self.blanks();
                if self.take(b'}') {
                    break;
                }
                if !self.take(b',') {
                    return Err(self.error("missing comma"));
                }
            }
        }
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        if entries.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(self.error("duplicate object attribute"));
        }
        out.push('{');
        for (number, (key, value)) in entries.iter().enumerate() {
            if number > 0 {
                out.push(',');
            }
            write_string(key, out);
            out.push(':');
            out.push_str(value);
        }
        out.push('}');
        Ok(())
    }

    fn array(&mut self, out: &mut String, depth: usize) -> Result<(), JsonError> {
        self.at += 1;
        out.push('[');
        self.blanks();
        if !self.take(b']') {
            loop {
                self.blanks();
                self.value(out, depth + 1)?;
                self.blanks();
                if self.take(b']') {
                    break;
                }
                if !self.take(b',') {
                    return Err(self.error("missing comma"));
                }
                out.push(',');
            }
        }
        out.push(']');
        Ok(())
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut value = String::new();
        loop {
            let start = self.at;
            while self.bytes.get(self.at).is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)) {
                self.at += 1;
            }
            value.push_str(&self.text[start..self.at]);
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(value);
                }
                Some(b'\\') => {
                    let escape = self.bytes.get(self.at + 1).copied();
                    self.at += 2;
                    value.push(match escape {
                        Some(b'n') => '\n',
                        Some(b't') => '\t',
                        Some(b'r') => '\r',
                        Some(b'b') => '\u{8}',
                        Some(b'f') => '\u{c}',
                        Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
                        Some(b'u') => self.unicode()?,
                        _ => return Err(self.error("bad escape")),
                    });
                }
                _ => return Err(self.error("unfinished string")),
            }
        }
    }

    /// After `\u`: one code unit, or a surrogate pair.
    fn unicode(&mut self) -> Result<char, JsonError> {
        let first = self.hex()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first).ok_or_else(|| self.error("lone surrogate"));
        }
        if !(self.take(b'\\') && self.take(b'u')) {
            return Err(self.error("lone surrogate"));
        }
        let second = self.hex()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(self.error("lone surrogate"));
        }
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
            .ok_or_else(|| self.error("lone surrogate"))
    }

    fn hex(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.get(self.at..self.at + 4).ok_or_else(|| self.error("bad escape"))?;
        let value = u32::from_str_radix(digits, 16).map_err(|_| self.error("bad escape"))?;
        self.at += 4;
        Ok(value)
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self, out: &mut String) -> Result<(), JsonError> {
        let start = self.at;
        let negative = self.take(b'-');
        let whole_at = self.at;
        if self.digits() == 0 {
            return Err(self.error("bad number"));
        }
        let whole = self.text[whole_at..self.at].trim_start_matches('0');
        let mut fraction = "";
        if self.take(b'.') {
            let fraction_at = self.at;
            if self.digits() == 0 {
                return Err(self.error("bad number"));
            }
            fraction = self.text[fraction_at..self.at].trim_end_matches('0');
        }
        let exponent = matches!(self.bytes.get(self.at), Some(b'e' | b'E'));
        if exponent {
            self.at += 1;
            if !self.take(b'-') {
                self.take(b'+');
            }
            if self.digits() == 0 {
                return Err(self.error("bad number"));
            }
        }
        if exponent || whole.len() + fraction.len() > 38 {
            let value: f64 = self.text[start..self.at].parse().map_err(|_| self.error("bad number"))?;
            if !value.is_finite() {
                return Err(self.error("number out of range"));
            }
            write_float(value, out);
            return Ok(());
        }
        if negative && !(whole.is_empty() && fraction.is_empty()) {
            out.push('-');
        }
        out.push_str(if whole.is_empty() { "0" } else { whole });
        if !fraction.is_empty() {
            out.push('.');
            out.push_str(fraction);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_documents_have_one_canonical_text() {
        for (text, canonical) in [
            (r#" { "b" : 1.50 , "a" : [ 1 , null , true ] } "#, r#"{"a":[1,null,true],"b":1.5}"#),
            (r#""a\u00e9\/\n""#, "\"aé/\\n\""),
            (r#""\ud83d\ude00""#, "\"😀\""),
            ("-0", "0"),
            ("-0.0", "0"),
            ("1e3", "1000"),
            ("1e30", "1e30"),
            ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
            ("{}", "{}"),
            ("[]", "[]"),
        ] {
            assert_eq!(canonicalize(text).unwrap(), canonical, "{text}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        let deep = "[".repeat(10_000);
        for text in
            ["", "{", "{\"a\":1,\"a\":2}", "nul", "1 2", "\"\\ud800\"", "01x", "[1,]", "\"\u{1}\"", deep.as_str()]
        {
            assert!(canonicalize(text).is_err(), "{text}");
        }
    }

    #[test]
    fn canonical_text_stays_as_it_is() {
        for text in [r#"{"a":"x\"\\\n\u0001","b":{"c":[1.5,-2,1e30]}}"#, "null", "\"\""] {
            assert_eq!(canonicalize(text).unwrap(), text);
        }
    }
}
