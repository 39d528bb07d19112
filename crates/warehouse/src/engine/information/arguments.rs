//! Arguments of table functions: named, each a constant expression such as `DATEADD('hour', -1, CURRENT_TIMESTAMP())`,
//! and none left over.

use crate::{
    SqlError,
    engine::{
        plan::{Arg, sql_error},
        value::{CastMode, Cells, Value},
    },
    types::{Moment, SqlType},
};
use datafusion::{
    arrow::{
        array::{RecordBatch, RecordBatchOptions},
        datatypes::Schema,
    },
    common::DFSchema,
    logical_expr::{Expr, physical_planning_context::PhysicalPlanningContext},
    physical_expr::{create_physical_expr, execution_props::ExecutionProps},
};
use std::{collections::BTreeMap, sync::Arc};

pub(super) struct Arguments {
    function: String,
    given: BTreeMap<String, Expr>,
}

impl Arguments {
    pub(super) fn new(function: &str, given: Vec<(String, Expr)>) -> Result<Self, SqlError> {
        let mut arguments = Self { function: function.to_owned(), given: BTreeMap::new() };
        for (name, value) in given {
            if arguments.given.contains_key(&name) {
                return Err(arguments.invalid(&name, "is given twice"));
            }
            arguments.given.insert(name, value);
        }
        Ok(arguments)
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, SqlError> {
        self.take(name, SqlType::VARCHAR, |value| match value {
            Value::Text(text) => Some(text.into_owned()),
            _ => None,
        })
    }

    pub(super) fn moment(&mut self, name: &str) -> Result<Option<Moment>, SqlError> {
        self.take(name, SqlType::TimestampLtz { precision: 6 }, |value| match value {
            Value::Timestamp(micros, _) => Some(Moment(micros)),
            _ => None,
        })
    }

    pub(super) fn integer(&mut self, name: &str) -> Result<Option<i64>, SqlError> {
        self.take(name, SqlType::INTEGER, |value| value.as_integer().ok())
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<Option<bool>, SqlError> {
        self.take(name, SqlType::Boolean, |value| match value {
            Value::Boolean(flag) => Some(flag),
            _ => None,
        })
    }

    /// An error about the value of an argument.
    pub(super) fn invalid(&self, name: &str, why: impl std::fmt::Display) -> SqlError {
        SqlError::invalid_value(format_args!("argument {name} of {} {why}", self.function))
    }

    /// An error for an argument that has to be there.
    pub(super) fn missing(&self, name: &str) -> SqlError {
        self.invalid(name, "is missing")
    }

    /// Refuses what nothing has asked for.
    pub(super) fn finish(&self) -> Result<(), SqlError> {
        match self.given.keys().next() {
            Some(name) => {
                Err(SqlError::unsupported(format_args!("the argument {name} of the function {}", self.function), ""))
            }
            None => Ok(()),
        }
    }

    fn take<T>(
        &mut self,
        name: &str,
        to: SqlType,
        read: impl FnOnce(Value<'_>) -> Option<T>,
    ) -> Result<Option<T>, SqlError> {
        let Some(expr) = self.given.remove(name) else { return Ok(None) };
        let schema = DFSchema::empty();
        let expr = Arg::new(expr, &schema)?.cast(to, CastMode::Implicit)?;
        let context = PhysicalPlanningContext::default();
        // What cannot be computed without rows: subqueries and aggregates.
        let physical = create_physical_expr(&expr, &schema, &ExecutionProps::new(), &context)
            .map_err(|_| self.invalid(name, "has to be constant"))?;
        let options = RecordBatchOptions::new().with_row_count(Some(1));
        let row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options);
        let value = physical.evaluate(&row.map_err(SqlError::internal)?).map_err(sql_error)?;
        let array = value.into_array(1).map_err(sql_error)?;
        let value = read(Cells::of(array.as_ref())?.get(0));
        value.map(Some).ok_or_else(|| self.invalid(name, "has no value that it takes"))
    }
}
