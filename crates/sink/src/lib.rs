//! Kafka in, Avro files in S3 out, each record exactly once under any roll policy, whatever dies when.
//!
//! What is decided is decided in `sink-core`; this crate carries it out: one thread reads Kafka ([`run`]), tasks wait for
//! the object store and the registry. [`verify`](verify()) proves afterwards that the files tile the log, [`verify_deep`] that
//! they hold what it held.

mod config;
mod error;
mod kafka;
mod metrics;
mod registry;
mod service;
mod spool;
mod store;
mod threads;
mod tools;

pub use config::{Config, Deadlines, Encryption, Objects, Roll, ShortExpiry, Start, Unreadable};
pub use error::{ConfigError, FailedRequest, SinkError, StoreError};
pub use metrics::Metrics;
pub use service::{Summary, dead_letters::header as dead_letter_header, run};
pub use sink_core::container::Codec;
pub use tools::{
    accept_loss::{AcceptedLoss, GivenUp, accept_loss, give_up},
    plan::{LIST_PRICE_OF_1000_PUTS, Plan, PlanOptions, PlannedPartition, Sizes, plan},
    repair::{Finding, Mode, Repair, repair},
    verify::{Deep, DeepFile, PartitionReport, Report, verify, verify_deep},
    watch::{Progress, Watch},
};
