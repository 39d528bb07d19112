//! Clauses of queries: each is passed on to DataFusion, translated, or refused by name.

use super::{
    names::{fold, fold_alias, fold_name, identifier, result_name},
    tables, unsupported, values_width,
};
use crate::SqlError;
use datafusion::sql::sqlparser::{
    ast::{
        self as sql, Distinct, ExcludeSelectItem, GroupByExpr, Join, JoinConstraint, JoinOperator, LimitClause,
        OrderByKind, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, SetOperator, SetQuantifier,
        TableAlias, TableAliasColumnDef, TableFactor, TableWithJoins, WildcardAdditionalOptions,
    },
    dialect::SnowflakeDialect,
    parser::Parser,
};

/// Fails with the clause's name if it is there.
macro_rules! refuse {
    ($($name:literal: $present:expr),+ $(,)?) => {
        $(if $present { return Err(unsupported($name)); })+
    };
}

pub(super) fn query(query: &mut Query) -> Result<(), SqlError> {
    refuse! {
        "FOR UPDATE": !query.locks.is_empty(),
        "FOR XML/JSON": query.for_clause.is_some(),
        "SETTINGS": query.settings.is_some(),
        "FORMAT": query.format_clause.is_some(),
        "->> pipe": !query.pipe_operators.is_empty(),
    }
    if let Some(with) = &mut query.with {
        refuse! { "WITH RECURSIVE": with.recursive }
        for table in &mut with.cte_tables {
            refuse! {
                "FROM in WITH": table.from.is_some(),
                "MATERIALIZED": table.materialized.is_some(),
            }
            fold_alias(&mut table.alias)?;
        }
    }
    if let Some(order_by) = &query.order_by {
        refuse! { "INTERPOLATE": order_by.interpolate.is_some() }
        match &order_by.kind {
            OrderByKind::Expressions(expressions) => {
                refuse! { "WITH FILL": expressions.iter().any(|item| item.with_fill.is_some()) }
            }
            OrderByKind::All(_) => return Err(unsupported("ORDER BY ALL")),
        }
    }
    refuse! {
        "LIMIT BY": matches!(&query.limit_clause, Some(LimitClause::LimitOffset { limit_by, .. }) if !limit_by.is_empty()),
        "LIMIT n, m": matches!(query.limit_clause, Some(LimitClause::OffsetCommaLimit { .. })),
    }
    if let Some(fetch) = &query.fetch {
        refuse! { "FETCH … PERCENT or WITH TIES": fetch.percent || fetch.with_ties }
    }
    body(&mut query.body)
}

fn body(set: &mut SetExpr) -> Result<(), SqlError> {
    match set {
        SetExpr::Select(_) | SetExpr::Query(_) => Ok(()),
        SetExpr::SetOperation { op, set_quantifier, left, right } => {
            // MINUS is Snowflake's other word for EXCEPT; neither takes ALL there.
            if *op == SetOperator::Minus {
                *op = SetOperator::Except;
            }
            match (op, set_quantifier) {
                (SetOperator::Union, SetQuantifier::All | SetQuantifier::None | SetQuantifier::Distinct)
                | (SetOperator::Except | SetOperator::Intersect, SetQuantifier::None) => {}
                (op, quantifier) => return Err(unsupported(format_args!("{op} {quantifier}"))),
            }
            body(left)?;
            body(right)
        }
        SetExpr::Values(values) => {
            refuse! { "VALUES ROW": values.explicit_row }
            Ok(())
        }
        other => Err(unsupported(format_args!("the query {other}"))),
    }
}

/// `a UNION b` becomes `SELECT * FROM (a UNION b)`, since what stands in FROM can be planned by rules of our own.
pub(super) fn wrap_set_operation(query: &mut Query) -> Result<(), SqlError> {
    if !matches!(query.body.as_ref(), SetExpr::SetOperation { .. }) {
        return Ok(());
    }
    let template = "SELECT * FROM (SELECT 1) AS \"SET\"";
    let mut wrapped = Parser::new(&SnowflakeDialect)
        .try_with_sql(template)
        .and_then(|mut parser| parser.parse_query())
        .map_err(|error| SqlError::internal(format_args!("the template {template}: {error}")))?;
    if let SetExpr::Select(select) = wrapped.body.as_mut()
        && let Some(TableWithJoins { relation: TableFactor::Derived { subquery, .. }, .. }) = select.from.first_mut()
    {
        std::mem::swap(&mut subquery.body, &mut query.body);
    }
    query.body = wrapped.body;
    Ok(())
}

