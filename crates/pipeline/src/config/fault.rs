//! Why a value cannot be what its key needs: the key, who set it, what was found and what is expected. Secrets are not
//! shown.

use super::tree::{Content, Node, Source};
use contract::settings;
use serde::de::{self, Expected, Unexpected};
use std::fmt;

/// A value that its key cannot take. Boxed, because results carry it through every value that is read.
#[derive(Debug)]
pub(crate) struct Fault(Box<Inner>);

#[derive(Debug)]
struct Inner {
    /// The key, once it is known.
    key: Option<String>,
    source: Option<Source>,
    /// What is there, unless that is plain from `reason`; never shown for a secret.
    found: Option<String>,
    reason: String,
    /// A key below the place where the fault was noticed.
    below: Option<String>,
    missing: bool,
}

impl Fault {
    pub(super) fn new(found: Option<String>, reason: String) -> Self {
        Self(Box::new(Inner { key: None, source: None, found, reason, below: None, missing: false }))
    }

    /// Whether a key without a default is not set.
    pub(crate) fn is_missing(&self) -> bool {
        self.0.missing
    }

    /// Adds the place to a fault that does not have one.
    pub(super) fn at(mut self, key: &str, node: &Node) -> Self {
        let fault = &mut self.0;
        if fault.key.is_some() {
            return self;
        }
        fault.key = Some(match &fault.below {
            Some(below) => format!("{key}.{below}"),
            None => key.to_owned(),
        });
        fault.source = (!fault.missing).then(|| node.source.clone());
        // Types that are read from text, such as addresses, say only what is wrong with it.
        let is_scalar = !matches!(node.content, Content::List(_) | Content::Table(_));
        if fault.found.is_none() && fault.below.is_none() && is_scalar {
            fault.found = Some(node.content.to_string());
        }
        self
    }

    /// Changes the key that is shown.
    pub(super) fn rename(mut self, rename: impl FnOnce(&str) -> String) -> Self {
        self.0.key = self.0.key.as_deref().map(rename);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { key, source, found, reason, .. } = &*self.0;
        let key = key.as_deref().unwrap_or_default();
        write!(f, "configuration: `{key}`")?;
        if let Some(source) = source {
            write!(f, " ({source})")?;
        }
        match found {
            Some(_) if settings::is_secret(key) => write!(f, ": found a value that is not shown, {reason}"),
            Some(found) => write!(f, ": found {found}, {reason}"),
            None => write!(f, ": {reason}"),
        }
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Content {
    /// As an error shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "`{text}`"),
            Self::Whole(number) => write!(f, "{number}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Truth(truth) => write!(f, "{truth}"),
            Self::List(_) => f.write_str("a list"),
            Self::Table(table) if table.is_empty() => f.write_str("an empty table"),
            Self::Table(table) => {
                let keys: Vec<&str> = table.keys().map(String::as_str).collect();
                write!(f, "a table with {}", keys.join(", "))
            }
        }
    }
}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(None, message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Some(shown(found)), format!("expected {}", words(&expected.to_string())))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Some(format!("`{variant}`")), format!("expected one of {}", expected.join(", ")))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let below = Some(field.to_owned());
        let fault = Self::new(None, format!("is not a key; there are {}", expected.join(", ")));
        Self(Box::new(Inner { below, ..*fault.0 }))
    }

    fn missing_field(field: &'static str) -> Self {
        let below = Some(field.to_owned());
        let fault = Self::new(None, "is missing, and it has no default; set it".to_owned());
        Self(Box::new(Inner { below, missing: true, ..*fault.0 }))
    }
}

fn shown(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Str(text) => format!("`{text}`"),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Unsigned(number) => number.to_string(),
        Unexpected::Float(number) => number.to_string(),
        Unexpected::Bool(truth) => truth.to_string(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a table".to_owned(),
        other => other.to_string(),
    }
}

/// Rust's names of types in the user's words.
pub(super) fn words(expected: &str) -> String {
    match expected {
        "u8" => "a whole number from 0 to 255".to_owned(),
        "u16" => "a whole number from 0 to 65535".to_owned(),
        "u32" => "a whole number from 0 to 4294967295".to_owned(),
        "u64" | "usize" => "a whole number of 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "bool" | "a boolean" => "true or false".to_owned(),
        "a string" => "text".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a duration" => "a duration, such as 500ms, 30s, 2m or 7days".to_owned(),
        other if other.starts_with("struct") || other == "a map" => "a table".to_owned(),
        other => other.to_owned(),
    }
}
