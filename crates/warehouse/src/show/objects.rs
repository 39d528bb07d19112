//! SHOW of what holds or describes data: databases, schemas, tables, views, stages, file formats, warehouses.

use super::{Columns, NUMBER, TEXT, TIME, comment, yes_no};
use crate::{
    Cell, SessionContext,
    catalog::{Database, FileFormat, Header, Retention, Schema, Stage, Table, View, Warehouse},
    storage::Snapshot,
};

pub(super) const DATABASES: Columns = &[
    ("created_on", TIME),
    ("name", TEXT),
    ("is_default", TEXT),
    ("is_current", TEXT),
    ("origin", TEXT),
    ("owner", TEXT),
    ("comment", TEXT),
    ("options", TEXT),
    ("retention_time", TEXT),
    ("kind", TEXT),
    ("budget", TEXT),
    ("owner_role_type", TEXT),
];

pub(super) fn database(database: &Database, session: &SessionContext) -> Vec<Cell> {
    let header = &database.header;
    vec![
        Cell::Moment(header.created_on),
        Cell::text(&header.name.name),
        yes_no(false),
        yes_no(session.database.as_ref() == Some(&header.name.name)),
        Cell::text(""),
        Cell::text(&header.owner),
        comment(header.comment.as_ref()),
        options(database.retention),
        retention_time(database.retention),
        Cell::text("STANDARD"),
        Cell::Null,
        Cell::text("ROLE"),
    ]
}

pub(super) const SCHEMAS: Columns = &[
    ("created_on", TIME),
    ("name", TEXT),
    ("is_default", TEXT),
    ("is_current", TEXT),
    ("database_name", TEXT),
    ("owner", TEXT),
    ("comment", TEXT),
    ("options", TEXT),
    ("retention_time", TEXT),
    ("owner_role_type", TEXT),
    ("budget", TEXT),
];

pub(super) fn schema(schema: &Schema, session: &SessionContext) -> Vec<Cell> {
    let header = &schema.header;
    let current =
        session.database.as_ref() == Some(&header.name.database) && session.schema.as_ref() == Some(&header.name.name);
    vec![
        Cell::Moment(header.created_on),
        Cell::text(&header.name.name),
        yes_no(false),
        yes_no(current),
        Cell::text(&header.name.database),
        Cell::text(&header.owner),
        comment(header.comment.as_ref()),
        options(schema.retention),
        retention_time(schema.retention),
        Cell::text("ROLE"),
        Cell::Null,
    ]
}

pub(super) const TABLES: Columns = &[
    ("created_on", TIME),
    ("name", TEXT),
    ("database_name", TEXT),
    ("schema_name", TEXT),
    ("kind", TEXT),
    ("comment", TEXT),
    ("cluster_by", TEXT),
    ("rows", NUMBER),
    ("bytes", NUMBER),
    ("owner", TEXT),
    ("retention_time", TEXT),
    ("automatic_clustering", TEXT),
    ("change_tracking", TEXT),
    ("search_optimization", TEXT),
    ("search_optimization_progress", TEXT),
    ("search_optimization_bytes", NUMBER),
    ("is_external", TEXT),
    ("enable_schema_evolution", TEXT),
    ("owner_role_type", TEXT),
    ("is_event", TEXT),
    ("budget", TEXT),
    ("is_hybrid", TEXT),
    ("is_iceberg", TEXT),
    ("is_dynamic", TEXT),
    ("is_immutable", TEXT),
];

pub(super) fn table(table: &Table, snapshot: &Snapshot) -> Vec<Cell> {
    let header = &table.header;
    vec![
        Cell::Moment(header.created_on),
        Cell::text(&header.name.name),
        Cell::text(&header.name.database),
        Cell::text(&header.name.schema),
        Cell::text(if table.retention.transient { "TRANSIENT" } else { "TABLE" }),
        comment(header.comment.as_ref()),
        Cell::text(table.cluster_by.as_ref().map(|keys| format!("LINEAR({keys})")).unwrap_or_default()),
        Cell::Number(snapshot.row_count(table.id()).into()),
        Cell::Number(snapshot.byte_count(table.id()).into()),
        Cell::text(&header.owner),
        retention_time(table.retention),
        Cell::text("OFF"),
        Cell::text(if table.change_tracking { "ON" } else { "OFF" }),
        Cell::text("OFF"),
        Cell::Null,
        Cell::Null,
        yes_no(false),
        yes_no(false),
        Cell::text("ROLE"),
        yes_no(false),
        Cell::Null,
        yes_no(false),
        yes_no(false),
        yes_no(false),
        yes_no(false),
    ]
}

pub(super) const VIEWS: Columns = &[
    ("created_on", TIME),
    ("name", TEXT),
    ("reserved", TEXT),
    ("database_name", TEXT),
    ("schema_name", TEXT),
    ("owner", TEXT),
    ("comment", TEXT),
    ("text", TEXT),
    ("is_secure", TEXT),
    ("is_materialized", TEXT),
    ("owner_role_type", TEXT),
    ("change_tracking", TEXT),
];

