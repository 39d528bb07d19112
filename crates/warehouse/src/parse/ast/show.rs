//! SHOW and DESCRIBE.

use super::{Name, ObjectKind};

/// `SHOW [TERSE] kind [LIKE '…'] [IN …] [STARTS WITH '…'] [LIMIT n]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Show {
    pub kind: ShowKind,
    /// Only the first columns, as Snowflake names them for TERSE.
    pub terse: bool,
    /// A pattern with `%` and `_`, compared without regard to case.
    pub like: Option<String>,
    pub scope: Option<ShowScope>,
    pub starts_with: Option<String>,
    pub limit: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShowKind {
    Objects(ObjectKind),
    Columns,
    Parameters,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShowScope {
    Account,
    /// `None`: the session's own.
    Database(Option<String>),
    /// `None`: the session's own.
    Schema(Option<Name>),
    /// For SHOW COLUMNS.
    Table(Name),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Describe {
    pub kind: ObjectKind,
    pub name: Name,
}
