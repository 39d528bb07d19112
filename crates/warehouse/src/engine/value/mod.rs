//! Single SQL values: what a row-wise function reads from Arrow columns and what it answers. Most functions are written
//! on these; only a few that run over every row of a table work on whole arrays.

mod cast;
mod number;
mod time;

pub(crate) use cast::{CastMode, Family, check_cast, convert, divide, hex, narrows, number_to_float, write_text};
pub(crate) use number::{Parsed, fits, parse_decimal, pow10, rescale, write_decimal};
pub(crate) use time::{DAY, civil, days_from_civil, days_in_month, from_epoch, in_range};

use crate::{error::SqlError, types::SqlType};
use datafusion::arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, BooleanArray, BooleanBuilder, Date32Builder,
        Decimal128Builder, Float64Builder, LargeStringArray, LargeStringBuilder, PrimitiveArray, StringArray,
        StringBuilder, StringViewArray, TimestampMicrosecondBuilder,
    },
    datatypes::{
        DataType, Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
        UInt64Type,
    },
};
use std::{borrow::Cow, sync::Arc};

/// Whether a timestamp names an instant (LTZ) or what a clock on the wall shows (NTZ).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    Wall,
    Instant,
}

/// One value. Timestamps are microseconds since 1970, dates are days.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    /// A decimal: the digits, and how many of them stand behind the point.
    Number(i128, i8),
    Float(f64),
    Boolean(bool),
    Date(i32),
    Timestamp(i64, Zone),
    Text(Cow<'a, str>),
    Binary(Cow<'a, [u8]>),
    /// Canonical JSON text.
    Variant(Cow<'a, str>),
}

impl<'a> Value<'a> {
    pub(crate) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn integer(number: impl Into<i128>) -> Self {
        Self::Number(number.into(), 0)
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text of a value that planning has made sure is text.
    pub(crate) fn as_text(&self) -> Result<&str, SqlError> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(SqlError::internal(format_args!("expected text, found {other:?}"))),
        }
    }

    /// The whole number of a value that planning has made sure is a number; digits behind the point are rounded away.
    pub(crate) fn as_integer(&self) -> Result<i64, SqlError> {
        match self {
            Self::Number(digits, scale) => rescale(*digits, *scale, 0)
                .and_then(|whole| i64::try_from(whole).ok())
                .ok_or_else(|| SqlError::number_out_of_range(write_decimal(*digits, *scale))),
            other => Err(SqlError::internal(format_args!("expected a number, found {other:?}"))),
        }
    }
}

/// A column of an Arrow batch, read value by value.
pub(crate) enum Cells<'a> {
    Null,
    Boolean(&'a BooleanArray),
    Int32(&'a PrimitiveArray<Int32Type>),
    Int64(&'a PrimitiveArray<Int64Type>),
    UInt64(&'a PrimitiveArray<UInt64Type>),
    Decimal(&'a PrimitiveArray<Decimal128Type>, i8),
    Float(&'a PrimitiveArray<Float64Type>),
    Date(&'a PrimitiveArray<Date32Type>),
    Timestamp(&'a PrimitiveArray<TimestampMicrosecondType>, Zone),
    Text(&'a StringArray),
    TextView(&'a StringViewArray),
    Binary(&'a BinaryArray),
    Variant(&'a LargeStringArray),
}

impl<'a> Cells<'a> {
    pub(crate) fn of(array: &'a dyn Array) -> Result<Self, SqlError> {
        Ok(match array.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Boolean(array.as_boolean()),
            DataType::Int32 => Self::Int32(array.as_primitive()),
            DataType::Int64 => Self::Int64(array.as_primitive()),
            DataType::UInt64 => Self::UInt64(array.as_primitive()),
            DataType::Decimal128(_, scale) => Self::Decimal(array.as_primitive(), *scale),
            DataType::Float64 => Self::Float(array.as_primitive()),
            DataType::Date32 => Self::Date(array.as_primitive()),
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                Self::Timestamp(array.as_primitive(), if zone.is_some() { Zone::Instant } else { Zone::Wall })
            }
            DataType::Utf8 => Self::Text(array.as_string()),
            DataType::Utf8View => Self::TextView(array.as_string_view()),
            DataType::Binary => Self::Binary(array.as_binary()),
            DataType::LargeUtf8 => Self::Variant(array.as_string()),
            other => return Err(SqlError::internal(format_args!("a column of Arrow type {other}"))),
        })
    }

    pub(crate) fn get(&self, row: usize) -> Value<'a> {
        let valid = match self {
            Self::Null => false,
            Self::Boolean(array) => array.is_valid(row),
            Self::Int32(array) => array.is_valid(row),
            Self::Int64(array) => array.is_valid(row),
            Self::UInt64(array) => array.is_valid(row),
            Self::Decimal(array, _) => array.is_valid(row),
            Self::Float(array) => array.is_valid(row),
            Self::Date(array) => array.is_valid(row),
            Self::Timestamp(array, _) => array.is_valid(row),
            Self::Text(array) => array.is_valid(row),
            Self::TextView(array) => array.is_valid(row),
            Self::Binary(array) => array.is_valid(row),
            Self::Variant(array) => array.is_valid(row),
        };
        if !valid {
            return Value::Null;
        }
        match self {
            Self::Null => Value::Null,
            Self::Boolean(array) => Value::Boolean(array.value(row)),
            Self::Int32(array) => Value::integer(array.value(row)),
            Self::Int64(array) => Value::integer(array.value(row)),
            Self::UInt64(array) => Value::integer(array.value(row)),
            Self::Decimal(array, scale) => Value::Number(array.value(row), *scale),
            Self::Float(array) => Value::Float(array.value(row)),
            Self::Date(array) => Value::Date(array.value(row)),
            Self::Timestamp(array, zone) => Value::Timestamp(array.value(row), *zone),
            Self::Text(array) => Value::Text(Cow::Borrowed(array.value(row))),
            Self::TextView(array) => Value::Text(Cow::Borrowed(array.value(row))),
            Self::Binary(array) => Value::Binary(Cow::Borrowed(array.value(row))),
            Self::Variant(array) => Value::Variant(Cow::Borrowed(array.value(row))),
        }
    }
}

/// Builds a column of one type from values that already have that type.
pub(crate) enum CellBuilder {
    Number(Decimal128Builder, i8),
    Float(Float64Builder),
    Boolean(BooleanBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Text(StringBuilder),
    Binary(BinaryBuilder),
    Variant(LargeStringBuilder),
}

impl CellBuilder {
    pub(crate) fn new(data_type: &DataType, rows: usize) -> Result<Self, SqlError> {
        Ok(match data_type {
            DataType::Decimal128(_, scale) => {
                Self::Number(Decimal128Builder::with_capacity(rows).with_data_type(data_type.clone()), *scale)
            }
            DataType::Float64 => Self::Float(Float64Builder::with_capacity(rows)),
            DataType::Boolean => Self::Boolean(BooleanBuilder::with_capacity(rows)),
            DataType::Date32 => Self::Date(Date32Builder::with_capacity(rows)),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                Self::Timestamp(TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(data_type.clone()))
            }
            DataType::Utf8 => Self::Text(StringBuilder::new()),
            DataType::Binary => Self::Binary(BinaryBuilder::new()),
            DataType::LargeUtf8 => Self::Variant(LargeStringBuilder::new()),
            other => return Err(SqlError::internal(format_args!("no builder for Arrow type {other}"))),
        })
    }

    /// Appends a value of the builder's own type, or NULL.
    pub(crate) fn push(&mut self, value: &Value<'_>) -> Result<(), SqlError> {
        match (self, value) {
            (Self::Number(builder, to), Value::Number(digits, scale)) => {
                builder.append_value(
                    rescale(*digits, *scale, *to)
                        .ok_or_else(|| SqlError::number_out_of_range(write_decimal(*digits, *scale)))?,
                );
            }
            (Self::Float(builder), Value::Float(value)) => builder.append_value(*value),
            (Self::Boolean(builder), Value::Boolean(value)) => builder.append_value(*value),
            (Self::Date(builder), Value::Date(value)) => builder.append_value(*value),
            (Self::Timestamp(builder), Value::Timestamp(value, _)) => builder.append_value(*value),
            (Self::Text(builder), Value::Text(value)) => builder.append_value(value),
            (Self::Binary(builder), Value::Binary(value)) => builder.append_value(value),
            (Self::Variant(builder), Value::Variant(value)) => builder.append_value(value),
            (Self::Number(builder, _), Value::Null) => builder.append_null(),
            (Self::Float(builder), Value::Null) => builder.append_null(),
            (Self::Boolean(builder), Value::Null) => builder.append_null(),
            (Self::Date(builder), Value::Null) => builder.append_null(),
            (Self::Timestamp(builder), Value::Null) => builder.append_null(),
            (Self::Text(builder), Value::Null) => builder.append_null(),
            (Self::Binary(builder), Value::Null) => builder.append_null(),
            (Self::Variant(builder), Value::Null) => builder.append_null(),
            (_, other) => return Err(SqlError::internal(format_args!("{other:?} has not its column's type"))),
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> ArrayRef {
        match self {
            Self::Number(mut builder, _) => Arc::new(builder.finish()),
            Self::Float(mut builder) => Arc::new(builder.finish()),
            Self::Boolean(mut builder) => Arc::new(builder.finish()),
            Self::Date(mut builder) => Arc::new(builder.finish()),
            Self::Timestamp(mut builder) => Arc::new(builder.finish()),
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Binary(mut builder) => Arc::new(builder.finish()),
            Self::Variant(mut builder) => Arc::new(builder.finish()),
        }
    }
}

/// Converts a whole column.
pub(crate) fn cast_column(array: &ArrayRef, to: SqlType, mode: CastMode) -> Result<ArrayRef, SqlError> {
    let data_type = to.to_arrow();
    if *array.data_type() == data_type && !cast::narrows(to) {
        return Ok(Arc::clone(array));
    }
    let cells = Cells::of(array.as_ref())?;
    let mut builder = CellBuilder::new(&data_type, array.len())?;
    for row in 0..array.len() {
        builder.push(&convert(cells.get(row), to, mode)?)?;
    }
    Ok(builder.finish())
}
