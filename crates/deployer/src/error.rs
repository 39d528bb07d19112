//! Why a deployment did not happen, or not to its end.

use crate::{
    apply::Report, client::ClientError, desired::FormError, observed::ObserveError, plan::Refusal, render::RenderError,
};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The templates or the variables are wrong; the warehouse was not asked anything.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A template does not have the form that comparing needs.
    #[error(transparent)]
    Form(#[from] FormError),
    /// The connection is misconfigured.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The warehouse could not be looked at; nothing was changed.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// A change would lose something; nothing was changed.
    #[error("refused, nothing was changed: {}", list(.0))]
    Refused(Vec<Refusal>),
    /// A statement failed. What was done before it stays done; an apply after the repair goes on from there.
    #[error("sql/{file}: {source}; {} statements before it were executed. The statement:\n{statement}", done.changes())]
    Statement { file: String, statement: String, done: Box<Report>, source: ClientError },
}

fn list(refusals: &[Refusal]) -> String {
    let line = |it: &Refusal| format!("{}: {} {} (sql/{}): {}", it.hazard, it.kind, it.name, it.file, it.reason);
    refusals.iter().map(line).collect::<Vec<_>>().join("; ")
}
