//! A table's columns: as CREATE TABLE declares them and as ALTER TABLE changes them. Changes touch the catalogue only;
//! rows are read in the shape that the table has.

use crate::{
    SqlError,
    catalog::{self, Column, QualifiedName, Table, TableId, quoted},
    parse::{self, AlterTable, CreateTable, KeyKind, Nullability},
    storage::Transaction,
    types::{STORED_FRACTION_DIGITS, SqlType},
};
use datafusion::{arrow::array::Array, sql::sqlparser::ast as sql};
use std::collections::HashSet;

/// The columns of a CREATE TABLE that lists them.
pub(super) fn declared(columns: &[parse::Column]) -> Result<Vec<Column>, SqlError> {
    distinct(columns.iter().map(|column| &column.name))?;
    columns.iter().zip(0..).map(|(column, id)| declare(column, id)).collect()
}

/// The columns of a CREATE TABLE … AS: the query's, under the names that the statement lists, if it does.
pub(super) fn from_query(definition: &CreateTable, query: &[(String, SqlType, bool)]) -> Result<Vec<Column>, SqlError> {
    if definition.columns.is_empty() {
        distinct(query.iter().map(|(name, _, _)| name))?;
        let column = |((name, data_type, nullable), id): (&(String, SqlType, bool), u32)| Column {
            id,
            name: name.clone(),
            data_type: *data_type,
            nullable: *nullable,
            default: None,
            comment: None,
        };
        return Ok(query.iter().zip(0..).map(column).collect());
    }
    if definition.columns.len() != query.len() {
        return Err(SqlError::invalid_value(format_args!(
            "the table has {} columns and its query {}",
            definition.columns.len(),
            query.len()
        )));
    }
    declared(&definition.columns)
}

/// Keys over columns that are there; recorded, not enforced, but a primary key makes its columns NOT NULL.
pub(super) fn keys(keys: &[parse::Key], columns: &[Column]) -> Result<Vec<catalog::Key>, SqlError> {
    for name in keys.iter().flat_map(|key| &key.columns) {
        if !columns.iter().any(|column| column.name == *name) {
            return Err(SqlError::invalid_identifier(quoted(name)));
        }
    }
    let key = |key: &parse::Key| catalog::Key { primary: key.kind == KeyKind::Primary, columns: key.columns.clone() };
    Ok(keys.iter().map(key).collect())
}

/// ALTER TABLE, on a table that is there.
pub(super) fn alter(transaction: &mut Transaction, name: &QualifiedName, action: &AlterTable) -> Result<(), SqlError> {
    let table = transaction.catalog().get::<Table>(name)?;
    let changed = match action {
        AlterTable::AddColumns { if_not_exists, columns } => {
            let is_empty = transaction.snapshot().row_count(table.id()) == 0;
            add_columns(table.clone(), *if_not_exists, columns, is_empty)?
        }
        AlterTable::DropColumns { if_exists, columns } => drop_columns(table.clone(), *if_exists, columns)?,
        AlterTable::RenameColumn { from, to } => rename_column(table.clone(), from, to)?,
        AlterTable::SetNullability { column, nullability } => {
            let (position, _) = find(table, column)?;
            if *nullability == Nullability::NotNull && has_nulls(transaction, table.id(), position)? {
                return Err(SqlError::not_null(quoted(column)));
            }
            let mut table = table.clone();
            table.columns[position].nullable = *nullability == Nullability::Nullable;
            table
        }
        AlterTable::SetDataType { column, data_type } => set_data_type(table.clone(), column, data_type)?,
        AlterTable::SetColumnComment { column, comment } => {
            let (position, _) = find(table, column)?;
            let mut table = table.clone();
            table.columns[position].comment.clone_from(comment);
            table
        }
        AlterTable::SetChangeTracking(on) => Table { change_tracking: *on, ..table.clone() },
        AlterTable::SetRetentionDays(days) => {
            let retention = catalog::Retention { days: Some(*days), ..table.retention };
            Table { retention, ..table.clone() }
        }
        AlterTable::ClusterBy(expressions) => Table { cluster_by: expressions.clone(), ..table.clone() },
    };
    transaction.catalog_mut().update(name, |table: &mut Table| *table = changed)
}

