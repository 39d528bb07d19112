//! Snowflake's SQL to [`Statement`]s: sqlparser's tokenizer and its parser for queries and DML, our own for the rest.

mod alter;
mod ast;
mod copy;
mod create;
mod cursor;
mod show;
mod table;
mod task;
#[cfg(test)]
mod tests;

pub use ast::*;

use crate::error::SqlError;
use cursor::Cursor;
use datafusion::sql::sqlparser::{ast as sql, parser::Parser, tokenizer::Token};
use std::fmt::Display;

/// Statements that Snowflake has and the local warehouse does not: refused by name rather than as bad syntax.
const UNSUPPORTED: &[&str] = &[
    "ALERT",
    "CALL",
    "CHANGES",
    "DECLARE",
    "EXECUTE",
    "EXPLAIN",
    "GET",
    "GRANT",
    "IF",
    "LET",
    "MOVE",
    "PUT",
    "REMOVE",
    "REVOKE",
    "RM",
    "SAVEPOINT",
    "SET",
    "UNDROP",
    "UNSET",
];

/// Parses a text of statements separated by semicolons.
///
/// # Errors
/// A syntax error (001003) with its place, or "unsupported" (000002) naming the clause that the local warehouse lacks.
pub fn parse(source: &str) -> Result<Vec<Statement>, SqlError> {
    let mut cursor = Cursor::new(source)?;
    let mut statements = Vec::new();
    loop {
        while cursor.punctuation(&Token::SemiColon) {}
        if cursor.at_end() {
            return Ok(statements);
        }
        statements.push(statement(&mut cursor)?);
        if !cursor.at_end() {
            return Err(cursor.unexpected("the end of the statement"));
        }
    }
}

/// Parses a task's WHEN alone, as the catalogue keeps it.
///
/// # Errors
/// As [`parse`].
pub fn condition(source: &str) -> Result<TaskCondition, SqlError> {
    let mut cursor = Cursor::new(source)?;
    let condition = task::condition(&mut cursor)?;
    if cursor.at_end() { Ok(condition) } else { Err(cursor.unexpected("the end of the condition")) }
}

/// Parses a name inside a text, such as the argument of a system function.
///
/// # Errors
/// A syntax error (001003).
pub fn name(source: &str) -> Result<Name, SqlError> {
    copy::name_in(source)
}

fn statement(cursor: &mut Cursor) -> Result<Statement, SqlError> {
    let first = cursor.peek_word();
    match first.as_deref() {
        Some("INSERT" | "UPDATE" | "DELETE" | "MERGE") => dml(cursor),
        Some("SELECT" | "WITH" | "VALUES") => cursor.query().map(Statement::Query),
        None if *cursor.token() == Token::LParen => cursor.query().map(Statement::Query),
        Some("TRUNCATE") => truncate(cursor),
        Some("COPY") => copy::copy_into(cursor).map(|copy| Statement::Copy(Box::new(copy))),
        Some("LIST" | "LS") => {
            cursor.advance();
            copy::stage_path(cursor).map(Statement::List)
        }
        Some("CREATE") => create::create(cursor).map(|create| Statement::Create(Box::new(create))),
        Some("ALTER") => alter::alter(cursor),
        Some("DROP") => alter::drop(cursor).map(Statement::Drop),
        Some("COMMENT") => alter::comment(cursor).map(Statement::Comment),
        Some("EXECUTE") if cursor.words(&["EXECUTE", "TASK"]) => cursor.name().map(Statement::ExecuteTask),
        Some("SHOW") => show::show(cursor).map(Statement::Show),
        Some("DESCRIBE" | "DESC") => show::describe(cursor).map(Statement::Describe),
        Some("USE") => use_object(cursor).map(Statement::Use),
        Some("BEGIN" | "START") => begin(cursor),
        Some("COMMIT" | "ROLLBACK") => end(cursor),
        Some(word) if UNSUPPORTED.contains(&word) => Err(unsupported(word)),
        _ => Err(cursor.unexpected("a statement")),
    }
}

/// A clause or statement of Snowflake's that is not here.
fn unsupported(feature: impl Display) -> SqlError {
    SqlError::unsupported(feature, "")
}

fn dml(cursor: &mut Cursor) -> Result<Statement, SqlError> {
    match cursor.delegate(Parser::parse_statement)? {
        sql::Statement::Insert(insert) => Ok(Statement::Insert(Box::new(insert))),
        sql::Statement::Update(update) => Ok(Statement::Update(Box::new(update))),
        sql::Statement::Delete(delete) => Ok(Statement::Delete(Box::new(delete))),
        sql::Statement::Merge(merge) => Ok(Statement::Merge(Box::new(merge))),
        other => Err(SqlError::syntax(format_args!("not a DML statement: {other}"))),
    }
}

/// `TRUNCATE [TABLE] [IF EXISTS] table`
fn truncate(cursor: &mut Cursor) -> Result<Statement, SqlError> {
    cursor.advance();
    cursor.word("TABLE");
    let if_exists = cursor.words(&["IF", "EXISTS"]);
    Ok(Statement::Truncate { if_exists, table: cursor.name()? })
}

/// `USE [DATABASE | SCHEMA | WAREHOUSE | ROLE] name`; without a kind a name of one part is a database, of two a schema.
fn use_object(cursor: &mut Cursor) -> Result<Use, SqlError> {
    cursor.advance();
    if cursor.peek_nth_word(1).is_some() || matches!(cursor.peek_word().as_deref(), Some("SECONDARY")) {
        return match cursor.peek_word().as_deref() {
            Some("DATABASE") => {
                cursor.advance();
                cursor.identifier().map(Use::Database)
            }
            Some("WAREHOUSE") => {
                cursor.advance();
                cursor.identifier().map(Use::Warehouse)
            }
            Some("ROLE") => {
                cursor.advance();
                cursor.identifier().map(Use::Role)
            }
            Some("SCHEMA") => {
                cursor.advance();
                let name = cursor.name()?;
                schema_of(name)
            }
            _ => Err(cursor.unsupported("USE")),
        };
    }
    match cursor.name()? {
        Name { database: None, schema: None, name } => Ok(Use::Database(name)),
        name => schema_of(name),
    }
}

fn schema_of(name: Name) -> Result<Use, SqlError> {
    match name {
        Name { database: None, schema, name } => Ok(Use::Schema { database: schema, schema: name }),
        Name { .. } => Err(SqlError::syntax("a schema's name has at most two parts")),
    }
}

/// `BEGIN [WORK | TRANSACTION]`, `START TRANSACTION`; a BEGIN … END block is Snowflake Scripting, which is not here.
fn begin(cursor: &mut Cursor) -> Result<Statement, SqlError> {
    let start = cursor.peek_word().as_deref() == Some("START");
    cursor.advance();
    if start {
        cursor.expect_word("TRANSACTION")?;
    } else {
        let _ = cursor.word("TRANSACTION") || cursor.word("WORK");
    }
    if cursor.at_end() {
        return Ok(Statement::Begin);
    }
    Err(if cursor.peek_word().as_deref() == Some("NAME") {
        cursor.unsupported("BEGIN TRANSACTION")
    } else {
        unsupported("BEGIN … END block")
    })
}

fn end(cursor: &mut Cursor) -> Result<Statement, SqlError> {
    let statement = if cursor.word("COMMIT") {
        Statement::Commit
    } else {
        cursor.expect_word("ROLLBACK")?;
        Statement::Rollback
    };
    cursor.word("WORK");
    Ok(statement)
}
