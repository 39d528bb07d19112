//! VARIANT values. A VARIANT column holds JSON text in one canonical form (no blanks, object keys sorted, numbers
//! without superfluous zeros), so that equal values are equal texts and grouping, joining and comparing need no parser.
//! Reading a path scans the text instead of building a tree: a view takes fifteen fields out of each event.

mod parse;
mod scan;

pub(crate) use parse::{canonicalize, write_float, write_string};
pub(crate) use scan::{Kind, elements, entries, get, index, kind, string};
