//! The producer against a broker and a registry, as one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod common;
mod crash;
mod sending;
