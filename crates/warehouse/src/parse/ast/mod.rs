//! What a statement says, once parsed. Queries and DML keep sqlparser's nodes, which the engine plans; everything else
//! has its own types here, so that a clause is either a field of one of them or an error that names it.
//!
//! Identifiers are already folded: unquoted ones to upper case, quoted ones as they stand.

mod alter;
mod copy;
mod create;
mod show;

pub use alter::*;
pub use copy::*;
pub use create::*;
pub use show::*;

use datafusion::sql::sqlparser::ast as sql;

/// The name of an object as written: parts left out are the session's to fill in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name {
    pub database: Option<String>,
    pub schema: Option<String>,
    pub name: String,
}

/// One statement of a text. `Show` and `Describe` belong to [`crate::show`], `Create`, `Alter`, `Drop` and `Comment` to
/// [`crate::ddl`], the rest to [`crate::engine`].
#[derive(Debug, Clone)]
pub enum Statement {
    Query(Box<sql::Query>),
    Insert(Box<sql::Insert>),
    Update(Box<sql::Update>),
    Delete(Box<sql::Delete>),
    Merge(Box<sql::Merge>),
    Truncate { if_exists: bool, table: Name },
    Copy(Box<CopyInto>),
    List(StagePath),
    Create(Box<Create>),
    Alter(Box<Alter>),
    Drop(Drop),
    Comment(Comment),
    ExecuteTask(Name),
    Show(Show),
    Describe(Describe),
    Use(Use),
    AlterSession(Vec<SessionParameter>),
    Begin,
    Commit,
    Rollback,
}

/// The kinds of object the warehouse keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectKind {
    Database,
    Schema,
    Table,
    View,
    Stage,
    FileFormat,
    Pipe,
    Stream,
    Task,
    Warehouse,
}

impl ObjectKind {
    pub const ALL: [Self; 10] = [
        Self::Database,
        Self::Schema,
        Self::Table,
        Self::View,
        Self::Stage,
        Self::FileFormat,
        Self::Pipe,
        Self::Stream,
        Self::Task,
        Self::Warehouse,
    ];

    /// The kind as statements spell it.
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::Database => &["DATABASE"],
            Self::Schema => &["SCHEMA"],
            Self::Table => &["TABLE"],
            Self::View => &["VIEW"],
            Self::Stage => &["STAGE"],
            Self::FileFormat => &["FILE", "FORMAT"],
            Self::Pipe => &["PIPE"],
            Self::Stream => &["STREAM"],
            Self::Task => &["TASK"],
            Self::Warehouse => &["WAREHOUSE"],
        }
    }

    /// The same as one text.
    pub fn keyword(self) -> String {
        self.words().join(" ")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    Database(String),
    Schema { database: Option<String>, schema: String },
    Warehouse(String),
    Role(String),
}

/// One `NAME = value` of ALTER SESSION SET; `None` for UNSET.
#[derive(Debug, Clone)]
pub struct SessionParameter {
    pub name: String,
    pub value: Option<sql::Expr>,
}
