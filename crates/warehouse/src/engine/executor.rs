//! Threads of the engine's own. Planning recurses as deep as an expression nests, and unoptimised code takes much stack
//! for each level, more than a runtime's usual threads have; and a query that keeps a core busy must not keep the server
//! from answering.

use crate::SqlError;
use std::{future::Future, sync::Arc};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::task::AbortOnDropHandle;

/// Address space, not memory: pages are only taken when they are used.
const STACK_BYTES: usize = 64 << 20;

/// Clones share the threads.
#[derive(Debug, Clone)]
pub(crate) struct Executor {
    handle: Handle,
    _threads: Arc<Threads>,
}

#[derive(Debug)]
struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        // A runtime must not wait for its threads inside of another one.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Executor {
    pub(crate) fn start(threads: usize) -> Result<Self, SqlError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("warehouse-query")
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()
            .map_err(|error| SqlError::internal(format_args!("starting the query threads: {error}")))?;
        Ok(Self { handle: runtime.handle().clone(), _threads: Arc::new(Threads(Some(runtime))) })
    }

    /// Runs to the end, or until the caller stops waiting.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, SqlError>> + Send + 'static,
    ) -> Result<T, SqlError> {
        match AbortOnDropHandle::new(self.handle.spawn(work)).await {
            Ok(result) => result,
            Err(error) if error.is_panic() => {
                Err(SqlError::internal("a bug: the statement's thread panicked; its log has the place"))
            }
            Err(_) => Err(SqlError::canceled()),
        }
    }
}
