//! One client for each system that several services talk to, so that what was learned about a registry or a broker holds for
//! all of them.

pub mod kafka;
pub mod registry;
