//! Function calls: context and system functions become constants, aggregates and window functions keep their shape, all
//! others become calls.

use super::{ContextAnswer, Surroundings, SystemAnswer, aggregates, call, expressions::number, text, unsupported};
use crate::SqlError;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectNamePart, Value, ValueWithSpan,
};

/// Where a function takes a date part, given as a name or as text.
const DATE_PARTS: &[(&str, usize)] = &[
    ("DATEADD", 0),
    ("TIMEADD", 0),
    ("TIMESTAMPADD", 0),
    ("DATEDIFF", 0),
    ("TIMEDIFF", 0),
    ("TIMESTAMPDIFF", 0),
    ("DATE_PART", 0),
    ("DATE_TRUNC", 0),
    ("LAST_DAY", 1),
];

pub(super) fn rewrite(function: Function, surroundings: &dyn Surroundings) -> Result<Expr, SqlError> {
    let name = match function.name.0.as_slice() {
        [ObjectNamePart::Identifier(ident)] => ident.value.to_uppercase(),
        _ => return Err(SqlError::unknown_function(&function.name)),
    };
    if function.filter.is_some() {
        return Err(unsupported("FILTER (WHERE …)"));
    }
    if function.uses_odbc_syntax || !matches!(function.parameters, FunctionArguments::None) {
        return Err(unsupported(format_args!("the call {function}")));
    }
    let function = match aggregates::rewrite(&name, function)? {
        aggregates::Outcome::Rewritten(expr) => return Ok(expr),
        aggregates::Outcome::Scalar(function) => function,
    };
    if function.over.is_some() || !function.within_group.is_empty() || function.null_treatment.is_some() {
        return Err(unsupported(format_args!("the window or aggregate function {name}")));
    }
    let mut args = plain_arguments(&name, function.args)?;
    let now = || vec![number(surroundings.now().0)];
    match name.as_str() {
        "CURRENT_TIMESTAMP" | "LOCALTIMESTAMP" | "GETDATE" | "SYSTIMESTAMP" => return Ok(call("$INSTANT", now())),
        "SYSDATE" => return Ok(call("$WALL", now())),
        "CURRENT_DATE" => return Ok(call("TO_DATE", vec![call("$WALL", now())])),
        _ => {}
    }
    if let Some(ContextAnswer(answer)) = surroundings.context(&name) {
        if !args.is_empty() {
            return Err(wrong_arguments(&name));
        }
        return Ok(answer.map_or_else(|| call("TO_VARCHAR", vec![Expr::value(Value::Null)]), text));
    }
    if name.starts_with("SYSTEM$") {
        return system(&name, &args, surroundings);
    }
    for (function, position) in DATE_PARTS {
        if *function == name
            && let Some(Expr::Identifier(part)) = args.get(*position)
        {
            args[*position] = text(part.value.clone());
        }
    }
    Ok(call(&name, args))
}

fn system(name: &str, args: &[Expr], surroundings: &dyn Surroundings) -> Result<Expr, SqlError> {
    let constants = args
        .iter()
        .map(|arg| match arg {
            Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(value), .. }) => Ok(value.clone()),
            _ => Err(SqlError::invalid_value(format_args!("argument of {name} has to be a constant"))),
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(match surroundings.system(name, &constants)? {
        SystemAnswer::Boolean(value) => Expr::value(Value::Boolean(value)),
        SystemAnswer::Text(value) => text(value),
    })
}

pub(super) fn wrong_arguments(name: &str) -> SqlError {
    SqlError::new(
        "000938",
        "22023",
        format!("SQL compilation error:\nnot enough or too many arguments for function [{name}]"),
    )
}

/// The arguments of a call that has nothing else between its parentheses.
pub(super) fn plain_arguments(name: &str, arguments: FunctionArguments) -> Result<Vec<Expr>, SqlError> {
    match arguments {
        FunctionArguments::None => Ok(Vec::new()),
        FunctionArguments::Subquery(_) => Err(unsupported(format_args!("{name} of a query without parentheses"))),
        FunctionArguments::List(list) => {
            if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
                return Err(unsupported(format_args!("{name}({list})")));
            }
            list.args
                .into_iter()
                .map(|arg| match arg {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Ok(expr),
                    other => Err(unsupported(format_args!("the argument {other} of {name}"))),
                })
                .collect()
        }
    }
}
