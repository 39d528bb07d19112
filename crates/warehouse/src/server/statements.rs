//! Statements on their way: each runs in a task of its own, so that it goes on when the client's request ends early, can
//! be asked for again and can be aborted.

use super::{answer, answer::Body, sessions::Session, sessions::lock};
use crate::{SqlError, metrics::Metrics, parse};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Finished statements that can still be asked for: the latest so many, and of them only so many bytes. Snowflake keeps
/// results for a day; here they serve a client that polls or repeats a request whose answer it lost.
const KEPT: usize = 256;
const KEPT_BYTES: usize = 64 << 20;

/// How long statements may take and how large results may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) statement_timeout: Duration,
    pub(super) max_result_bytes: usize,
}

#[derive(Debug, Clone)]
pub(super) enum State {
    Running,
    Succeeded(Body),
    Failed(SqlError, Body),
}

pub(super) struct Statement {
    pub(super) id: String,
    session: i64,
    request: String,
    pub(super) sql: String,
    pub(super) started: chrono::DateTime<chrono::Utc>,
    state: watch::Receiver<State>,
    cancel: CancellationToken,
}

impl Statement {
    pub(super) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    pub(super) fn abort(&self) {
        self.cancel.cancel();
    }

    /// The answer, or `None` when it takes longer than `wait`.
    pub(super) async fn answer(&self, wait: Duration) -> Option<Body> {
        let mut state = self.state.clone();
        let done = state.wait_for(|state| !matches!(state, State::Running));
        match tokio::time::timeout(wait, done).await {
            Ok(Ok(state)) => match &*state {
                State::Running => None,
                State::Succeeded(body) | State::Failed(_, body) => Some(body.clone()),
            },
            Ok(Err(_)) => Some(answer::failure(&SqlError::canceled(), &self.id)),
            Err(_) => None,
        }
    }
}

#[derive(Default)]
struct Table {
    by_id: HashMap<String, Arc<Statement>>,
    order: VecDeque<String>,
}

pub(super) struct Statements {
    table: Mutex<Table>,
    /// All that still run, so that a stop can wait for the last to let go of the store.
    running: TaskTracker,
    metrics: Metrics,
}

impl Statements {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self { table: Mutex::default(), running: TaskTracker::new(), metrics }
    }

    /// Aborts what runs and waits until it has ended, at most for `wait`.
    pub(super) async fn finish(&self, wait: Duration) {
        self.running.close();
        self.abort_everything();
        if tokio::time::timeout(wait, self.running.wait()).await.is_err() {
            tracing::warn!(statements = self.running.len(), "statements did not end in time");
        }
    }

    /// Starts a statement. A request that was seen before (drivers repeat one whose answer they lost) gets the statement
    /// that it started then: DML must not run twice.
    pub(super) fn start(&self, session: &Arc<Session>, request: &str, sql: String, limits: Limits) -> Arc<Statement> {
        let mut table = lock(&self.table);
        let repeated = table.by_id.values().find(|known| known.session == session.id && known.request == request);
        if let Some(known) = repeated.filter(|_| !request.is_empty()) {
            return known.clone();
        }
        let (sender, state) = watch::channel(State::Running);
        let statement = Arc::new(Statement {
            id: uuid::Uuid::new_v4().to_string(),
            session: session.id,
            request: request.to_owned(),
            sql,
            started: chrono::Utc::now(),
            state,
            cancel: CancellationToken::new(),
        });
        table.order.push_back(statement.id.clone());
        table.by_id.insert(statement.id.clone(), statement.clone());
        table.forget();
        let (session, running, metrics) = (session.clone(), statement.clone(), self.metrics.clone());
        self.running.spawn(async move {
            let started = Instant::now();
            let outcome = run(&session, &running, limits).await;
            metrics.statement_seconds.observe(started.elapsed().as_secs_f64());
            Metrics::outcome(
                &metrics.statements,
                if matches!(outcome, State::Failed(..)) { "failed" } else { "succeeded" },
            );
            sender.send_replace(outcome);
        });
        statement
    }

    /// A statement of this session's.
    pub(super) fn get(&self, session: &Session, id: &str) -> Option<Arc<Statement>> {
        lock(&self.table).by_id.get(id).filter(|statement| statement.session == session.id).cloned()
    }

    /// Aborts the statement that this request started; false when there is none running.
    pub(super) fn abort(&self, session: &Session, request: &str) -> bool {
        let table = lock(&self.table);
        let found = table.by_id.values().find(|known| known.session == session.id && known.request == request);
        found.is_some_and(|statement| {
            statement.abort();
            matches!(*statement.state.borrow(), State::Running)
        })
    }

    /// Aborts all statements of all sessions.
    pub(super) fn abort_everything(&self) {
        lock(&self.table).by_id.values().for_each(|statement| statement.abort());
    }

    /// Aborts everything a session runs.
    pub(super) fn abort_all(&self, session: &Session) {
        let table = lock(&self.table);
        for statement in table.by_id.values().filter(|statement| statement.session == session.id) {
            statement.abort();
        }
    }
}

impl Table {
    /// Drops the oldest finished statements beyond the bounds; running ones stay.
    fn forget(&mut self) {
        let size = |statement: &Statement| match &*statement.state.borrow() {
            State::Running => 0,
            State::Succeeded(body) | State::Failed(_, body) => body.len(),
        };
        let mut bytes: usize = self.by_id.values().map(|statement| size(statement)).sum();
        let mut excess = self.order.len().saturating_sub(KEPT);
        let by_id = &mut self.by_id;
        self.order.retain(|id| {
            let Some(statement) = by_id.get(id) else { return false };
            let running = matches!(*statement.state.borrow(), State::Running);
            if running || (excess == 0 && bytes <= KEPT_BYTES) {
                return true;
            }
            excess = excess.saturating_sub(1);
            bytes = bytes.saturating_sub(size(statement));
            by_id.remove(id);
            false
        });
    }
}

async fn run(session: &Session, statement: &Statement, limits: Limits) -> State {
    let outcome = tokio::select! {
        biased;
        () = statement.cancel.cancelled() => Err(SqlError::canceled()),
        outcome = tokio::time::timeout(limits.statement_timeout, execute(session, statement, limits)) => {
            outcome.unwrap_or_else(|_| Err(SqlError::timeout(limits.statement_timeout.as_secs())))
        }
    };
    match outcome {
        Ok(body) => State::Succeeded(body),
        Err(error) => {
            let body = answer::failure(&error, &statement.id);
            State::Failed(error, body)
        }
    }
}

async fn execute(session: &Session, statement: &Statement, limits: Limits) -> Result<Body, SqlError> {
    match parse::parse(&statement.sql)?.len() {
        0 => return Err(SqlError::new("000900", "42601", "SQL compilation error:\nEmpty SQL statement.")),
        1 => {}
        count => {
            return Err(SqlError::new(
                "000008",
                "0A000",
                format!("Actual statement count {count} did not match the desired statement count 1."),
            ));
        }
    }
    let mut backend = session.backend.lock().await;
    let result = backend.execute(&statement.sql).await;
    session.set_context(backend.context().clone());
    drop(backend);
    answer::result(&result?, &session.context(), &statement.id, limits.max_result_bytes)
}
