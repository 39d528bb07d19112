//! ALTER, DROP and COMMENT.

use super::{
    Alter, AlterAction, AlterPipe, AlterTable, AlterTask, AlterWarehouse, Comment, Drop, Name, Nullability, ObjectKind,
    Parser, SessionParameter, SqlError, Statement, TaskOptions, Token,
    create::{kind, stage_options, warehouse_options},
    cursor::Cursor,
    table, task, unsupported,
};

pub(super) fn alter(cursor: &mut Cursor) -> Result<Statement, SqlError> {
    cursor.advance();
    if cursor.word("SESSION") {
        return session(cursor).map(Statement::AlterSession);
    }
    let kind = kind(cursor, "ALTER")?;
    let if_exists = cursor.words(&["IF", "EXISTS"]);
    let name = cursor.name()?;
    let action = match shared_action(cursor, kind)? {
        Some(action) => action,
        None => own_action(cursor, kind)?,
    };
    Ok(Statement::Alter(Box::new(Alter { if_exists, name, action })))
}

/// RENAME TO and SET or UNSET COMMENT, which all kinds have.
fn shared_action(cursor: &mut Cursor, kind: ObjectKind) -> Result<Option<AlterAction>, SqlError> {
    if cursor.words(&["RENAME", "TO"]) {
        let to = cursor.name()?;
        return match kind {
            ObjectKind::Pipe | ObjectKind::Stream | ObjectKind::Task => {
                Err(unsupported(format!("ALTER {} RENAME", kind.keyword())))
            }
            _ => Ok(Some(AlterAction::Rename { kind, to })),
        };
    }
    if cursor.words(&["SET", "COMMENT"]) {
        let comment = Some(cursor.setting(Cursor::string)?);
        return Ok(Some(AlterAction::Comment { kind, comment }));
    }
    if cursor.words(&["UNSET", "COMMENT"]) {
        return Ok(Some(AlterAction::Comment { kind, comment: None }));
    }
    Ok(None)
}

fn own_action(cursor: &mut Cursor, kind: ObjectKind) -> Result<AlterAction, SqlError> {
    let context = format!("ALTER {}", kind.keyword());
    match kind {
        ObjectKind::Table => table_action(cursor, &context).map(AlterAction::Table),
        ObjectKind::Task => task_action(cursor, &context).map(AlterAction::Task),
        ObjectKind::Pipe => pipe_action(cursor, &context).map(AlterAction::Pipe),
        ObjectKind::Warehouse => warehouse_action(cursor, &context).map(AlterAction::Warehouse),
        ObjectKind::Stage if cursor.word("SET") => {
            let mut comment = None;
            let options = stage_options(cursor, &context, &mut comment)?;
            without_comment(comment.as_ref(), &context)?;
            Ok(AlterAction::Stage(options))
        }
        _ => Err(cursor.unsupported(&context)),
    }
}

/// A comment among other settings would need two actions of one statement.
fn without_comment(comment: Option<&String>, context: &str) -> Result<(), SqlError> {
    match comment {
        None => Ok(()),
        Some(_) => Err(unsupported(format!("{context} SET of COMMENT together with other settings"))),
    }
}

fn table_action(cursor: &mut Cursor, context: &str) -> Result<AlterTable, SqlError> {
    if cursor.word("ADD") {
        cursor.word("COLUMN");
        return add_columns(cursor);
    }
    if cursor.word("DROP") {
        if matches!(cursor.peek_word().as_deref(), Some("CLUSTERING")) {
            cursor.advance();
            cursor.expect_word("KEY")?;
            return Ok(AlterTable::ClusterBy(None));
        }
        cursor.word("COLUMN");
        let if_exists = cursor.words(&["IF", "EXISTS"]);
        let mut columns = vec![cursor.identifier()?];
        while cursor.punctuation(&Token::Comma) {
            columns.push(cursor.identifier()?);
        }
        return Ok(AlterTable::DropColumns { if_exists, columns });
    }
    if cursor.words(&["RENAME", "COLUMN"]) {
        let from = cursor.identifier()?;
        cursor.expect_word("TO")?;
        return Ok(AlterTable::RenameColumn { from, to: cursor.identifier()? });
    }
    if cursor.words(&["CLUSTER", "BY"]) {
        return cursor.parenthesised_text().map(|text| AlterTable::ClusterBy(Some(text)));
    }
    if cursor.words(&["SET", "CHANGE_TRACKING"]) {
        return cursor.setting(Cursor::boolean).map(AlterTable::SetChangeTracking);
    }
    if cursor.words(&["SET", "DATA_RETENTION_TIME_IN_DAYS"]) {
        return cursor.setting(Cursor::number).map(AlterTable::SetRetentionDays);
    }
    if cursor.word("ALTER") || cursor.word("MODIFY") {
        cursor.word("COLUMN");
        return alter_column(cursor);
    }
    Err(cursor.unsupported(context))
}

fn add_columns(cursor: &mut Cursor) -> Result<AlterTable, SqlError> {
    let if_not_exists = cursor.words(&["IF", "NOT", "EXISTS"]);
    let mut columns = Vec::new();
    loop {
        match table::column(cursor)? {
            (column, None) => columns.push(column),
            (_, Some(_)) => return Err(unsupported("ALTER TABLE ADD COLUMN with a key")),
        }
        if !cursor.punctuation(&Token::Comma) {
            return Ok(AlterTable::AddColumns { if_not_exists, columns });
        }
        cursor.word("COLUMN");
    }
}

