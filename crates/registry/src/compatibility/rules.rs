//! Decides whether a reader's schema can read every datum of a writer's schema.
//! Rules: <https://avro.apache.org/docs/1.12.0/specification/#schema-resolution>, as Java's `SchemaCompatibility` applies
//! them for Confluent's registry, which ignores logical types.
//!
//! Each pair of types makes demands on pairs of inner types. Recursive types make that a cycle, so the answer is the
//! greatest fixed point: all pairs hold at first, and those with a demand that fails are removed until none is left.

use crate::avro::{Graph, Kind, Name, Node, NodeId, Record};
use std::collections::{HashMap, HashSet};

/// One reason why the reader cannot read the writer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    /// Where in the reader, as a JSON pointer.
    pub(crate) path: String,
    /// What was expected or missing.
    pub(crate) detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultKind {
    NameMismatch,
    FixedSizeMismatch,
    MissingEnumSymbols,
    ReaderFieldMissingDefaultValue,
    TypeMismatch,
    MissingUnionBranch,
}

/// Reader's node and writer's node.
type Pair = (NodeId, NodeId);

/// What must hold for a pair; paths are relative to the pair's.
enum Demand {
    /// What does not hold, whatever is inside.
    Fault(Fault),
    /// This pair must hold.
    Inner(Pair, String),
    /// One of these must hold: the branches of the reader's union, in order.
    AnyOf(Vec<Pair>, Fault),
}

/// Every reason why `reader` cannot read all that `writer` writes, in the order of the reader's text.
pub(crate) fn faults(reader: &Graph, writer: &Graph) -> Vec<Fault> {
    let check = Check { reader, writer };
    let root = (reader.root(), writer.root());
    let refused = check.refused(root);
    let mut faults = Vec::new();
    check.explain(root, "", &refused, &mut HashSet::new(), &mut faults);
    faults
}

struct Check<'a> {
    reader: &'a Graph,
    writer: &'a Graph,
}

