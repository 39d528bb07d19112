//! Where the servers come from: named in the environment, started with the scripts in REAL_STACK, or embedded.

use std::{
    env,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
};

use crate::scripts::Scripts;

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
    Scripts { scripts: Scripts, _data: tempfile::TempDir },
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
        match Scripts::folder() {
            Some(folder) => Self::started_by(folder),
            None => Self::embedded().await,
        }
    }

    fn started_by(folder: PathBuf) -> anyhow::Result<Self> {
        let origin = format!("servers started by the scripts in {}", folder.display());
        let data = tempfile::tempdir()?;
        let scripts = Scripts { folder, data: data.path().to_owned() };
        // Made before the first start, so that a failure removes what was started before it.
        let running = Running::Scripts { scripts: scripts.clone(), _data: data };
        let brokers = scripts.start("kafka", free_port()?, &["--set", "group.initial.rebalance.delay.ms=0"])?;
        let registry = scripts.start("registry", free_port()?, &["--mem"])?;
        let s3 = scripts.start("s3", free_port()?, &["--bucket", BUCKET])?;
        let mut variables =
            vec![("BROKERS", brokers), ("REGISTRY", registry), ("S3_ENDPOINT", s3), ("BUCKET", BUCKET.to_owned())];
        let keys = scripts.store_variables()?;
        let keys = NAMES.iter().filter_map(|name| Some((*name, keys.get(*name)?.clone())));
        variables.extend(keys.filter(|(name, _)| name.starts_with("AWS_")));
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
        if let Self::Scripts { scripts, .. } = self
            && let Err(error) = scripts.wipe()
        {
            tracing::warn!(%error, "a server was not removed");
        }
    }
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
