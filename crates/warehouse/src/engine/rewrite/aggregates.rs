//! Aggregate and window functions. They stay function calls, since DataFusion groups and windows them; their arguments
//! are wrapped where types decide what Snowflake computes, and their defaults are written out where the two differ.

use super::{
    call,
    expressions::number,
    functions::{plain_arguments, wrong_arguments},
    text, unsupported,
};
use crate::SqlError;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, ObjectName, OrderByExpr, WindowFrame, WindowFrameBound, WindowFrameUnits,
    WindowType,
};

/// DataFusion's aggregate behind LISTAGG and `ARRAY_AGG`.
pub(crate) const STRING_AGG: &str = "STRING_AGG";

pub(super) enum Outcome {
    Rewritten(Expr),
    /// Neither an aggregate nor a window function.
    Scalar(Function),
}

pub(super) fn rewrite(name: &str, mut function: Function) -> Result<Outcome, SqlError> {
    Ok(Outcome::Rewritten(match name {
        "SUM" => aggregate(function, "SUM", "$NUMERIC")?,
        "AVG" => {
            let sum = aggregate(function.clone(), "SUM", "$NUMERIC")?;
            let count = aggregate(function, "COUNT", "$NUMERIC")?;
            let divided = Expr::BinaryOp { left: Box::new(sum), op: BinaryOperator::Divide, right: Box::new(count) };
            Expr::Nested(Box::new(divided))
        }
        "COUNT" if is_star(&function.args) => Expr::Function(with_arguments(function, "COUNT", vec![number(1)])),
        "COUNT" => aggregate(function, "COUNT", "$COUNTED")?,
        "COUNT_IF" => {
            let condition = one_argument(name, &mut function)?;
            Expr::Function(with_arguments(function, "COUNT", vec![call("$CASE", vec![condition, number(1)])]))
        }
        "MIN" | "MAX" => aggregate(function, name, "$ORDERED")?,
        "BOOLAND_AGG" => aggregate(function, "BOOL_AND", "TO_BOOLEAN")?,
        "BOOLOR_AGG" => aggregate(function, "BOOL_OR", "TO_BOOLEAN")?,
        "ANY_VALUE" if function.over.is_none() => {
            let arg = one_argument(name, &mut function)?;
            Expr::Function(with_arguments(function, "FIRST_VALUE", vec![arg]))
        }
        "LISTAGG" => {
            let distinct = take_distinct(&mut function);
            let mut args = plain_arguments(name, std::mem::replace(&mut function.args, FunctionArguments::None))?;
            if args.is_empty() || args.len() > 2 {
                return Err(wrong_arguments(name));
            }
            let separator = if args.len() == 2 { args.remove(1) } else { text("") };
            call("$LISTAGG", vec![joined(function, distinct, call("TO_VARCHAR", args), separator)?])
        }
        "ARRAY_AGG" => {
            let distinct = take_distinct(&mut function);
            let arg = one_argument(name, &mut function)?;
            call("$ARRAY_AGG", vec![joined(function, distinct, call("$ELEMENT", vec![arg]), text(","))?])
        }
        "ROW_NUMBER" | "RANK" | "DENSE_RANK" | "PERCENT_RANK" | "CUME_DIST" | "NTILE" | "LAG" | "LEAD" => {
            Expr::Function(window(name, function)?)
        }
        "FIRST_VALUE" | "LAST_VALUE" | "NTH_VALUE" => {
            let mut function = window(name, function)?;
            whole_partition(&mut function);
            Expr::Function(function)
        }
        _ => return Ok(Outcome::Scalar(function)),
    }))
}

fn is_star(args: &FunctionArguments) -> bool {
    matches!(args, FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses })
        if clauses.is_empty() && matches!(args.as_slice(), [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]))
}

fn take_distinct(function: &mut Function) -> Option<DuplicateTreatment> {
    match &mut function.args {
        FunctionArguments::List(list) => list.duplicate_treatment.take(),
        _ => None,
    }
}

fn one_argument(name: &str, function: &mut Function) -> Result<Expr, SqlError> {
    let mut args = plain_arguments(name, std::mem::replace(&mut function.args, FunctionArguments::None))?;
    match (args.pop(), args.is_empty()) {
        (Some(arg), true) => Ok(arg),
        _ => Err(wrong_arguments(name)),
    }
}

/// One argument, seen through `wrapper`.
fn aggregate(mut function: Function, name: &str, wrapper: &str) -> Result<Expr, SqlError> {
    if !function.within_group.is_empty() || function.null_treatment.is_some() {
        return Err(unsupported(format_args!("the call {function}")));
    }
    let distinct = take_distinct(&mut function);
    let arg = one_argument(name, &mut function)?;
    let mut function = with_arguments(function, name, vec![call(wrapper, vec![arg])]);
    if let FunctionArguments::List(list) = &mut function.args {
        list.duplicate_treatment = distinct;
    }
    Ok(Expr::Function(function))
}

fn with_arguments(mut function: Function, name: &str, args: Vec<Expr>) -> Function {
    function.name = ObjectName::from(vec![super::identifier(name)]);
    function.args = FunctionArguments::List(FunctionArgumentList {
        duplicate_treatment: None,
        args: args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect(),
        clauses: Vec::new(),
    });
    function
}

/// LISTAGG and `ARRAY_AGG` as one text, in the order that WITHIN GROUP asks for.
fn joined(
    mut function: Function,
    distinct: Option<DuplicateTreatment>,
    element: Expr,
    separator: Expr,
) -> Result<Expr, SqlError> {
    if function.over.is_some() || function.null_treatment.is_some() {
        return Err(unsupported(format_args!("{} … OVER or IGNORE NULLS", function.name)));
    }
    let order: Vec<OrderByExpr> = std::mem::take(&mut function.within_group);
    let mut function = with_arguments(function, STRING_AGG, vec![element, separator]);
    if let FunctionArguments::List(list) = &mut function.args {
        list.duplicate_treatment = distinct;
        if !order.is_empty() {
            list.clauses.push(FunctionArgumentClause::OrderBy(order));
        }
    }
    Ok(Expr::Function(function))
}

fn window(name: &str, mut function: Function) -> Result<Function, SqlError> {
    if function.over.is_none() {
        return Err(SqlError::new(
            "002303",
            "42601",
            format!(
                "SQL compilation error:\nWindow function type [{name}] requires OVER clause in window specification"
            ),
        ));
    }
    if !function.within_group.is_empty() {
        return Err(unsupported(format_args!("{name} … WITHIN GROUP")));
    }
    function.name = ObjectName::from(vec![super::identifier(name)]);
    Ok(function)
}

/// Without a frame of its own, `FIRST_VALUE` and its like see the whole partition on Snowflake, not the part up to the
/// current row as DataFusion takes it.
fn whole_partition(function: &mut Function) {
    if let Some(WindowType::WindowSpec(spec)) = &mut function.over {
        spec.window_frame.get_or_insert(WindowFrame {
            units: WindowFrameUnits::Rows,
            start_bound: WindowFrameBound::Preceding(None),
            end_bound: Some(WindowFrameBound::Following(None)),
        });
    }
}
