//! Loads new files through pipes with `AUTO_INGEST`. Where Snowflake is told of new objects by the bucket, this polls: what
//! a listing shows for the first time counts as such a notification. So a file that was there before the pipe is loaded
//! by `ALTER PIPE … REFRESH` only, and each name is loaded at most once for as long as the pipe remembers it (14 days).
//!
//! One transaction loads one file: its rows and the pipe's memory of it. A file that cannot be read as what it should be
//! is remembered as failed and not tried again, as `ON_ERROR = SKIP_FILE` says, the default for pipes; when the store of
//! files or the warehouse fails, nothing is remembered and the file's turn comes again.

mod arrivals;
mod status;
#[cfg(test)]
mod tests;

pub use status::Board;

use crate::{
    SqlError,
    catalog::{FileLoad, LoadStatus, ObjectId, Pipe},
    metrics::Metrics,
    storage::{Snapshot, Store},
    types::Moment,
};
use arrivals::Arrivals;
use async_trait::async_trait;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use telemetry::Shutdown;
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

/// Requests of REFRESH that wait for the runner.
const REFRESH_QUEUE: usize = 16;

/// The longest pause after failures in a row.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A file that a pipe may load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipeFile {
    /// Below the stage's location: what the pipe remembers it by.
    pub path: String,
    /// In the bucket: what `METADATA$FILENAME` says.
    pub key: String,
    pub size_bytes: u64,
    pub etag: String,
    pub last_modified: Moment,
}

/// What the runner needs of COPY INTO.
#[async_trait]
pub trait Loader: Send + Sync + 'static {
    /// The files that the pipe's COPY names now, loaded or not.
    ///
    /// # Errors
    /// When the stage is gone or its store does not answer.
    async fn list(&self, pipe: &Pipe, snapshot: &Snapshot) -> Result<Vec<PipeFile>, SqlError>;

    /// Loads one file and remembers it, in one transaction. A file that is at fault itself is remembered as failed.
    ///
    /// # Errors
    /// When nothing was remembered, so that the file is to be tried again.
    async fn load(&self, pipe: ObjectId, file: &PipeFile) -> Result<FileLoad, SqlError>;
}

/// A request of `ALTER PIPE … REFRESH`, answered with the files it will load.
#[derive(Debug)]
struct Refresh {
    pipe: ObjectId,
    prefix: Option<String>,
    answer: oneshot::Sender<Result<Vec<String>, SqlError>>,
}

/// Asks the runner to look for files that were there before the pipe.
#[derive(Debug, Clone)]
pub struct Refresher(mpsc::Sender<Refresh>);

impl Refresher {
    /// The files, below the stage's location, that will be loaded.
    ///
    /// # Errors
    /// What listing the stage answers, or 000604 when the runner stops.
    pub async fn refresh(&self, pipe: ObjectId, prefix: Option<String>) -> Result<Vec<String>, SqlError> {
        let (answer, answered) = oneshot::channel();
        let request = Refresh { pipe, prefix, answer };
        self.0.send(request).await.map_err(|_| SqlError::canceled())?;
        answered.await.map_err(|_| SqlError::canceled())?
    }
}

/// The requests that a [`Refresher`] makes.
#[derive(Debug)]
pub struct Requests(mpsc::Receiver<Refresh>);

/// A refresher for the engine, and what the runner needs to hear it.
pub fn refresher() -> (Refresher, Requests) {
    let (sender, receiver) = mpsc::channel(REFRESH_QUEUE);
    (Refresher(sender), Requests(receiver))
}

/// What the runner knows about one pipe.
#[derive(Debug, Default)]
struct Progress {
    arrivals: Arrivals,
    failures: u32,
    paused_until: Option<Instant>,
}

/// How pipes run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the runner notes what it sees.
    pub board: Board,
    pub poll_interval: Duration,
    pub metrics: Metrics,
}

struct Runner {
    store: Store,
    loader: Arc<dyn Loader>,
    options: Options,
    pipes: HashMap<ObjectId, Progress>,
    shutdown: Shutdown,
}

