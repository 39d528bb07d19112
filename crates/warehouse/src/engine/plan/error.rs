//! DataFusion's errors as Snowflake's. Our own travel through DataFusion unchanged; the rest are names that do not
//! resolve, queries that make no sense, or faults.

use crate::SqlError;
use datafusion::{
    arrow::error::ArrowError,
    common::{DataFusionError, SchemaError},
};

/// Hands one of our errors to DataFusion.
pub(crate) fn external(error: SqlError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

pub(crate) fn sql_error(error: DataFusionError) -> SqlError {
    match error {
        DataFusionError::External(inner) => match inner.downcast::<SqlError>() {
            Ok(own) => *own,
            Err(other) => SqlError::internal(other),
        },
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => sql_error(*inner),
        DataFusionError::Collection(errors) => {
            errors.into_iter().next().map_or_else(|| SqlError::internal("an error without a cause"), sql_error)
        }
        DataFusionError::Shared(inner) => shared(&inner),
        DataFusionError::SchemaError(error, _) => schema_error(&error),
        DataFusionError::ArrowError(error, _) => arrow_error(*error),
        DataFusionError::NotImplemented(message) => SqlError::unsupported(first_line(&message), ""),
        DataFusionError::Plan(message) => {
            SqlError::new("001003", "42000", format!("SQL compilation error:\n{}", first_line(&message)))
        }
        DataFusionError::ResourcesExhausted(message) => SqlError::internal(format_args!("out of memory: {message}")),
        other => SqlError::internal(other.strip_backtrace()),
    }
}

/// An error that several readers of one plan got.
fn shared(error: &DataFusionError) -> SqlError {
    match error.find_root() {
        DataFusionError::External(inner) => match inner.downcast_ref::<SqlError>() {
            Some(own) => own.clone(),
            None => SqlError::internal(inner),
        },
        other => SqlError::internal(other.strip_backtrace()),
    }
}

fn schema_error(error: &SchemaError) -> SqlError {
    match error {
        SchemaError::FieldNotFound { field, .. } => SqlError::invalid_identifier(field.flat_name()),
        SchemaError::AmbiguousReference { field } => SqlError::ambiguous_column(&field.name),
        SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
            SqlError::ambiguous_column(name)
        }
    }
}

fn arrow_error(error: ArrowError) -> SqlError {
    match error {
        ArrowError::DivideByZero => SqlError::division_by_zero(),
        ArrowError::ArithmeticOverflow(message) => SqlError::number_out_of_range(message),
        ArrowError::ExternalError(inner) => match inner.downcast::<DataFusionError>() {
            Ok(inner) => sql_error(*inner),
            Err(inner) => match inner.downcast::<SqlError>() {
                Ok(own) => *own,
                Err(other) => SqlError::internal(other),
            },
        },
        other => SqlError::internal(other),
    }
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}
