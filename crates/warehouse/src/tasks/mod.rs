//! Runs tasks: on their schedule, one run of a task at a time, each a statement in a session of its own.
//!
//! A tick that comes while the task still runs, or while the warehouse is down, is skipped, not queued. Every tick leaves
//! a record in the history, also one that WHEN skipped. A task that fails so many times in a row
//! (`SUSPEND_TASK_AFTER_NUM_FAILURES`, 10 unless set) is suspended.

mod condition;
mod run;
#[cfg(test)]
mod tests;
mod timetable;

pub(crate) use timetable::tick_after;

use crate::{
    SqlError,
    backend::Backend,
    catalog::{ObjectId, Task},
    metrics::Metrics,
    storage::Store,
    types::Moment,
};
use std::{collections::HashSet, sync::Arc, time::Duration};
use telemetry::Shutdown;
use timetable::Timetable;
use tokio::{sync::mpsc, task::JoinSet};

/// Requests of EXECUTE TASK that wait for the runner.
const MANUAL_QUEUE: usize = 64;

/// The longest sleep, so that a wall clock that was set is noticed.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);

/// How tasks run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// For how long a run may wait for other writers before it records its outcome.
    pub lock_timeout: Duration,
    /// How long running statements get to finish once the warehouse stops; then they are rolled back.
    pub grace: Duration,
}

/// Asks the runner for runs apart from the schedule.
#[derive(Debug, Clone)]
pub struct Trigger(mpsc::Sender<ObjectId>);

impl Trigger {
    /// # Errors
    /// 000625 when too many requests wait already.
    pub fn execute(&self, task: ObjectId) -> Result<(), SqlError> {
        self.0.try_send(task).map_err(|_| SqlError::lock_timeout())
    }
}

/// The requests that a [`Trigger`] makes.
#[derive(Debug)]
pub struct Requests(mpsc::Receiver<ObjectId>);

/// A trigger for the engine, and what the runner needs to hear it.
pub fn trigger() -> (Trigger, Requests) {
    let (sender, receiver) = mpsc::channel(MANUAL_QUEUE);
    (Trigger(sender), Requests(receiver))
}

/// Runs tasks until `shutdown`.
pub async fn run(
    store: Store,
    backend: Arc<dyn Backend>,
    mut requests: Requests,
    options: Options,
    metrics: Metrics,
    shutdown: Shutdown,
) {
    let mut versions = store.subscribe();
    let mut timetable = Timetable::default();
    let mut running = HashSet::new();
    let mut runs: JoinSet<ObjectId> = JoinSet::new();
    loop {
        versions.borrow_and_update();
        let now = Moment::now();
        let snapshot = store.snapshot();
        timetable.keep(snapshot.catalog().list::<Task>(), now);
        for (task, scheduled_at) in timetable.take_due(now) {
            if running.insert(task) {
                runs.spawn(run::run(store.clone(), backend.clone(), task, scheduled_at, options, metrics.clone()));
            } else {
                tracing::debug!(%task, "still running: this tick is skipped");
            }
        }
        let sleep = timetable.until_next(now).unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP);
        tokio::select! {
            () = shutdown.requested() => break,
            () = tokio::time::sleep(sleep) => {}
            changed = versions.changed() => if changed.is_err() { break },
            Some(task) = requests.0.recv() => {
                // As on Snowflake: while a run goes on, another is not started.
                if running.insert(task) {
                    runs.spawn(run::run(store.clone(), backend.clone(), task, Moment::now(), options, metrics.clone()));
                }
            }
            Some(finished) = runs.join_next() => match finished {
                Ok(task) => { running.remove(&task); }
                Err(error) => {
                    // A panic names no task: let all that no longer run be started again.
                    tracing::error!(%error, "a task's run broke");
                    if runs.is_empty() { running.clear(); }
                }
            },
        }
    }
    let finish = async { while runs.join_next().await.is_some() {} };
    if tokio::time::timeout(options.grace, finish).await.is_err() {
        tracing::info!("abandoning tasks that still run; their changes are rolled back");
        runs.shutdown().await;
    }
}
