//! CREATE of every kind of object the warehouse keeps.

use super::{
    AwsCredentials, Create, CreateMode, CreateObject, CreatePipe, CreateStream, CreateView, FileFormat, InitialRows,
    ObjectKind, OnError, Retention, SqlError, StageOptions, StreamMode, Token, Transience, ViewColumn,
    WarehouseOptions, copy,
    cursor::{Cursor, Mark},
    table, task, unsupported,
};

pub(super) fn create(cursor: &mut Cursor) -> Result<Create, SqlError> {
    let start = cursor.mark();
    cursor.advance();
    let or_replace = cursor.words(&["OR", "REPLACE"]);
    let transience = if cursor.word("TRANSIENT") { Transience::Transient } else { Transience::Permanent };
    let kind = kind(cursor, "CREATE")?;
    if transience == Transience::Transient
        && !matches!(kind, ObjectKind::Database | ObjectKind::Schema | ObjectKind::Table)
    {
        return Err(unsupported(format!("CREATE TRANSIENT {}", kind.keyword())));
    }
    let if_not_exists = cursor.words(&["IF", "NOT", "EXISTS"]);
    let mode = match (or_replace, if_not_exists) {
        (true, true) => return Err(SqlError::syntax("OR REPLACE and IF NOT EXISTS exclude each other")),
        (true, false) => CreateMode::OrReplace,
        (false, true) => CreateMode::IfNotExists,
        (false, false) => CreateMode::New,
    };
    let name = cursor.name()?;
    let mut comment = None;
    let object = object(cursor, kind, transience, &mut comment)?;
    Ok(Create { mode, name, comment, text: text(cursor, start), object })
}

fn text(cursor: &Cursor, start: Mark) -> String {
    cursor.text(start).to_owned()
}

fn object(
    cursor: &mut Cursor,
    kind: ObjectKind,
    transience: Transience,
    comment: &mut Option<String>,
) -> Result<CreateObject, SqlError> {
    Ok(match kind {
        ObjectKind::Database => CreateObject::Database(container(cursor, transience, comment, "CREATE DATABASE")?),
        ObjectKind::Schema => CreateObject::Schema(container(cursor, transience, comment, "CREATE SCHEMA")?),
        ObjectKind::Table => CreateObject::Table(table::create_table(cursor, transience, comment)?),
        ObjectKind::View => CreateObject::View(view(cursor, comment)?),
        ObjectKind::Stage => CreateObject::Stage(stage_options(cursor, "CREATE STAGE", comment)?),
        ObjectKind::FileFormat => CreateObject::FileFormat(file_format(cursor, comment)?),
        ObjectKind::Pipe => CreateObject::Pipe(pipe(cursor, comment)?),
        ObjectKind::Stream => CreateObject::Stream(stream(cursor, comment)?),
        ObjectKind::Task => CreateObject::Task(task::create_task(cursor, comment)?),
        ObjectKind::Warehouse => {
            cursor.word("WITH");
            CreateObject::Warehouse(warehouse_options(cursor, "CREATE WAREHOUSE", comment)?)
        }
    })
}

/// The kind's words, which come next.
pub(super) fn kind(cursor: &mut Cursor, context: &str) -> Result<ObjectKind, SqlError> {
    let found = ObjectKind::ALL.into_iter().find(|kind| cursor.words(kind.words()));
    found.ok_or_else(|| cursor.unsupported(context))
}

/// `COMMENT = '…'`
pub(super) fn comment_setting(cursor: &mut Cursor) -> Result<Option<String>, SqlError> {
    if cursor.word("COMMENT") { cursor.setting(Cursor::string).map(Some) } else { Ok(None) }
}

fn container(
    cursor: &mut Cursor,
    transience: Transience,
    comment: &mut Option<String>,
    context: &str,
) -> Result<Retention, SqlError> {
    let mut days = None;
    while !cursor.at_end() {
        if cursor.word("DATA_RETENTION_TIME_IN_DAYS") {
            days = Some(cursor.setting(Cursor::number)?);
        } else if let Some(text) = comment_setting(cursor)? {
            *comment = Some(text);
        } else {
            return Err(cursor.unsupported(context));
        }
    }
    Ok(Retention { transience, days })
}

/// `[(column [COMMENT '…'], …)] [COPY GRANTS] [COMMENT = '…'] AS query`
fn view(cursor: &mut Cursor, comment: &mut Option<String>) -> Result<CreateView, SqlError> {
    let column = |cursor: &mut Cursor| {
        let name = cursor.identifier()?;
        let comment = if cursor.word("COMMENT") { Some(cursor.string()?) } else { None };
        Ok(ViewColumn { name, comment })
    };
    let columns = if *cursor.token() == Token::LParen { cursor.list(column)? } else { Vec::new() };
    while !cursor.word("AS") {
        if let Some(text) = comment_setting(cursor)? {
            *comment = Some(text);
        } else if !cursor.words(&["COPY", "GRANTS"]) {
            // COPY GRANTS keeps all of the grants that there are here: none.
            return Err(cursor.unsupported("CREATE VIEW"));
        }
    }
    let start = cursor.mark();
    let query = cursor.query()?;
    Ok(CreateView { columns, query, query_text: text(cursor, start) })
}

pub(super) fn stage_options(
    cursor: &mut Cursor,
    context: &str,
    comment: &mut Option<String>,
) -> Result<StageOptions, SqlError> {
    let mut options = StageOptions::default();
    while !cursor.at_end() {
        if cursor.word("URL") {
            options.url = Some(cursor.setting(Cursor::string)?);
        } else if cursor.word("CREDENTIALS") {
            options.credentials = Some(cursor.setting(credentials)?);
        } else if cursor.word("FILE_FORMAT") {
            options.file_format = Some(cursor.setting(copy::file_format_ref)?);
        } else if let Some(text) = comment_setting(cursor)? {
            *comment = Some(text);
        } else {
            return Err(cursor.unsupported(context));
        }
    }
    Ok(options)
}

