//! A run in a process of its own, so that CPU time and memory are that run's alone.

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    process::{Command, Stdio},
    time::Instant,
};

use crate::native;

/// Clock ticks of /proc are hundredths of a second on Linux.
const TICKS: f64 = 100.0;
/// What the line with a run's own figures begins with.
const MARK: &str = "cost ";

/// What a process says of itself at its end.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Own {
    /// User and system time of all threads since the process began.
    pub(crate) cpu_seconds: f64,
    /// The most that was resident, in MB of 2^20 bytes.
    pub(crate) peak_rss_mb: f64,
    /// Of Rust code, since the process began.
    pub(crate) allocations: u64,
    /// Requests to S3, each attempt.
    pub(crate) s3_requests: u64,
    /// Of values as read.
    pub(crate) bytes: u64,
}

impl Own {
    /// Of this process so far.
    ///
    /// # Errors
    /// Where there is no /proc.
    pub(crate) fn now() -> anyhow::Result<Self> {
        let used = of_process(std::process::id())?;
        Ok(Self {
            cpu_seconds: used.cpu_seconds,
            peak_rss_mb: used.peak_rss_mb,
            allocations: native::allocations(),
            s3_requests: 0,
            bytes: 0,
        })
    }

    /// As a line for [`run`].
    pub(crate) fn line(&self) -> anyhow::Result<String> {
        Ok(format!("{MARK}{}", serde_json::to_string(self)?))
    }
}

/// What a process has used so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_rss_mb: f64,
}

/// Reads what a running process has used.
///
/// # Errors
/// Where there is no such process, or no /proc.
pub(crate) fn of_process(id: u32) -> anyhow::Result<Used> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).context("reading /proc: Linux only")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let peak: f64 = peak.trim().trim_end_matches(" kB").parse().unwrap_or(0.0);
    Ok(Used { cpu_seconds: (ticks(11) + ticks(12)) / TICKS, peak_rss_mb: peak / 1024.0 })
}

/// What a run cost.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cost {
    pub(crate) name: &'static str,
    pub(crate) records: u64,
    /// From the start of the process to its end.
    pub(crate) seconds: f64,
    pub(crate) records_per_second: f64,
    /// MB of values as read, a second.
    pub(crate) mb_per_second: f64,
    pub(crate) records_per_cpu_second: f64,
    #[serde(flatten)]
    pub(crate) own: Own,
    pub(crate) s3_requests_per_million_records: f64,
    pub(crate) allocations_per_thousand_records: f64,
    /// Files written, and the records counted by reading them.
    pub(crate) files: u64,
    pub(crate) mb_written: f64,
    pub(crate) read_back: Option<u64>,
}

/// Runs this program with other arguments and reads what it cost from what it prints. It is to read so many records of so
/// many bytes; 0 where only it knows how many.
pub(crate) fn run(
    name: &'static str,
    (records, bytes): (u64, u64),
    arguments: &[String],
    variables: &[(&'static str, String)],
) -> anyhow::Result<Cost> {
    let begun = Instant::now();
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).envs(variables.iter().map(|(key, value)| (*key, value.as_str())));
    let output = command.stderr(Stdio::inherit()).output()?;
    let seconds = begun.elapsed().as_secs_f64();
    if !output.status.success() {
        bail!("{name} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stdout));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix(MARK)).context("the run did not say what it cost")?;
    let mut own: Own = serde_json::from_str(line)?;
    own.bytes = own.bytes.max(bytes);
    Ok(Cost {
        name,
        records,
        seconds,
        records_per_second: records as f64 / seconds,
        mb_per_second: own.bytes as f64 / 1e6 / seconds,
        records_per_cpu_second: records as f64 / own.cpu_seconds.max(0.01),
        own,
        s3_requests_per_million_records: own.s3_requests as f64 * 1e6 / records as f64,
        allocations_per_thousand_records: own.allocations as f64 * 1e3 / records as f64,
        files: 0,
        mb_written: 0.0,
        read_back: None,
    })
}
