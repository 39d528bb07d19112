//! A local server that speaks Snowflake's protocol and runs this project's SQL unchanged.

pub mod catalog;
pub mod error;
pub mod parse;
pub mod storage;
pub mod types;

pub use error::SqlError;
