//! CREATE TABLE and the column definitions it shares with ALTER TABLE.

use super::{
    Column, CreateTable, Key, KeyKind, Nullability, Parser, Retention, SqlError, TableSource, Token, Transience,
    create::comment_setting, cursor::Cursor,
};

pub(super) fn create_table(
    cursor: &mut Cursor,
    transience: Transience,
    comment: &mut Option<String>,
) -> Result<CreateTable, SqlError> {
    let mut table = CreateTable {
        retention: Retention { transience, days: None },
        columns: Vec::new(),
        keys: Vec::new(),
        cluster_by: None,
        change_tracking: None,
        source: TableSource::Columns,
    };
    if *cursor.token() == Token::LParen {
        let items = cursor.list(item)?;
        for item in items {
            match item {
                Item::Column(column, key) => {
                    table.keys.extend(key.map(|kind| Key { kind, columns: vec![column.name.clone()] }));
                    table.columns.push(*column);
                }
                Item::Key(key) => table.keys.push(key),
            }
        }
    }
    while !cursor.at_end() {
        if cursor.words(&["CLUSTER", "BY"]) {
            table.cluster_by = Some(cursor.parenthesised_text()?);
        } else if cursor.word("CHANGE_TRACKING") {
            table.change_tracking = Some(cursor.setting(Cursor::boolean)?);
        } else if cursor.word("DATA_RETENTION_TIME_IN_DAYS") {
            table.retention.days = Some(cursor.setting(Cursor::number)?);
        } else if cursor.word("AS") {
            table.source = TableSource::Query(cursor.query()?);
        } else if table.columns.is_empty() && cursor.word("LIKE") {
            table.source = TableSource::Like(cursor.name()?);
        } else if table.columns.is_empty() && cursor.word("CLONE") {
            table.source = TableSource::Clone(cursor.name()?);
        } else if let Some(text) = comment_setting(cursor)? {
            *comment = Some(text);
        } else {
            return Err(cursor.unsupported("CREATE TABLE"));
        }
    }
    if table.columns.is_empty() && matches!(table.source, TableSource::Columns) {
        return Err(cursor.unexpected("the columns of the table"));
    }
    Ok(table)
}

enum Item {
    Column(Box<Column>, Option<KeyKind>),
    Key(Key),
}

fn item(cursor: &mut Cursor) -> Result<Item, SqlError> {
    let named = cursor.peek_word().as_deref() == Some("CONSTRAINT");
    if named {
        cursor.advance();
        cursor.identifier()?;
    }
    let kind = key_kind(cursor, "CREATE TABLE");
    match kind? {
        Some(kind) => Ok(Item::Key(Key { kind, columns: cursor.list(Cursor::identifier)? })),
        None if named => Err(cursor.unsupported("CONSTRAINT")),
        None => column(cursor).map(|(column, key)| Item::Column(Box::new(column), key)),
    }
}

fn key_kind(cursor: &mut Cursor, context: &str) -> Result<Option<KeyKind>, SqlError> {
    Ok(match cursor.peek_word().as_deref() {
        Some("PRIMARY") if cursor.words(&["PRIMARY", "KEY"]) => Some(KeyKind::Primary),
        Some("UNIQUE") => {
            cursor.advance();
            Some(KeyKind::Unique)
        }
        Some("FOREIGN") if cursor.peek_nth_word(1).as_deref() == Some("KEY") => {
            return Err(cursor.unsupported(context));
        }
        _ => None,
    })
}

/// `name type [NOT NULL | NULL] [DEFAULT expr] [PRIMARY KEY | UNIQUE] [COMMENT '…']`
pub(super) fn column(cursor: &mut Cursor) -> Result<(Column, Option<KeyKind>), SqlError> {
    let name = cursor.identifier()?;
    let data_type = cursor.delegate(Parser::parse_data_type)?;
    let mut column = Column { name, data_type, nullability: Nullability::Nullable, default: None, comment: None };
    let mut key = None;
    while !matches!(cursor.token(), Token::Comma | Token::RParen) && !cursor.at_end() {
        if cursor.words(&["NOT", "NULL"]) {
            column.nullability = Nullability::NotNull;
        } else if cursor.word("NULL") {
            column.nullability = Nullability::Nullable;
        } else if cursor.word("DEFAULT") {
            column.default = Some(cursor.expr()?);
        } else if cursor.word("COMMENT") {
            column.comment = Some(cursor.string()?);
        } else if let Some(kind) = key_kind(cursor, "column")? {
            key = Some(kind);
            if kind == KeyKind::Primary {
                column.nullability = Nullability::NotNull;
            }
        } else {
            return Err(cursor.unsupported("column"));
        }
    }
    Ok((column, key))
}
