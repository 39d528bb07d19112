//! One run of a task, and its record.

use super::{Options, condition};
use crate::{
    SessionContext, SqlError,
    backend::Backend,
    catalog::{ObjectId, RunState, Task, TaskRun, TaskState},
    metrics::Metrics,
    storage::Store,
    types::Moment,
};
use std::{sync::Arc, time::Duration};

/// Failures in a row after which a task is suspended, unless it says otherwise; 0 means never.
const SUSPEND_AFTER: u32 = 10;

/// How long a run may take unless the task says otherwise (`USER_TASK_TIMEOUT_MS`).
const TIMEOUT: Duration = Duration::from_hours(1);

/// The code with which Snowflake's history says that WHEN was false.
const SKIPPED: &str = "0040003";

pub(super) async fn run(
    store: Store,
    backend: Arc<dyn Backend>,
    id: ObjectId,
    scheduled_at: Moment,
    options: Options,
    metrics: Metrics,
) -> ObjectId {
    let snapshot = store.snapshot();
    let Some(task) = snapshot.catalog().by_id::<Task>(id).cloned() else { return id };
    let mut context = SessionContext::new("SYSTEM", &task.header.owner).within(&task.header.name);
    context.warehouse.clone_from(&task.warehouse);
    let condition = task.condition.as_deref().map_or(Ok(true), |text| condition::holds(text, &snapshot, &context));
    // The snapshot would keep old files on disk for as long as the statement runs.
    drop(snapshot);
    let mut record = TaskRun {
        task: task.header.name.clone(),
        query_id: None,
        state: RunState::Skipped,
        scheduled_at,
        started_at: None,
        completed_at: None,
        error_code: None,
        error_message: None,
    };
    let outcome = match condition {
        Ok(false) => {
            record.error_code = Some(SKIPPED.to_owned());
            record.error_message = Some("Conditional expression for task evaluated to false.".to_owned());
            record.completed_at = Some(Moment::now());
            None
        }
        Ok(true) => {
            record.query_id = Some(uuid::Uuid::new_v4().to_string());
            record.started_at = Some(Moment::now());
            Some(execute(backend.as_ref(), context, &task).await)
        }
        Err(error) => Some(Err(error)),
    };
    if let Some(outcome) = &outcome {
        record.completed_at = Some(Moment::now());
        record.state = if outcome.is_ok() { RunState::Succeeded } else { RunState::Failed };
        if let Err(error) = outcome {
            record.error_code = Some(error.code.to_owned());
            record.error_message = Some(error.message.clone());
            tracing::warn!(task = %task.header.name, code = error.code, error = error.message, "a task failed");
        }
    }
    let outcome = match record.state {
        RunState::Succeeded => "succeeded",
        RunState::Failed => "failed",
        RunState::Skipped => "skipped",
        RunState::Cancelled => "cancelled",
    };
    Metrics::outcome(&metrics.task_runs, outcome);
    if let (Some(started), Some(completed)) = (record.started_at, record.completed_at) {
        metrics.task_seconds.observe((completed.0 - started.0) as f64 / 1e6);
    }
    if let Err(error) = keep(&store, &task, record, options.lock_timeout).await {
        tracing::error!(task = %task.header.name, %error, "the run of a task could not be recorded");
    }
    id
}

async fn execute(backend: &dyn Backend, context: SessionContext, task: &Task) -> Result<(), SqlError> {
    let timeout = task.timeout.unwrap_or(TIMEOUT);
    let mut session = backend.open(context);
    let run = tokio::time::timeout(timeout, session.execute(&task.definition)).await;
    run.unwrap_or_else(|_| Err(SqlError::timeout(timeout.as_secs()))).map(drop)
}

/// Records the run and what it means for the task: failures are counted until a success, and too many suspend it.
async fn keep(store: &Store, task: &Task, record: TaskRun, wait: Duration) -> Result<(), SqlError> {
    let mut transaction = store.begin(wait).await?;
    let failed = record.state == RunState::Failed;
    let finished = record.state != RunState::Skipped;
    transaction.record_run(record);
    let now = transaction.catalog().by_id::<Task>(task.header.id);
    if let Some(now) = now.filter(|now| finished && (failed || now.failures_in_a_row > 0)) {
        let name = now.header.name.clone();
        transaction.catalog_mut().update::<Task>(&name, |task| {
            task.failures_in_a_row = if failed { task.failures_in_a_row.saturating_add(1) } else { 0 };
            let limit = task.suspend_after_failures.unwrap_or(SUSPEND_AFTER);
            if limit > 0 && task.failures_in_a_row >= limit && task.state == TaskState::Started {
                task.state = TaskState::Suspended;
                task.last_suspended_on = Some(Moment::now());
                tracing::error!(task = %name, failures = task.failures_in_a_row, "a task was suspended");
            }
        })?;
    }
    transaction.commit().await.map(drop)
}
