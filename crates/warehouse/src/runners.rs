//! What statements ask of the parts that run by themselves: the pipes' and the tasks' runners.

use crate::{SqlError, catalog::ObjectId, pipes, storage::Snapshot, tasks};
use async_trait::async_trait;

/// The engine's way to the runners.
#[async_trait]
pub trait Runners: Send + Sync + 'static {
    /// `SYSTEM$PIPE_STATUS` of a pipe that `snapshot` has, as JSON text.
    ///
    /// # Errors
    /// 002003 when there is no such pipe.
    fn pipe_status(&self, pipe: ObjectId, snapshot: &Snapshot) -> Result<String, SqlError>;

    /// `ALTER PIPE … REFRESH`: the files, below the stage's location, that will be loaded.
    ///
    /// # Errors
    /// When the stage's files cannot be listed.
    async fn refresh_pipe(&self, pipe: ObjectId, prefix: Option<&str>) -> Result<Vec<String>, SqlError>;

    /// `EXECUTE TASK`: runs the task once, soon and apart from its schedule.
    ///
    /// # Errors
    /// When too many such requests wait already.
    fn execute_task(&self, task: ObjectId) -> Result<(), SqlError>;
}

/// The runners of this process.
#[derive(Debug, Clone)]
pub struct LocalRunners {
    pub board: pipes::Board,
    pub refresher: pipes::Refresher,
    pub trigger: tasks::Trigger,
}

#[async_trait]
impl Runners for LocalRunners {
    fn pipe_status(&self, pipe: ObjectId, snapshot: &Snapshot) -> Result<String, SqlError> {
        self.board.status(pipe, snapshot)
    }

    async fn refresh_pipe(&self, pipe: ObjectId, prefix: Option<&str>) -> Result<Vec<String>, SqlError> {
        self.refresher.refresh(pipe, prefix.map(str::to_owned)).await
    }

    fn execute_task(&self, task: ObjectId) -> Result<(), SqlError> {
        self.trigger.execute(task)
    }
}
