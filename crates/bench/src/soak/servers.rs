//! The servers that a soak runs on: those that the environment names, or three brokers, a registry and a store of its own,
//! started by the scripts in the folder that `REAL_STACK` names. Scripts can also take a broker down and bring it back.

use anyhow::bail;
use contract::endpoints::{ObjectStore, Secret};
use std::{env, path::Path};

use crate::scripts::Scripts;

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

/// SIGKILL for a broker, 1 to [`BROKERS`].
pub(crate) fn kill_broker(scripts: &Scripts, number: u32) -> anyhow::Result<()> {
    scripts.run("kafka", &["kill", &number.to_string()]).map(drop)
}

/// Brings brokers back that do not run; returns once they serve.
pub(crate) fn start_brokers(scripts: &Scripts) -> anyhow::Result<()> {
    scripts.run("kafka", &["start"]).map(drop)
}

impl Servers {
    /// `port` is the first of those that servers of our own take; `data` is where the scripts keep their data.
    pub(crate) fn start(port: u16, folder: &Path, kafka_data: Option<&Path>) -> anyhow::Result<Self> {
        let found = Scripts::folder();
        if let Ok(brokers) = env::var("BROKERS") {
            let scripts = found.zip(kafka_data).map(|(folder, data)| Scripts { folder, data: data.to_owned() });
            let config = crate::endpoints::config(None)?;
            return Ok(Self { brokers, registry: config.registry.url, store: config.store, scripts, ours: Ours::No });
        }
        let Some(found) = found else {
            bail!("BROKERS names no servers and REAL_STACK no folder of scripts that start them");
        };
        let scripts = Scripts { folder: found, data: folder.join("servers") };
        let kafka = ["--brokers", "3", "--set", "group.min.session.timeout.ms=1000"];
        let brokers = scripts.start("kafka", port + 92, &kafka)?;
        let registry = scripts.start("registry", port + 81, &[])?;
        let endpoint = scripts.start("s3", port, &["--bucket", BUCKET])?;
        let variables = scripts.store_variables()?;
        let variable = |name: &str| variables.get(name).cloned();
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
        self.own().map_or(Ok(()), Scripts::wipe)
    }

    /// Ends the servers that were started here and keeps their data.
    pub(crate) fn stop(&self) -> anyhow::Result<()> {
        self.own().map_or(Ok(()), Scripts::stop)
    }

    fn own(&self) -> Option<&Scripts> {
        self.scripts.as_ref().filter(|_| self.ours == Ours::Yes)
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
