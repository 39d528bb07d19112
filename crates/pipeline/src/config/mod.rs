//! The one place that reads configuration: the documented defaults, then files, then the environment. Services get typed
//! values that have been checked, and never look for themselves.

mod environment;
mod fault;
mod reference;
pub(crate) mod services;
mod tree;
mod typed;

use anyhow::{Context, bail};
use config::{File, FileFormat, Source as _, Value};
use contract::settings::{Refused, is_secret, without_credentials};
use fault::Fault;
use reference::{DEFAULTS, Reference, Shape};
use serde::de::DeserializeOwned;
use std::{ffi::OsString, fs, path::PathBuf};
use tree::{Content, Layer, Node};
use typed::Typed;

pub(crate) use services::{Log, Outcome, Section};
pub(crate) use tree::Source;

/// Sections that several services share. A service's type has them beside its own keys.
const SHARED: [&str; 3] = ["kafka", "registry", "store"];

/// The layered configuration, not yet typed. Every key in it is known.
pub(crate) struct Settings {
    values: Node,
    reference: Reference,
}

/// One value as `config show` prints it.
pub(crate) struct Setting {
    /// In TOML's spelling, such as `kafka.properties."sasl.password"`.
    pub key: String,
    /// Secrets are masked.
    pub value: toml::Value,
    pub source: Source,
}

impl Settings {
    /// Reads the defaults, `files` in their order, and the environment, the later over the earlier.
    ///
    /// # Errors
    /// When a file is missing or is not TOML, or when a key is unknown, in whatever section.
    pub(crate) fn load(files: &[PathBuf]) -> anyhow::Result<Self> {
        Self::load_with(files, std::env::vars_os())
    }

    fn load_with(files: &[PathBuf], variables: impl IntoIterator<Item = (OsString, OsString)>) -> anyhow::Result<Self> {
        let reference = Reference::new();
        let mut values = Node::empty(Source::Default);
        let defaults = parse(DEFAULTS, &Source::Default)?;
        let read = |file: &PathBuf| {
            let text = fs::read_to_string(file).with_context(|| format!("configuration file {}", file.display()))?;
            parse(&text, &Source::File(file.clone()))
        };
        let files: Vec<Node> = files.iter().map(read).collect::<Result<_, _>>()?;
        for layer in [defaults].into_iter().chain(files) {
            reference.check(&layer, &mut Vec::new())?;
            values.lay(Layer { values: layer, removes: Vec::new() });
        }
        let environment = environment::layer(variables, &reference)?;
        reference.check(&environment.values, &mut Vec::new())?;
        values.lay(environment);
        Ok(Self { values, reference })
    }

    /// Reads what one service needs, and checks it.
    ///
    /// # Errors
    /// When a value is missing, has another type or cannot work; the error names the key and who set it.
    pub(crate) fn read<T: Section>(&self) -> anyhow::Result<T> {
        self.read_for(T::check)
    }

