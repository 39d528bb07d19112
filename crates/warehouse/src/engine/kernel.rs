//! A scalar function of the plan: a closure over Arrow columns or over single values, with its result type fixed when it
//! is planned. All of Snowflake's functions here are such kernels; DataFusion's own are not used, because functions of
//! the same name differ in the corners (NULLs, indexes, rounding).

use crate::{
    SqlError,
    engine::value::{CellBuilder, Cells, Value},
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef},
        datatypes::DataType,
    },
    common::{DataFusionError, Result, ScalarValue},
    logical_expr::{
        ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, expr::ScalarFunction,
    },
};
use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

/// From the argument columns and the number of rows to the result column.
type Run = dyn Fn(&[ArrayRef], usize) -> std::result::Result<ArrayRef, SqlError> + Send + Sync;

pub(crate) struct Kernel {
    /// Also what tells two kernels apart, so it names every parameter that changes the result.
    name: String,
    result: DataType,
    signature: Signature,
    run: Arc<Run>,
}

impl Kernel {
    /// A function over whole columns, called with its arguments.
    pub(crate) fn columns(
        name: impl Into<String>,
        result: DataType,
        args: Vec<Expr>,
        run: impl Fn(&[ArrayRef], usize) -> std::result::Result<ArrayRef, SqlError> + Send + Sync + 'static,
    ) -> Expr {
        Self::call(name.into(), result, args, Volatility::Immutable, Arc::new(run))
    }

    /// A function over the values of one row.
    pub(crate) fn rows(
        name: impl Into<String>,
        result: DataType,
        args: Vec<Expr>,
        run: impl for<'a> Fn(&[Value<'a>]) -> std::result::Result<Value<'a>, SqlError> + Send + Sync + 'static,
    ) -> Expr {
        Self::rows_with(name, result, args, Volatility::Immutable, run)
    }

    /// The same, NULL as soon as one argument is.
    pub(crate) fn strict(
        name: impl Into<String>,
        result: DataType,
        args: Vec<Expr>,
        run: impl for<'a> Fn(&[Value<'a>]) -> std::result::Result<Value<'a>, SqlError> + Send + Sync + 'static,
    ) -> Expr {
        Self::rows(
            name,
            result,
            args,
            move |values| {
                if values.iter().any(Value::is_null) { Ok(Value::Null) } else { run(values) }
            },
        )
    }

    pub(crate) fn rows_with(
        name: impl Into<String>,
        result: DataType,
        args: Vec<Expr>,
        volatility: Volatility,
        run: impl for<'a> Fn(&[Value<'a>]) -> std::result::Result<Value<'a>, SqlError> + Send + Sync + 'static,
    ) -> Expr {
        let data_type = result.clone();
        let columns = move |args: &[ArrayRef], rows: usize| {
            let cells = args.iter().map(|arg| Cells::of(arg.as_ref())).collect::<std::result::Result<Vec<_>, _>>()?;
            let mut builder = CellBuilder::new(&data_type, rows)?;
            let mut values = Vec::with_capacity(cells.len());
            for row in 0..rows {
                values.clear();
                values.extend(cells.iter().map(|cells| cells.get(row)));
                builder.push(&run(&values)?)?;
            }
            Ok(builder.finish())
        };
        Self::call(name.into(), result, args, volatility, Arc::new(columns))
    }

    fn call(name: String, result: DataType, args: Vec<Expr>, volatility: Volatility, run: Arc<Run>) -> Expr {
        let kernel = Self { name, result, signature: Signature::variadic_any(volatility), run };
        Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::from(kernel)), args))
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernel").field("name", &self.name).field("result", &self.result).finish_non_exhaustive()
    }
}

impl PartialEq for Kernel {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.result == other.result
    }
}

impl Eq for Kernel {}

impl Hash for Kernel {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Kernel {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.result.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        // Constants are computed once and stay constants.
        let constant = self.signature.volatility == Volatility::Immutable
            && args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let columns = args.args.into_iter().map(|arg| arg.into_array(rows)).collect::<Result<Vec<_>>>()?;
        let result = (self.run)(&columns, rows).map_err(|error| DataFusionError::External(Box::new(error)))?;
        if constant {
            ScalarValue::try_from_array(&result, 0).map(ColumnarValue::Scalar)
        } else {
            debug_assert_eq!(result.len(), rows);
            Ok(ColumnarValue::Array(result))
        }
    }
}
