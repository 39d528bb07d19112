//! Runs statements: queries and DML by way of DataFusion, everything else by handing it to its module.

mod functions;
mod kernel;
mod plan;
mod query;
mod rewrite;
mod scan;
mod value;
mod variant;

pub use query::PipeStatus;
