//! A local server that speaks Snowflake's protocol and runs this project's SQL unchanged.

pub mod error;
pub mod parse;

pub use error::SqlError;
