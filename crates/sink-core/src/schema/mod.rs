//! Avro schemas as their bytes see them: what is encoded how, under which names, with which defaults. Logical types change no
//! byte, so they are kept only as far as two of them can contradict each other.
//!
//! `apache-avro` has a schema type too. It refuses schemas that Avro for Java reads (names with dashes, defaults of another
//! type, deep nesting) and keeps too little of aliases and defaults to resolve by, so files would not hold what registries
//! hold. Everything that copies or resolves a datum rests on this model instead; `apache-avro` is left to judge it in tests.
//!
//! Source: Avro specification 1.12, "Schema Declaration".

mod default;
mod json;
mod parse;
mod room;

use serde_json::Value;

pub(crate) use json::json;
pub use parse::SchemaError;
pub(crate) use parse::{full_name, primitive, space_of};
pub(crate) use room::{nesting, with_room};

/// A schema. Named types may refer to themselves, so nodes lie in one list and name each other by index.
#[derive(Debug)]
pub struct Schema {
    nodes: Vec<Node>,
    root: NodeId,
}

/// Index of a node in its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct NodeId(u32);

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) logical: Option<Logical>,
}

/// A logical type: equal ones mean the same by the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Logical {
    pub(crate) name: String,
    /// Decimal places; 0 for other types than decimals.
    pub(crate) scale: u64,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed(Names, usize),
    Enum(Names, Symbols),
    Record(Names, Vec<Field>),
    Array(NodeId),
    Map(NodeId),
    Union(Vec<NodeId>),
}

/// What a named type is called.
#[derive(Debug)]
pub(crate) struct Names {
    /// With its namespace.
    pub(crate) full: String,
    /// Full names of which this is a newer one.
    pub(crate) aliases: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Symbols {
    pub(crate) all: Vec<String>,
    /// What a symbol that is not among them is read as.
    pub(crate) default: Option<usize>,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) node: NodeId,
    pub(crate) default: Option<Value>,
}

impl Names {
    /// The name without its namespace.
    pub(crate) fn simple(&self) -> &str {
        simple(&self.full)
    }
}

/// A full name without its namespace.
pub(crate) fn simple(full: &str) -> &str {
    full.rsplit_once('.').map_or(full, |(_, name)| name)
}

impl Kind {
    /// The name of the type in a schema, for texts.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
            Self::Fixed(..) => "fixed",
            Self::Enum(..) => "enum",
            Self::Record(..) => "record",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
        }
    }

    pub(crate) fn names(&self) -> Option<&Names> {
        match self {
            Self::Fixed(names, _) | Self::Enum(names, _) | Self::Record(names, _) => Some(names),
            _ => None,
        }
    }
}

impl Schema {
    pub(crate) fn root(&self) -> NodeId {
        self.root
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    pub(crate) fn kind(&self, id: NodeId) -> &Kind {
        &self.node(id).kind
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    /// How many nodes there are; ids are below that.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }
}

impl NodeId {
    pub(crate) fn at(index: usize) -> Self {
        Self(index as u32)
    }

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}
