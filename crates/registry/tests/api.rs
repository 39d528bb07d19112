//! The registry over HTTP: as a client library sees it, and answer by answer. The same questions go to a real registry
//! where `REGISTRY_URL` names one.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails as its test does")]
#![allow(clippy::needless_pass_by_value, clippy::unnecessary_wraps, reason = "cases read better with plain values")]

#[path = "api/answers.rs"]
mod answers;
#[path = "api/client.rs"]
mod client;
#[path = "api/comparison.rs"]
mod comparison;
#[path = "api/contracts.rs"]
mod contracts;
#[path = "api/durability.rs"]
mod durability;
#[path = "api/harness.rs"]
mod harness;
#[path = "api/leniency.rs"]
mod leniency;
#[path = "api/listing.rs"]
mod listing;
#[path = "api/modes.rs"]
mod modes;
#[path = "api/references.rs"]
mod references;
