//! DESCRIBE.

use super::{Columns, Listing, PlanView, TEXT, TIME, objects, pipeline, yes_no};
use crate::{
    Cell, QueryResult, SessionContext, SqlError, StatementKind,
    catalog::{
        Catalog, Database, FileFormat, Header, Pipe, QualifiedName, Schema, Stage, StageFormat, Stream, Table, Task,
        View, Warehouse,
    },
    parse::{Describe, ObjectKind},
    storage::Snapshot,
};

const COLUMNS: Columns = &[
    ("name", TEXT),
    ("type", TEXT),
    ("kind", TEXT),
    ("null?", TEXT),
    ("default", TEXT),
    ("primary key", TEXT),
    ("unique key", TEXT),
    ("check", TEXT),
    ("expression", TEXT),
    ("comment", TEXT),
    ("policy name", TEXT),
    ("privacy domain", TEXT),
];

const CONTENT: Columns = &[("created_on", TIME), ("name", TEXT), ("kind", TEXT)];

const STAGE: Columns = &[
    ("parent_property", TEXT),
    ("property", TEXT),
    ("property_type", TEXT),
    ("property_value", TEXT),
    ("property_default", TEXT),
];

const FORMAT: Columns =
    &[("property", TEXT), ("property_type", TEXT), ("property_value", TEXT), ("property_default", TEXT)];

/// Runs a DESCRIBE against what `snapshot` sees.
///
/// # Errors
/// 002003 when the object is not there.
pub fn describe(
    snapshot: &Snapshot,
    describe: &Describe,
    session: &SessionContext,
    plan_view: PlanView,
) -> Result<QueryResult, SqlError> {
    let catalog = snapshot.catalog();
    let name = session.resolve(describe.kind, &describe.name)?;
    let listing = match describe.kind {
        // DESCRIBE TABLE of a view is allowed, and the other way round.
        ObjectKind::Table | ObjectKind::View => match catalog.find::<Table>(&name) {
            Some(table) => self::table(table),
            None => match catalog.find::<View>(&name) {
                Some(view) => self::view(view, plan_view)?,
                None => return Err(SqlError::does_not_exist(describe.kind, &name)),
            },
        },
        ObjectKind::Pipe => one(pipeline::PIPES, pipeline::pipe(catalog.get::<Pipe>(&name)?)),
        ObjectKind::Stream => one(pipeline::STREAMS, pipeline::stream(catalog.get::<Stream>(&name)?, snapshot)),
        ObjectKind::Task => one(pipeline::TASKS, pipeline::task(catalog.get::<Task>(&name)?)),
        ObjectKind::Stage => stage(catalog.get::<Stage>(&name)?),
        ObjectKind::FileFormat => {
            catalog.get::<FileFormat>(&name)?;
            Listing { columns: FORMAT, rows: avro() }
        }
        ObjectKind::Database => {
            catalog.get::<Database>(&name)?;
            let schemas = catalog.list::<Schema>().filter(|schema| schema.header.name.database == name.name);
            let rows = schemas.map(|schema| objects::content(&schema.header, "SCHEMA")).collect();
            Listing { columns: CONTENT, rows }
        }
        ObjectKind::Schema => {
            catalog.get::<Schema>(&name)?;
            Listing { columns: CONTENT, rows: schema_content(catalog, &name) }
        }
        ObjectKind::Warehouse => {
            let header = &catalog.get::<Warehouse>(&name)?.header;
            one(CONTENT, objects::content(header, "WAREHOUSE"))
        }
    };
    listing.finish(StatementKind::Describe)
}

fn one(columns: Columns, row: Vec<Cell>) -> Listing {
    Listing { columns, rows: vec![row] }
}

fn table(table: &Table) -> Listing {
    let in_key = |primary: bool, name: &str| {
        table.keys.iter().any(|key| key.primary == primary && key.columns.iter().any(|column| column == name))
    };
    let row = |column: &crate::catalog::Column| {
        vec![
            Cell::text(&column.name),
            Cell::text(column.data_type.to_string()),
            Cell::text("COLUMN"),
            yes_no(column.nullable),
            Cell::optional(column.default.as_ref()),
            yes_no(in_key(true, &column.name)),
            yes_no(in_key(false, &column.name)),
            Cell::Null,
            Cell::Null,
            Cell::optional(column.comment.as_ref()),
            Cell::Null,
            Cell::Null,
        ]
    };
    Listing { columns: COLUMNS, rows: table.columns.iter().map(row).collect() }
}

fn view(view: &View, plan_view: PlanView) -> Result<Listing, SqlError> {
    let row = |(at, column): (usize, crate::ResultColumn)| {
        vec![
            Cell::text(column.name),
            Cell::text(column.data_type.to_string()),
            Cell::text("COLUMN"),
            yes_no(column.nullable),
            Cell::Null,
            yes_no(false),
            yes_no(false),
            Cell::Null,
            Cell::Null,
            Cell::optional(view.columns.get(at).and_then(|column| column.comment.as_ref())),
            Cell::Null,
            Cell::Null,
        ]
    };
    Ok(Listing { columns: COLUMNS, rows: plan_view(view)?.into_iter().enumerate().map(row).collect() })
}

fn stage(stage: &Stage) -> Listing {
    let property = |parent: &str, name: &str, kind: &str, value: String, default: &str| {
        vec![Cell::text(parent), Cell::text(name), Cell::text(kind), Cell::text(value), Cell::text(default)]
    };
    let format = match &stage.file_format {
        Some(StageFormat::Named(name)) => ("FORMAT_NAME", name.to_string()),
        Some(StageFormat::Avro) => ("TYPE", "AVRO".to_owned()),
        None => ("TYPE", "CSV".to_owned()),
    };
    let url = stage.url.as_ref().map(|url| format!("[\"{url}\"]")).unwrap_or_default();
    let key = stage.credentials.as_ref().map(|credentials| credentials.key_id.clone()).unwrap_or_default();
    let rows = vec![
        property("STAGE_FILE_FORMAT", format.0, "String", format.1, "CSV"),
        property("STAGE_LOCATION", "URL", "String", url, ""),
        property("STAGE_CREDENTIALS", "AWS_KEY_ID", "String", key, ""),
    ];
    Listing { columns: STAGE, rows }
}

fn avro() -> Vec<Vec<Cell>> {
    [
        ("TYPE", "String", "AVRO", "CSV"),
        ("COMPRESSION", "String", "AUTO", "AUTO"),
        ("TRIM_SPACE", "Boolean", "false", "false"),
        ("NULL_IF", "List", "[]", "[\\N]"),
    ]
    .into_iter()
    .map(|(name, kind, value, default)| [name, kind, value, default].map(Cell::text).to_vec())
    .collect()
}

fn schema_content(catalog: &Catalog, schema: &QualifiedName) -> Vec<Vec<Cell>> {
    let inside = |header: &&Header| header.name.database == schema.database && header.name.schema == schema.name;
    let tables = catalog.list::<Table>().map(|table| &table.header).filter(inside);
    let views = catalog.list::<View>().map(|view| &view.header).filter(inside);
    let tables = tables.map(|header| objects::content(header, "TABLE"));
    tables.chain(views.map(|header| objects::content(header, "VIEW"))).collect()
}
