//! SHOW and DESCRIBE.

use super::{Describe, ObjectKind, Show, ShowKind, ShowScope, SqlError, create::kind, cursor::Cursor};

/// Kinds as SHOW names them.
const PLURALS: &[(&[&str], ShowKind)] = &[
    (&["DATABASES"], ShowKind::Objects(ObjectKind::Database)),
    (&["SCHEMAS"], ShowKind::Objects(ObjectKind::Schema)),
    (&["TABLES"], ShowKind::Objects(ObjectKind::Table)),
    (&["VIEWS"], ShowKind::Objects(ObjectKind::View)),
    (&["STAGES"], ShowKind::Objects(ObjectKind::Stage)),
    (&["FILE", "FORMATS"], ShowKind::Objects(ObjectKind::FileFormat)),
    (&["PIPES"], ShowKind::Objects(ObjectKind::Pipe)),
    (&["STREAMS"], ShowKind::Objects(ObjectKind::Stream)),
    (&["TASKS"], ShowKind::Objects(ObjectKind::Task)),
    (&["WAREHOUSES"], ShowKind::Objects(ObjectKind::Warehouse)),
    (&["COLUMNS"], ShowKind::Columns),
    (&["PARAMETERS"], ShowKind::Parameters),
];

pub(super) fn show(cursor: &mut Cursor) -> Result<Show, SqlError> {
    cursor.advance();
    let terse = cursor.word("TERSE");
    let found = PLURALS.iter().find(|(words, _)| cursor.words(words));
    let Some(&(_, kind)) = found else { return Err(cursor.unsupported("SHOW")) };
    let mut show = Show { kind, terse, like: None, scope: None, starts_with: None, limit: None };
    while !cursor.at_end() {
        if cursor.word("LIKE") {
            show.like = Some(cursor.string()?);
        } else if cursor.word("IN") {
            show.scope = Some(scope(cursor, kind)?);
        } else if cursor.words(&["STARTS", "WITH"]) {
            show.starts_with = Some(cursor.string()?);
        } else if cursor.word("LIMIT") {
            show.limit = Some(usize::try_from(cursor.number()?).unwrap_or(usize::MAX));
        } else {
            return Err(cursor.unsupported("SHOW"));
        }
    }
    Ok(show)
}

/// `ACCOUNT`, `DATABASE [name]`, `[SCHEMA] [name]`, `TABLE name`; a bare name is a schema's (a table's for COLUMNS).
fn scope(cursor: &mut Cursor, kind: ShowKind) -> Result<ShowScope, SqlError> {
    let ends =
        |cursor: &Cursor| cursor.at_end() || matches!(cursor.peek_word().as_deref(), Some("STARTS" | "LIMIT" | "LIKE"));
    if cursor.word("ACCOUNT") {
        return Ok(ShowScope::Account);
    }
    if kind == ShowKind::Parameters {
        return Err(cursor.unsupported("SHOW PARAMETERS IN"));
    }
    if cursor.word("DATABASE") {
        let name = if ends(cursor) { None } else { Some(cursor.identifier()?) };
        return Ok(ShowScope::Database(name));
    }
    if cursor.word("SCHEMA") {
        let name = if ends(cursor) { None } else { Some(cursor.name()?) };
        return Ok(ShowScope::Schema(name));
    }
    if kind == ShowKind::Columns {
        let _ = cursor.word("TABLE") || cursor.word("VIEW");
        return cursor.name().map(ShowScope::Table);
    }
    if matches!(kind, ShowKind::Objects(ObjectKind::Schema)) {
        return cursor.identifier().map(|name| ShowScope::Database(Some(name)));
    }
    cursor.name().map(|name| ShowScope::Schema(Some(name)))
}

/// `DESC[RIBE] kind name`
pub(super) fn describe(cursor: &mut Cursor) -> Result<Describe, SqlError> {
    cursor.advance();
    let kind = kind(cursor, "DESCRIBE")?;
    Ok(Describe { kind, name: cursor.name()? })
}
