//! Reading canonical JSON text without building a tree. The text is our own (see `parse`), so its form is trusted; text
//! that is not canonical yields wrong values but never a panic.

use std::borrow::Cow;

/// What TYPEOF tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Boolean,
    Integer,
    Decimal,
    Double,
    Varchar,
    Array,
    Object,
}

impl Kind {
    /// The name TYPEOF answers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Null => "NULL_VALUE",
            Self::Boolean => "BOOLEAN",
            Self::Integer => "INTEGER",
            Self::Decimal => "DECIMAL",
            Self::Double => "DOUBLE",
            Self::Varchar => "VARCHAR",
            Self::Array => "ARRAY",
            Self::Object => "OBJECT",
        }
    }
}

pub(crate) fn kind(json: &str) -> Kind {
    match json.as_bytes().first() {
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::Array,
        Some(b'"') => Kind::Varchar,
        Some(b't' | b'f') => Kind::Boolean,
        Some(b'-' | b'0'..=b'9') if json.contains('e') => Kind::Double,
        Some(b'-' | b'0'..=b'9') if json.contains('.') => Kind::Decimal,
        Some(b'-' | b'0'..=b'9') => Kind::Integer,
        _ => Kind::Null,
    }
}

/// The value of `key` in an object; `None` where the value is no object or has no such key.
pub(crate) fn get<'a>(json: &'a str, key: &str) -> Option<&'a str> {
    let bytes = json.as_bytes();
    if bytes.first() != Some(&b'{') {
        return None;
    }
    let mut at = 1;
    while bytes.get(at) == Some(&b'"') {
        let end = skip(bytes, at);
        let raw = json.get(at + 1..end.checked_sub(1)?)?;
        let value_end = skip(bytes, end + 1);
        // A key is compared as written; only one with an escape has to be decoded first.
        if raw == key || (raw.contains('\\') && string(&json[at..end]) == key) {
            return json.get(end + 1..value_end);
        }
        at = value_end + 1;
    }
    None
}

/// Element `number` of an array, from 0.
pub(crate) fn index(json: &str, number: usize) -> Option<&str> {
    elements(json).nth(number)
}

/// The elements of an array; nothing for any other value.
pub(crate) fn elements(json: &str) -> impl Iterator<Item = &str> {
    let bytes = json.as_bytes();
    let mut at = if bytes.first() == Some(&b'[') && bytes.get(1) != Some(&b']') { 1 } else { bytes.len() };
    std::iter::from_fn(move || {
        if at >= bytes.len() {
            return None;
        }
        let end = skip(bytes, at);
        let element = json.get(at..end);
        at = if bytes.get(end) == Some(&b',') { end + 1 } else { bytes.len() };
        element
    })
}

/// The keys (decoded) and values of an object; nothing for any other value.
pub(crate) fn entries(json: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    let bytes = json.as_bytes();
    let mut at = if bytes.first() == Some(&b'{') { 1 } else { bytes.len() };
    std::iter::from_fn(move || {
        if bytes.get(at) != Some(&b'"') {
            return None;
        }
        let end = skip(bytes, at);
        let value_end = skip(bytes, end + 1);
        let entry = (string(json.get(at..end)?), json.get(end + 1..value_end)?);
        at = value_end + 1;
        Some(entry)
    })
}

/// The content of a JSON string; other values as they are written.
pub(crate) fn string(json: &str) -> Cow<'_, str> {
    let Some(raw) = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Cow::Borrowed(json);
    };
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut value = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(next) = chars.next() {
        if next != '\\' {
            value.push(next);
            continue;
        }
        match chars.next() {
            Some('n') => value.push('\n'),
            Some('r') => value.push('\r'),
            Some('t') => value.push('\t'),
            Some('b') => value.push('\u{8}'),
            Some('f') => value.push('\u{c}'),
            // Canonical text writes only control characters this way.
            Some('u') => {
                let code = (0..4).filter_map(|_| chars.next()).collect::<String>();
                value.extend(u32::from_str_radix(&code, 16).ok().and_then(char::from_u32));
            }
            Some(plain) => value.push(plain),
            None => {}
        }
    }
    Cow::Owned(value)
}

/// The end of the value that starts at `at`.
fn skip(bytes: &[u8], mut at: usize) -> usize {
    match bytes.get(at) {
        Some(b'"') => {
            at += 1;
            while let Some(byte) = bytes.get(at) {
                match byte {
                    b'\\' => at += 2,
                    b'"' => return at + 1,
                    _ => at += 1,
                }
            }
            bytes.len()
        }
        Some(b'{' | b'[') => {
            let mut depth = 0_usize;
            while let Some(byte) = bytes.get(at) {
                match byte {
                    b'"' => {
                        at = skip(bytes, at);
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    return at;
                }
            }
            bytes.len()
        }
        _ => {
            while bytes.get(at).is_some_and(|byte| !matches!(byte, b',' | b'}' | b']')) {
                at += 1;
            }
            at
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"a":{"b":[1,{"c":"x,}\"y"},[]],"d":null},"e\"f":true,"g":-1.5}"#;

    #[test]
    fn a_path_reads_what_a_tree_would() {
        assert_eq!(get(DOCUMENT, "g"), Some("-1.5"));
        assert_eq!(get(DOCUMENT, "e\"f"), Some("true"));
        assert_eq!(get(DOCUMENT, "missing"), None);
        let a = get(DOCUMENT, "a").unwrap();
        assert_eq!(get(a, "d"), Some("null"));
        let b = get(a, "b").unwrap();
        assert_eq!(index(b, 0), Some("1"));
        assert_eq!(string(get(index(b, 1).unwrap(), "c").unwrap()), "x,}\"y");
        assert_eq!(index(b, 2), Some("[]"));
        assert_eq!(index(b, 3), None);
        assert_eq!(elements("[]").count(), 0);
        assert_eq!(entries(DOCUMENT).map(|(key, _)| key.into_owned()).collect::<Vec<_>>(), ["a", "e\"f", "g"]);
    }

    #[test]
    fn cut_text_never_panics() {
        for end in 0..DOCUMENT.len() {
            let cut = &DOCUMENT[..end];
            for key in ["a", "e\"f", "g", "zz"] {
                let _ = get(cut, key);
            }
            let _ = elements(cut).count() + entries(cut).count() + string(cut).len();
            let _ = kind(cut);
        }
    }
}
