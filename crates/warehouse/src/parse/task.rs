//! Tasks: CREATE TASK, the settings ALTER TASK shares with it, schedules and conditions.

use super::{
    CreateTask, Schedule, SqlError, Statement, TaskCondition, TaskOptions, Token, create::comment_setting,
    cursor::Cursor, sql, statement, unsupported,
};
use std::time::Duration;

pub(super) fn create_task(cursor: &mut Cursor, comment: &mut Option<String>) -> Result<CreateTask, SqlError> {
    let (mut options, mut when) = (TaskOptions::default(), None);
    while !cursor.word("AS") {
        if cursor.word("WHEN") {
            when = Some(condition(cursor)?);
        } else if let Some(text) = comment_setting(cursor)? {
            *comment = Some(text);
        } else if !option(cursor, &mut options)? {
            return Err(cursor.unsupported("CREATE TASK"));
        }
        cursor.punctuation(&Token::Comma);
    }
    Ok(CreateTask { options, when, definition: definition(cursor)? })
}

/// Takes one setting of a task into `options`; false when something else comes next.
pub(super) fn option(cursor: &mut Cursor, options: &mut TaskOptions) -> Result<bool, SqlError> {
    if cursor.word("WAREHOUSE") {
        options.warehouse = Some(cursor.setting(Cursor::identifier_or_string)?);
    } else if cursor.word("SCHEDULE") {
        options.schedule = Some(schedule(&cursor.setting(Cursor::string)?)?);
    } else if cursor.word("ALLOW_OVERLAPPING_EXECUTION") {
        if cursor.setting(Cursor::boolean)? {
            return Err(unsupported("ALLOW_OVERLAPPING_EXECUTION = TRUE"));
        }
    } else if cursor.word("SUSPEND_TASK_AFTER_NUM_FAILURES") {
        options.suspend_after_failures = Some(cursor.setting(Cursor::number)?);
    } else if cursor.word("USER_TASK_TIMEOUT_MS") {
        options.timeout = Some(Duration::from_millis(cursor.setting(Cursor::number)?.into()));
    } else if cursor.word("USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE") {
        options.managed_initial_warehouse_size = Some(cursor.setting(Cursor::identifier_or_string)?);
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// `n HOUR[S] | H | MINUTE[S] | M | SECOND[S] | S`; source: docs.snowflake.com, CREATE TASK.
fn schedule(text: &str) -> Result<Schedule, SqlError> {
    let words: Vec<String> = text.split_whitespace().map(str::to_uppercase).collect();
    let wrong = || SqlError::syntax(format_args!("SCHEDULE '{text}' is not a number of HOURS, MINUTES or SECONDS"));
    let (count, unit) = match words.as_slice() {
        [using, cron, ..] if using == "USING" && cron == "CRON" => {
            return Err(unsupported("SCHEDULE USING CRON"));
        }
        [count, unit] => (count.parse::<u32>().map_err(|_| wrong())?, unit.as_str()),
        _ => return Err(wrong()),
    };
    let seconds = match unit {
        "H" | "HOUR" | "HOURS" => 3600,
        "M" | "MINUTE" | "MINUTES" => 60,
        "S" | "SECOND" | "SECONDS" => 1,
        _ => return Err(wrong()),
    };
    let interval = Duration::from_secs(u64::from(count) * seconds);
    // Snowflake's range: from 10 seconds (which the server's configuration enforces) to 8 days.
    if interval.is_zero() || interval > Duration::from_hours(8 * 24) {
        return Err(SqlError::syntax(format_args!("SCHEDULE '{text}' is outside of 10 seconds to 8 days")));
    }
    Ok(Schedule { interval, text: text.to_owned() })
}

pub(super) fn condition(cursor: &mut Cursor) -> Result<TaskCondition, SqlError> {
    let start = cursor.mark();
    let expr = cursor.expr()?;
    check_condition(&expr)?;
    Ok(TaskCondition { expr, text: cursor.text(start).to_owned() })
}

/// Snowflake allows a few functions only in WHEN; of these the warehouse has the one on streams.
fn check_condition(expr: &sql::Expr) -> Result<(), SqlError> {
    match expr {
        sql::Expr::Nested(inner) => check_condition(inner),
        sql::Expr::UnaryOp { op: sql::UnaryOperator::Not, expr } => check_condition(expr),
        sql::Expr::BinaryOp { left, op: sql::BinaryOperator::And | sql::BinaryOperator::Or, right } => {
            check_condition(left)?;
            check_condition(right)
        }
        sql::Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("SYSTEM$STREAM_HAS_DATA") => {
            Ok(())
        }
        sql::Expr::Value(value) if matches!(value.value, sql::Value::Boolean(_)) => Ok(()),
        other => Err(unsupported(format!("WHEN {other}"))),
    }
}

/// The statement a task runs, checked to parse and to be one that a task may run.
pub(super) fn definition(cursor: &mut Cursor) -> Result<String, SqlError> {
    let start = cursor.mark();
    match statement(cursor)? {
        Statement::Query(_)
        | Statement::Insert(_)
        | Statement::Update(_)
        | Statement::Delete(_)
        | Statement::Merge(_)
        | Statement::Truncate { .. }
        | Statement::Copy(_)
        | Statement::Create(_)
        | Statement::Alter(_)
        | Statement::Drop(_) => Ok(cursor.text(start).to_owned()),
        _ => Err(unsupported("a task whose statement is neither a query, DML nor DDL")),
    }
}
