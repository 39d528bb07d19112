//! What each subcommand does. Exit codes: 0 done, 1 failed or a check does not hold, 2 wrong usage (by the argument parser)
//! or, for `deployer plan` and `sink repair`, something to be done.

use crate::{
    cli::{Cli, Command},
    config::{Log, Settings},
};
use anyhow::Context;
use std::process::ExitCode;
use telemetry::Shutdown;

/// Runs one subcommand to its end.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(&cli.config)?;
    let log: Log = settings.read()?;
    let filter = match &cli.command {
        #[cfg(feature = "demo")]
        // The demo says what happens itself; that Kafka is not there yet, or no longer, is how it begins and ends.
        Command::Demo(_) => format!("error,rdkafka=off,librdkafka=off,{}", local_stack::QUIET_LOGS),
        #[cfg(feature = "demo")]
        Command::Up(_) => format!("{},{}", log.filter, local_stack::QUIET_LOGS),
        _ => log.filter,
    };
    telemetry::logs::init(log.format, &filter)?;
    let shutdown = Shutdown::new();
    shutdown.on_signals().context("installing signal handlers")?;
    match cli.command {
        Command::Config(command) => config::run(&settings, command),
        #[cfg(feature = "demo")]
        Command::Demo(args) => Box::pin(crate::demo::run(args)).await,
        #[cfg(feature = "demo")]
        Command::Up(args) => Box::pin(crate::up::run(args, shutdown)).await,
        #[cfg(feature = "producer")]
        Command::Producer(command) => services::producer(&settings, command, shutdown).await,
        #[cfg(feature = "producer")]
        Command::Topic(args) => services::topic(&settings, args, shutdown).await,
        #[cfg(feature = "sink")]
        Command::Sink(command) => sink::run(&settings, command, shutdown).await,
        #[cfg(feature = "deployer")]
        Command::Deployer(command) => warehouse::deployer(&settings, command).await,
        #[cfg(feature = "deployer")]
        Command::Sql(args) => warehouse::sql(&settings, args).await,
        #[cfg(feature = "warehouse")]
        Command::Warehouse => services::warehouse(&settings, shutdown).await,
        #[cfg(feature = "registry")]
        Command::Registry(args) => services::registry(&settings, args, shutdown).await,
    }
}

mod config;
#[cfg(any(feature = "producer", feature = "registry", feature = "sink", feature = "warehouse"))]
mod health;
#[cfg(any(feature = "producer", feature = "registry", feature = "warehouse"))]
mod services;
#[cfg(feature = "sink")]
mod sink;
#[cfg(feature = "deployer")]
mod warehouse;