    /// As [`read`](Self::read), for a command that uses only a part of the section.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) fn read_for<T: Section>(&self, check: impl FnOnce(&T) -> Result<(), Refused>) -> anyhow::Result<T> {
        let read = self.typed(T::NAME, T::SHARED)?;
        check(&read).map_err(|refused| self.refusal::<T>(&refused))?;
        Ok(read)
    }

    fn typed<T: DeserializeOwned>(&self, name: &str, shared: &[&str]) -> Result<T, Fault> {
        let mut section = self.values.get(&[name]).cloned().unwrap_or_else(|| Node::empty(Source::Default));
        for shared in shared {
            if let Some(node) = self.values.get(&[shared]) {
                section.put(&[(*shared).to_owned()], node.clone());
            }
        }
        T::deserialize(Typed::new(&section, name)).map_err(|fault| fault.rename(|key| full_key(name, shared, key)))
    }

    /// A service's refusal with the full key and who set it.
    fn refusal<T: Section>(&self, refused: &Refused) -> anyhow::Error {
        // A shared section refuses its own keys in full.
        let own = [T::NAME];
        let shared = if SHARED.contains(&T::NAME) { &own } else { T::SHARED };
        let key = full_key(T::NAME, shared, &format!("{}.{}", T::NAME, refused.key));
        let value = match key.strip_prefix("kafka.properties.") {
            Some(property) => self.values.get(&["kafka", "properties", property]),
            None => self.values.get(&key.split('.').collect::<Vec<_>>()),
        };
        // A table may have several sources, and what is missing has none.
        let value = value.filter(|value| !matches!(value.content, Content::Table(_)));
        let source = value.map_or(String::new(), |value| format!(" ({})", value.source));
        anyhow::anyhow!("configuration: `{key}`{source}: {}", refused.reason)
    }

    /// Every value that is set, in the order of config/default.toml.
    pub(crate) fn all(&self) -> Vec<Setting> {
        let mut all = Vec::new();
        self.collect(&self.values, &mut Vec::new(), &mut all);
        all.sort_by_key(|(path, _)| self.reference.rank(path));
        all.into_iter().map(|(_, setting)| setting).collect()
    }

    fn collect(&self, node: &Node, path: &mut Vec<String>, all: &mut Vec<(Vec<String>, Setting)>) {
        if let Content::Table(table) = &node.content {
            for (key, node) in table {
                path.push(key.clone());
                self.collect(node, path, all);
                path.pop();
            }
            return;
        }
        let key = path.iter().map(|key| quoted(key)).collect::<Vec<_>>().join(".");
        let value = shown(node, path.last().map_or("", String::as_str), self.reference.shape(path));
        all.push((path.clone(), Setting { key, value, source: node.source.clone() }));
    }
}

/// A file's values. What is wrong with it is said by line, without the line's text, which may hold a secret.
fn parse(text: &str, source: &Source) -> anyhow::Result<Node> {
    let Err(error) = text.parse::<toml::Table>() else {
        let values = File::from_str(text, FileFormat::Toml).collect();
        let values = values.with_context(|| format!("configuration file {source}"))?;
        return Ok(Node::of(Value::from(values), source));
    };
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or(String::new(), |before| format!(", line {}", before.matches('\n').count() + 1));
    bail!("configuration file {source}{line}: found text that is not TOML: {}", error.message())
}

/// A key below a service's section, without that section where it is one of the shared sections: those stand beside it.
fn full_key(section: &str, shared: &[&str], key: &str) -> String {
    match key.strip_prefix(section).and_then(|rest| rest.strip_prefix('.')) {
        Some(below) if shared.contains(&below.split('.').next().unwrap_or_default()) => below.to_owned(),
        _ => key.to_owned(),
    }
}

fn quoted(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !key.is_empty() && key.chars().all(bare) { key.to_owned() } else { toml::Value::from(key).to_string() }
}

/// A value as it is shown. The text of a variable is shown as what its key takes, where it can be that.
fn shown(node: &Node, key: &str, shape: Option<Shape>) -> toml::Value {
    if is_secret(key) {
        return contract::endpoints::Secret::SHOWN.into();
    }
    match &node.content {
        Content::Text(text) if matches!(shape, Some(Shape::Number | Shape::Truth)) => {
            let text = text.trim();
            let whole = || text.parse::<i64>().ok().map(toml::Value::from);
            let number = || text.parse::<f64>().ok().map(toml::Value::from);
            let truth = || text.parse::<bool>().ok().map(toml::Value::from);
            whole().or_else(number).or_else(truth).unwrap_or_else(|| text.into())
        }
        // An address with credentials is refused, but may be looked at before.
        Content::Text(text) if text.contains("://") => without_credentials(text).into(),
        Content::Text(text) => text.as_str().into(),
        Content::Whole(number) => (*number).into(),
        Content::Number(number) => (*number).into(),
        Content::Truth(truth) => (*truth).into(),
        Content::List(items) => toml::Value::Array(items.iter().map(|item| shown(item, key, None)).collect()),
        Content::Table(table) => {
            toml::Value::Table(table.iter().map(|(key, node)| (key.clone(), shown(node, key, None))).collect())
        }
    }
}

#[cfg(test)]
mod tests;
