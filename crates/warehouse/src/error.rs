//! The one error of the warehouse: what a client of Snowflake acts on is the code and the SQLSTATE, so every failure has
//! both, named after Snowflake's own errors (docs.snowflake.com does not list them all; the rest are what its drivers
//! and its answers show).

use crate::parse::ObjectKind;
use std::fmt;

/// A failed statement as the protocol returns it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code} ({sqlstate}): {message}")]
pub struct SqlError {
    /// Six digits, such as `002003`.
    pub code: &'static str,
    /// Five characters, such as `02000`.
    pub sqlstate: &'static str,
    pub message: String,
}

impl SqlError {
    pub fn new(code: &'static str, sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self { code, sqlstate, message: message.into() }
    }

    fn compilation(code: &'static str, sqlstate: &'static str, message: impl fmt::Display) -> Self {
        Self::new(code, sqlstate, format!("SQL compilation error:\n{message}"))
    }

    /// 001003: the text does not parse. `message` says where, such as `line 1 at position 7 unexpected 'FRM'.`
    pub fn syntax(message: impl fmt::Display) -> Self {
        Self::new("001003", "42000", format!("SQL compilation error:\nsyntax error {message}"))
    }

    /// 002003: an object that is not there (or that the caller may not see; Snowflake does not tell them apart).
    pub fn does_not_exist(kind: ObjectKind, name: impl fmt::Display) -> Self {
        // What Snowflake's drivers see: 42S02 for tables and views, 02000 for everything else.
        let sqlstate = match kind {
            ObjectKind::Table | ObjectKind::View => "42S02",
            _ => "02000",
        };
        Self::compilation("002003", sqlstate, format_args!("{kind} '{name}' does not exist or not authorized."))
    }

    /// 002003 for a name in FROM or of a DML's target, which may be a table, a view or a stream.
    pub fn object_does_not_exist(name: impl fmt::Display) -> Self {
        Self::compilation("002003", "42S02", format_args!("Object '{name}' does not exist or not authorized."))
    }

    /// 002002: the name is taken.
    pub fn already_exists(name: impl fmt::Display) -> Self {
        Self::compilation("002002", "42710", format_args!("Object '{name}' already exists."))
    }

    /// 002002 for a name that an object of another kind has.
    pub fn already_exists_as(name: impl fmt::Display, kind: ObjectKind) -> Self {
        Self::compilation("002002", "42710", format_args!("Object '{name}' already exists as {}.", kind.keyword()))
    }

    /// 002203: the name is an object of another kind than the statement says.
    pub fn wrong_kind(found: ObjectKind, wanted: ObjectKind) -> Self {
        let (found, wanted) = (found.keyword(), wanted.keyword());
        Self::compilation(
            "002203",
            "02000",
            format_args!("Object found is of type '{found}', not specified type '{wanted}'."),
        )
    }

    /// 001430: ALTER TABLE would make a second column of a name.
    pub fn column_exists(name: impl fmt::Display) -> Self {
        Self::compilation("001430", "42601", format_args!("column '{name}' already exists"))
    }

    /// 002108: ALTER COLUMN to a type that the column's values may not fit.
    pub fn incompatible_column_type(column: impl fmt::Display, from: impl fmt::Display, to: impl fmt::Display) -> Self {
        Self::compilation("002108", "22000", format_args!("cannot change column {column} from type {from} to {to}"))
    }

    /// 002264: ADD COLUMN … NOT NULL, with rows there.
    pub fn not_null_on_rows(column: impl fmt::Display, table: impl fmt::Display) -> Self {
        Self::compilation(
            "002264",
            "23000",
            format_args!("Non-nullable column '{column}' cannot be added to non-empty table '{table}'"),
        )
    }

    /// 091421: a task is to be changed while it runs by itself.
    pub fn not_suspended(message: impl fmt::Display) -> Self {
        Self::new("091421", "55000", message.to_string())
    }

    /// 090064: a warehouse is to be resumed or suspended that already is.
    pub fn invalid_warehouse_state(message: impl fmt::Display) -> Self {
        Self::new("090064", "22000", message.to_string())
    }

    /// 002043: what the statement names exists, but is something else or is in no state for it.
    pub fn not_performable(message: impl fmt::Display) -> Self {
        Self::compilation("002043", "02000", message)
    }

    /// 000904: a column or variable that is not there.
    pub fn invalid_identifier(name: impl fmt::Display) -> Self {
        Self::compilation("000904", "42000", format_args!("error line 1 at position 0\ninvalid identifier '{name}'"))
    }

    /// 002140: a function that is not there.
    pub fn unknown_function(name: impl fmt::Display) -> Self {
        Self::compilation("002140", "42601", format_args!("Unknown function {name}"))
    }

    /// 002028: a column that more than one table of the statement has.
    pub fn ambiguous_column(name: impl fmt::Display) -> Self {
        Self::compilation("002028", "42601", format_args!("ambiguous column name '{name}'"))
    }

    /// 002025: one column named twice.
    pub fn duplicate_column(name: impl fmt::Display) -> Self {
        Self::compilation("002025", "42S21", format_args!("duplicate column name '{name}'"))
    }

    /// 001007: an argument of a type the function or operator does not take.
    pub fn invalid_type(message: impl fmt::Display) -> Self {
        Self::compilation("001007", "22023", message)
    }

    /// 001008: a value that a clause or parameter does not take.
    pub fn invalid_value(message: impl fmt::Display) -> Self {
        Self::compilation("001008", "22023", message)
    }

