//! Parts that run as tasks and stop together.

use std::{fmt::Display, fs::File, future::Future, sync::Arc, time::Duration};
use telemetry::Shutdown;
use tokio::{task::JoinSet, time::timeout};

/// How long parts may take to stop.
const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// Running parts; they end when this is dropped.
#[derive(Debug)]
pub(crate) struct Servers {
    tasks: JoinSet<()>,
    shutdown: Shutdown,
    /// Each part holds it: the folder is another stack's only when the last one has ended.
    lock: Arc<File>,
}

impl Servers {
    pub(crate) fn new(lock: Arc<File>) -> Self {
        Self { tasks: JoinSet::new(), shutdown: Shutdown::new(), lock }
    }

    /// What a part is to stop by.
    pub(crate) fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }

    pub(crate) fn spawn<E: Display>(
        &mut self,
        name: &'static str,
        part: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let lock = Arc::clone(&self.lock);
        self.tasks.spawn(async move {
            let _lock = lock;
            if let Err(error) = part.await {
                tracing::error!(%error, "the embedded {name} ended; start the stack again");
            }
        });
    }

    pub(crate) async fn stop(mut self) {
        self.shutdown.request();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(STOP_DEADLINE, ended).await.is_err() {
            tracing::warn!("parts of the local stack were still running {STOP_DEADLINE:?} after the stop");
        }
    }
}
