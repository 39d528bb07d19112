//! Snowflake's SQL to [`Statement`]s: sqlparser's tokenizer and its parser for queries and DML, our own for the rest.

mod ast;

pub use ast::*;
