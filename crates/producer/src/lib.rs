//! A population of customers and what happens to them, as events in a Kafka topic.
//!
//! A batch at every tick: drawn from the seed, written to the outbox together with the customers after it, sent, marked
//! as sent. Killed at any moment and started again, the producer sends the same bytes again or goes on; no customer's
//! sequence is lost or used twice.
//!
//! [`run`] is the service. [`Producer`] makes one batch at a time on a clock of the caller's, [`tail`] shows a topic.

mod config;
mod countries;
mod error;
pub mod faults;
mod metrics;
mod outbox;
mod person;
mod population;
mod producer;
mod registry;
mod report;
mod schedule;
mod sender;
mod service;
mod tail;
mod topic;

pub use config::{Config, Locale, MissedTicks, Mix};
pub use error::Error;
pub use metrics::Metrics;
pub use producer::Producer;
pub use report::{BatchReport, Tally};
pub use service::{Summary, run};
pub use tail::{TailBytes, TailFrom, TailHeader, TailOptions, TailRecord, TailUntil, TailValue, tail};
pub use topic::{Created, EnsuredTopic, TopicSpec, ensure_topic};