pub(super) fn view(view: &View) -> Vec<Cell> {
    let header = &view.header;
    vec![
        Cell::Moment(header.created_on),
        Cell::text(&header.name.name),
        Cell::text(""),
        Cell::text(&header.name.database),
        Cell::text(&header.name.schema),
        Cell::text(&header.owner),
        comment(header.comment.as_ref()),
        Cell::text(&header.text),
        Cell::text("false"),
        Cell::text("false"),
        Cell::text("ROLE"),
        Cell::text("OFF"),
    ]
}

pub(super) const STAGES: Columns = &[
    ("created_on", TIME),
    ("name", TEXT),
    ("database_name", TEXT),
    ("schema_name", TEXT),
    ("url", TEXT),
    ("has_credentials", TEXT),
    ("has_encryption_key", TEXT),
    ("owner", TEXT),
    ("comment", TEXT),
    ("region", TEXT),
    ("type", TEXT),
    ("cloud", TEXT),
    ("notification_channel", TEXT),
    ("storage_integration", TEXT),
    ("endpoint", TEXT),
    ("owner_role_type", TEXT),
    ("directory_enabled", TEXT),
];

pub(super) fn stage(stage: &Stage) -> Vec<Cell> {
    let header = &stage.header;
    vec![
        Cell::Moment(header.created_on),
        Cell::text(&header.name.name),
        Cell::text(&header.name.database),
        Cell::text(&header.name.schema),
        Cell::text(stage.url.as_deref().unwrap_or_default()),
        yes_no(stage.credentials.is_some()),
        yes_no(false),
        Cell::text(&header.owner),
        comment(header.comment.as_ref()),
        Cell::Null,
        Cell::text(if stage.url.is_some() { "EXTERNAL" } else { "INTERNAL" }),
        Cell::optional(stage.url.as_ref().map(|_| "AWS")),
        Cell::Null,
        Cell::Null,
        Cell::Null,
        Cell::text("ROLE"),
        yes_no(false),
    ]
}

pub(super) const FILE_FORMATS: Columns = &[
    ("created_on", TIME),
    ("name", TEXT),
    ("database_name", TEXT),
    ("schema_name", TEXT),
    ("type", TEXT),
    ("owner", TEXT),
    ("comment", TEXT),
    ("format_options", TEXT),
    ("owner_role_type", TEXT),
];

/// The options of the one format there is, as SHOW FILE FORMATS shows an Avro format made without any.
pub(super) const AVRO_OPTIONS: &str = r#"{"TYPE":"AVRO","COMPRESSION":"AUTO","TRIM_SPACE":false,"NULL_IF":[]}"#;

pub(super) fn file_format(format: &FileFormat) -> Vec<Cell> {
    let header = &format.header;
    vec![
        Cell::Moment(header.created_on),
        Cell::text(&header.name.name),
        Cell::text(&header.name.database),
        Cell::text(&header.name.schema),
        Cell::text("AVRO"),
        Cell::text(&header.owner),
        comment(header.comment.as_ref()),
        Cell::text(AVRO_OPTIONS),
        Cell::text("ROLE"),
    ]
}

pub(super) const WAREHOUSES: Columns = &[
    ("name", TEXT),
    ("state", TEXT),
    ("type", TEXT),
    ("size", TEXT),
    ("min_cluster_count", NUMBER),
    ("max_cluster_count", NUMBER),
    ("started_clusters", NUMBER),
    ("running", NUMBER),
    ("queued", NUMBER),
    ("is_default", TEXT),
    ("is_current", TEXT),
    ("auto_suspend", NUMBER),
    ("auto_resume", TEXT),
    ("created_on", TIME),
    ("owner", TEXT),
    ("comment", TEXT),
    ("owner_role_type", TEXT),
];

pub(super) fn warehouse(warehouse: &Warehouse, session: &SessionContext) -> Vec<Cell> {
    let header = &warehouse.header;
    vec![
        Cell::text(&header.name.name),
        Cell::text(if warehouse.suspended { "SUSPENDED" } else { "STARTED" }),
        Cell::text("STANDARD"),
        Cell::text(warehouse.size.as_deref().unwrap_or("X-Small")),
        Cell::Number(1),
        Cell::Number(1),
        Cell::Number(i128::from(!warehouse.suspended)),
        Cell::Number(0),
        Cell::Number(0),
        yes_no(false),
        yes_no(session.warehouse.as_ref() == Some(&header.name.name)),
        Cell::Number(warehouse.auto_suspend_seconds.unwrap_or(600).into()),
        Cell::text(if warehouse.auto_resume.unwrap_or(true) { "true" } else { "false" }),
        Cell::Moment(header.created_on),
        Cell::text(&header.owner),
        comment(header.comment.as_ref()),
        Cell::text("ROLE"),
    ]
}

pub(super) const PARAMETERS: Columns =
    &[("key", TEXT), ("value", TEXT), ("default", TEXT), ("level", TEXT), ("description", TEXT), ("type", TEXT)];

fn options(retention: Retention) -> Cell {
    Cell::text(if retention.transient { "TRANSIENT" } else { "" })
}

/// Days; 1 unless set, as on Snowflake.
fn retention_time(retention: Retention) -> Cell {
    Cell::text(retention.days.unwrap_or(1).to_string())
}

/// `created_on`, `name` and `kind`, as DESCRIBE DATABASE and SCHEMA list their content.
pub(super) fn content(header: &Header, kind: &str) -> Vec<Cell> {
    vec![Cell::Moment(header.created_on), Cell::text(&header.name.name), Cell::text(kind)]
}