/// `(AWS_KEY_ID = '…' AWS_SECRET_KEY = '…' [AWS_TOKEN = '…'])`
fn credentials(cursor: &mut Cursor) -> Result<AwsCredentials, SqlError> {
    cursor.expect(&Token::LParen)?;
    let (mut key_id, mut secret_key, mut token) = (None, None, None);
    while !cursor.punctuation(&Token::RParen) {
        if cursor.word("AWS_KEY_ID") {
            key_id = Some(cursor.setting(Cursor::string)?);
        } else if cursor.word("AWS_SECRET_KEY") {
            secret_key = Some(cursor.setting(Cursor::string)?);
        } else if cursor.word("AWS_TOKEN") {
            token = Some(cursor.setting(Cursor::string)?);
        } else {
            return Err(cursor.unsupported("CREDENTIALS"));
        }
        cursor.punctuation(&Token::Comma);
    }
    match (key_id, secret_key) {
        (Some(key_id), Some(secret_key)) => Ok(AwsCredentials { key_id, secret_key, token }),
        _ => Err(SqlError::syntax("CREDENTIALS needs both AWS_KEY_ID and AWS_SECRET_KEY")),
    }
}

/// `TYPE = AVRO`, its options and a comment, in any order.
fn file_format(cursor: &mut Cursor, comment: &mut Option<String>) -> Result<FileFormat, SqlError> {
    let mut format = None;
    while !cursor.at_end() {
        if let Some(text) = comment_setting(cursor)? {
            *comment = Some(text);
        } else {
            copy::format_option(cursor, &mut format, "CREATE FILE FORMAT")?;
        }
    }
    format.ok_or_else(|| unsupported("CREATE FILE FORMAT without TYPE = AVRO"))
}

fn pipe(cursor: &mut Cursor, comment: &mut Option<String>) -> Result<CreatePipe, SqlError> {
    let mut auto_ingest = false;
    while !cursor.word("AS") {
        if cursor.word("AUTO_INGEST") {
            auto_ingest = cursor.setting(Cursor::boolean)?;
        } else if let Some(text) = comment_setting(cursor)? {
            *comment = Some(text);
        } else {
            return Err(cursor.unsupported("CREATE PIPE"));
        }
    }
    let start = cursor.mark();
    let copy = copy::copy_into(cursor)?;
    if copy.force || !copy.files.is_empty() {
        return Err(unsupported("COPY INTO of a pipe with FORCE or FILES"));
    }
    if copy.on_error == Some(OnError::AbortStatement) {
        return Err(unsupported("COPY INTO of a pipe with ON_ERROR = ABORT_STATEMENT"));
    }
    Ok(CreatePipe { auto_ingest, copy, copy_text: text(cursor, start) })
}

/// `ON TABLE table [APPEND_ONLY = …] [SHOW_INITIAL_ROWS = …] [COMMENT = '…']`
fn stream(cursor: &mut Cursor, comment: &mut Option<String>) -> Result<CreateStream, SqlError> {
    if !cursor.words(&["ON", "TABLE"]) {
        return Err(cursor.unsupported("CREATE STREAM"));
    }
    let table = cursor.name()?;
    let (mut mode, mut initial_rows) = (StreamMode::Default, InitialRows::Hidden);
    while !cursor.at_end() {
        if cursor.word("APPEND_ONLY") {
            mode = if cursor.setting(Cursor::boolean)? { StreamMode::AppendOnly } else { StreamMode::Default };
        } else if cursor.word("SHOW_INITIAL_ROWS") {
            initial_rows = if cursor.setting(Cursor::boolean)? { InitialRows::Shown } else { InitialRows::Hidden };
        } else if let Some(text) = comment_setting(cursor)? {
            *comment = Some(text);
        } else {
            return Err(cursor.unsupported("CREATE STREAM"));
        }
    }
    Ok(CreateStream { table, mode, initial_rows })
}

pub(super) fn warehouse_options(
    cursor: &mut Cursor,
    context: &str,
    comment: &mut Option<String>,
) -> Result<WarehouseOptions, SqlError> {
    let mut options = WarehouseOptions::default();
    while !cursor.at_end() {
        if cursor.word("WAREHOUSE_SIZE") {
            options.size = Some(cursor.setting(warehouse_size)?);
        } else if cursor.word("AUTO_SUSPEND") {
            options.auto_suspend_seconds = Some(cursor.setting(Cursor::number)?);
        } else if cursor.word("AUTO_RESUME") {
            options.auto_resume = Some(cursor.setting(Cursor::boolean)?);
        } else if cursor.word("INITIALLY_SUSPENDED") {
            options.initially_suspended = Some(cursor.setting(Cursor::boolean)?);
        } else if let Some(text) = comment_setting(cursor)? {
            *comment = Some(text);
        } else {
            return Err(cursor.unsupported(context));
        }
    }
    Ok(options)
}

fn warehouse_size(cursor: &mut Cursor) -> Result<String, SqlError> {
    let written = cursor.identifier_or_string()?;
    let size = match written.to_uppercase().replace('-', "").as_str() {
        "XSMALL" => "X-Small",
        "SMALL" => "Small",
        "MEDIUM" => "Medium",
        "LARGE" => "Large",
        "XLARGE" => "X-Large",
        _ => return Err(unsupported(format!("WAREHOUSE_SIZE {written}"))),
    };
    Ok(size.to_owned())
}