fn add_columns(
    mut table: Table,
    if_not_exists: bool,
    columns: &[parse::Column],
    is_empty: bool,
) -> Result<Table, SqlError> {
    distinct(columns.iter().map(|column| &column.name))?;
    for column in columns {
        if table.column(&column.name).is_some() {
            if if_not_exists {
                continue;
            }
            return Err(SqlError::column_exists(quoted(&column.name)));
        }
        let column = declare(column, table.next_column_id)?;
        if !is_empty && column.default.is_some() {
            // Rows that are there would have to show the default, not NULL.
            let hint = "Add it without one, then UPDATE.";
            return Err(SqlError::unsupported("ADD COLUMN … DEFAULT on a table with rows", hint));
        }
        if !is_empty && !column.nullable {
            return Err(SqlError::not_null_on_rows(quoted(&column.name), &table.header.name));
        }
        table.next_column_id += 1;
        table.columns.push(column);
    }
    Ok(table)
}

fn drop_columns(mut table: Table, if_exists: bool, columns: &[String]) -> Result<Table, SqlError> {
    for column in columns {
        match table.column(column) {
            Some((position, _)) => drop(table.columns.remove(position)),
            None if if_exists => {}
            None => return Err(SqlError::invalid_identifier(quoted(column))),
        }
    }
    if table.columns.is_empty() {
        return Err(SqlError::not_performable(format_args!(
            "Cannot drop the only column of table '{}'",
            table.header.name
        )));
    }
    table.keys.retain(|key| !key.columns.iter().any(|column| columns.contains(column)));
    Ok(table)
}

fn rename_column(mut table: Table, from: &str, to: &str) -> Result<Table, SqlError> {
    let (position, _) = find(&table, from)?;
    if from != to && table.column(to).is_some() {
        return Err(SqlError::column_exists(quoted(to)));
    }
    to.clone_into(&mut table.columns[position].name);
    for name in table.keys.iter_mut().flat_map(|key| &mut key.columns).filter(|name| *name == from) {
        to.clone_into(name);
    }
    Ok(table)
}

/// Only what every stored value fits (docs.snowflake.com, ALTER TABLE … ALTER COLUMN): longer text, more digits before
/// the point.
fn set_data_type(mut table: Table, column: &str, data_type: &sql::DataType) -> Result<Table, SqlError> {
    let (position, old) = find(&table, column)?;
    let new = column_type(column, data_type)?;
    let fits = match (old.data_type, new) {
        (SqlType::Varchar { length: old }, SqlType::Varchar { length: new })
        | (SqlType::Binary { length: old }, SqlType::Binary { length: new }) => new >= old,
        (SqlType::Number { precision: old, scale }, SqlType::Number { precision: new, scale: new_scale }) => {
            new >= old && scale == new_scale
        }
        (old, new) => old == new,
    };
    if !fits {
        let old = old.data_type;
        return Err(SqlError::incompatible_column_type(quoted(column), old, new));
    }
    table.columns[position].data_type = new;
    Ok(table)
}

fn declare(column: &parse::Column, id: u32) -> Result<Column, SqlError> {
    Ok(Column {
        id,
        name: column.name.clone(),
        data_type: column_type(&column.name, &column.data_type)?,
        nullable: column.nullability == Nullability::Nullable,
        default: column.default.as_ref().map(ToString::to_string),
        comment: column.comment.clone(),
    })
}

/// A column's type. Who asks for more digits of a second than are stored is told so; who asks for none gets what
/// Snowflake's default can hold here, as no value comes with more.
fn column_type(column: &str, data_type: &sql::DataType) -> Result<SqlType, SqlError> {
    let parsed = SqlType::parse(data_type)?;
    match parsed {
        SqlType::TimestampNtz { precision } | SqlType::TimestampLtz { precision }
            if precision > STORED_FRACTION_DIGITS && data_type.to_string().contains('(') =>
        {
            let hint =
                format_args!("Column {}: microseconds are the finest here, so write (6) or less.", quoted(column));
            Err(SqlError::unsupported(data_type, hint))
        }
        _ => Ok(parsed),
    }
}

fn find<'a>(table: &'a Table, column: &str) -> Result<(usize, &'a Column), SqlError> {
    table.column(column).ok_or_else(|| SqlError::invalid_identifier(quoted(column)))
}

fn distinct<'a>(names: impl Iterator<Item = &'a String>) -> Result<(), SqlError> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(SqlError::duplicate_column(quoted(name)));
        }
    }
    Ok(())
}

fn has_nulls(transaction: &Transaction, table: TableId, position: usize) -> Result<bool, SqlError> {
    for group in transaction.snapshot().groups(table)? {
        if group.read(Some(&[position]))?.iter().any(|batch| batch.column(0).null_count() > 0) {
            return Ok(true);
        }
    }
    Ok(false)
}
