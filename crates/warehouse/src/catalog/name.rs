//! Full names of objects, folded already, and how they are shown.

use serde::{Deserialize, Serialize};
use std::fmt;

use crate::parse::ObjectKind;

/// The full name of an object. Databases and warehouses have only `name`, schemas `database` and `name`; the parts a kind
/// does not have are empty, which no identifier is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct QualifiedName {
    pub database: String,
    pub schema: String,
    pub name: String,
}

impl QualifiedName {
    /// An object in a schema.
    pub fn new(database: impl Into<String>, schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { database: database.into(), schema: schema.into(), name: name.into() }
    }

    /// A schema.
    pub fn schema(database: impl Into<String>, schema: impl Into<String>) -> Self {
        Self::new(database, "", schema)
    }

    /// A database or a warehouse.
    pub fn account(name: impl Into<String>) -> Self {
        Self::new("", "", name)
    }

    /// The database this name lies in.
    #[must_use]
    pub fn parent_database(&self) -> Self {
        Self::account(&self.database)
    }

    /// The schema this name lies in.
    #[must_use]
    pub fn parent_schema(&self) -> Self {
        Self::schema(&self.database, &self.schema)
    }

    /// Whether this names something inside the database or schema `parent`.
    pub(super) fn is_inside(&self, kind: ObjectKind, parent: &Self) -> bool {
        match kind {
            ObjectKind::Database => self.database == parent.name,
            ObjectKind::Schema => self.database == parent.database && self.schema == parent.name,
            _ => false,
        }
    }
}

/// As Snowflake's messages show it: `DB.SCHEMA."name"`.
impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.database, &self.schema] {
            if !part.is_empty() {
                write!(f, "{}.", quoted(part))?;
            }
        }
        f.write_str(&quoted(&self.name))
    }
}

/// A folded identifier as SQL that means it again: in double quotes unless unquoted text would fold to it.
pub fn quoted(identifier: &str) -> String {
    let mut characters = identifier.chars();
    let plain = characters.next().is_some_and(|first| first.is_ascii_uppercase() || first == '_')
        && characters.all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '_' | '$'));
    if plain { identifier.to_owned() } else { format!("\"{}\"", identifier.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_show_as_sql_that_means_them_again() {
        assert_eq!(QualifiedName::new("DB", "public", "T 1").to_string(), r#"DB."public"."T 1""#);
        assert_eq!(QualifiedName::schema("DB", "S").to_string(), "DB.S");
        assert_eq!(QualifiedName::account("WH").to_string(), "WH");
        assert_eq!(quoted("1A"), r#""1A""#);
        assert_eq!(quoted("a\"b"), r#""a""b""#);
    }
}
