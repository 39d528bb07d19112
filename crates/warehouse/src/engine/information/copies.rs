//! `COPY_HISTORY`: files that COPY INTO and pipes loaded into one table within 14 days (docs.snowflake.com:
//! "COPY_HISTORY"), latest first. COPY INTO leaves no trace of files that failed, a pipe does.

use super::Call;
use crate::{
    SqlError,
    catalog::{FileLoad, LoadStatus, LoadTarget, Pipe, QualifiedName, Table},
    engine::copy::definition,
    parse::{self, ObjectKind},
    result::{Cell, Rows},
    storage::Snapshot,
    types::{Moment, SqlType},
};

const TEXT: SqlType = SqlType::VARCHAR;
const NUMBER: SqlType = SqlType::INTEGER;
const TIME: SqlType = SqlType::TimestampLtz { precision: 3 };

const COLUMNS: &[(&str, SqlType)] = &[
    ("FILE_NAME", TEXT),
    ("STAGE_LOCATION", TEXT),
    ("LAST_LOAD_TIME", TIME),
    ("ROW_COUNT", NUMBER),
    ("ROW_PARSED", NUMBER),
    ("FILE_SIZE", NUMBER),
    ("FIRST_ERROR_MESSAGE", TEXT),
    ("FIRST_ERROR_LINE_NUMBER", NUMBER),
    ("FIRST_ERROR_CHARACTER_POS", NUMBER),
    ("FIRST_ERROR_COLUMN_NAME", TEXT),
    ("ERROR_COUNT", NUMBER),
    ("ERROR_LIMIT", NUMBER),
    ("STATUS", TEXT),
    ("TABLE_CATALOG_NAME", TEXT),
    ("TABLE_SCHEMA_NAME", TEXT),
    ("TABLE_NAME", TEXT),
    ("PIPE_CATALOG_NAME", TEXT),
    ("PIPE_SCHEMA_NAME", TEXT),
    ("PIPE_NAME", TEXT),
    ("PIPE_RECEIVED_TIME", TIME),
    ("FIRST_COMMIT_TIME", TIME),
];

/// How far back loads may be asked for.
const PAST_DAYS: i64 = 14;

pub(super) fn history(mut call: Call<'_>) -> Result<Rows, SqlError> {
    let arguments = &mut call.arguments;
    let table = arguments.text("TABLE_NAME")?.ok_or_else(|| arguments.missing("TABLE_NAME"))?;
    let from = arguments.moment("START_TIME")?.ok_or_else(|| arguments.missing("START_TIME"))?;
    let to = arguments.moment("END_TIME")?.unwrap_or(call.scope.now);
    let pipe = arguments.text("PIPE_NAME")?;
    arguments.finish()?;
    for (name, time) in [("START_TIME", from), ("END_TIME", to)] {
        if time < call.scope.now.minus_days(PAST_DAYS) {
            return Err(arguments.invalid(name, format_args!("is not within the last {PAST_DAYS} days")));
        }
    }
    let snapshot = &call.scope.snapshot;
    let table = call.context.resolve(ObjectKind::Table, &parse::name(&table)?)?;
    let table: &Table = snapshot.catalog().get(&table)?;
    let pipe = pipe.map(|pipe| -> Result<_, SqlError> {
        let pipe = call.context.resolve(ObjectKind::Pipe, &parse::name(&pipe)?)?;
        snapshot.catalog().get::<Pipe>(&pipe)
    });
    // A pipe's loads into an earlier table of the name are not this table's.
    let from = from.max(table.header.created_on);
    let mut loads = loads(&call, snapshot, table, pipe.transpose()?)?;
    loads.retain(|(load, _)| (from..=to).contains(&load.loaded_at));
    loads.sort_by(|(a, _), (b, _)| b.loaded_at.cmp(&a.loaded_at).then_with(|| a.file.cmp(&b.file)));
    let mut rows = Rows::new(COLUMNS);
    for (load, pipe) in &loads {
        rows.push(cells(load, &table.header.name, *pipe));
    }
    Ok(rows)
}

/// What the table itself remembers, and what the pipes that load it do; or what one of them does.
fn loads<'a>(
    call: &Call<'_>,
    snapshot: &'a Snapshot,
    table: &Table,
    only: Option<&Pipe>,
) -> Result<Vec<(FileLoad, Option<&'a Pipe>)>, SqlError> {
    let mut loads = Vec::new();
    if only.is_none() {
        loads.extend(snapshot.file_loads(LoadTarget::Table(table.id()))?.into_iter().map(|load| (load, None)));
    }
    for pipe in snapshot.catalog().list::<Pipe>() {
        let target = definition(&pipe.copy)?.table;
        let target = call.context.within(&pipe.header.name).resolve(ObjectKind::Table, &target)?;
        if target == table.header.name && only.is_none_or(|only| only.header.id == pipe.header.id) {
            let of_pipe = snapshot.file_loads(LoadTarget::Pipe(pipe.header.id))?;
            loads.extend(of_pipe.into_iter().map(|load| (load, Some(pipe))));
        }
    }
    Ok(loads)
}

fn cells(load: &FileLoad, table: &QualifiedName, pipe: Option<&Pipe>) -> Vec<Cell> {
    let pipe_name = pipe.map(|pipe| &pipe.header.name);
    let committed: Option<Moment> = (load.status != LoadStatus::Failed).then_some(load.loaded_at);
    vec![
        Cell::text(below(&load.file, &load.location)),
        Cell::text(&load.location),
        Cell::Moment(load.loaded_at),
        Cell::Number(load.rows_loaded.into()),
        Cell::Number(load.rows_parsed.into()),
        Cell::Number(load.size_bytes.into()),
        Cell::optional(load.first_error.as_ref()),
        load.first_error_row.map_or(Cell::Null, |row| Cell::Number(row.into())),
        Cell::Null,
        Cell::optional(load.first_error_column.as_ref()),
        Cell::Number(load.errors.into()),
        // One error ends a file, as ABORT_STATEMENT and SKIP_FILE have it.
        Cell::Number(1),
        Cell::text(match load.status {
            LoadStatus::Loaded => "Loaded",
            LoadStatus::PartiallyLoaded => "Partially loaded",
            LoadStatus::Failed => "Load failed",
        }),
        Cell::text(&table.database),
        Cell::text(&table.schema),
        Cell::text(&table.name),
        Cell::optional(pipe_name.map(|name| &name.database)),
        Cell::optional(pipe_name.map(|name| &name.schema)),
        Cell::optional(pipe_name.map(|name| &name.name)),
        Cell::moment(pipe.map(|_| load.received_at)),
        Cell::moment(committed),
    ]
}

/// A file's path below its stage's location: COPY INTO remembers whole URLs, a pipe does not.
fn below<'a>(file: &'a str, location: &str) -> &'a str {
    file.strip_prefix(location).map_or(file, |path| path.trim_start_matches('/'))
}
