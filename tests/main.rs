//! One binary of everything that spans crates, a module per promise.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "what a test or its helper expects is what it promises")]

mod architecture;
mod config;
mod demo;
mod deploy;
mod exactly_once;
mod mutations;
mod support;
mod tables;
mod up;
mod warehouse;
