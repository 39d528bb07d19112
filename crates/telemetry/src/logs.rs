//! Logs go to standard error, so that standard output stays a program's answer.

use serde::Deserialize;
use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, fmt};

/// How a log line looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    #[default]
    Text,
    Json,
}

/// Starts logging for the process. `filter` has the syntax of `tracing_subscriber::EnvFilter`, such as `info,sink=debug`.
///
/// # Errors
/// When the filter cannot be read, or logging was started before.
pub fn init(format: Format, filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter).map_err(|error| anyhow::anyhow!("log filter `{filter}`: {error}"))?;
    let colours = std::io::stderr().is_terminal();
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).with_target(true);
    let started = match format {
        Format::Text => lines.try_init(),
        Format::Json => lines.json().try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging: {error}"))
}
