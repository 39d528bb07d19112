//! Which of the reader's parts a part of the writer's is: names, aliases, and which type can be read as which.

use crate::schema::{Field, Kind, Names, NodeId, Schema, simple};

/// How a number or text becomes another type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promotion {
    /// By the same bytes.
    None,
    NumberToFloat,
    NumberToDouble,
    FloatToDouble,
    BytesToString,
}

/// How a type without parts is read as another; `None` where it cannot be.
pub(super) fn promotion(writer: &Kind, reader: &Kind) -> Option<Promotion> {
    Some(match (writer, reader) {
        (Kind::Null, Kind::Null)
        | (Kind::Boolean, Kind::Boolean)
        // An int is written like a long of the same value, a string like its bytes.
        | (Kind::Int, Kind::Int | Kind::Long)
        | (Kind::Long, Kind::Long)
        | (Kind::Float, Kind::Float)
        | (Kind::Double, Kind::Double)
        | (Kind::String, Kind::String | Kind::Bytes)
        | (Kind::Bytes, Kind::Bytes) => Promotion::None,
        (Kind::Int | Kind::Long, Kind::Float) => Promotion::NumberToFloat,
        (Kind::Int | Kind::Long, Kind::Double) => Promotion::NumberToDouble,
        (Kind::Float, Kind::Double) => Promotion::FloatToDouble,
        (Kind::Bytes, Kind::String) => Promotion::BytesToString,
        _ => return None,
    })
}

/// How well two names fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// Without their namespaces.
    Simple,
    /// The reader's is a newer name of the writer's.
    Alias,
    Full,
}

/// Whether a named type of the writer is one of the reader's.
pub(super) fn same_name(writer: &Names, reader: &Names) -> Option<Fit> {
    if writer.full == reader.full {
        Some(Fit::Full)
    } else if reader.aliases.contains(&writer.full) {
        Some(Fit::Alias)
    } else if writer.simple() == reader.simple()
        || reader.aliases.iter().any(|alias| simple(alias) == alias && alias == writer.simple())
    {
        Some(Fit::Simple)
    } else {
        None
    }
}

/// The writer's field that each of the reader's fields reads: the one of its name, else the one that its aliases name first.
/// A field of the writer is read once.
pub(super) fn fields(writer: &[Field], reader: &[Field]) -> Vec<Option<usize>> {
    let find = |name: &str| writer.iter().position(|field| field.name == name);
    let mut chosen: Vec<Option<usize>> = reader.iter().map(|field| find(&field.name)).collect();
    for (index, field) in reader.iter().enumerate() {
        if chosen[index].is_none() {
            let free = |at: &usize| !chosen.contains(&Some(*at));
            chosen[index] = field.aliases.iter().filter_map(|alias| find(alias)).find(free);
        }
    }
    chosen
}

/// The branch of the reader's union that a type of the writer is read as. `resolves` says whether two records can be.
pub(super) fn branch(
    writer: (&Schema, NodeId),
    reader: (&Schema, &[NodeId]),
    mut resolves: impl FnMut(NodeId) -> bool,
) -> Option<usize> {
    let kind = writer.0.kind(writer.1);
    let same_type = |of: &Kind| std::mem::discriminant(of) == std::mem::discriminant(kind);
    let Some(names) = kind.names() else {
        let kinds = || reader.1.iter().map(|branch| reader.0.kind(*branch));
        return kinds().position(same_type).or_else(|| kinds().position(|of| promotion(kind, of).is_some()));
    };
    let fit = |branch: &NodeId| {
        let of = reader.0.kind(*branch);
        of.names().filter(|_| same_type(of)).and_then(|theirs| same_name(names, theirs))
    };
    let fits: Vec<Option<Fit>> = reader.1.iter().map(fit).collect();
    for wanted in [Fit::Full, Fit::Alias] {
        if let Some(index) = fits.iter().position(|fit| *fit == Some(wanted)) {
            return Some(index);
        }
    }
    // Several may have the same name in other namespaces: the first that can be read is taken.
    let mut same = (0..fits.len()).filter(|index| fits[*index].is_some()).collect::<Vec<_>>().into_iter();
    let first = same.next()?;
    if resolves(reader.1[first]) {
        return Some(first);
    }
    Some(same.find(|index| resolves(reader.1[*index])).unwrap_or(first))
}
