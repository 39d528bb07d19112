//! What the services rely on, promise by promise. The embedded parts were chosen on these; another version of them, or
//! another part in their place, must keep them.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails as its test does")]

#[path = "conformance/broker.rs"]
mod broker;
#[path = "conformance/copies.rs"]
mod copies;
#[path = "conformance/groups.rs"]
mod groups;
#[path = "conformance/harness.rs"]
mod harness;
#[path = "conformance/kill.rs"]
mod kill;
#[path = "conformance/s3.rs"]
mod s3;
#[path = "conformance/stack.rs"]
mod stack;
#[cfg(feature = "warehouse")]
#[path = "conformance/warehouse.rs"]
mod warehouse;
