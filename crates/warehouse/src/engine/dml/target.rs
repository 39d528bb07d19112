//! The table that a DML statement writes: its rows as a relation of the statement's query, and the rows to write in the
//! shape it stores.

use crate::{
    SqlError,
    catalog::{Relation, Table, TableId},
    engine::{
        plan::{Arg, Names, sql_error},
        query::{Scope, name_parts},
        rewrite::{self, fold, fold_name},
        scan::Scan,
        value::CastMode,
    },
    parse::ObjectKind,
    storage::ROW_ID,
    types::SqlType,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, RecordBatch, UInt64Array},
        compute::concat_batches,
        datatypes::{Field, Schema, SchemaRef},
    },
    common::{Column, DFSchema, TableReference},
    logical_expr::Expr,
    sql::{
        planner::PlannerContext,
        sqlparser::{
            ast::{self as sql, ObjectName, TableAlias, TableFactor},
            dialect::SnowflakeDialect,
            parser::Parser,
        },
    },
};
use std::{collections::HashSet, sync::Arc};

/// What the target is called among the statement's relations; no table can have the name, since `$` cannot start one and
/// a quoted one resolves in a schema.
const TARGET: &str = "$TARGET";

pub(crate) struct Target {
    pub(crate) table: Table,
    /// What the statement calls it.
    pub(crate) alias: String,
    schema: SchemaRef,
}

