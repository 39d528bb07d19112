//! COPY INTO a table, and the stage paths and file formats it shares with stages and pipes.

use super::{
    CopyInto, CopyTransformation, FileFormat, FileFormatRef, Name, OnError, Parser, SqlError, StagePath, Token,
    cursor::Cursor, unsupported,
};

pub(super) fn copy_into(cursor: &mut Cursor) -> Result<CopyInto, SqlError> {
    cursor.expect_word("COPY")?;
    cursor.expect_word("INTO")?;
    if matches!(cursor.token(), Token::AtSign | Token::SingleQuotedString(_)) {
        return Err(unsupported("COPY INTO a location"));
    }
    let table = cursor.name()?;
    let columns = if *cursor.token() == Token::LParen { cursor.list(Cursor::identifier)? } else { Vec::new() };
    cursor.expect_word("FROM")?;
    let (source, transformation) = if cursor.punctuation(&Token::LParen) {
        let (source, transformation) = self::transformation(cursor)?;
        cursor.expect(&Token::RParen)?;
        (source, Some(transformation))
    } else {
        (stage_path(cursor)?, None)
    };
    let mut copy = CopyInto {
        table,
        columns,
        source,
        transformation,
        file_format: None,
        files: Vec::new(),
        pattern: None,
        on_error: None,
        force: false,
    };
    while !cursor.at_end() {
        option(cursor, &mut copy)?;
        cursor.punctuation(&Token::Comma);
    }
    Ok(copy)
}

fn option(cursor: &mut Cursor, copy: &mut CopyInto) -> Result<(), SqlError> {
    if cursor.word("FILE_FORMAT") {
        copy.file_format = Some(cursor.setting(file_format_ref)?);
    } else if cursor.word("FILES") {
        copy.files = cursor.setting(|cursor| cursor.list(Cursor::string))?;
    } else if cursor.word("PATTERN") {
        copy.pattern = Some(cursor.setting(Cursor::string)?);
    } else if cursor.word("ON_ERROR") {
        copy.on_error = Some(cursor.setting(on_error)?);
    } else if cursor.word("FORCE") {
        copy.force = cursor.setting(Cursor::boolean)?;
    } else {
        return Err(cursor.unsupported("COPY INTO"));
    }
    Ok(())
}

fn on_error(cursor: &mut Cursor) -> Result<OnError, SqlError> {
    let written = cursor.identifier_or_string()?;
    match written.to_uppercase().as_str() {
        "ABORT_STATEMENT" => Ok(OnError::AbortStatement),
        "CONTINUE" => Ok(OnError::Continue),
        "SKIP_FILE" => Ok(OnError::SkipFile),
        other => Err(unsupported(format!("ON_ERROR = {other}"))),
    }
}

/// `SELECT items FROM @stage[/path] [[AS] alias]`: Snowflake allows no WHERE, ORDER BY, LIMIT or join here.
fn transformation(cursor: &mut Cursor) -> Result<(StagePath, CopyTransformation), SqlError> {
    cursor.expect_word("SELECT")?;
    if cursor.peek_word().as_deref() == Some("DISTINCT") {
        return Err(cursor.unsupported("COPY INTO … SELECT"));
    }
    let items = cursor.delegate(Parser::parse_projection)?;
    cursor.expect_word("FROM")?;
    let source = stage_path(cursor)?;
    if *cursor.token() == Token::LParen {
        return Err(unsupported("COPY INTO … FROM @stage (options): give FILE_FORMAT and PATTERN after it"));
    }
    let named = cursor.word("AS");
    let alias = match cursor.peek_word().as_deref() {
        Some("WHERE" | "GROUP" | "ORDER" | "LIMIT" | "JOIN" | "LEFT" | "INNER" | "CROSS" | "QUALIFY" | "UNION") => {
            return Err(cursor.unsupported("COPY INTO … SELECT"));
        }
        Some(_) => Some(cursor.identifier()?),
        None if named => return Err(cursor.unexpected("an alias")),
        None => None,
    };
    Ok((source, CopyTransformation { items, alias }))
}

/// `@[database.][schema.]stage[/path]`. The path is the source text up to a blank, a parenthesis or the end, since it
/// holds what are tokens elsewhere.
pub(super) fn stage_path(cursor: &mut Cursor) -> Result<StagePath, SqlError> {
    match cursor.token() {
        Token::AtSign => cursor.advance(),
        Token::SingleQuotedString(text) if text.starts_with('@') => {
            let inner = text.clone();
            cursor.advance();
            let (stage, path) = inner[1..].split_once('/').unwrap_or((&inner[1..], ""));
            return Ok(StagePath { stage: name_in(stage)?, path: path.to_owned() });
        }
        Token::SingleQuotedString(_) => return Err(unsupported("a location outside of a stage")),
        _ => return Err(cursor.unexpected("@stage")),
    }
    if matches!(cursor.token(), Token::Tilde | Token::Mod) {
        return Err(unsupported("the stages of users and tables"));
    }
    let stage = cursor.name()?;
    let path = cursor.path();
    Ok(StagePath { stage, path })
}

/// `'name'`, `name`, `(FORMAT_NAME = …)` or `(TYPE = … options)`.
pub(super) fn file_format_ref(cursor: &mut Cursor) -> Result<FileFormatRef, SqlError> {
    cursor.expect(&Token::LParen)?;
    let (mut named, mut format) = (None, None);
    while !cursor.punctuation(&Token::RParen) {
        if cursor.word("FORMAT_NAME") {
            named = Some(cursor.setting(format_name)?);
        } else {
            format_option(cursor, &mut format, "FILE_FORMAT")?;
        }
        cursor.punctuation(&Token::Comma);
    }
    match (named, format) {
        (Some(name), None) => Ok(FileFormatRef::Named(name)),
        (None, Some(format)) => Ok(FileFormatRef::Inline(format)),
        _ => Err(SqlError::syntax("FILE_FORMAT needs either FORMAT_NAME or TYPE")),
    }
}

/// A name, or a string that holds one.
fn format_name(cursor: &mut Cursor) -> Result<Name, SqlError> {
    if matches!(cursor.token(), Token::Word(_)) {
        return cursor.name();
    }
    name_in(&cursor.string()?)
}

/// A name inside a string.
pub(super) fn name_in(text: &str) -> Result<Name, SqlError> {
    let mut cursor = Cursor::new(text)?;
    let name = cursor.name()?;
    if cursor.at_end() { Ok(name) } else { Err(cursor.unexpected("the end of the name")) }
}

/// One option of an Avro format; those that would change how a file is read are refused.
pub(super) fn format_option(
    cursor: &mut Cursor,
    format: &mut Option<FileFormat>,
    context: &str,
) -> Result<(), SqlError> {
    if cursor.word("TYPE") {
        let written = cursor.setting(Cursor::identifier_or_string)?;
        if !written.eq_ignore_ascii_case("AVRO") {
            return Err(unsupported(format!("{context} TYPE = {written}")));
        }
        *format = Some(FileFormat::Avro);
    } else if cursor.word("COMPRESSION") {
        // An Avro file names its own codec; AUTO says so.
        let written = cursor.setting(Cursor::identifier_or_string)?;
        if !written.eq_ignore_ascii_case("AUTO") {
            return Err(unsupported(format!("{context} COMPRESSION = {written}")));
        }
    } else if cursor.word("TRIM_SPACE") {
        if cursor.setting(Cursor::boolean)? {
            return Err(unsupported(format!("{context} TRIM_SPACE = TRUE")));
        }
    } else {
        return Err(cursor.unsupported(context));
    }
    Ok(())
}
