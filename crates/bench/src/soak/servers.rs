//! The servers that a soak runs on: those that the environment names, or three brokers, a registry and a store of its own,
//! started by the scripts in the folder that `REAL_STACK` names. Scripts can also take a broker down and bring it back.

use anyhow::{Context, bail};
use contract::endpoints::{ObjectStore, Secret};
use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

pub(crate) const BROKERS: u32 = 3;
const BUCKET: &str = "soak";

#[derive(Debug, Clone)]
pub(crate) struct Servers {
    pub(crate) brokers: String,
    pub(crate) registry: String,
    pub(crate) store: ObjectStore,
    /// What can kill brokers; `None` where nobody said.
    pub(crate) scripts: Option<Scripts>,
    ours: Ours,
}

/// Who ends the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ours {
    Yes,
    No,
}

/// The folder of scripts, and where the brokers' data is.
#[derive(Debug, Clone)]
pub(crate) struct Scripts {
    folder: PathBuf,
    data: PathBuf,
}

impl Scripts {
    /// Runs a script; its last line of output is its answer.
    fn run(&self, script: &str, arguments: &[&str]) -> anyhow::Result<Vec<String>> {
        let mut command = Command::new(self.folder.join(script));
        command.args(arguments).arg("--data").arg(self.data.join(script)).stdin(Stdio::null());
        let output = command.output().with_context(|| format!("running {script}"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "{script} {arguments:?}: {said}");
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }

    fn endpoint(&self, script: &str, arguments: &[&str]) -> anyhow::Result<String> {
        self.run(script, arguments)?.pop().with_context(|| format!("{script} says no endpoint"))
    }

    /// SIGKILL for a broker, 1 to [`BROKERS`].
    pub(crate) fn kill_broker(&self, number: u32) -> anyhow::Result<()> {
        self.run("kafka", &["kill", &number.to_string()]).map(drop)
    }

    /// Brings brokers back that do not run; returns once they serve.
    pub(crate) fn start_brokers(&self) -> anyhow::Result<()> {
        self.run("kafka", &["start"]).map(drop)
    }
}

impl Servers {
    /// `port` is the first of those that servers of our own take; `data` is where the scripts keep their data.
    pub(crate) fn start(port: u16, folder: &Path, kafka_data: Option<&Path>) -> anyhow::Result<Self> {
        let scripts = env::var("REAL_STACK").ok().filter(|folder| !folder.is_empty()).map(PathBuf::from);
        if let Ok(brokers) = env::var("BROKERS") {
            let scripts = scripts.zip(kafka_data).map(|(folder, data)| Scripts { folder, data: data.to_owned() });
            let config = crate::endpoints::config(None)?;
            return Ok(Self { brokers, registry: config.registry.url, store: config.store, scripts, ours: Ours::No });
        }
        let Some(scripts) = scripts else {
            bail!("BROKERS names no servers and REAL_STACK no folder of scripts that start them");
        };
        let scripts = Scripts { folder: scripts, data: folder.join("servers") };
        let at = |offset: u16| (port + offset).to_string();
        let brokers = ["start", "--brokers", "3", "--port", &at(92), "--set", "group.min.session.timeout.ms=1000"];
        let brokers = scripts.endpoint("kafka", &brokers)?;
        let registry = scripts.endpoint("registry", &["start", "--port", &at(81)])?;
        let endpoint = scripts.endpoint("s3", &["start", "--port", &at(0), "--bucket", BUCKET])?;
        let lines = scripts.run("s3", &["env"])?;
        let words = lines.iter().flat_map(|line| line.split_whitespace());
        let variables: BTreeMap<&str, &str> = words.filter_map(|word| word.split_once('=')).collect();
        let variable = |name: &str| variables.get(name).map(|value| value.trim_matches(['\'', '"']).to_owned());
        let store = serde_json::json!({
            "bucket": BUCKET, "region": variable("AWS_REGION").unwrap_or_else(|| "us-east-1".to_owned()),
            "endpoint": endpoint, "path_style": true, "access_key_id": variable("AWS_ACCESS_KEY_ID"),
            "secret_access_key": variable("AWS_SECRET_ACCESS_KEY"),
        });
        let store = serde_json::from_value(store)?;
        Ok(Self { brokers, registry, store, scripts: Some(scripts), ours: Ours::Yes })
    }

    /// Ends and removes the servers that were started here.
    pub(crate) fn wipe(&self) -> anyhow::Result<()> {
        self.each("wipe")
    }

    /// Ends the servers that were started here and keeps their data.
    pub(crate) fn stop(&self) -> anyhow::Result<()> {
        self.each("stop")
    }

    fn each(&self, what: &str) -> anyhow::Result<()> {
        if let (Ours::Yes, Some(scripts)) = (self.ours, &self.scripts) {
            for script in ["kafka", "registry", "s3"] {
                scripts.run(script, &[what])?;
            }
        }
        Ok(())
    }

    /// The store as a sink's configuration says it.
    pub(crate) fn store_section(&self, prefix: &str) -> serde_json::Value {
        let store = &self.store;
        serde_json::json!({
            "bucket": store.bucket, "prefix": prefix, "region": store.region, "endpoint": store.endpoint,
            "path_style": store.path_style, "access_key_id": store.access_key_id,
            "secret_access_key": store.secret_access_key.as_ref().map(Secret::expose),
        })
    }
}