    /// 002023: an expression of one type where another is wanted.
    pub fn type_mismatch(message: impl fmt::Display) -> Self {
        Self::compilation("002023", "22000", message)
    }

    /// 000002: this warehouse lacks it. `hint` says what to do instead, or is empty.
    pub fn unsupported(feature: impl fmt::Display, hint: impl fmt::Display) -> Self {
        let hint = hint.to_string();
        let (gap, hint) = if hint.is_empty() { ("", "") } else { (" ", hint.as_str()) };
        Self::new(
            "000002",
            "0A000",
            format!("Unsupported feature '{feature}': the local warehouse lacks it.{gap}{hint}"),
        )
    }

    /// 100090: a MERGE whose source rows disagree about one target row.
    pub fn duplicate_row(row: impl fmt::Display) -> Self {
        Self::new("100090", "42P18", format!("Duplicate row detected during DML action\nRow Values: {row}"))
    }

    /// 100072: NULL for a NOT NULL column.
    pub fn not_null(column: impl fmt::Display) -> Self {
        Self::new("100072", "22000", format!("NULL result in a non-nullable column: '{column}'"))
    }

    /// 100038: text that is no number.
    pub fn not_a_number(value: impl fmt::Display) -> Self {
        Self::new("100038", "22018", format!("Numeric value '{value}' is not recognized"))
    }

    /// 100037: text that is no boolean.
    pub fn not_a_boolean(value: impl fmt::Display) -> Self {
        Self::new("100037", "22018", format!("Boolean value '{value}' is not recognized"))
    }

    /// 100039: a number that its type cannot hold.
    pub fn number_out_of_range(value: impl fmt::Display) -> Self {
        Self::new("100039", "22003", format!("Numeric value '{value}' is out of range"))
    }

    /// 100040: text that is no date.
    pub fn not_a_date(value: impl fmt::Display) -> Self {
        Self::new("100040", "22007", format!("Date '{value}' is not recognized"))
    }

    /// 100035: text that is no timestamp.
    pub fn not_a_timestamp(value: impl fmt::Display) -> Self {
        Self::new("100035", "22007", format!("Timestamp '{value}' is not recognized"))
    }

    /// 100069: JSON text that does not parse.
    pub fn not_json(message: impl fmt::Display) -> Self {
        Self::new("100069", "22P02", format!("Error parsing JSON: {message}"))
    }

    /// 100071: a VARIANT whose value has another type than the cast wants.
    pub fn failed_cast(value: impl fmt::Display, to: impl fmt::Display) -> Self {
        Self::new("100071", "22000", format!("Failed to cast variant value {value} to {to}"))
    }

    /// 100078: text longer than its column.
    pub fn string_too_long(value: impl fmt::Display) -> Self {
        Self::new("100078", "22000", format!("String '{value}' is too long and would be truncated"))
    }

    /// 100051: division by zero.
    pub fn division_by_zero() -> Self {
        Self::new("100051", "22012", "Division by zero")
    }

    /// 000630: the statement ran longer than it may.
    pub fn timeout(seconds: u64) -> Self {
        Self::new(
            "000630",
            "57014",
            format!("Statement reached its statement or warehouse timeout of {seconds} second(s) and was canceled."),
        )
    }

    /// 000604: the client or a shutdown canceled the statement.
    pub fn canceled() -> Self {
        Self::new("000604", "57014", "SQL execution canceled")
    }

    /// 000625: another transaction held the lock for longer than the statement may wait.
    pub fn lock_timeout() -> Self {
        Self::new(
            "000625",
            "57014",
            "Statement was aborted because the number of waiters for this lock, or the time waited, exceeds the limit: \
             another transaction holds the warehouse's write lock. Commit or roll it back, or try again.",
        )
    }

    /// 090105: an unqualified name in a session that has chosen no database.
    pub fn no_current_database(operation: impl fmt::Display) -> Self {
        Self::new(
            "090105",
            "22000",
            format!(
                "Cannot perform {operation}. This session does not have a current database. Call 'USE DATABASE', or use \
                 a qualified name."
            ),
        )
    }

    /// 090106: the same for the schema.
    pub fn no_current_schema(operation: impl fmt::Display) -> Self {
        Self::new(
            "090106",
            "22000",
            format!(
                "Cannot perform {operation}. This session does not have a current schema. Call 'USE SCHEMA', or use a \
                 qualified name."
            ),
        )
    }

    /// 091901 as Snowflake words it for streams: its table is gone or replaced, so its changes are unknown.
    pub fn stale_stream(name: impl fmt::Display) -> Self {
        Self::new(
            "091901",
            "55000",
            format!(
                "Stream '{name}' is stale: its table was dropped or replaced. Recreate it with CREATE OR REPLACE STREAM."
            ),
        )
    }

    /// 000603: a fault of the warehouse itself or of its disk, not of the statement. `what` says what was tried on what.
    pub fn internal(what: impl fmt::Display) -> Self {
        Self::new("000603", "XX000", format!("SQL execution internal error: {what}"))
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Database => "Database",
            Self::Schema => "Schema",
            Self::Table => "Table",
            Self::View => "View",
            Self::Stage => "Stage",
            Self::FileFormat => "File format",
            Self::Pipe => "Pipe",
            Self::Stream => "Stream",
            Self::Task => "Task",
            Self::Warehouse => "Warehouse",
        })
    }
}
