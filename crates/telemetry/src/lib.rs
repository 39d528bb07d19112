//! What every service does alike: logs, metrics, the health endpoint and one way to stop.

pub mod health;
pub mod logs;
pub mod shutdown;

pub use health::Health;
pub use shutdown::Shutdown;

/// The metrics of one process; each crate registers its own under a prefix of its own.
pub use prometheus_client;
