//! Snowflake's scalar functions. Each takes its arguments' types into account when it is planned, as Snowflake does, and
//! answers with an expression. A name that is not here is an unknown function: nothing falls through to DataFusion's.

mod conditional;
mod conversion;
mod number;
mod semistructured;
mod text;
mod time;

pub(crate) use text::concat;

use crate::{
    SqlError,
    engine::{
        plan::Arg,
        value::{CastMode, Family},
    },
    types::SqlType,
};
use datafusion::logical_expr::Expr;

/// A call to be planned.
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) args: Vec<Arg>,
}

pub(crate) fn plan(name: &str, args: Vec<Arg>) -> Result<Expr, SqlError> {
    let mut call = Call { name: name.to_owned(), args };
    for module in [conditional::plan, conversion::plan, semistructured::plan, text::plan, number::plan, time::plan] {
        match module(call) {
            Planned::Done(result) => return result,
            Planned::Other(same) => call = same,
        }
    }
    Err(SqlError::unknown_function(name))
}

/// What one module made of a call.
enum Planned {
    Done(Result<Expr, SqlError>),
    /// Not a function of this module.
    Other(Call),
}

impl Call {
    fn arity(&self, least: usize, most: usize) -> Result<(), SqlError> {
        if (least..=most).contains(&self.args.len()) {
            return Ok(());
        }
        let which = if self.args.len() < least { "not enough" } else { "too many" };
        let code = if self.args.len() < least { "000938" } else { "000939" };
        Err(SqlError::new(
            code,
            "22023",
            format!(
                "SQL compilation error:\n{which} arguments for function [{}], expected {least}{}, got {}",
                self.name,
                if most > least { " or more" } else { "" },
                self.args.len()
            ),
        ))
    }

    /// 001044: arguments of types that the function does not take.
    fn wrong_types(&self) -> SqlError {
        let types = self.args.iter().map(Arg::shown).collect::<Vec<_>>().join(", ");
        SqlError::new(
            "001044",
            "42P13",
            format!("SQL compilation error:\nInvalid argument types for function '{}': ({types})", self.name),
        )
    }

    fn one(mut self) -> Result<Arg, SqlError> {
        self.arity(1, 1)?;
        self.args.pop().ok_or_else(|| SqlError::internal("an argument went missing"))
    }

    fn two(mut self) -> Result<(Arg, Arg), SqlError> {
        self.arity(2, 2)?;
        match (self.args.pop(), self.args.pop()) {
            (Some(second), Some(first)) => Ok((first, second)),
            _ => Err(SqlError::internal("an argument went missing")),
        }
    }

    /// Each argument as the type that stands at its place; the last type is also that of all further arguments.
    fn exprs(self, types: &[SqlType]) -> Result<Vec<Expr>, SqlError> {
        let wrong = self.wrong_types();
        self.args
            .into_iter()
            .enumerate()
            .map(|(at, arg)| {
                let to = types.get(at).or(types.last()).copied().unwrap_or(SqlType::VARCHAR);
                // A number in the place of another number keeps its digits.
                let same = matches!((arg.family, to), (Family::Number, SqlType::Number { .. }));
                if same { Ok(arg.expr) } else { arg.cast(to, CastMode::Implicit).map_err(|_| wrong.clone()) }
            })
            .collect()
    }
}
