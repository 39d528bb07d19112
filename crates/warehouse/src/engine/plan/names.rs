//! What names in a query stand for: tables, views (planned in their own schema and inlined), streams, and the few
//! functions that DataFusion has to know itself because it groups and windows.

use super::{
    Operators,
    error::{external, sql_error},
    sets::SetOperations,
};
use crate::{
    SessionContext, SqlError,
    catalog::{ObjectId, Relation, View},
    engine::{
        information,
        query::Scope,
        rewrite::{self, STRING_AGG},
        scan::Scan,
    },
    parse::{self, Name, ObjectKind, Statement},
};
use datafusion::{
    arrow::datatypes::{DataType, SchemaRef},
    catalog::{TableProvider, default_table_source::source_as_provider, view::ViewTable},
    common::{Result, TableReference, config::ConfigOptions, tree_node::TreeNodeRecursion},
    datasource::provider_as_source,
    functions_aggregate as aggregates, functions_window as windows,
    logical_expr::{
        AggregateUDF, Expr, HigherOrderUDF, LogicalPlan, LogicalPlanBuilder, ScalarUDF, TableSource, WindowUDF,
        planner::{ContextProvider, ExprPlanner, RelationPlanner},
    },
    sql::{
        planner::{NullOrdering, ParserOptions, SqlToRel},
        sqlparser::ast as sql,
    },
};
use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

/// Views may stand on views, so deep and no deeper.
const MAX_VIEW_DEPTH: usize = 32;

static OPTIONS: LazyLock<ConfigOptions> = LazyLock::new(ConfigOptions::new);

/// Names as one text means them: the statement's own, or a view's.
pub(crate) struct Names<'a> {
    scope: &'a Scope,
    context: SessionContext,
    planners: Vec<Arc<dyn ExprPlanner>>,
    relation_planners: Vec<Arc<dyn RelationPlanner>>,
    depth: usize,
}

impl<'a> Names<'a> {
    pub(crate) fn of(scope: &'a Scope) -> Self {
        Self::within(scope, scope.context.clone(), 0)
    }

    fn within(scope: &'a Scope, context: SessionContext, depth: usize) -> Self {
        Self {
            scope,
            context,
            planners: vec![Arc::new(Operators)],
            relation_planners: vec![Arc::new(SetOperations)],
            depth,
        }
    }

    /// Resolves a rewritten query.
    pub(crate) fn plan(&self, query: sql::Query) -> Result<LogicalPlan, SqlError> {
        self.planner().sql_statement_to_plan(sql::Statement::Query(Box::new(query))).map_err(sql_error)
    }

    /// DataFusion's planner with Snowflake's habits: names as they stand, decimals exact, NULL above all other values.
    pub(crate) fn planner(&self) -> SqlToRel<'_, Self> {
        let options = ParserOptions::new()
            .with_enable_ident_normalization(false)
            .with_parse_float_as_decimal(true)
            .with_map_string_types_to_utf8view(false)
            .with_default_null_ordering(NullOrdering::NullsMax);
        SqlToRel::new_with_options(self, options)
    }

    fn source(&self, name: &TableReference) -> Result<Arc<dyn TableSource>, SqlError> {
        let parts = match name {
            TableReference::Bare { table } => vec![table.to_string()],
            TableReference::Partial { schema, table } => vec![schema.to_string(), table.to_string()],
            TableReference::Full { catalog, schema, table } => {
                vec![catalog.to_string(), schema.to_string(), table.to_string()]
            }
        };
        if let [single] = parts.as_slice()
            && let Some(special) = self.scope.specials.get(single)
        {
            return Ok(provider_as_source(Arc::clone(special)));
        }
        let name = self.context.resolve(ObjectKind::Table, &Name::from_parts(parts)?)?;
        let snapshot = &self.scope.snapshot;
        let provider: Arc<dyn TableProvider> = match snapshot.catalog().relation(&name)? {
            Relation::Table(table) => Arc::new(Scan::table(snapshot, table)?),
            Relation::Stream(stream) => Arc::new(Scan::stream(snapshot, stream)?),
            Relation::View(view) => Arc::new(ViewTable::new(self.view(view)?, None)),
        };
        Ok(provider_as_source(provider))
    }

    pub(crate) fn view(&self, view: &View) -> Result<LogicalPlan, SqlError> {
        if self.depth >= MAX_VIEW_DEPTH {
            return Err(SqlError::unsupported(format_args!("more than {MAX_VIEW_DEPTH} views on each other"), ""));
        }
        let mut statements = parse::parse(&view.query)?;
        let (Some(Statement::Query(mut query)), true) = (statements.pop(), statements.is_empty()) else {
            return Err(SqlError::internal(format_args!("the view {} holds no query", view.header.name)));
        };
        let names = Names::within(self.scope, self.context.within(&view.header.name), self.depth + 1);
        rewrite::rewrite(query.as_mut(), &self.scope.surroundings_in(&names.context))?;
        let plan = names.plan(*query)?;
        if view.columns.is_empty() {
            return Ok(plan);
        }
        if view.columns.len() != plan.schema().fields().len() {
            return Err(SqlError::invalid_value(format_args!(
                "Invalid column definition list: view {} names {} columns, its query has {}",
                view.header.name,
                view.columns.len(),
                plan.schema().fields().len()
            )));
        }
        let columns = plan.schema().columns();
        let renamed = columns
            .into_iter()
            .zip(&view.columns)
            .map(|(column, named)| Expr::Column(column).alias(named.name.clone()))
            .collect::<Vec<_>>();
        LogicalPlanBuilder::from(plan).project(renamed).and_then(LogicalPlanBuilder::build).map_err(sql_error)
    }
}

