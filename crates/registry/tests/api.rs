//! The registry over HTTP: as a client library sees it, and answer by answer. The same questions go to a real registry
//! where `REGISTRY_URL` names one.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails as its test does")]

#[path = "api/answers.rs"]
mod answers;
#[path = "api/client.rs"]
mod client;
#[path = "api/durability.rs"]
mod durability;
#[path = "api/harness.rs"]
mod harness;
