//! A local server that speaks Snowflake's protocol and runs this project's SQL unchanged.

pub mod backend;
pub mod catalog;
mod config;
pub mod context;
pub mod ddl;
pub mod engine;
pub mod error;
mod metrics;
pub mod parse;
pub mod pipes;
pub mod result;
pub mod runners;
pub mod server;
mod service;
pub mod show;
pub mod stage;
pub mod storage;
pub mod tasks;
pub mod types;

pub use config::{Config, ConfigError};
pub use context::SessionContext;
pub use error::SqlError;
pub use metrics::Metrics;
pub use result::{Cell, QueryResult, ResultColumn, Rows, StatementKind};
pub use service::{Error, Warehouse, run};
