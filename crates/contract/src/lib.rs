//! The language all parts share: the event, its released Avro schemas, Confluent framing, positions in the log, and the
//! names of topics, subjects, files and their columns.
//!
//! Nothing here does I/O or reads the clock.

pub mod endpoints;
pub mod event;
pub mod file;
pub mod framing;
pub mod names;
pub mod position;
pub mod schemas;
pub mod settings;

pub use event::{Customer, CustomerEvent, Operation};
pub use position::{Offset, Position, Range};
