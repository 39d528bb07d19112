//! The configuration as a tree in which every value remembers who set it. Layers are laid over one another here; what the
//! values mean is decided later, by the types that are read from the tree.

use config::ValueKind;
use std::{collections::BTreeMap, fmt, path::PathBuf};

/// Who set a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// config/default.toml, which is compiled in.
    Default,
    File(PathBuf),
    /// An environment variable.
    Variable(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// A value and who set it. It has no `Debug`, because it may be a secret.
#[derive(Clone)]
pub(crate) struct Node {
    pub content: Content,
    pub source: Source,
}

#[derive(Clone)]
pub(crate) enum Content {
    /// From a variable, this is still to be read as whatever its key needs.
    Text(String),
    Whole(i64),
    Number(f64),
    Truth(bool),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

/// One source's values, and the keys whose earlier values it takes away.
pub(crate) struct Layer {
    pub values: Node,
    pub removes: Vec<Vec<String>>,
}

/// Keys of which only one may be there. A layer that sets one of them takes the other away from the layers before it, so
/// that any choice can be made anywhere.
const ALTERNATIVES: [(&[&str], [&str; 2]); 3] = [
    (&["deployer", "connection"], ["password", "private_key"]),
    (&["deployer", "variables", "access"], ["keys", "integration"]),
    (&["deployer", "variables", "compute"], ["warehouse", "serverless"]),
];

impl Node {
    pub(crate) fn empty(source: Source) -> Self {
        Self { content: Content::Table(BTreeMap::new()), source }
    }

    pub(crate) fn of(value: config::Value, source: &Source) -> Self {
        let content = match value.kind {
            ValueKind::Boolean(truth) => Content::Truth(truth),
            ValueKind::I64(number) => Content::Whole(number),
            ValueKind::Float(number) => Content::Number(number),
            ValueKind::Array(items) => Content::List(items.into_iter().map(|item| Self::of(item, source)).collect()),
            ValueKind::Table(table) => {
                Content::Table(table.into_iter().map(|(key, value)| (key, Self::of(value, source))).collect())
            }
            // Numbers beyond 64 bits and nothing at all, which TOML does not have.
            other => Content::Text(other.to_string()),
        };
        Self { content, source: source.clone() }
    }

    pub(crate) fn get<S: AsRef<str>>(&self, path: &[S]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| match &node.content {
            Content::Table(table) => table.get(key.as_ref()),
            _ => None,
        })
    }

    /// Puts `node` at `path`, making the tables on the way. `false` where something other than a table is in the way, or
    /// something is there already.
    pub(crate) fn put(&mut self, path: &[String], node: Self) -> bool {
        let Content::Table(table) = &mut self.content else { return false };
        match path {
            [] => false,
            [key] if table.contains_key(key) => false,
            [key] => table.insert(key.clone(), node).is_none(),
            [key, rest @ ..] => {
                let source = node.source.clone();
                table.entry(key.clone()).or_insert_with(|| Self::empty(source)).put(rest, node)
            }
        }
    }

    /// Lays another layer over this one: tables are merged, everything else is replaced.
    pub(crate) fn lay(&mut self, mut layer: Layer) {
        for (parent, [one, other]) in ALTERNATIVES {
            for (chosen, other) in [(one, other), (other, one)] {
                if layer.values.get(&[parent, &[chosen]].concat()).is_some_and(Self::is_chosen) {
                    layer.removes.push(parent.iter().chain(&[other]).map(ToString::to_string).collect());
                }
            }
        }
        for path in &layer.removes {
            self.remove(path);
        }
        self.merge(layer.values);
    }

    /// An empty variable unsets its own key and chooses nothing.
    fn is_chosen(&self) -> bool {
        !matches!(&self.content, Content::Text(text) if text.is_empty())
    }

    fn remove(&mut self, path: &[String]) {
        let (Content::Table(table), [key, rest @ ..]) = (&mut self.content, path) else { return };
        match rest {
            [] => drop(table.remove(key)),
            rest => {
                if let Some(inner) = table.get_mut(key) {
                    inner.remove(rest);
                }
            }
        }
    }

    fn merge(&mut self, over: Self) {
        match (&mut self.content, over) {
            (Content::Table(table), Self { content: Content::Table(over), .. }) => {
                for (key, node) in over {
                    match table.get_mut(&key) {
                        Some(inner) => inner.merge(node),
                        None => drop(table.insert(key, node)),
                    }
                }
            }
            (_, over) => *self = over,
        }
    }
}
