//! What a statement returns to its client, whichever part of the warehouse ran it.

use crate::{
    SqlError,
    types::{Moment, SqlType},
};
use datafusion::arrow::{
    array::{ArrayRef, Decimal128Array, RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray},
    datatypes::{Field, Schema},
};
use std::sync::Arc;

/// Columns and rows, and what kind of statement made them.
#[derive(Debug, Clone)]
pub struct QueryResult {
    pub columns: Vec<ResultColumn>,
    /// Each with the columns' Arrow types, as [`SqlType::to_arrow`] says.
    pub batches: Vec<RecordBatch>,
    pub kind: StatementKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultColumn {
    pub name: String,
    pub data_type: SqlType,
    pub nullable: bool,
}

impl ResultColumn {
    pub fn new(name: impl Into<String>, data_type: SqlType) -> Self {
        Self { name: name.into(), data_type, nullable: true }
    }
}

/// Kinds of statement as the protocol tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementKind {
    Select,
    Insert,
    Update,
    Delete,
    Merge,
    Copy,
    AlterSession,
    Use,
    Show,
    Describe,
    List,
    Begin,
    Commit,
    Rollback,
    Ddl,
}

impl StatementKind {
    /// `statementTypeId`; source: `SFStatementType` of snowflake-jdbc.
    pub fn type_id(self) -> i64 {
        match self {
            Self::Select => 0x1000,
            Self::Insert => 0x3100,
            Self::Update => 0x3200,
            Self::Delete => 0x3300,
            Self::Merge => 0x3400,
            Self::Copy => 0x3600,
            Self::AlterSession => 0x4100,
            Self::Use => 0x4300,
            Self::Show => 0x4400,
            Self::Describe => 0x4500,
            Self::List => 0x4701,
            Self::Begin | Self::Commit | Self::Rollback => 0x5000,
            Self::Ddl => 0x6000,
        }
    }
}

impl QueryResult {
    /// One row with one column `status`, as DDL and most other commands answer.
    pub fn status(kind: StatementKind, message: impl Into<String>) -> Result<Self, SqlError> {
        let mut rows = Rows::new(&[("status", SqlType::VARCHAR)]);
        rows.push(vec![Cell::text(message)]);
        rows.finish(kind)
    }

    /// One row of counts, such as `number of rows inserted`, as DML answers.
    pub fn counts(kind: StatementKind, counts: &[(&str, u64)]) -> Result<Self, SqlError> {
        let columns: Vec<_> = counts.iter().map(|(name, _)| (*name, SqlType::INTEGER)).collect();
        let mut rows = Rows::new(&columns);
        rows.push(counts.iter().map(|(_, count)| Cell::Number((*count).into())).collect());
        rows.finish(kind)
    }

    pub fn row_count(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

/// One value of a result that is made here rather than by a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Null,
    Text(String),
    Number(i128),
    Moment(Moment),
}

impl Cell {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// As SHOW shows a setting that may be missing.
    pub fn optional(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(text.into()))
    }

    pub fn moment(moment: Option<Moment>) -> Self {
        moment.map_or(Self::Null, Self::Moment)
    }
}

/// Builds such results row by row.
#[derive(Debug)]
pub struct Rows {
    columns: Vec<ResultColumn>,
    rows: Vec<Vec<Cell>>,
}

impl Rows {
    /// `columns` may be text, whole numbers and `TIMESTAMP_LTZ`.
    pub fn new(columns: &[(&str, SqlType)]) -> Self {
        let columns = columns.iter().map(|(name, data_type)| ResultColumn::new(*name, *data_type)).collect();
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row with a cell for each column.
    pub fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// # Errors
    /// `internal` when a row does not fit the columns.
    pub fn finish(self, kind: StatementKind) -> Result<QueryResult, SqlError> {
        let arrays = self.columns.iter().enumerate().map(|(at, column)| array(column, &self.rows, at));
        let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
        let fields = self.columns.iter().map(|column| Field::new(&column.name, column.data_type.to_arrow(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows.len()));
        let batch = RecordBatch::try_new_with_options(schema, arrays, &options).map_err(SqlError::internal)?;
        Ok(QueryResult { columns: self.columns, batches: vec![batch], kind })
    }
}

fn array(column: &ResultColumn, rows: &[Vec<Cell>], at: usize) -> Result<ArrayRef, SqlError> {
    let misfit = || SqlError::internal(format_args!("a result's column {} got a cell of another type", column.name));
    let cells = rows.iter().map(|row| row.get(at));
    Ok(match column.data_type {
        SqlType::Varchar { .. } => {
            let texts = cells.map(|cell| match cell {
                Some(Cell::Null) => Ok(None),
                Some(Cell::Text(text)) => Ok(Some(text.as_str())),
                _ => Err(misfit()),
            });
            Arc::new(texts.collect::<Result<StringArray, _>>()?)
        }
        SqlType::Number { precision, scale: 0 } => {
            let numbers = cells.map(|cell| match cell {
                Some(Cell::Null) => Ok(None),
                Some(Cell::Number(number)) => Ok(Some(*number)),
                _ => Err(misfit()),
            });
            let numbers = numbers.collect::<Result<Decimal128Array, _>>()?;
            Arc::new(numbers.with_precision_and_scale(precision, 0).map_err(SqlError::internal)?)
        }
        SqlType::TimestampLtz { .. } => {
            let moments = cells.map(|cell| match cell {
                Some(Cell::Null) => Ok(None),
                Some(Cell::Moment(moment)) => Ok(Some(moment.0)),
                _ => Err(misfit()),
            });
            Arc::new(moments.collect::<Result<TimestampMicrosecondArray, _>>()?.with_timezone("UTC"))
        }
        other => return Err(SqlError::internal(format_args!("a result's column cannot be made as {other}"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_one_batch_of_the_declared_types() {
        let mut rows = Rows::new(&[
            ("created_on", SqlType::TimestampLtz { precision: 3 }),
            ("name", SqlType::VARCHAR),
            ("rows", SqlType::INTEGER),
        ]);
        rows.push(vec![Cell::Moment(Moment(5)), Cell::text("T"), Cell::Number(7)]);
        rows.push(vec![Cell::Null, Cell::Null, Cell::Null]);
        let result = rows.finish(StatementKind::Show).unwrap();
        assert_eq!(result.row_count(), 2);
        for (column, field) in result.columns.iter().zip(result.batches[0].schema().fields()) {
            assert_eq!(&column.data_type.to_arrow(), field.data_type());
        }
    }

    #[test]
    fn a_cell_of_the_wrong_type_is_a_fault_not_a_guess() {
        let mut rows = Rows::new(&[("n", SqlType::INTEGER)]);
        rows.push(vec![Cell::text("7")]);
        assert_eq!(rows.finish(StatementKind::Show).unwrap_err().code, "000603");
    }
}
