//! What a template makes: its kind and name, which its file's name says.

use serde::Serialize;
use std::fmt;

/// The kinds of objects there are templates for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Database,
    Schema,
    Warehouse,
    FileFormat,
    Stage,
    Table,
    Stream,
    View,
    Pipe,
    Task,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::Database,
        Self::Schema,
        Self::Warehouse,
        Self::FileFormat,
        Self::Stage,
        Self::Table,
        Self::Stream,
        Self::View,
        Self::Pipe,
        Self::Task,
    ];

    /// As SQL has it.
    pub fn as_sql(self) -> &'static str {
        match self {
            Self::Database => "DATABASE",
            Self::Schema => "SCHEMA",
            Self::Warehouse => "WAREHOUSE",
            Self::FileFormat => "FILE FORMAT",
            Self::Stage => "STAGE",
            Self::Table => "TABLE",
            Self::Stream => "STREAM",
            Self::View => "VIEW",
            Self::Pipe => "PIPE",
            Self::Task => "TASK",
        }
    }

    /// As file names have it, such as `file_format`.
    pub(crate) fn from_file_name(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_sql().to_lowercase().replace(' ', "_") == text)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.as_sql().to_lowercase())
    }
}

/// An object's full name: as many parts as its kind has.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct ObjectName {
    pub database: Option<String>,
    pub schema: Option<String>,
    pub name: String,
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.database, &self.schema].into_iter().flatten() {
            write!(f, "{part}.")?;
        }
        f.write_str(&self.name)
    }
}

impl From<ObjectName> for String {
    fn from(name: ObjectName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_say_the_kind_with_underscores() {
        assert_eq!(Kind::from_file_name("file_format"), Some(Kind::FileFormat));
        assert_eq!(Kind::from_file_name("task"), Some(Kind::Task));
        assert_eq!(Kind::from_file_name("procedure"), None);
    }
}
