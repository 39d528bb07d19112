//! `pipeline`: every service, the local stack and the demo behind one command. It reads the configuration, hands typed values
//! to the parts, and turns outcomes into exit codes.

mod cli;
mod commands;
mod config;
#[cfg(feature = "demo")]
mod demo;
#[cfg(feature = "deployer")]
mod table;
#[cfg(feature = "demo")]
mod up;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: starting the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    // Every TLS connection of this process uses the same provider; an error here means that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let outcome = runtime.block_on(commands::run(cli));
    // Blocking calls into librdkafka that nobody waits for any more must not hold up the exit.
    runtime.shutdown_background();
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
