//! The sink against servers that behave, that misbehave, and that are real: whatever happens, each record is in the files
//! or the dead letters once. One binary, because each takes longer to compile and link than to run.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod embedded;
mod field;
mod fixture;
mod mock;
mod real_kafka;
mod running;
mod s3_faults;
mod store;
