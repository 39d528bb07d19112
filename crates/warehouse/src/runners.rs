//! What statements ask of the parts that run by themselves: the pipes' and the tasks' runners.

use crate::{SqlError, catalog::ObjectId, storage::Snapshot};

/// The engine's way to the runners.
pub trait Runners: Send + Sync + 'static {
    /// `SYSTEM$PIPE_STATUS` of a pipe that `snapshot` has, as JSON text.
    ///
    /// # Errors
    /// When the pipe's history cannot be read.
    fn pipe_status(&self, pipe: ObjectId, snapshot: &Snapshot) -> Result<String, SqlError>;

    /// `ALTER PIPE … REFRESH`: looks for new files now.
    fn refresh_pipe(&self, pipe: ObjectId);

    /// `EXECUTE TASK`: runs the task once, soon and apart from its schedule.
    ///
    /// # Errors
    /// When too many such requests wait already.
    fn execute_task(&self, task: ObjectId) -> Result<(), SqlError>;
}
