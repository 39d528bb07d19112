//! What the runner last saw of each pipe: the answer to `SYSTEM$PIPE_STATUS`. Source of the members: docs.snowflake.com,
//! page "`SYSTEM$PIPE_STATUS`".

use crate::{
    SqlError,
    catalog::{FileLoad, ObjectId, Pipe},
    parse::ObjectKind,
    storage::Snapshot,
    types::Moment,
};
use serde_json::{Map, Value};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Shared by the runner, which writes, and the engine, which reads.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Mutex<HashMap<ObjectId, Seen>>>);

#[derive(Debug, Clone, Default)]
struct Seen {
    pending: usize,
    polled_at: Option<Moment>,
    last_load: Option<(Moment, String)>,
    failed_at: Option<Moment>,
    /// What the pipe fails on now.
    error: Option<String>,
}

impl Board {
    pub(super) fn keep(&self, pipes: &HashSet<ObjectId>) {
        self.seen().retain(|id, _| pipes.contains(id));
    }

    pub(super) fn polled(&self, pipe: ObjectId, pending: usize) {
        let mut seen = self.seen();
        let seen = seen.entry(pipe).or_default();
        seen.pending = pending;
        seen.polled_at = Some(Moment::now());
        seen.error = None;
    }

    pub(super) fn loaded(&self, pipe: ObjectId, load: &FileLoad, pending: usize) {
        let mut seen = self.seen();
        let seen = seen.entry(pipe).or_default();
        seen.pending = pending;
        seen.last_load = Some((load.loaded_at, load.file.clone()));
    }

    pub(super) fn failed(&self, pipe: ObjectId, error: String) {
        let mut seen = self.seen();
        let seen = seen.entry(pipe).or_default();
        seen.failed_at = Some(Moment::now());
        seen.error = Some(error);
    }

    /// The status as JSON text.
    ///
    /// # Errors
    /// 002003 when there is no such pipe.
    pub fn status(&self, pipe: ObjectId, snapshot: &Snapshot) -> Result<String, SqlError> {
        let found = snapshot.catalog().by_id::<Pipe>(pipe);
        let found = found.ok_or_else(|| SqlError::does_not_exist(ObjectKind::Pipe, pipe))?;
        let seen = self.seen().get(&pipe).cloned().unwrap_or_default();
        let mut status = Map::new();
        let mut put = |name: &str, value: Value| status.insert(name.to_owned(), value);
        put("executionState", if found.paused { "PAUSED" } else { "RUNNING" }.into());
        put("pendingFileCount", seen.pending.into());
        if let Some((at, file)) = seen.last_load {
            put("lastIngestedTimestamp", time(at));
            put("lastIngestedFilePath", file.into());
        }
        if let Some(at) = seen.polled_at {
            put("lastPulledFromChannelTimestamp", time(at));
        }
        if let Some(at) = seen.failed_at {
            put("lastPipeErrorTimestamp", time(at));
        }
        if let Some(error) = seen.error {
            put("error", error.into());
        }
        Ok(Value::Object(status).to_string())
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<ObjectId, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn time(moment: Moment) -> Value {
    moment.to_utc().map_or(Value::Null, |at| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true).into())
}