impl Target {
    /// Looks the table up and adds it to the scope's relations.
    pub(crate) fn resolve(
        name: &ObjectName,
        alias: Option<&TableAlias>,
        scope: Scope,
    ) -> Result<(Self, Scope), SqlError> {
        let mut name = name.clone();
        fold_name(&mut name)?;
        let parts = name_parts(&name)?;
        let full = scope.context.resolve(ObjectKind::Table, &parts)?;
        let table = match scope.snapshot.catalog().relation(&full)? {
            Relation::Table(table) => table.clone(),
            Relation::View(_) | Relation::Stream(_) => {
                return Err(SqlError::not_performable(format_args!(
                    "Object '{full}' is no table: DML cannot write it."
                )));
            }
        };
        let alias = match alias {
            Some(alias) if !alias.columns.is_empty() => {
                return Err(SqlError::unsupported(format_args!("the alias {alias}"), ""));
            }
            Some(alias) => {
                let mut ident = alias.name.clone();
                fold(&mut ident);
                ident.value
            }
            None => parts.name,
        };
        let fields = table.columns.iter().map(|column| Field::new(&column.name, column.data_type.to_arrow(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let provider = Arc::new(Scan::target(&scope.snapshot, &table)?);
        Ok((Self { table, alias, schema }, scope.with(TARGET, provider)))
    }

    pub(crate) fn id(&self) -> TableId {
        self.table.id()
    }

    /// `"$TARGET" AS "alias"`
    pub(crate) fn relation(&self) -> Result<TableFactor, SqlError> {
        let text = format!("SELECT 1 FROM \"{TARGET}\" AS \"{}\"", self.alias.replace('"', "\"\""));
        let mut query = parse_query(&text)?;
        match query.body.as_mut() {
            sql::SetExpr::Select(select) if select.from.len() == 1 => Ok(select.from.remove(0).relation),
            _ => Err(SqlError::internal("a template without its table")),
        }
    }

    /// A column of the target in the statement's query.
    pub(crate) fn column(&self, name: &str) -> Expr {
        Expr::Column(Column::new(Some(TableReference::bare(self.alias.as_str())), name))
    }

    pub(crate) fn row_id(&self) -> Expr {
        self.column(ROW_ID)
    }

    /// Positions of named columns, in the order they are named.
    pub(crate) fn positions(&self, names: &[ObjectName]) -> Result<Vec<usize>, SqlError> {
        let mut positions = Vec::with_capacity(names.len());
        for name in names {
            let mut name = name.clone();
            fold_name(&mut name)?;
            let parts = name_parts(&name)?;
            if parts.schema.as_ref().is_some_and(|qualifier| *qualifier != self.alias) {
                return Err(SqlError::invalid_identifier(name));
            }
            let (position, _) =
                self.table.column(&parts.name).ok_or_else(|| SqlError::invalid_identifier(&parts.name))?;
            if positions.contains(&position) {
                return Err(SqlError::duplicate_column(&parts.name));
            }
            positions.push(position);
        }
        Ok(positions)
    }

    /// `SET column = value, …`: each column's position and value.
    pub(crate) fn assignments(&self, assignments: Vec<sql::Assignment>) -> Result<Vec<(usize, sql::Expr)>, SqlError> {
        let mut names = Vec::with_capacity(assignments.len());
        let mut values = Vec::with_capacity(assignments.len());
        for sql::Assignment { target, value } in assignments {
            match target {
                sql::AssignmentTarget::ColumnName(name) => names.push(name),
                sql::AssignmentTarget::Tuple(_) => {
                    return Err(SqlError::unsupported("SET (a, b) = …", "Assign each column."));
                }
            }
            values.push(value);
        }
        Ok(self.positions(&names)?.into_iter().zip(values).collect())
    }

    /// A value as the column at `position` stores it.
    pub(crate) fn assigned(&self, position: usize, value: Expr, schema: &DFSchema) -> Result<Expr, SqlError> {
        let column = &self.table.columns[position];
        let arg = Arg::new(value, schema)?;
        let shown = arg.shown();
        let to = stored_type(column.data_type);
        arg.cast(to, CastMode::Implicit).map_err(|error| match error.code {
            "001007" => SqlError::type_mismatch(format_args!(
                "Expression type does not match column data type, expecting {} but got {shown} for column {}",
                column.data_type, column.name
            )),
            _ => error,
        })
    }

    /// What the column at `position` holds where a statement says nothing: its DEFAULT, or NULL.
    pub(crate) fn default(&self, position: usize, scope: &Scope) -> Result<Expr, SqlError> {
        let schema = DFSchema::empty();
        let text = self.table.columns[position].default.as_deref().unwrap_or("NULL");
        let mut value = Parser::new(&SnowflakeDialect)
            .try_with_sql(text)
            .and_then(|mut parser| parser.parse_expr())
            .map_err(|error| SqlError::internal(format_args!("the default {text}: {error}")))?;
        rewrite::rewrite(&mut value, &scope.surroundings())?;
        let names = Names::of(scope);
        let value = names.planner().sql_to_expr(value, &schema, &mut PlannerContext::new()).map_err(sql_error)?;
        self.assigned(position, value, &schema)
    }

    /// Columns in the table's order as rows it stores, NOT NULL checked.
    pub(crate) fn rows(&self, columns: Vec<ArrayRef>) -> Result<RecordBatch, SqlError> {
        for (array, column) in columns.iter().zip(&self.table.columns) {
            if !column.nullable && array.null_count() > 0 {
                return Err(SqlError::not_null(&column.name));
            }
        }
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(SqlError::internal)
    }
}

/// A column keeps at most six digits of a second.
fn stored_type(declared: SqlType) -> SqlType {
    match declared {
        SqlType::TimestampNtz { precision } => SqlType::TimestampNtz { precision: precision.min(6) },
        SqlType::TimestampLtz { precision } => SqlType::TimestampLtz { precision: precision.min(6) },
        other => other,
    }
}

/// A query to be used as a template.
pub(crate) fn parse_query(text: &str) -> Result<sql::Query, SqlError> {
    Parser::new(&SnowflakeDialect)
        .try_with_sql(text)
        .and_then(|mut parser| parser.parse_query())
        .map(|query| *query)
        .map_err(|error| SqlError::internal(format_args!("the template {text}: {error}")))
}

/// `SELECT *` from these relations, which the statement's own expressions are then resolved against.
pub(crate) fn select_all(from: Vec<sql::TableWithJoins>, selection: Option<sql::Expr>) -> Result<sql::Query, SqlError> {
    let mut query = parse_query("SELECT *")?;
    match query.body.as_mut() {
        sql::SetExpr::Select(select) => {
            select.from = from;
            select.selection = selection;
        }
        _ => return Err(SqlError::internal("a template without SELECT")),
    }
    Ok(query)
}

/// A relation without joins.
pub(crate) fn alone(relation: TableFactor) -> sql::TableWithJoins {
    sql::TableWithJoins { relation, joins: Vec::new() }
}

/// All rows of a result as one batch.
pub(crate) fn concatenated(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<RecordBatch, SqlError> {
    concat_batches(schema, batches).map_err(SqlError::internal)
}

/// The row ids in a column of a result.
pub(crate) fn row_ids(column: &ArrayRef) -> Result<&UInt64Array, SqlError> {
    column.as_any().downcast_ref().ok_or_else(|| SqlError::internal("row ids of another type"))
}

/// The first row of each row id: the others would write the same target row again.
pub(crate) fn first_of_each(ids: &UInt64Array) -> (Vec<u64>, Vec<u64>) {
    let mut seen = HashSet::with_capacity(ids.len());
    let mut rows = Vec::new();
    let mut kept = Vec::new();
    for (row, id) in ids.iter().enumerate() {
        if let Some(id) = id
            && seen.insert(id)
        {
            rows.push(row as u64);
            kept.push(id);
        }
    }
    (rows, kept)
}