impl Check<'_> {
    /// The pairs reachable from `root` that do not hold.
    fn refused(&self, root: Pair) -> HashSet<Pair> {
        let mut demands: HashMap<Pair, Vec<Demand>> = HashMap::new();
        let mut unseen = vec![root];
        while let Some(pair) = unseen.pop() {
            if demands.contains_key(&pair) {
                continue;
            }
            let demanded = self.demands(pair);
            for demand in &demanded {
                match demand {
                    Demand::Fault(_) => {}
                    Demand::Inner(inner, _) => unseen.push(*inner),
                    Demand::AnyOf(branches, _) => unseen.extend(branches),
                }
            }
            demands.insert(pair, demanded);
        }
        let mut refused = HashSet::new();
        loop {
            let before = refused.len();
            for (pair, demanded) in &demands {
                let fails = demanded.iter().any(|demand| match demand {
                    Demand::Fault(_) => true,
                    Demand::Inner(inner, _) => refused.contains(inner),
                    Demand::AnyOf(branches, _) => branches.iter().all(|branch| refused.contains(branch)),
                });
                if fails {
                    refused.insert(*pair);
                }
            }
            if refused.len() == before {
                return refused;
            }
        }
    }

    fn explain(
        &self,
        pair: Pair,
        path: &str,
        refused: &HashSet<Pair>,
        explained: &mut HashSet<Pair>,
        faults: &mut Vec<Fault>,
    ) {
        if !refused.contains(&pair) || !explained.insert(pair) {
            return;
        }
        let absolute = |fault: Fault| Fault { path: format!("{path}{}", fault.path), ..fault };
        for demand in self.demands(pair) {
            match demand {
                Demand::Fault(fault) => faults.push(absolute(fault)),
                Demand::Inner(inner, below) => {
                    self.explain(inner, &format!("{path}{below}"), refused, explained, faults);
                }
                Demand::AnyOf(branches, _) if branches.iter().any(|branch| !refused.contains(branch)) => {}
                // A branch that is there but has changed is not missing: what changed inside it is the reason.
                Demand::AnyOf(branches, fault) => {
                    match branches.iter().position(|branch| self.are_meant_alike(*branch)) {
                        Some(at) => self.explain(branches[at], &format!("{path}/{at}"), refused, explained, faults),
                        None => faults.push(absolute(fault)),
                    }
                }
            }
        }
    }

    /// Whether the two are the same type in the eyes of whoever wrote the schemas.
    fn are_meant_alike(&self, (reader, writer): Pair) -> bool {
        match (self.reader.node(reader), self.writer.node(writer)) {
            (Node::Fixed { name, .. }, Node::Fixed { name: writer, .. })
            | (Node::Enum { name, .. }, Node::Enum { name: writer, .. }) => name.reads(writer),
            (Node::Record(reader), Node::Record(writer)) => reader.name.reads(&writer.name),
            (reader, writer) => reader.kind() == writer.kind(),
        }
    }

    fn demands(&self, (reader_id, writer_id): Pair) -> Vec<Demand> {
        let (reader, writer) = (self.reader.node(reader_id), self.writer.node(writer_id));
        match (reader, writer) {
            (Node::Union(branches), Node::Union(written)) => {
                let each = written.iter().enumerate();
                each.map(|(at, written)| self.any_of(branches, *written, &format!("/{at}"))).collect()
            }
            (_, Node::Union(branches)) => {
                branches.iter().map(|branch| Demand::Inner((reader_id, *branch), String::new())).collect()
            }
            (Node::Union(branches), _) => vec![self.any_of(branches, writer_id, "")],
            (Node::Array(reader), Node::Array(writer)) => vec![Demand::Inner((*reader, *writer), "/items".to_owned())],
            (Node::Map(reader), Node::Map(writer)) => vec![Demand::Inner((*reader, *writer), "/values".to_owned())],
            (Node::Fixed { name, size }, Node::Fixed { name: writer_name, size: writer_size }) => {
                let detail = format!("expected: {writer_size}, found: {size}");
                let fault = (size != writer_size).then(|| fault(FaultKind::FixedSizeMismatch, "/size", detail));
                mismatch(name, writer_name).into_iter().chain(fault.map(Demand::Fault)).collect()
            }
            (Node::Enum { name, symbols, default }, Node::Enum { name: writer_name, symbols: writer_symbols, .. }) => {
                let missing: Vec<_> =
                    writer_symbols.iter().filter(|symbol| !symbols.contains(symbol)).map(String::as_str).collect();
                let detail = format!("[{}]", missing.join(", "));
                let fails = !missing.is_empty() && default.is_none();
                let fault = fails.then(|| fault(FaultKind::MissingEnumSymbols, "/symbols", detail));
                mismatch(name, writer_name).into_iter().chain(fault.map(Demand::Fault)).collect()
            }
            (Node::Record(reader), Node::Record(writer)) => record(reader, writer),
            _ if promotes(writer.kind(), reader.kind()) => Vec::new(),
            _ => {
                let (reader, writer) = (shown(reader.kind()), shown(writer.kind()));
                let detail = format!("reader type: {reader} not compatible with writer type: {writer}");
                vec![Demand::Fault(fault(FaultKind::TypeMismatch, "", detail))]
            }
        }
    }

    fn any_of(&self, branches: &[NodeId], writer: NodeId, path: &str) -> Demand {
        let detail = format!("reader union lacking writer type: {}", shown(self.writer.node(writer).kind()));
        let pairs = branches.iter().map(|branch| (*branch, writer)).collect();
        Demand::AnyOf(pairs, fault(FaultKind::MissingUnionBranch, path, detail))
    }
}

fn mismatch(reader: &Name, writer: &Name) -> Option<Demand> {
    let detail = || format!("expected: {}", writer.full);
    (!reader.reads(writer)).then(|| Demand::Fault(fault(FaultKind::NameMismatch, "/name", detail())))
}

fn record(reader: &Record, writer: &Record) -> Vec<Demand> {
    let fields = reader.fields.iter().enumerate().filter_map(|(at, field)| {
        let mut names = std::iter::once(&field.name).chain(&field.aliases);
        let written = names.find_map(|name| writer.fields.iter().find(|written| written.name == *name));
        match written {
            Some(written) => Some(Demand::Inner((field.schema, written.schema), format!("/fields/{at}/type"))),
            None if field.has_default => None,
            None => {
                let kind = FaultKind::ReaderFieldMissingDefaultValue;
                Some(Demand::Fault(fault(kind, &format!("/fields/{at}"), field.name.clone())))
            }
        }
    });
    mismatch(&reader.name, &writer.name).into_iter().chain(fields).collect()
}

fn fault(kind: FaultKind, path: &str, detail: String) -> Fault {
    Fault { kind, path: path.to_owned(), detail }
}

/// Whether a reader of type `to` reads a writer's `from`: the same primitive, or a promotion of it.
fn promotes(from: Kind, to: Kind) -> bool {
    use Kind::{Bytes, Double, Float, Int, Long, String};
    from == to
        || matches!((from, to), (Int, Long | Float | Double) | (Long, Float | Double) | (Float, Double))
        || matches!((from, to), (String, Bytes) | (Bytes, String))
}

/// The type's name as Java prints it.
fn shown(kind: Kind) -> String {
    format!("{kind:?}").to_uppercase()
}

#[cfg(test)]
mod tests;
