//! Servers that scripts start: the folder that `REAL_STACK` names holds `kafka`, `registry` and `s3`, each with `start`, `stop`
//! and `wipe`, and `--data` for the folder of what it keeps.

use anyhow::Context;
use std::{
    collections::BTreeMap,
    env,
    path::PathBuf,
    process::{Command, Stdio},
};

const ALL: [&str; 3] = ["kafka", "registry", "s3"];

/// The folder of scripts, and the one below which each keeps its data in a folder of its own name.
#[derive(Debug, Clone)]
pub(crate) struct Scripts {
    pub(crate) folder: PathBuf,
    pub(crate) data: PathBuf,
}

impl Scripts {
    /// Where `REAL_STACK` says, if it does.
    pub(crate) fn folder() -> Option<PathBuf> {
        env::var_os("REAL_STACK").filter(|folder| !folder.is_empty()).map(PathBuf::from)
    }

    /// Runs a script to its end; returns the lines of its standard output.
    ///
    /// # Errors
    /// With the script's words where it fails.
    pub(crate) fn run(&self, script: &str, arguments: &[&str]) -> anyhow::Result<Vec<String>> {
        let path = self.folder.join(script);
        let mut command = Command::new(&path);
        command.args(arguments).arg("--data").arg(self.data.join(script)).stdin(Stdio::null());
        if env::var_os("S3_SERVER").is_none() {
            command.env("S3_SERVER", "versitygw");
        }
        let output = command.output().with_context(|| path.display().to_string())?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "{} {arguments:?}: {said}", path.display());
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }

    /// Starts a server; the last line that its script prints says where it is.
    ///
    /// # Errors
    /// When it does not start, or the script does not say where.
    pub(crate) fn start(&self, script: &str, port: u16, more: &[&str]) -> anyhow::Result<String> {
        let port = port.to_string();
        let arguments = [&["start", "--port", &port], more].concat();
        self.run(script, &arguments)?.pop().with_context(|| format!("{script} says no endpoint"))
    }

    /// The store's keys and region by the names of the AWS tools' variables.
    ///
    /// # Errors
    /// When the script fails.
    pub(crate) fn store_variables(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let lines = self.run("s3", &["env"])?;
        let words = lines.iter().flat_map(|line| line.split_whitespace());
        let variables = words.filter_map(|word| word.split_once('='));
        Ok(variables.map(|(name, value)| (name.to_owned(), value.trim_matches(['\'', '"']).to_owned())).collect())
    }

    /// Stops all servers and keeps their data.
    ///
    /// # Errors
    /// With the first script's words that fails; the others have run.
    pub(crate) fn stop(&self) -> anyhow::Result<()> {
        self.each("stop")
    }

    /// Stops all servers and removes their data.
    ///
    /// # Errors
    /// With the first script's words that fails; the others have run.
    pub(crate) fn wipe(&self) -> anyhow::Result<()> {
        self.each("wipe")
    }

    fn each(&self, what: &str) -> anyhow::Result<()> {
        let done: Vec<_> = ALL.iter().map(|script| self.run(script, &[what])).collect();
        done.into_iter().try_for_each(|done| done.map(drop))
    }
}
