//! What a session has chosen, and what names mean in it. Pipes, tasks and views bring a context of their own: the
//! schema they lie in.

use crate::{
    SqlError,
    catalog::QualifiedName,
    parse::{Name, ObjectKind},
};

/// The session's user, role and chosen objects, folded names all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionContext {
    pub user: String,
    /// Owner of what the session creates.
    pub role: String,
    pub warehouse: Option<String>,
    pub database: Option<String>,
    pub schema: Option<String>,
}

impl SessionContext {
    /// A session of `user` that has chosen nothing.
    pub fn new(user: impl Into<String>, role: impl Into<String>) -> Self {
        Self { user: user.into(), role: role.into(), warehouse: None, database: None, schema: None }
    }

    /// The context in which the text of an object in a schema means what it meant when it was written.
    #[must_use]
    pub fn within(&self, object: &QualifiedName) -> Self {
        Self { database: Some(object.database.clone()), schema: Some(object.schema.clone()), ..self.clone() }
    }

    /// The full name of an object of `kind` that a statement calls `name`.
    ///
    /// # Errors
    /// 090105 or 090106 when a part left out is not chosen either; `syntax` when the kind has fewer parts.
    pub fn resolve(&self, kind: ObjectKind, name: &Name) -> Result<QualifiedName, SqlError> {
        match kind {
            ObjectKind::Database | ObjectKind::Warehouse => match name {
                Name { database: None, schema: None, name } => Ok(QualifiedName::account(name)),
                _ => Err(SqlError::syntax(format_args!("the name of a {kind} has one part"))),
            },
            ObjectKind::Schema => match name {
                Name { database: None, schema: Some(database), name } => Ok(QualifiedName::schema(database, name)),
                Name { database: None, schema: None, name } => Ok(QualifiedName::schema(self.database(kind)?, name)),
                Name { .. } => Err(SqlError::syntax("the name of a schema has at most two parts")),
            },
            _ => Ok(QualifiedName {
                database: match &name.database {
                    Some(database) => database.clone(),
                    None => self.database(kind)?.to_owned(),
                },
                schema: match &name.schema {
                    Some(schema) => schema.clone(),
                    None => self.schema.clone().ok_or_else(|| SqlError::no_current_schema(kind))?,
                },
                name: name.name.clone(),
            }),
        }
    }

    fn database(&self, kind: ObjectKind) -> Result<&str, SqlError> {
        self.database.as_deref().ok_or_else(|| SqlError::no_current_database(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::from_parts(text.split('.').map(str::to_owned).collect()).unwrap()
    }

    #[test]
    fn parts_left_out_are_the_sessions() {
        let mut context = SessionContext::new("U", "R");
        assert_eq!(context.resolve(ObjectKind::Table, &name("T")).unwrap_err().code, "090105");
        context.database = Some("D".into());
        assert_eq!(context.resolve(ObjectKind::Table, &name("T")).unwrap_err().code, "090106");
        context.schema = Some("S".into());
        let full = |kind, text| context.resolve(kind, &name(text)).unwrap();
        assert_eq!(full(ObjectKind::Table, "T"), QualifiedName::new("D", "S", "T"));
        assert_eq!(full(ObjectKind::Stream, "X.T"), QualifiedName::new("D", "X", "T"));
        assert_eq!(full(ObjectKind::Schema, "X"), QualifiedName::schema("D", "X"));
        assert_eq!(full(ObjectKind::Schema, "E.X"), QualifiedName::schema("E", "X"));
        assert_eq!(full(ObjectKind::Database, "E"), QualifiedName::account("E"));
    }
}