/// Runs pipes until `shutdown`; a file that is being loaded then is finished or rolled back with the runner.
pub async fn run(store: Store, loader: Arc<dyn Loader>, mut requests: Requests, options: Options, shutdown: Shutdown) {
    let mut versions = store.subscribe();
    let poll_interval = options.poll_interval;
    let mut runner = Runner { store, loader, options, pipes: HashMap::new(), shutdown: shutdown.clone() };
    while !shutdown.is_requested() {
        versions.borrow_and_update();
        let is_idle = tokio::select! {
            () = shutdown.requested() => break,
            is_idle = runner.poll() => is_idle,
        };
        tokio::select! {
            () = shutdown.requested() => break,
            () = tokio::time::sleep(poll_interval), if !is_idle => {}
            changed = versions.changed(), if is_idle => if changed.is_err() { break },
            Some(request) = requests.0.recv() => runner.refresh(request).await,
        }
    }
}

impl Runner {
    /// Loads what is new through every running pipe; true when no pipe runs.
    async fn poll(&mut self) -> bool {
        let snapshot = self.store.snapshot();
        let pipes: Vec<Pipe> = snapshot.catalog().list::<Pipe>().cloned().collect();
        let ids: HashSet<ObjectId> = pipes.iter().map(|pipe| pipe.header.id).collect();
        self.pipes.retain(|id, _| ids.contains(id));
        self.options.board.keep(&ids);
        let mut is_idle = true;
        for pipe in pipes.iter().filter(|pipe| pipe.auto_ingest && !pipe.paused) {
            is_idle = false;
            let due = self.pipes.get(&pipe.header.id).and_then(|progress| progress.paused_until);
            if due.is_some_and(|due| due > Instant::now()) {
                continue;
            }
            let outcome = self.ingest(pipe, &snapshot).await;
            self.note(pipe, outcome);
        }
        is_idle
    }

    /// One round of one pipe.
    async fn ingest(&mut self, pipe: &Pipe, snapshot: &Snapshot) -> Result<(), SqlError> {
        let id = pipe.header.id;
        let files = self.loader.list(pipe, snapshot).await?;
        let progress = self.pipes.entry(id).or_default();
        progress.arrivals.remember(id, snapshot)?;
        let new = progress.arrivals.new_files(files, pipe.header.created_on, Moment::now());
        self.options.board.polled(id, new.len());
        for (loaded, file) in new.iter().enumerate() {
            if self.shutdown.is_requested() {
                return Ok(());
            }
            let load = self.loader.load(id, file).await?;
            let metrics = &self.options.metrics;
            metrics.rows.inc_by(load.rows_loaded);
            if load.status == LoadStatus::Failed {
                Metrics::outcome(&metrics.files, "failed");
                let error = load.first_error.as_deref().unwrap_or_default();
                tracing::warn!(pipe = %pipe.header.name, file = file.path, error, "a file could not be loaded");
            } else {
                Metrics::outcome(&metrics.files, "loaded");
                tracing::debug!(pipe = %pipe.header.name, file = file.path, rows = load.rows_loaded, "loaded a file");
            }
            progress.arrivals.loaded(&file.path);
            self.options.board.loaded(id, &load, new.len() - loaded - 1);
        }
        Ok(())
    }

    /// Success forgets failures; failures in a row make the pauses longer.
    fn note(&mut self, pipe: &Pipe, outcome: Result<(), SqlError>) {
        let progress = self.pipes.entry(pipe.header.id).or_default();
        match outcome {
            Ok(()) => {
                progress.failures = 0;
                progress.paused_until = None;
            }
            Err(error) => {
                tracing::warn!(pipe = %pipe.header.name, %error, "a pipe could not load; it tries again");
                self.options.metrics.pipe_failures.inc();
                let pause =
                    self.options.poll_interval.saturating_mul(1 << progress.failures.min(10)).min(LONGEST_PAUSE);
                progress.failures = progress.failures.saturating_add(1);
                progress.paused_until = Some(Instant::now() + pause);
                self.options.board.failed(pipe.header.id, error.message);
            }
        }
    }

    async fn refresh(&mut self, request: Refresh) {
        let Refresh { pipe, prefix, answer } = request;
        let outcome = self.find_older(pipe, prefix.as_deref()).await;
        // A client that stopped waiting needs no answer.
        let _ = answer.send(outcome);
    }

    async fn find_older(&mut self, id: ObjectId, prefix: Option<&str>) -> Result<Vec<String>, SqlError> {
        let snapshot = self.store.snapshot();
        let Some(pipe) = snapshot.catalog().by_id::<Pipe>(id).cloned() else { return Ok(Vec::new()) };
        let files = self.loader.list(&pipe, &snapshot).await?;
        let progress = self.pipes.entry(id).or_default();
        progress.arrivals.remember(id, &snapshot)?;
        progress.paused_until = None;
        Ok(progress.arrivals.refresh(files, prefix, Moment::now()))
    }
}