pub(super) fn select(select: &mut Select) -> Result<(), SqlError> {
    refuse! {
        "TOP": select.top.is_some(),
        "EXCLUDE behind the select list": select.exclude.is_some(),
        "SELECT INTO": select.into.is_some(),
        "LATERAL VIEW": !select.lateral_views.is_empty(),
        "PREWHERE": select.prewhere.is_some(),
        "CONNECT BY": !select.connect_by.is_empty(),
        "CLUSTER BY": !select.cluster_by.is_empty(),
        "DISTRIBUTE BY": !select.distribute_by.is_empty(),
        "SORT BY": !select.sort_by.is_empty(),
        "WINDOW": !select.named_window.is_empty(),
        "SELECT AS VALUE": select.value_table_mode.is_some(),
        "FROM without SELECT": select.flavor != sql::SelectFlavor::Standard,
        "SELECT modifiers": select.select_modifiers.is_some(),
        "DISTINCT ON": matches!(select.distinct, Some(Distinct::On(_))),
    }
    match &select.group_by {
        GroupByExpr::All(_) => return Err(SqlError::unsupported("GROUP BY ALL", "Name the columns.")),
        GroupByExpr::Expressions(_, modifiers) => refuse! { "GROUP BY … WITH": !modifiers.is_empty() },
    }
    select.projection.iter_mut().try_for_each(select_item)?;
    select.from.iter_mut().try_for_each(joins)
}

fn select_item(item: &mut SelectItem) -> Result<(), SqlError> {
    match item {
        SelectItem::UnnamedExpr(sql::Expr::Identifier(_) | sql::Expr::CompoundIdentifier(_)) => Ok(()),
        SelectItem::UnnamedExpr(expr) => {
            let alias = identifier(result_name(expr));
            let expr = std::mem::replace(expr, sql::Expr::value(sql::Value::Null));
            *item = SelectItem::ExprWithAlias { expr, alias };
            Ok(())
        }
        SelectItem::ExprWithAlias { alias, .. } => {
            fold(alias);
            Ok(())
        }
        SelectItem::Wildcard(options) => wildcard(options),
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
            fold_name(name)?;
            wildcard(options)
        }
        other => Err(unsupported(format_args!("the select item {other}"))),
    }
}

fn wildcard(options: &mut WildcardAdditionalOptions) -> Result<(), SqlError> {
    refuse! {
        "* ILIKE": options.opt_ilike.is_some(),
        "* EXCEPT": options.opt_except.is_some(),
        "* REPLACE": options.opt_replace.is_some(),
        "* RENAME": options.opt_rename.is_some(),
        "* AS": options.opt_alias.is_some(),
    }
    match &mut options.opt_exclude {
        None => Ok(()),
        Some(ExcludeSelectItem::Single(name)) => fold_name(name),
        Some(ExcludeSelectItem::Multiple(names)) => names.iter_mut().try_for_each(fold_name),
    }
}

fn joins(table: &mut TableWithJoins) -> Result<(), SqlError> {
    table.joins.iter_mut().try_for_each(join)
}

fn join(join: &mut Join) -> Result<(), SqlError> {
    refuse! { "GLOBAL JOIN": join.global }
    match &mut join.join_operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::CrossJoin(constraint) => match constraint {
            JoinConstraint::Using(columns) => columns.iter_mut().try_for_each(fold_name),
            JoinConstraint::On(_) | JoinConstraint::None => Ok(()),
            JoinConstraint::Natural => Err(SqlError::unsupported("NATURAL JOIN", "Use JOIN … USING.")),
        },
        other => Err(unsupported(format_args!("the join {other:?}"))),
    }
}

pub(super) fn table_factor(factor: &mut TableFactor) -> Result<(), SqlError> {
    match factor {
        TableFactor::Table {
            name,
            alias,
            args,
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
        } => {
            refuse! {
                "table hints": !with_hints.is_empty() || !index_hints.is_empty(),
                "AT or BEFORE (time travel)": version.is_some(),
                "WITH ORDINALITY": *with_ordinality,
                "PARTITION": !partitions.is_empty(),
                "SAMPLE": sample.is_some(),
            }
            if args.is_some() || json_path.is_some() {
                return Err(unsupported(format_args!("the table function {name}")));
            }
            alias.as_mut().map_or(Ok(()), fold_alias)
        }
        TableFactor::Derived { lateral, subquery, alias, sample } => {
            refuse! { "LATERAL": *lateral, "SAMPLE": sample.is_some() }
            if let Some(width) = values_width(subquery) {
                name_values(alias, width);
            }
            alias.as_mut().map_or(Ok(()), fold_alias)
        }
        TableFactor::TableFunction { expr, alias } => {
            *factor = tables::function(expr, alias.as_ref())?;
            Ok(())
        }
        TableFactor::NestedJoin { table_with_joins, alias } => {
            joins(table_with_joins)?;
            alias.as_mut().map_or(Ok(()), fold_alias)
        }
        other => Err(unsupported(format_args!("FROM {other}"))),
    }
}

/// The columns of VALUES in FROM are COLUMN1, COLUMN2 … unless the alias names them.
fn name_values(alias: &mut Option<TableAlias>, width: usize) {
    let alias = alias.get_or_insert_with(|| TableAlias {
        explicit: true,
        name: identifier("VALUES"),
        columns: Vec::new(),
        at: None,
    });
    if alias.columns.is_empty() {
        alias.columns = (1..=width)
            .map(|number| TableAliasColumnDef { name: identifier(format!("COLUMN{number}")), data_type: None })
            .collect();
    }
}
