//! One binary of everything that spans crates, a module per promise.

mod architecture;
mod demo;
mod exactly_once;
mod support;
