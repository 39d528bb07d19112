//! Which keys there are, read from config/default.toml, where every key of every service stands with its default or, as a
//! comment, with an example. So a mistyped key is found in every section, whichever services are compiled in and whichever
//! of them is run.

use super::tree::{Content, Node};
use anyhow::bail;

/// The reference itself.
pub(crate) const DEFAULTS: &str = include_str!("../../../../config/default.toml");

/// What a key takes, as far as its text in a variable must be taken apart for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Text,
    Number,
    Truth,
    List,
    Table,
}

/// Every key in the order of the file.
pub(crate) struct Reference(Vec<(Vec<String>, Shape)>);

impl Reference {
    pub(crate) fn new() -> Self {
        let mut reference = Self(Vec::new());
        let mut section: Vec<String> = Vec::new();
        for line in DEFAULTS.lines() {
            let line = line.strip_prefix("# ").unwrap_or(line).trim();
            let is_header = line.starts_with('[') && line.ends_with(']');
            if is_header {
                let name = line.trim_matches(['[', ']']);
                section = name.split('.').map(str::to_owned).collect();
                let shape = if line.starts_with("[[") { Shape::List } else { Shape::Table };
                reference.add(section.clone(), shape);
                continue;
            }
            // Prose does not parse. The members of a list are not keys of their own.
            if section.is_empty() || reference.named(&section) == Some(Shape::List) {
                continue;
            }
            let Ok(node) = super::parse(line, &super::Source::Default) else { continue };
            reference.add_all(&section, &node);
        }
        reference
    }

    fn add_all(&mut self, parent: &[String], node: &Node) {
        let Content::Table(table) = &node.content else { return };
        for (key, node) in table {
            let path = [parent, std::slice::from_ref(key)].concat();
            let shape = match node.content {
                Content::Text(_) => Shape::Text,
                Content::Whole(_) | Content::Number(_) => Shape::Number,
                Content::Truth(_) => Shape::Truth,
                Content::List(_) => Shape::List,
                Content::Table(_) => Shape::Table,
            };
            self.add(path.clone(), shape);
            self.add_all(&path, node);
        }
    }

    /// The first mention of a key decides.
    fn add(&mut self, path: Vec<String>, shape: Shape) {
        if self.named(&path).is_none() {
            self.0.push((path, shape));
        }
    }

    /// What a key takes that stands in the file by name.
    fn named<S: AsRef<str>>(&self, path: &[S]) -> Option<Shape> {
        let same = |known: &[String]| known.iter().map(String::as_str).eq(path.iter().map(AsRef::as_ref));
        self.0.iter().find(|(known, _)| same(known)).map(|(_, shape)| *shape)
    }

    /// What the key takes; `None` where there is no such key. Tables without documented keys take any.
    pub(crate) fn shape<S: AsRef<str>>(&self, path: &[S]) -> Option<Shape> {
        self.named(path).or_else(|| {
            let (_, parent) = path.split_last()?;
            self.is_open(parent).then_some(Shape::Text)
        })
    }

    /// Whether a table's keys are the user's own, such as `kafka.properties`.
    pub(crate) fn is_open<S: AsRef<str>>(&self, path: &[S]) -> bool {
        self.named(path) == Some(Shape::Table) && self.keys_of(path).next().is_none()
    }

    /// Whether the key takes a table, perhaps beside a text.
    pub(crate) fn takes_table<S: AsRef<str>>(&self, path: &[S]) -> bool {
        self.shape(path) == Some(Shape::Table) || self.keys_of(path).next().is_some()
    }

    /// The keys directly below a path.
    pub(crate) fn keys_of<S: AsRef<str>>(&self, path: &[S]) -> impl Iterator<Item = &str> {
        let below = move |known: &&[String]| {
            known.len() == path.len() + 1 && known.iter().zip(path).all(|(known, own)| known == own.as_ref())
        };
        self.0
            .iter()
            .map(|(known, _)| known.as_slice())
            .filter(below)
            .filter_map(|known| known.last())
            .map(String::as_str)
    }

    /// Where a key stands in the file, for printing in its order.
    pub(crate) fn rank<S: AsRef<str>>(&self, path: &[S]) -> usize {
        let longest = |known: &[String]| {
            known.len() <= path.len() && known.iter().zip(path).all(|(known, own)| known == own.as_ref())
        };
        let place = |length: usize| self.0.iter().position(|(known, _)| known.len() == length && longest(known));
        (1..=path.len()).rev().find_map(place).unwrap_or(usize::MAX)
    }