/// The streams that a plan reads, also through views, CTEs and subqueries.
pub(crate) fn streams_read(plan: &LogicalPlan) -> Result<BTreeSet<ObjectId>, SqlError> {
    let mut streams = BTreeSet::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let provider = source_as_provider(&scan.source)?;
            let provider: &dyn std::any::Any = provider.as_ref();
            streams.extend(provider.downcast_ref::<Scan>().and_then(Scan::stream_id));
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .map_err(sql_error)?;
    Ok(streams)
}

impl ContextProvider for Names<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        self.source(&name).map_err(external)
    }

    fn get_table_function_source(&self, _: &str, args: Vec<Expr>) -> Result<Arc<dyn TableSource>> {
        information::table(self.scope, &self.context, args).map(provider_as_source).map_err(external)
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.planners
    }

    fn get_relation_planners(&self) -> &[Arc<dyn RelationPlanner>] {
        &self.relation_planners
    }

    fn get_function_meta(&self, _: &str) -> Option<Arc<ScalarUDF>> {
        None
    }

    fn get_higher_order_meta(&self, _: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        Some(match name {
            "COUNT" => aggregates::count::count_udaf(),
            "SUM" => aggregates::sum::sum_udaf(),
            "MIN" => aggregates::min_max::min_udaf(),
            "MAX" => aggregates::min_max::max_udaf(),
            "BOOL_AND" => aggregates::bool_and_or::bool_and_udaf(),
            "BOOL_OR" => aggregates::bool_and_or::bool_or_udaf(),
            "FIRST_VALUE" => aggregates::first_last::first_value_udaf(),
            STRING_AGG => aggregates::string_agg::string_agg_udaf(),
            _ => return None,
        })
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        Some(match name {
            "ROW_NUMBER" => windows::row_number::row_number_udwf(),
            "RANK" => windows::rank::rank_udwf(),
            "DENSE_RANK" => windows::rank::dense_rank_udwf(),
            "PERCENT_RANK" => windows::rank::percent_rank_udwf(),
            "CUME_DIST" => windows::cume_dist::cume_dist_udwf(),
            "NTILE" => windows::ntile::ntile_udwf(),
            "LAG" => windows::lead_lag::lag_udwf(),
            "LEAD" => windows::lead_lag::lead_udwf(),
            "FIRST_VALUE" => windows::nth_value::first_value_udwf(),
            "LAST_VALUE" => windows::nth_value::last_value_udwf(),
            "NTH_VALUE" => windows::nth_value::nth_value_udwf(),
            _ => return None,
        })
    }

    fn get_variable_type(&self, _: &[String]) -> Option<DataType> {
        None
    }

    fn create_cte_work_table(&self, _: &str, _: SchemaRef) -> Result<Arc<dyn TableSource>> {
        Err(external(SqlError::unsupported("WITH RECURSIVE", "")))
    }

    fn options(&self) -> &ConfigOptions {
        &OPTIONS
    }

    fn udf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udwf_names(&self) -> Vec<String> {
        Vec::new()
    }
}
