//! From a rewritten syntax tree to a plan: names, types and calls are resolved here, by rules of Snowflake's own, and what
//! DataFusion would convert between types in silence is refused.

mod check;
mod coerce;
mod error;
mod names;
mod operators;
mod sets;

pub(crate) use coerce::{Arg, common_type, number_parts, unify};
pub(crate) use error::{external, sql_error};
pub(crate) use names::{Names, streams_read};
pub(crate) use operators::{Arithmetic, arithmetic, binary, boolean, compare};

use crate::{
    SqlError,
    engine::{functions, rewrite::CALL},
};
use datafusion::{
    common::{DFSchema, Result, ScalarValue, config::ConfigOptions},
    execution::SessionState,
    logical_expr::{
        Expr, LogicalPlan, ScalarUDF,
        expr::ScalarFunction,
        planner::{ExprPlanner, PlannerResult, RawBinaryExpr},
    },
    optimizer::Analyzer,
    physical_plan::ExecutionPlan,
    physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner},
    sql::sqlparser::ast::BinaryOperator,
};
use std::sync::{Arc, LazyLock};

/// From a logical to a physical plan, refusing what DataFusion would convert in silence.
pub(crate) async fn physical(plan: LogicalPlan, state: &SessionState) -> Result<Arc<dyn ExecutionPlan>, SqlError> {
    check::ordering(&plan)?;
    let options: &ConfigOptions = state.config_options();
    let analyzed = Analyzer::new().execute_and_check(plan, options, |_, _| {}).map_err(sql_error)?;
    check::conversions(&analyzed)?;
    let optimized = state.optimizer().optimize(analyzed, state, |_, _| {}).map_err(sql_error)?;
    DefaultPhysicalPlanner::default().create_physical_plan(&optimized, state).await.map_err(sql_error)
}

/// Translates operators, and the calls that are written as operators.
#[derive(Debug)]
pub(crate) struct Operators;

impl ExprPlanner for Operators {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let RawBinaryExpr { op, left, right } = expr;
        let planned = match &op {
            BinaryOperator::Custom(name) if name == CALL => call(left, &right, schema),
            _ => Arg::new(left, schema)
                .and_then(|left| Ok((left, Arg::new(right, schema)?)))
                .and_then(|(left, right)| operators::plan(&op, left, right)),
        };
        planned.map(PlannerResult::Planned).map_err(external)
    }

    /// The struct that a call's arguments stand in.
    fn plan_struct_literal(&self, args: Vec<Expr>, _: bool) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(PlannerResult::Planned(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&ARGUMENTS), args))))
    }
}

/// Holds a call's arguments between the planning of its struct and of its operator.
static ARGUMENTS: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(ScalarUDF::from(arguments::Arguments::new())));

fn call(left: Expr, name: &Expr, schema: &DFSchema) -> Result<Expr, SqlError> {
    match (left, name) {
        (Expr::ScalarFunction(tuple), Expr::Literal(ScalarValue::Utf8(Some(name)), _)) => {
            let args = tuple.args.into_iter().map(|arg| Arg::new(arg, schema)).collect::<Result<Vec<_>, _>>()?;
            functions::plan(name, args)
        }
        (other, _) => Err(SqlError::internal(format_args!("a call of {other}"))),
    }
}

mod arguments {
    //! A function that is never called: see [`super::ARGUMENTS`].

    use datafusion::{
        arrow::datatypes::DataType,
        common::{Result, internal_err},
        logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility},
    };

    #[derive(Debug, PartialEq, Eq, Hash)]
    pub(super) struct Arguments {
        signature: Signature,
    }

    impl Arguments {
        pub(super) fn new() -> Self {
            Self { signature: Signature::variadic_any(Volatility::Immutable) }
        }
    }

    impl ScalarUDFImpl for Arguments {
        fn name(&self) -> &'static str {
            "arguments"
        }

        fn signature(&self) -> &Signature {
            &self.signature
        }

        fn return_type(&self, _: &[DataType]) -> Result<DataType> {
            Ok(DataType::Null)
        }

        fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
            internal_err!("a struct outside of a call")
        }
    }
}
