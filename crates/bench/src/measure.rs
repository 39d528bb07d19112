//! A run in a process of its own, so that CPU time and memory are that run's alone.

use anyhow::Context;
use serde::Serialize;
use std::{fs, process::Command, time::Instant};

/// Clock ticks of /proc are hundredths of a second on Linux.
const TICKS: f64 = 100.0;

/// What a run cost.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cost {
    pub(crate) name: String,
    pub(crate) records: u64,
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) records_per_cpu_second: f64,
    pub(crate) peak_rss_mb: f64,
}

/// CPU seconds and peak memory in MB of this process so far, as a line for [`run`].
pub(crate) fn own() -> anyhow::Result<String> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let peak: f64 = peak.trim().trim_end_matches(" kB").parse().unwrap_or(0.0);
    Ok(format!("cost {} {}", (ticks(11) + ticks(12)) / TICKS, peak / 1024.0))
}

/// Runs this program with other arguments and reads what it cost from its last line.
pub(crate) fn run(
    name: &str,
    records: u64,
    arguments: &[String],
    variables: &[(&str, String)],
) -> anyhow::Result<Cost> {
    let begun = Instant::now();
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).envs(variables.iter().map(|(key, value)| (*key, value.as_str())));
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    let seconds = begun.elapsed().as_secs_f64();
    anyhow::ensure!(output.status.success(), "{name} ended with {}", output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("cost ")).context("no cost")?;
    let mut numbers = line.split(' ').filter_map(|number| number.parse::<f64>().ok());
    let (cpu_seconds, peak_rss_mb) = (numbers.next().context("no CPU time")?, numbers.next().context("no memory")?);
    Ok(Cost {
        name: name.to_owned(),
        records,
        seconds,
        cpu_seconds,
        records_per_cpu_second: records as f64 / cpu_seconds.max(0.01),
        peak_rss_mb,
    })
}
