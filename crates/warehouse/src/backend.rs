//! What the protocol and the task runner need of whatever runs statements: narrow, so that their tests can be about
//! themselves alone.

use crate::{QueryResult, SessionContext, SqlError};
use async_trait::async_trait;

/// Opens sessions.
pub trait Backend: Send + Sync + 'static {
    /// A session with this context, which [`existing`](Self::existing) has cleared of what is not there.
    fn open(&self, context: SessionContext) -> Box<dyn BackendSession>;

    /// Which of the context's database, schema and warehouse are there; the others become `None`.
    fn existing(&self, context: SessionContext) -> SessionContext;
}

/// One client's session: statements one after another.
#[async_trait]
pub trait BackendSession: Send {
    /// Runs one statement. Dropping the future abandons it, and whatever it did is rolled back.
    ///
    /// # Errors
    /// Whatever Snowflake would answer.
    async fn execute(&mut self, sql: &str) -> Result<QueryResult, SqlError>;

    /// What the session has chosen, after the statements so far.
    fn context(&self) -> &SessionContext;
}
