//! Where the servers come from: named in the environment, started with the scripts in REAL_STACK, or embedded.

use anyhow::{Context, bail};
use std::{
    env,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const BUCKET: &str = "bench";
/// What the programs that are measured find in their environment.
const NAMES: [&str; 7] =
    ["BROKERS", "REGISTRY", "S3_ENDPOINT", "BUCKET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"];
/// librdkafka properties, `key=value`, separated by commas.
pub(crate) const PROPERTIES: &str = "KAFKA_PROPERTIES";

/// Servers to measure on. Those that were started here end and vanish when this is dropped.
pub(crate) struct Servers {
    /// For the programs that are measured.
    pub(crate) variables: Vec<(&'static str, String)>,
    /// In words.
    pub(crate) origin: String,
    pub(crate) kind: Kind,
    _running: Running,
}

/// What can be expected of the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Real,
    /// A broker for laptops, in this process, some hundred times slower than Kafka.
    Embedded,
}

/// What ends with the measurement.
enum Running {
    Nothing,
    Scripts { folder: PathBuf, data: tempfile::TempDir },
    Stack { _stack: Box<local_stack::Stack>, _state: tempfile::TempDir },
}

impl Servers {
    /// Those of the environment where BROKERS is set, else REAL_STACK's, else embedded ones.
    pub(crate) async fn find() -> anyhow::Result<Self> {
        if env::var_os("BROKERS").is_some() {
            let variables = NAMES.iter().filter_map(|name| Some((*name, env::var(name).ok()?))).collect();
            let origin = "servers named in the environment".to_owned();
            return Ok(Self { variables, origin, kind: Kind::Real, _running: Running::Nothing });
        }
        match env::var_os("REAL_STACK").filter(|folder| !folder.is_empty()) {
            Some(folder) => Self::started_by(Path::new(&folder)),
            None => Self::embedded().await,
        }
    }

    fn started_by(folder: &Path) -> anyhow::Result<Self> {
        // Made before the first start, so that a failure removes what was started before it.
        let running = Running::Scripts { folder: folder.to_owned(), data: tempfile::tempdir()? };
        let Running::Scripts { data, .. } = &running else { bail!("no scripts") };
        let start = |name: &str, more: &[&str]| {
            let port = free_port()?.to_string();
            let place = data.path().join(name);
            let mut arguments = vec!["start", "--data", place.to_str().context("a folder's name")?, "--port", &port];
            arguments.extend(more);
            script(folder, name, &arguments)
        };
        let brokers = start("kafka", &["--set", "group.initial.rebalance.delay.ms=0"])?;
        let registry = start("registry", &["--mem"])?;
        let s3 = start("s3", &["--bucket", BUCKET])?;
        let keys =
            script(folder, "s3", &["env", "--data", data.path().join("s3").to_str().context("a folder's name")?])?;
        let mut variables =
            vec![("BROKERS", brokers), ("REGISTRY", registry), ("S3_ENDPOINT", s3), ("BUCKET", BUCKET.to_owned())];
        for (name, value) in keys.split_whitespace().filter_map(|word| word.split_once('=')) {
            if let Some(name) = NAMES.iter().find(|known| **known == name) {
                variables.push((name, value.to_owned()));
            }
        }
        let origin = format!("servers started by the scripts in {}", folder.display());
        Ok(Self { variables, origin, kind: Kind::Real, _running: running })
    }

    async fn embedded() -> anyhow::Result<Self> {
        let state = tempfile::tempdir()?;
        let options = local_stack::Options {
            state: state.path().to_owned(),
            ports: local_stack::Ports::default(),
            bucket: BUCKET.to_owned(),
        };
        let stack = local_stack::Stack::start(options).await?;
        let local_stack::Endpoints { kafka, registry, store } = stack.endpoints().clone();
        let properties = kafka.properties.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>();
        let variables = vec![
            ("BROKERS", kafka.bootstrap_servers),
            (PROPERTIES, properties.join(",")),
            ("REGISTRY", registry.url),
            ("S3_ENDPOINT", store.endpoint.unwrap_or_default()),
            ("BUCKET", store.bucket),
            ("AWS_ACCESS_KEY_ID", store.access_key_id.unwrap_or_default()),
            ("AWS_SECRET_ACCESS_KEY", store.secret_access_key.map(|key| key.expose().to_owned()).unwrap_or_default()),
            ("AWS_REGION", store.region),
        ];
        Ok(Self {
            variables,
            origin: "the embedded stack, whose broker is the bottleneck: set BROKERS and the rest, or REAL_STACK, for \
                     figures that mean something"
                .to_owned(),
            kind: Kind::Embedded,
            _running: Running::Stack { _stack: Box::new(stack), _state: state },
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Self::Scripts { folder, data } = self {
            for name in ["kafka", "registry", "s3"] {
                let place = data.path().join(name);
                let ended = place.to_str().map(|place| script(folder, name, &["wipe", "--data", place]));
                if let Some(Err(error)) = ended {
                    tracing::warn!(name, %error, "a server was not removed");
                }
            }
        }
    }
}

/// Runs a script to its end; its words are on standard error, its result is the one line on standard output.
fn script(folder: &Path, name: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let path = folder.join(name);
    let mut command = Command::new(&path);
    command.args(arguments).stderr(Stdio::null());
    if env::var_os("S3_SERVER").is_none() {
        command.env("S3_SERVER", "versitygw");
    }
    let output = command.output().with_context(|| path.display().to_string())?;
    anyhow::ensure!(output.status.success(), "{} {} ended with {}", path.display(), arguments.join(" "), output.status);
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
