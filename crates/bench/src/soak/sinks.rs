//! The sinks: child processes that are killed, stopped, thawed and started again, and what they counted.

use anyhow::{Context, bail};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use super::{servers::Servers, state::State};

/// Low, so that the group soon gives a silent member's partitions away.
pub(crate) const SESSION: Duration = Duration::from_secs(2);
pub(crate) const STOP_PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);

/// Sums of the counters that are kept from sinks that have ended.
pub(crate) const COUNTERS: [&str; 7] = [
    "sink_rows_total",
    "sink_files_total",
    "sink_files_adopted_total",
    "sink_files_given_up_total",
    "sink_dead_letters_total",
    "sink_commit_failures_total",
    "sink_rebalances_total",
];

pub(crate) type Counters = BTreeMap<String, u64>;

/// One running sink.
pub(crate) struct Running {
    child: Child,
    pub(crate) name: String,
    counters: PathBuf,
    log: PathBuf,
    /// Static membership.
    pub(crate) instance: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Term,
    Stop,
    Continue,
}

/// Starts sinks and remembers what those that ended had counted.
pub(crate) struct Sinks {
    folder: PathBuf,
    base: serde_json::Value,
    started: u64,
    seed: u64,
}

impl Sinks {
    pub(crate) fn new(folder: &Path, servers: &Servers, state: &State, prefix: &str) -> anyhow::Result<Self> {
        let folder = folder.join("sinks");
        fs::create_dir_all(folder.join("spool"))?;
        let base = json!({
            "kafka": {"bootstrap_servers": servers.brokers, "properties": {
                "heartbeat.interval.ms": "400", "fetch.wait.max.ms": "50", "reconnect.backoff.max.ms": "1000",
            }},
            "registry": {"url": servers.registry},
            "store": servers.store_section(prefix),
            "topics": [state.topic],
            "group_id": state.topic,
            "session_timeout": humantime::format_duration(SESSION).to_string(),
            "spool_dir": folder.join("spool"),
            "deadlines": {"unknown_schema": "300ms", "revoke": "10s", "shutdown": "15s"},
        });
        let started = state.totals.get("sinks started").copied().unwrap_or(0);
        Ok(Self { folder, base, started, seed: state.seed })
    }

    /// Starts a sink; how it rolls and compresses differs from sink to sink.
    pub(crate) fn start(&mut self, instance: Option<String>) -> anyhow::Result<Running> {
        self.started += 1;
        let mut random = ChaCha8Rng::seed_from_u64(self.seed.wrapping_add(self.started));
        let mut pick = |of: &[&str]| of[random.random_range(0..of.len())].to_owned();
        let mut config = json!({});
        config["codec"] = pick(&["snappy", "snappy", "deflate", "null"]).into();
        config["in_memory_bytes"] = pick(&["262144", "1024"]).parse::<u64>()?.into();
        config["roll"] = json!({
            "window": pick(&["1s", "2s", "2s"]), "idle": pick(&["0s", "300ms"]),
            "max_records": pick(&["10", "50", "300"]).parse::<u64>()?,
            "max_bytes": pick(&["2000", "67108864"]).parse::<u64>()?,
        });
        self.launch(instance, &config)
    }

    /// Starts a sink with these settings over those that all share.
    pub(crate) fn start_as(&mut self, settings: &serde_json::Value) -> anyhow::Result<Running> {
        self.started += 1;
        self.launch(None, settings)
    }

    /// The settings that all sinks share.
    pub(crate) fn base(&mut self) -> &mut serde_json::Value {
        &mut self.base
    }

    fn launch(&self, instance: Option<String>, settings: &serde_json::Value) -> anyhow::Result<Running> {
        let mut config = self.base.clone();
        for (key, value) in settings.as_object().into_iter().flatten() {
            config[key] = value.clone();
        }
        config["instance_id"] = instance.clone().into();
        let name = format!("sink-{:05}", self.started);
        let path = |kind: &str| self.folder.join(format!("{name}.{kind}"));
        fs::write(path("json"), serde_json::to_vec_pretty(&config)?)?;
        let log = File::create(path("log"))?;
        let child = Command::new(std::env::current_exe()?)
            .arg("soak-sink")
            .arg("--config")
            .arg(path("json"))
            .arg("--counters")
            .arg(path("counters"))
            .env("BENCH_LOG", "info,librdkafka=warn")
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("starting a sink")?;
        Ok(Running { child, counters: path("counters"), log: path("log"), name, instance })
    }

    pub(crate) fn started(&self) -> u64 {
        self.started
    }
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// # Errors
    /// When the process is gone, which [`Running::ended`] tells apart from others' mistakes.
    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let name = match signal {
            Signal::Term => "-TERM",
            Signal::Stop => "-STOP",
            Signal::Continue => "-CONT",
        };
        send(name, self.id())
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Kills it and waits until it is gone.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop and waits until it has.
    pub(crate) fn stop(&mut self) -> anyhow::Result<ExitStatus> {
        if self.ended()?.is_none() {
            self.signal(Signal::Term)?;
        }
        match self.wait(STOP_PATIENCE)? {
            Some(status) => Ok(status),
            None => bail!("{} does not stop; its log: {}; {}", self.name, self.last_words(), self.stacks()),
        }
    }

    /// Writes down where its threads are, for a debugger that is there; says where to look.
    fn stacks(&self) -> String {
        let path = self.log.with_extension("stacks");
        let id = self.id().to_string();
        let written = File::create(&path).and_then(|file| {
            Command::new("gdb")
                .args(["-batch", "-p", &id, "-ex", "thread apply all bt"])
                .stdout(file)
                .stderr(Stdio::null())
                .status()
        });
        match written {
            Ok(_) => format!("its threads: {}", path.display()),
            Err(error) => format!("its threads are not known: gdb: {error}"),
        }
    }

    pub(crate) fn wait(&mut self, patience: Duration) -> anyhow::Result<Option<ExitStatus>> {
        let end = Instant::now() + patience;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(Some(status));
            }
            if Instant::now() >= end {
                return Ok(None);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Its metrics, summed over their labels; empty until it has written some.
    pub(crate) fn counters(&self) -> Counters {
        let text = fs::read_to_string(&self.counters).unwrap_or_default();
        let mut counters = Counters::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, value)) = line.rsplit_once(' ') else { continue };
            let name = name.split('{').next().unwrap_or(name);
            if let Ok(value) = value.parse::<u64>() {
                *counters.entry(name.to_owned()).or_default() += value;
            }
        }
        counters
    }

    /// Takes what it counted into the totals once it has ended; its log stays.
    pub(crate) fn bury(&self, state: &mut State) {
        for (name, count) in self.counters() {
            if COUNTERS.contains(&name.as_str()) {
                state.add(&name, count);
            }
        }
        let _ = fs::remove_file(&self.counters);
    }

    /// The end of its log: why it ended.
    pub(crate) fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().rev().find(|line| line.starts_with("Error:")).or(log.lines().last()).unwrap_or_default().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ends sinks of a soak that was itself killed while they were stopped.
pub(crate) fn end_leftovers(processes: &[u32]) {
    for id in processes {
        let command = fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
        if command.contains("soak-sink") {
            let _ = send("-KILL", *id);
        }
    }
}

fn send(signal: &str, process: u32) -> anyhow::Result<()> {
    let status = Command::new("kill").args([signal, &process.to_string()]).stderr(Stdio::null()).status()?;
    anyhow::ensure!(status.success(), "kill {signal} {process}: {status}");
    Ok(())
}
