//! `TABLE(function(name => value, …))` in FROM. DataFusion plans a function's arguments without their names, so a call is
//! passed on as constants (database or NULL, function, names of arguments) between the values:
//! [`crate::engine::information`] reads them.

use super::{
    names::{fold, fold_alias, identifier},
    text, unsupported,
};
use crate::SqlError;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName, ObjectNamePart, TableAlias,
    TableFactor, TableFunctionArgs, Value,
};

/// The schema of the functions: every database has it, and none may create it.
const SCHEMA: &str = "INFORMATION_SCHEMA";

pub(super) fn function(expr: &Expr, alias: Option<&TableAlias>) -> Result<TableFactor, SqlError> {
    let Expr::Function(function) = expr else { return Err(unsupported(format_args!("FROM TABLE({expr})"))) };
    let (database, name) = name(function)?;
    let mut args = vec![database.map_or_else(|| Expr::value(Value::Null), text), text(name.as_str())];
    for (argument, value) in arguments(function)? {
        args.extend([text(argument), value]);
    }
    let args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect();
    let mut alias = alias.cloned();
    alias.as_mut().map_or(Ok(()), fold_alias)?;
    Ok(TableFactor::Table {
        name: ObjectName::from(vec![identifier(name)]),
        alias,
        args: Some(TableFunctionArgs { args, settings: None }),
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    })
}

/// The database, where it is named, and the function.
fn name(function: &Function) -> Result<(Option<String>, String), SqlError> {
    let parts = function.name.0.iter().map(|part| match part {
        ObjectNamePart::Identifier(ident) => {
            let mut ident = ident.clone();
            fold(&mut ident);
            Some(ident.value)
        }
        ObjectNamePart::Function(_) => None,
    });
    match parts.collect::<Option<Vec<_>>>().as_deref() {
        Some([schema, name]) if schema == SCHEMA => Ok((None, name.clone())),
        Some([database, schema, name]) if schema == SCHEMA => Ok((Some(database.clone()), name.clone())),
        _ => Err(SqlError::unsupported(
            format_args!("the table function {}", function.name),
            "It has functions of INFORMATION_SCHEMA alone; write that schema in front of their names.",
        )),
    }
}

fn arguments(function: &Function) -> Result<Vec<(String, Expr)>, SqlError> {
    let plain = function.filter.is_none()
        && function.over.is_none()
        && function.null_treatment.is_none()
        && function.within_group.is_empty()
        && !function.uses_odbc_syntax
        && matches!(function.parameters, FunctionArguments::None);
    let FunctionArguments::List(list) = &function.args else {
        return Err(unsupported(format_args!("the call {function}")));
    };
    if !plain || list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return Err(unsupported(format_args!("the call {function}")));
    }
    let named = list.args.iter().map(|arg| match arg {
        FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => {
            Ok((name.value.to_uppercase(), value.clone()))
        }
        other => {
            let hint = "Write name => value.";
            Err(SqlError::unsupported(format_args!("the argument {other} of {}", function.name), hint))
        }
    });
    named.collect()
}
