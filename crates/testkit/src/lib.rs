//! What tests hold the pipeline against: a reference model of the customer tables that is obviously right rather than
//! fast, golden cases, random logs of every kind of trouble, and files that no released schema could write.

pub mod cases;
pub mod log;
pub mod loose;
pub mod model;
pub mod random;
pub mod read;

pub use cases::Case;
pub use log::{Branch, LogPosition, Record, Shown};
pub use model::Tables;
