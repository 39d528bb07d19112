//! The words users type. Nothing is done here.

use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Customer events from Kafka to SCD tables, each exactly once.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, propagate_version = true)]
pub(crate) struct Cli {
    /// Configuration file (TOML); may be given several times, the later over the earlier. config/default.toml lists
    /// every key and says how environment variables such as `PIPELINE__SINK__GROUP_ID` set one.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Vec<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every value that is set, with where it was set: `default`, a file, or an environment variable. Secrets are
    /// masked.
    Show(ConfigShowArgs),
    /// Check the configuration of every service and start nothing; exit code 1 where something is refused.
    Check,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ConfigShowArgs {
    /// Print one JSON array instead of text.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print or check the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    #[cfg(feature = "demo")]
    /// Run the whole pipeline once in this process, from generator to tables, and prove the result.
    Demo(DemoArgs),
    #[cfg(feature = "demo")]
    /// Keep the whole pipeline running on this machine until Ctrl-C, restartable with nothing lost.
    Up(UpArgs),
    #[cfg(feature = "producer")]
    /// Emit customer events to Kafka.
    #[command(subcommand)]
    Producer(ProducerCommand),
    #[cfg(feature = "sink")]
    /// Write a topic's records to Avro files in S3.
    #[command(subcommand)]
    Sink(SinkCommand),
    #[cfg(feature = "deployer")]
    /// Provision the warehouse from sql/.
    #[command(subcommand)]
    Deployer(DeployerCommand),
    #[cfg(feature = "warehouse")]
    /// Serve the local warehouse.
    Warehouse,
    #[cfg(feature = "registry")]
    /// Serve the local schema registry.
    Registry(RegistryArgs),
    #[cfg(feature = "producer")]
    /// Print a topic's records, one JSON object a line.
    ///
    /// Each object has `partition`, `offset`, `timestamp` (milliseconds since 1970), `key`, `headers` (a list of `name` and `value`,
    /// absent without any) and `kind`: `avro` with `schema_id` and `value`, `undecodable` with `reason` and `value`, or `tombstone`.
    /// Keys, headers and undecodable values are text where they are UTF-8, and {"hex": "00FF"} where they are not.
    ///
    /// Avro values lose nothing: bytes and fixed are {"hex": "00FF"}, a decimal is a string with all its places ("12.50"), a duration is
    /// {"months", "days", "millis"}, a float may be the string "NaN", "Infinity" or "-Infinity", a union is the value it holds, an enum
    /// its symbol, any other logical type the type below it.
    Topic(TopicArgs),
    #[cfg(feature = "deployer")]
    /// Run SQL in the warehouse and print the rows.
    Sql(SqlArgs),
}

#[cfg(feature = "demo")]
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
    /// How many batches the producer emits.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(3..=100))]
    pub batches: u32,
    /// Seed of the generated customers; the same seed makes the same customers.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
}

#[cfg(feature = "demo")]
#[derive(Debug, clap::Args)]
pub(crate) struct UpArgs {
    /// Where everything is kept: log, files, tables. Made if missing.
    #[arg(long, value_name = "DIR", default_value = ".pipeline")]
    pub state: PathBuf,
    /// Time between two batches and between two runs of the tasks, from 100ms to 1day.
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = pace)]
    pub every: std::time::Duration,
}

#[cfg(feature = "producer")]
#[derive(Debug, Subcommand)]
pub(crate) enum ProducerCommand {
    /// Emit a batch at every tick until stopped.
    Run,
}

#[cfg(feature = "sink")]
#[derive(Debug, Subcommand)]
pub(crate) enum SinkCommand {
    /// Write files until stopped.
    Run,
    /// Prove from names and metadata of the files that they tile each partition's log; exit code 1 where they do not.
    Verify(VerifyArgs),
    /// Read the topics and print the files that the configuration would cut: sizes, reasons, costs. Writes nothing.
    Plan(PlanArgs),
    /// Set the group's positions where the files prove them wrong; says what it would do unless told to do it. Files are
    /// never touched. Exit code 2 when something is to be done, 1 when something is wrong that cannot be proved.
    Repair(RepairArgs),
    /// Write down that the records between the last file and the beginning of a partition's log are lost, or with --offset that
    /// one record is given up, so that the sink goes on after them.
    AcceptLoss(AcceptLossArgs),
}

#[cfg(feature = "sink")]
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Read every file too, check that it is whole, and compare each row with Kafka as far as the log still holds it.
    #[arg(long)]
    pub deep: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

#[cfg(feature = "sink")]
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    /// Read at most so many records of each partition.
    #[arg(long, value_name = "N")]
    pub records: Option<u64>,
    /// Begin with the records of so long ago, such as 24h; without it, at the beginning of the log.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub since: Option<std::time::Duration>,
    /// Price of 1,000 PUT requests; without it, Amazon's list price of S3 Standard in us-east-1, in US dollars.
    #[arg(long, value_name = "PRICE")]
    pub put_price: Option<f64>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

#[cfg(feature = "sink")]
#[derive(Debug, clap::Args)]
pub(crate) struct RepairArgs {
    /// Do it; refused while the group has members.
    #[arg(long)]
    pub apply: bool,
    /// Print one JSON array instead of text.
    #[arg(long)]
    pub json: bool,
}

#[cfg(feature = "sink")]
#[derive(Debug, clap::Args)]
pub(crate) struct AcceptLossArgs {
    pub topic: String,
    pub partition: i32,
    /// Give up this one record, at which the partition stopped because no file can hold it.
    #[arg(long)]
    pub offset: Option<i64>,
    /// Write the record's value to this file first, which must not exist yet.
    #[arg(long, requires = "offset")]
    pub save: Option<PathBuf>,
}

#[cfg(feature = "deployer")]
#[derive(Debug, Subcommand)]
pub(crate) enum DeployerCommand {
    /// Show what `apply` would do; exit code 2 when it would change something.
    Plan,
    /// Bring the warehouse to the state that sql/ describes.
    Apply,
    /// Print the rendered SQL.
    Render,
}

#[cfg(feature = "registry")]
#[derive(Debug, clap::Args)]
pub(crate) struct RegistryArgs {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:8081")]
    pub listen: std::net::SocketAddr,
    /// The file that holds the schemas; made if missing.
    #[arg(long, value_name = "FILE")]
    pub file: PathBuf,
}

#[cfg(feature = "producer")]
#[derive(Debug, clap::Args)]
pub(crate) struct TopicArgs {
    /// The topic; without it, the producer's.
    pub topic: Option<String>,
    /// Wait for further records instead of stopping at the end.
    #[arg(long, short)]
    pub follow: bool,
}

#[cfg(feature = "deployer")]
#[derive(Debug, clap::Args)]
pub(crate) struct SqlArgs {
    /// One statement.
    pub statement: String,
    /// Print one JSON array of objects instead of a table.
    #[arg(long)]
    pub json: bool,
}

#[cfg(any(feature = "demo", feature = "sink"))]
fn duration(text: &str) -> Result<std::time::Duration, String> {
    humantime::parse_duration(text).map_err(|error| error.to_string())
}

/// The pace of `up`: what the producer takes for its batches.
#[cfg(feature = "demo")]
fn pace(text: &str) -> Result<std::time::Duration, String> {
    use std::time::Duration;
    let every = duration(text)?;
    if every < Duration::from_millis(100) || every > Duration::from_hours(24) {
        return Err("expected a duration from 100ms to 1day".to_owned());
    }
    Ok(every)
}
