//! SHOW and DESCRIBE: what deploy tools read. Column names and order are those of docs.snowflake.com, pages "SHOW …" and
//! "DESCRIBE …"; columns about features that the warehouse lacks are there with the value that says so.

mod columns;
mod describe;
mod filter;
mod objects;
mod pipeline;
#[cfg(test)]
mod tests;

pub use describe::describe;

use crate::{
    QueryResult, ResultColumn, Rows, SessionContext, SqlError, StatementKind,
    catalog::{Database, FileFormat, Pipe, Schema, Stage, Stream, Table, Task, View, Warehouse},
    parse::{ObjectKind, Show, ShowKind},
    result::Cell,
    storage::Snapshot,
    types::SqlType,
};

/// Plans a view to learn its columns; the engine's part in DESCRIBE VIEW and SHOW COLUMNS.
pub type PlanView<'a> = &'a dyn Fn(&View) -> Result<Vec<ResultColumn>, SqlError>;

const TEXT: SqlType = SqlType::VARCHAR;
const NUMBER: SqlType = SqlType::INTEGER;
const TIME: SqlType = SqlType::TimestampLtz { precision: 3 };

/// The columns of one kind of SHOW.
type Columns = &'static [(&'static str, SqlType)];

/// Runs a SHOW against what `snapshot` sees.
///
/// # Errors
/// 002003 when the scope (`IN …`) is not there.
pub fn show(
    snapshot: &Snapshot,
    show: &Show,
    session: &SessionContext,
    plan_view: PlanView,
) -> Result<QueryResult, SqlError> {
    let catalog = snapshot.catalog();
    let listing = match show.kind {
        ShowKind::Objects(kind) => match kind {
            ObjectKind::Database => {
                let found = filter::in_account::<Database>(catalog, show)?;
                list(objects::DATABASES, found, |database| objects::database(database, session))
            }
            ObjectKind::Warehouse => {
                let found = filter::in_account::<Warehouse>(catalog, show)?;
                list(objects::WAREHOUSES, found, |warehouse| objects::warehouse(warehouse, session))
            }
            ObjectKind::Schema => {
                let found = filter::in_database::<Schema>(catalog, show, session)?;
                list(objects::SCHEMAS, found, |schema| objects::schema(schema, session))
            }
            ObjectKind::Table => {
                let found = filter::in_schema::<Table>(catalog, show, session)?;
                list(objects::TABLES, found, |table| objects::table(table, snapshot))
            }
            ObjectKind::View => list(objects::VIEWS, filter::in_schema::<View>(catalog, show, session)?, objects::view),
            ObjectKind::Stage => {
                list(objects::STAGES, filter::in_schema::<Stage>(catalog, show, session)?, objects::stage)
            }
            ObjectKind::FileFormat => {
                let found = filter::in_schema::<FileFormat>(catalog, show, session)?;
                list(objects::FILE_FORMATS, found, objects::file_format)
            }
            ObjectKind::Pipe => {
                list(pipeline::PIPES, filter::in_schema::<Pipe>(catalog, show, session)?, pipeline::pipe)
            }
            ObjectKind::Stream => {
                let found = filter::in_schema::<Stream>(catalog, show, session)?;
                list(pipeline::STREAMS, found, |stream| pipeline::stream(stream, snapshot))
            }
            ObjectKind::Task => {
                list(pipeline::TASKS, filter::in_schema::<Task>(catalog, show, session)?, pipeline::task)
            }
        },
        ShowKind::Columns => return columns::show(snapshot, show, session, plan_view),
        ShowKind::Parameters => Listing { columns: objects::PARAMETERS, rows: Vec::new() },
    };
    if show.terse { listing.terse(show.kind) } else { listing.finish(StatementKind::Show) }
}

struct Listing {
    columns: Columns,
    rows: Vec<Vec<Cell>>,
}

fn list<T>(columns: Columns, found: Vec<T>, row: impl Fn(T) -> Vec<Cell>) -> Listing {
    Listing { columns, rows: found.into_iter().map(row).collect() }
}

impl Listing {
    fn finish(self, kind: StatementKind) -> Result<QueryResult, SqlError> {
        let mut rows = Rows::new(self.columns);
        self.rows.into_iter().for_each(|row| rows.push(row));
        rows.finish(kind)
    }

    /// The few columns of TERSE; `kind` is NULL where the full list has neither `kind` nor `type`.
    fn terse(self, kind: ShowKind) -> Result<QueryResult, SqlError> {
        const SHARED: &[(&str, &str)] = &[
            ("created_on", "created_on"),
            ("name", "name"),
            ("kind", "kind"),
            ("database_name", "database_name"),
            ("schema_name", "schema_name"),
        ];
        let extra: &[(&str, &str)] = match kind {
            ShowKind::Objects(ObjectKind::Stream) => &[("tableOn", "table_name")],
            ShowKind::Objects(ObjectKind::Task) => &[("schedule", "schedule")],
            _ => &[],
        };
        let source = |wanted: &str| self.columns.iter().position(|(name, _)| *name == wanted);
        let picked: Vec<_> = SHARED
            .iter()
            .chain(extra)
            .map(|(shown, from)| (*shown, source(from).or_else(|| if *from == "kind" { source("type") } else { None })))
            .collect();
        let columns: Vec<_> =
            picked.iter().map(|(shown, at)| (*shown, at.map_or(TEXT, |at| self.columns[at].1))).collect();
        let mut rows = Rows::new(&columns);
        for row in &self.rows {
            rows.push(picked.iter().map(|(_, at)| at.map_or(Cell::Null, |at| row[at].clone())).collect());
        }
        rows.finish(StatementKind::Show)
    }
}

/// A flag as SHOW spells most of them.
fn yes_no(flag: bool) -> Cell {
    Cell::text(if flag { "Y" } else { "N" })
}

/// A comment: empty when there is none.
fn comment(comment: Option<&String>) -> Cell {
    Cell::text(comment.map_or("", String::as_str))
}
