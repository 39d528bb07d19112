//! A local server that speaks Snowflake's protocol and runs this project's SQL unchanged.

pub mod parse;