fn alter_column(cursor: &mut Cursor) -> Result<AlterTable, SqlError> {
    let column = cursor.identifier()?;
    if cursor.words(&["SET", "NOT", "NULL"]) {
        return Ok(AlterTable::SetNullability { column, nullability: Nullability::NotNull });
    }
    if cursor.words(&["DROP", "NOT", "NULL"]) {
        return Ok(AlterTable::SetNullability { column, nullability: Nullability::Nullable });
    }
    if cursor.words(&["SET", "DATA", "TYPE"]) || cursor.word("TYPE") {
        return Ok(AlterTable::SetDataType { column, data_type: cursor.delegate(Parser::parse_data_type)? });
    }
    if cursor.word("COMMENT") {
        return Ok(AlterTable::SetColumnComment { column, comment: Some(cursor.string()?) });
    }
    if cursor.words(&["UNSET", "COMMENT"]) {
        return Ok(AlterTable::SetColumnComment { column, comment: None });
    }
    Err(cursor.unsupported("ALTER TABLE ALTER COLUMN"))
}

fn task_action(cursor: &mut Cursor, context: &str) -> Result<AlterTask, SqlError> {
    if cursor.word("RESUME") {
        return Ok(AlterTask::Resume);
    }
    if cursor.word("SUSPEND") {
        return Ok(AlterTask::Suspend);
    }
    if cursor.words(&["MODIFY", "AS"]) {
        return task::definition(cursor).map(AlterTask::ModifyDefinition);
    }
    if cursor.words(&["MODIFY", "WHEN"]) {
        return task::condition(cursor).map(|condition| AlterTask::ModifyCondition(Box::new(condition)));
    }
    if cursor.words(&["REMOVE", "WHEN"]) {
        return Ok(AlterTask::RemoveCondition);
    }
    if !cursor.word("SET") {
        return Err(cursor.unsupported(context));
    }
    let mut options = TaskOptions::default();
    while !cursor.at_end() {
        if !task::option(cursor, &mut options)? {
            return Err(cursor.unsupported(context));
        }
        cursor.punctuation(&Token::Comma);
    }
    Ok(AlterTask::Set(options))
}

fn pipe_action(cursor: &mut Cursor, context: &str) -> Result<AlterPipe, SqlError> {
    if cursor.words(&["SET", "PIPE_EXECUTION_PAUSED"]) {
        return cursor.setting(Cursor::boolean).map(AlterPipe::SetPaused);
    }
    if cursor.word("REFRESH") {
        let prefix = if cursor.word("PREFIX") { Some(cursor.setting(Cursor::string)?) } else { None };
        return Ok(AlterPipe::Refresh { prefix });
    }
    Err(cursor.unsupported(context))
}

fn warehouse_action(cursor: &mut Cursor, context: &str) -> Result<AlterWarehouse, SqlError> {
    if cursor.word("RESUME") {
        return Ok(AlterWarehouse::Resume { if_suspended: cursor.words(&["IF", "SUSPENDED"]) });
    }
    if cursor.word("SUSPEND") {
        return Ok(AlterWarehouse::Suspend);
    }
    if cursor.word("SET") {
        let mut comment = None;
        let options = warehouse_options(cursor, context, &mut comment)?;
        without_comment(comment.as_ref(), context)?;
        return Ok(AlterWarehouse::Set(options));
    }
    Err(cursor.unsupported(context))
}

/// `SET name = value …` or `UNSET name, …`
fn session(cursor: &mut Cursor) -> Result<Vec<SessionParameter>, SqlError> {
    let mut parameters = Vec::new();
    if cursor.word("UNSET") {
        loop {
            parameters.push(SessionParameter { name: cursor.identifier()?, value: None });
            if !cursor.punctuation(&Token::Comma) {
                return Ok(parameters);
            }
        }
    }
    cursor.expect_word("SET")?;
    while !cursor.at_end() {
        let name = cursor.identifier()?;
        let value = Some(cursor.setting(Cursor::expr)?);
        parameters.push(SessionParameter { name, value });
        cursor.punctuation(&Token::Comma);
    }
    Ok(parameters)
}

/// `DROP kind [IF EXISTS] name [CASCADE | RESTRICT]`
pub(super) fn drop(cursor: &mut Cursor) -> Result<Drop, SqlError> {
    cursor.advance();
    let kind = kind(cursor, "DROP")?;
    let if_exists = cursor.words(&["IF", "EXISTS"]);
    let name = cursor.name()?;
    let may_restrict = matches!(kind, ObjectKind::Database | ObjectKind::Schema | ObjectKind::Table);
    let restrict = may_restrict && cursor.word("RESTRICT");
    if may_restrict && !restrict {
        cursor.word("CASCADE");
    }
    Ok(Drop { kind, if_exists, name, restrict })
}

/// `COMMENT [IF EXISTS] ON kind name IS '…'`
pub(super) fn comment(cursor: &mut Cursor) -> Result<Comment, SqlError> {
    cursor.advance();
    let if_exists = cursor.words(&["IF", "EXISTS"]);
    cursor.expect_word("ON")?;
    let (kind, name, column) = if cursor.word("COLUMN") {
        let mut parts = vec![cursor.identifier()?];
        while cursor.punctuation(&Token::Period) {
            parts.push(cursor.identifier()?);
        }
        match parts.pop() {
            Some(column) if !parts.is_empty() => (ObjectKind::Table, Name::from_parts(parts)?, Some(column)),
            _ => return Err(SqlError::syntax("a column's comment needs table.column")),
        }
    } else {
        (kind(cursor, "COMMENT ON")?, cursor.name()?, None)
    };
    cursor.expect_word("IS")?;
    Ok(Comment { if_exists, kind, name, column, comment: cursor.string()? })
}
