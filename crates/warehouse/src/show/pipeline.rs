//! SHOW of what moves data: pipes, streams, tasks. DESCRIBE of one returns the same row.

use super::{Columns, TEXT, TIME, comment};
use crate::{
    Cell,
    catalog::{Pipe, Stream, StreamMode, Table, Task, TaskState},
    storage::Snapshot,
};

pub(super) const PIPES: Columns = &[
    ("created_on", TIME),
    ("name", TEXT),
    ("database_name", TEXT),
    ("schema_name", TEXT),
    ("definition", TEXT),
    ("owner", TEXT),
    ("notification_channel", TEXT),
    ("comment", TEXT),
    ("integration", TEXT),
    ("pattern", TEXT),
    ("error_integration", TEXT),
    ("owner_role_type", TEXT),
    ("invalid_reason", TEXT),
    ("kind", TEXT),
];

pub(super) fn pipe(pipe: &Pipe) -> Vec<Cell> {
    let header = &pipe.header;
    vec![
        Cell::Moment(header.created_on),
        Cell::text(&header.name.name),
        Cell::text(&header.name.database),
        Cell::text(&header.name.schema),
        Cell::text(&pipe.copy),
        Cell::text(&header.owner),
        // Where Snowflake shows the queue that the bucket must notify: here the stage is polled.
        Cell::Null,
        comment(header.comment.as_ref()),
        Cell::Null,
        Cell::Null,
        Cell::Null,
        Cell::text("ROLE"),
        Cell::Null,
        Cell::text("STAGE"),
    ]
}

pub(super) const STREAMS: Columns = &[
    ("created_on", TIME),
    ("name", TEXT),
    ("database_name", TEXT),
    ("schema_name", TEXT),
    ("owner", TEXT),
    ("comment", TEXT),
    ("table_name", TEXT),
    ("source_type", TEXT),
    ("base_tables", TEXT),
    ("type", TEXT),
    ("stale", TEXT),
    ("mode", TEXT),
    ("stale_after", TIME),
    ("invalid_reason", TEXT),
    ("owner_role_type", TEXT),
];

pub(super) fn stream(stream: &Stream, snapshot: &Snapshot) -> Vec<Cell> {
    let header = &stream.header;
    let table = snapshot.catalog().by_id::<Table>(stream.table);
    let name = table.map_or(&stream.table_name, |table| &table.header.name).to_string();
    vec![
        Cell::Moment(header.created_on),
        Cell::text(&header.name.name),
        Cell::text(&header.name.database),
        Cell::text(&header.name.schema),
        Cell::text(&header.owner),
        comment(header.comment.as_ref()),
        Cell::text(&name),
        Cell::text("Table"),
        Cell::text(&name),
        Cell::text("DELTA"),
        Cell::text(if table.is_none() { "true" } else { "false" }),
        Cell::text(match stream.mode {
            StreamMode::AppendOnly => "APPEND_ONLY",
        }),
        // Rows are kept for as long as the table lives, so time alone makes no stream stale.
        Cell::Null,
        Cell::text(if table.is_none() { "The table was dropped or replaced" } else { "N/A" }),
        Cell::text("ROLE"),
    ]
}

pub(super) const TASKS: Columns = &[
    ("created_on", TIME),
    ("name", TEXT),
    ("id", TEXT),
    ("database_name", TEXT),
    ("schema_name", TEXT),
    ("owner", TEXT),
    ("comment", TEXT),
    ("warehouse", TEXT),
    ("schedule", TEXT),
    ("predecessors", TEXT),
    ("state", TEXT),
    ("definition", TEXT),
    ("condition", TEXT),
    ("allow_overlapping_execution", TEXT),
    ("error_integration", TEXT),
    ("last_committed_on", TIME),
    ("last_suspended_on", TIME),
    ("owner_role_type", TEXT),
    ("config", TEXT),
    ("budget", TEXT),
    ("task_relations", TEXT),
    ("last_suspended_reason", TEXT),
];

pub(super) fn task(task: &Task) -> Vec<Cell> {
    let header = &task.header;
    vec![
        Cell::Moment(header.created_on),
        Cell::text(&header.name.name),
        Cell::text(header.id.to_string()),
        Cell::text(&header.name.database),
        Cell::text(&header.name.schema),
        Cell::text(&header.owner),
        comment(header.comment.as_ref()),
        Cell::optional(task.warehouse.as_ref()),
        Cell::optional(task.schedule.as_ref().map(|schedule| &schedule.text)),
        Cell::text("[]"),
        Cell::text(match task.state {
            TaskState::Started => "started",
            TaskState::Suspended => "suspended",
        }),
        Cell::text(&task.definition),
        Cell::optional(task.condition.as_ref()),
        Cell::text("false"),
        Cell::text("null"),
        Cell::moment(task.last_committed_on),
        Cell::moment(task.last_suspended_on),
        Cell::text("ROLE"),
        Cell::Null,
        Cell::Null,
        Cell::text(r#"{"Predecessors":[]}"#),
        Cell::Null,
    ]
}
