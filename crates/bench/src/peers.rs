//! Other programs that write Kafka records to S3, measured by the runner that BENCH_PEERS names, and the sink measured by
//! that runner in the same way: by its own clock, on its own servers, its own work item.

use anyhow::Context;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    env,
    path::PathBuf,
    process::{Command, Stdio},
};

/// A runner of other programs.
pub(crate) struct Peers {
    runner: PathBuf,
    /// Of its work item.
    records: u64,
    ready: Vec<String>,
    lacking: BTreeMap<String, String>,
}

/// What the runner measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Measured {
    /// One entry a run: its columns by name.
    runs: Vec<BTreeMap<String, String>>,
    /// Programs that were not measured, and why.
    lacking: BTreeMap<String, String>,
}

impl Peers {
    /// The runner that BENCH_PEERS names, if it does, for a work item of so many records.
    ///
    /// # Errors
    /// When there is no such runner.
    pub(crate) fn find(records: u64) -> anyhow::Result<Option<Self>> {
        let Some(runner) = env::var_os("BENCH_PEERS").filter(|runner| !runner.is_empty()) else { return Ok(None) };
        let mut peers = Self { runner: runner.into(), records, ready: Vec::new(), lacking: BTreeMap::new() };
        for line in peers.ask(&["list"])?.lines() {
            let mut words = line.split_whitespace();
            let Some(name) = words.next() else { continue };
            if line.trim_end().ends_with(" ready") {
                peers.ready.push(name.to_owned());
            } else {
                let reason = line.get(33..).unwrap_or(line).trim().to_owned();
                peers.lacking.insert(name.to_owned(), reason);
            }
        }
        Ok(Some(peers))
    }

    /// Starts the runner's servers, measures what is there and the sink, and stops the servers.
    pub(crate) fn measure(mut self, runs: usize) -> anyhow::Result<Measured> {
        println!("\nother programs, by {}", self.runner.display());
        for (name, reason) in &self.lacking {
            println!("{name}: left out: {reason}");
        }
        let mut measured = Measured::default();
        if let Err(error) = self.ask(&["up"]) {
            println!("left out: its servers did not start: {error:#}");
            measured.lacking.insert("all".to_owned(), format!("{error:#}"));
            return Ok(measured);
        }
        let (runs, records) = (runs.to_string(), self.records.to_string());
        let own = env::current_exe()?.display().to_string();
        let sink = [
            "command",
            "sink",
            "--runs",
            &runs,
            "--",
            &own,
            "sink-run",
            "--codec",
            "null",
            "--max-records",
            "100000",
            "--window",
            "10",
            "--until",
            &records,
            "--only-files",
        ];
        let mut turns: Vec<Vec<&str>> = self.ready.iter().map(|name| vec![name.as_str(), "--runs", &runs]).collect();
        turns.push(sink.to_vec());
        let mut failed = BTreeMap::new();
        for turn in turns {
            match self.ask(&turn) {
                Ok(text) => measured.runs.extend(text.lines().filter_map(columns)),
                Err(error) => {
                    failed.insert(turn[0].to_owned(), format!("{error:#}"));
                }
            }
        }
        for run in &measured.runs {
            let of = |name: &str| run.get(name).map_or("?", String::as_str);
            println!(
                "{:20} {:>11} records/s {:>6} CPU s {:>11} rec per CPU s {:>6} MB RSS {:>9} read back",
                of("peer"),
                of("records/s"),
                of("cpu-seconds"),
                of("records per cpu-second"),
                of("peak RSS MB"),
                of("records counted")
            );
        }
        if let Err(error) = self.ask(&["down"]) {
            tracing::warn!(%error, "the runner's servers were not stopped");
        }
        self.lacking.append(&mut failed);
        measured.lacking = self.lacking;
        Ok(measured)
    }

    fn ask(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(&self.runner);
        let output =
            command.args(arguments).env("PEERS_RECORDS", self.records.to_string()).stderr(Stdio::inherit()).output();
        let output = output.with_context(|| self.runner.display().to_string())?;
        let (runner, words) = (self.runner.display(), arguments.join(" "));
        anyhow::ensure!(output.status.success(), "{runner} {words} ended with {}", output.status);
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// A line `name, column=value, ...`; `None` for any other, such as those of a table.
fn columns(line: &str) -> Option<BTreeMap<String, String>> {
    let (name, rest) = line.split_once(", ")?;
    let mut columns: BTreeMap<String, String> = rest
        .split(", ")
        .filter_map(|column| column.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    columns.contains_key("records/s").then(|| {
        columns.insert("peer".to_owned(), name.to_owned());
        columns
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runners_line_is_read_and_its_tables_are_not() {
        let line = "flink, records/s=95142, cpu-seconds=30.86, records per cpu-second=64809";
        let read = columns(line).unwrap();
        assert_eq!((read["peer"].as_str(), read["records per cpu-second"].as_str()), ("flink", "64809"));
        assert!(columns("| flink | 3 | 95,142 (103,579) |").is_none());
        assert!(columns("").is_none());
    }
}