    /// The key that consists of the same words, whatever stands between them: `PIPELINE_SINK_ROLL_WINDOW` and
    /// `PIPELINE__SINK__ROLL_WINDOW` mean `sink.roll.window`.
    pub(crate) fn same_words(&self, text: &str) -> Option<&[String]> {
        let words =
            |text: &str| text.to_ascii_lowercase().split('_').filter(|word| !word.is_empty()).collect::<String>();
        let wanted = words(text);
        self.0.iter().map(|(known, _)| known.as_slice()).find(|known| words(&known.join("_")) == wanted)
    }

    /// Refuses keys that do not exist.
    ///
    /// # Errors
    /// Names the first one and who set it.
    pub(crate) fn check(&self, node: &Node, path: &mut Vec<String>) -> anyhow::Result<()> {
        let Content::Table(table) = &node.content else { return Ok(()) };
        for (key, inner) in table {
            path.push(key.clone());
            if self.shape(path).is_none() {
                return Err(self.unknown(path, &inner.source));
            }
            if !matches!(inner.content, Content::Table(_)) && path.len() == 1 {
                bail!("configuration: `{key}` ({}): expected a section, [{key}]", inner.source);
            }
            if self.takes_table(path) && !self.is_open(path) {
                self.check(inner, path)?;
            }
            path.pop();
        }
        Ok(())
    }

    /// The refusal of a key that does not exist, with those that do.
    pub(crate) fn unknown(&self, path: &[String], source: &super::Source) -> anyhow::Error {
        let known = (0..path.len()).rev().find(|length| *length == 0 || self.shape(&path[..*length]).is_some());
        let known = &path[..known.unwrap_or(0)];
        let place = if known.is_empty() { "sections".to_owned() } else { format!("keys of [{}]", known.join(".")) };
        let keys: Vec<&str> = self.keys_of(known).collect();
        let there_are = if keys.is_empty() { String::new() } else { format!("; {place}: {}", keys.join(", ")) };
        anyhow::anyhow!("configuration: unknown key `{}` ({source}){there_are}", path.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commented_keys_are_known_and_prose_is_not() {
        let reference = Reference::new();
        for (path, shape) in [
            (&["sink"][..], Some(Shape::Table)),
            (&["sink", "topics"], Some(Shape::List)),
            (&["sink", "roll", "window"], Some(Shape::Text)),
            (&["sink", "instance_id"], Some(Shape::Text)),
            (&["sink", "start"], Some(Shape::Text)),
            (&["sink", "start", "timestamp"], Some(Shape::Number)),
            (&["store", "path_style"], Some(Shape::Truth)),
            (&["producer", "seed"], Some(Shape::Number)),
            (&["kafka", "properties", "sasl.password"], Some(Shape::Text)),
            (&["sink", "objects", "tags", "owner"], Some(Shape::Text)),
            (&["warehouse", "users"], Some(Shape::List)),
            (&["warehouse", "users", "name"], None),
            (&["health", "sink"], Some(Shape::Text)),
            (&["health", "snik"], None),
            (&["deployer", "variables", "access", "keys", "access_key_id"], Some(Shape::Text)),
            (&["deployer", "variables", "access", "integration", "name"], Some(Shape::Text)),
            (&["sink", "kafka"], None),
            (&["snik"], None),
        ] {
            assert_eq!(reference.shape(path), shape, "{path:?}");
        }
        let sections: Vec<&str> = reference.keys_of::<&str>(&[]).collect();
        let expected = ["kafka", "registry", "store", "log", "health", "producer", "sink", "deployer", "warehouse"];
        assert_eq!(sections, expected);
    }

    #[test]
    fn a_key_is_found_by_its_words() {
        let reference = Reference::new();
        for text in ["SINK_GROUP_ID", "SINK__GROUP_ID", "sink_group__id", "SINK_GROUPID"] {
            assert_eq!(reference.same_words(text).map(|path| path.join(".")).as_deref(), Some("sink.group_id"));
        }
        assert_eq!(reference.same_words("SINK_NOTHING"), None);
    }
}
