//! `TASK_HISTORY`: runs of tasks of the whole account within 7 days, and the next run of each that is started
//! (docs.snowflake.com: "TASK_HISTORY"). A run that still goes on is not among them: it is recorded when it ends.
//!
//! Runs do not keep the statement they ran: QUERY_TEXT and CONDITION_TEXT are the task's of now, NULL where the task has
//! been dropped or replaced since. Left out of Snowflake's columns is what nothing here could fill: GRAPH_VERSION,
//! SCHEDULED_FROM, GRAPH_RUN_GROUP_ID, hashes of the query, BACKFILL_INFO.

use super::Call;
use crate::{
    SqlError,
    catalog::{QualifiedName, RunState, Task, TaskRun, TaskState},
    result::{Cell, Rows},
    tasks::tick_after,
    types::{Moment, SqlType},
};

const TEXT: SqlType = SqlType::VARCHAR;
const NUMBER: SqlType = SqlType::INTEGER;
const TIME: SqlType = SqlType::TimestampLtz { precision: 3 };

const COLUMNS: &[(&str, SqlType)] = &[
    ("QUERY_ID", TEXT),
    ("NAME", TEXT),
    ("DATABASE_NAME", TEXT),
    ("SCHEMA_NAME", TEXT),
    ("QUERY_TEXT", TEXT),
    ("CONDITION_TEXT", TEXT),
    ("STATE", TEXT),
    ("ERROR_CODE", NUMBER),
    ("ERROR_MESSAGE", TEXT),
    ("SCHEDULED_TIME", TIME),
    ("QUERY_START_TIME", TIME),
    ("NEXT_SCHEDULED_TIME", TIME),
    ("COMPLETED_TIME", TIME),
    ("ROOT_TASK_ID", TEXT),
    ("RUN_ID", NUMBER),
    ("RETURN_VALUE", TEXT),
    ("ATTEMPT_NUMBER", NUMBER),
    ("CONFIG", TEXT),
];

const DEFAULT_LIMIT: i64 = 100;
const MAX_LIMIT: i64 = 10_000;
/// How far back runs may be asked for.
const PAST_DAYS: i64 = 7;
/// How far ahead runs that are to come are told.
const AHEAD_DAYS: i64 = 8;

/// What the arguments ask for.
struct Wanted {
    /// Upper case.
    name: Option<String>,
    from: Option<Moment>,
    to: Option<Moment>,
    errors_only: bool,
    limit: usize,
}

pub(super) fn history(mut call: Call<'_>) -> Result<Rows, SqlError> {
    let now = call.scope.now;
    let wanted = Wanted::read(&mut call, now)?;
    let snapshot = &call.scope.snapshot;
    let catalog = snapshot.catalog();
    let mut coming = Vec::new();
    for task in catalog.list::<Task>().filter(|task| task.state == TaskState::Started && !wanted.errors_only) {
        let tick = tick_after(task, now).filter(|tick| *tick <= now.minus_days(-AHEAD_DAYS));
        coming.extend(tick.filter(|tick| wanted.covers(&task.header.name, *tick)).map(|tick| (tick, task)));
    }
    coming.sort_by_key(|(tick, _)| std::cmp::Reverse(*tick));
    coming.truncate(wanted.limit);
    let runs = snapshot.task_runs_where(wanted.limit - coming.len(), |run| {
        wanted.covers(&run.task, run.scheduled_at)
            && (!wanted.errors_only || matches!(run.state, RunState::Failed | RunState::Cancelled))
    })?;
    let mut rows = Rows::new(COLUMNS);
    for (tick, task) in coming {
        rows.push(cells(&task.header.name, Some(task), tick, None));
    }
    for run in runs {
        let task = catalog.find::<Task>(&run.task).filter(|task| task.header.created_on <= run.scheduled_at);
        rows.push(cells(&run.task, task, run.scheduled_at, Some(&run)));
    }
    Ok(rows)
}

impl Wanted {
    fn read(call: &mut Call<'_>, now: Moment) -> Result<Self, SqlError> {
        let arguments = &mut call.arguments;
        let wanted = Self {
            name: arguments.text("TASK_NAME")?.map(|name| name.to_uppercase()),
            from: arguments.moment("SCHEDULED_TIME_RANGE_START")?,
            to: arguments.moment("SCHEDULED_TIME_RANGE_END")?,
            errors_only: arguments.flag("ERROR_ONLY")?.unwrap_or(false),
            limit: {
                let limit = arguments.integer("RESULT_LIMIT")?.unwrap_or(DEFAULT_LIMIT);
                let limit = usize::try_from(limit).ok().filter(|_| (1..=MAX_LIMIT).contains(&limit));
                limit.ok_or_else(|| arguments.invalid("RESULT_LIMIT", format_args!("is not in 1 to {MAX_LIMIT}")))?
            },
        };
        arguments.finish()?;
        if wanted.name.as_ref().is_some_and(|name| name.contains('.')) {
            return Err(arguments.invalid("TASK_NAME", "takes a name without database and schema"));
        }
        let ranges = [("SCHEDULED_TIME_RANGE_START", wanted.from), ("SCHEDULED_TIME_RANGE_END", wanted.to)];
        for (name, time) in ranges {
            if time.is_some_and(|time| time < now.minus_days(PAST_DAYS)) {
                return Err(arguments.invalid(name, format_args!("is not within the last {PAST_DAYS} days")));
            }
        }
        Ok(wanted)
    }

    fn covers(&self, task: &QualifiedName, scheduled: Moment) -> bool {
        self.name.as_ref().is_none_or(|name| *name == task.name.to_uppercase())
            && self.from.is_none_or(|from| from <= scheduled)
            && self.to.is_none_or(|to| scheduled <= to)
    }
}

fn state(run: &TaskRun) -> &'static str {
    match run.state {
        RunState::Succeeded => "SUCCEEDED",
        RunState::Failed => "FAILED",
        RunState::Skipped => "SKIPPED",
        RunState::Cancelled => "CANCELLED",
    }
}

/// A row: of a run that is over, or of one that is to come.
fn cells(name: &QualifiedName, task: Option<&Task>, scheduled: Moment, run: Option<&TaskRun>) -> Vec<Cell> {
    let code = run.and_then(|run| run.error_code.as_ref()?.parse().ok());
    vec![
        Cell::optional(run.and_then(|run| run.query_id.as_ref())),
        Cell::text(&name.name),
        Cell::text(&name.database),
        Cell::text(&name.schema),
        Cell::optional(task.map(|task| &task.definition)),
        Cell::optional(task.and_then(|task| task.condition.as_ref())),
        Cell::text(run.map_or("SCHEDULED", state)),
        code.map_or(Cell::Null, Cell::Number),
        Cell::optional(run.and_then(|run| run.error_message.as_ref())),
        Cell::Moment(scheduled),
        Cell::moment(run.and_then(|run| run.started_at)),
        Cell::moment(task.and_then(|task| tick_after(task, scheduled))),
        Cell::moment(run.and_then(|run| run.completed_at)),
        Cell::optional(task.map(|task| task.header.id.to_string())),
        // The time at which the root task was to start, in milliseconds since 1970.
        Cell::Number(i128::from(scheduled.0 / 1_000)),
        // Nothing here sets a return value or a configuration, or tries a run again.
        Cell::Null,
        Cell::Number(1),
        Cell::Null,
    ]
}
