//! Broker, registry, S3 and warehouse in one process on a state folder, on loopback only: the back end for a laptop, a
//! demonstration and tests. It holds no business rules; the services see nothing but endpoints.

mod access;
mod broker;
mod s3;

use access::Access;
use contract::endpoints::{Kafka, ObjectStore, SchemaRegistry, Secret};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, TryLockError},
    io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use telemetry::{Health, Shutdown};
use tokio::{net::TcpListener, task::JoinSet, time::sleep, time::timeout};
use warehouse::{Warehouse, server::User, stage::S3Settings};

/// Directives for a log filter that keep the embedded parts' own chatter out: they log as an error what is only
/// an answer, such as a create that came second.
pub const QUIET_LOGS: &str = "nisshi_broker=off,nisshi_storage=off,nisshi_service=off,nisshi_sans_io=off,s3s=off";

/// The region that the S3 says it is in.
const REGION: &str = "us-east-1";
/// The warehouse's account, and its one user.
const ACCOUNT: &str = "local";
const USER: &str = "pipeline";
/// How long the parts may take to stop.
const STOP_DEADLINE: Duration = Duration::from_secs(10);
/// How long a stack that is just ending may keep the next one waiting.
const LOCK_DEADLINE: Duration = Duration::from_secs(2);

/// What to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// A folder of the stack's own; made if it is not there. Everything durable is in it.
    pub state: PathBuf,
    pub ports: Ports,
    /// Made at the start if it is not there.
    pub bucket: String,
    /// The shortest SCHEDULE of a task. Snowflake's is 10 seconds; less is for demonstrations and tests.
    pub min_task_interval: Duration,
    /// How often a pipe looks for new files, in place of the bucket's notifications.
    pub pipe_poll_interval: Duration,
}

impl Options {
    /// Free ports, and the pace of a demonstration.
    pub fn on(state: impl Into<PathBuf>) -> Self {
        Self {
            state: state.into(),
            ports: Ports::default(),
            bucket: "customer-events".to_owned(),
            min_task_interval: Duration::from_secs(1),
            pipe_poll_interval: Duration::from_millis(250),
        }
    }
}

/// Ports on 127.0.0.1; 0 for one that is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ports {
    pub kafka: u16,
    pub registry: u16,
    pub s3: u16,
    pub warehouse: u16,
}

/// Where the parts are, in the words of the services' configuration.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// With the fetch limits that the embedded broker needs.
    pub kafka: Kafka,
    pub registry: SchemaRegistry,
    pub store: ObjectStore,
    pub warehouse: WarehouseEndpoint,
}

/// Where Snowflake's clients find the warehouse.
#[derive(Debug, Clone)]
pub struct WarehouseEndpoint {
    pub url: String,
    pub account: String,
    pub user: String,
    pub password: Secret,
}

/// Why the stack does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("state folder {path}: {action}: {source}")]
    State { action: &'static str, path: PathBuf, source: io::Error },
    #[error("state folder {path} is in use by another process")]
    Locked { path: PathBuf },
    #[error("`{name}` is not a bucket name: 3 to 63 small letters, digits, dots and hyphens")]
    BucketName { name: String },
    #[error("{what}: cannot listen on {address}: {source}; choose another port")]
    Listen { what: &'static str, address: String, source: io::Error },
    #[error("embedded broker on {address}: {problem}")]
    Broker { address: String, problem: String },
    #[error(transparent)]
    Registry(#[from] registry::Error),
    #[error(transparent)]
    Warehouse(#[from] warehouse::Error),
}

/// A running stack. Dropped, it ends at once; what was acknowledged is in the state folder either way.
#[derive(Debug)]
pub struct Stack {
    endpoints: Endpoints,
    ports: Ports,
    broker: broker::Running,
    servers: JoinSet<()>,
    shutdown: Shutdown,
}

impl Stack {
    /// Starts every part and returns when all answer.
    ///
    /// # Errors
    /// When the folder or a port cannot be used, or another stack has the folder.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let (state, lock) = open_state(&options.state).await?;
        let access = Access::of(&state.join("access.json")).map_err(|source| Error::State {
            action: "cannot keep the access keys",
            path: state.clone(),
            source,
        })?;
        let store = s3::Layout::open(&state.join("s3")).map_err(|source| Error::State {
            action: "cannot open the object store",
            path: state.clone(),
            source,
        })?;
        let bucket = store.bucket(&options.bucket).ok_or_else(|| Error::BucketName { name: options.bucket.clone() })?;
        fs::create_dir_all(bucket).map_err(|source| Error::State {
            action: "cannot make the bucket",
            path: state.clone(),
            source,
        })?;
        let registry = registry::Registry::open(&state.join("registry.jsonl"))?;

        let (registry_listener, registry_address) = listen("schema registry", options.ports.registry).await?;
        let (s3_listener, s3_address) = listen("S3", options.ports.s3).await?;
        let warehouse = Warehouse::open(warehouse_config(&state, &options, &access, s3_address)).await?;
        let broker = broker::Running::start(&state.join("broker.db"), options.ports.kafka, &lock).await?;

        let endpoints = Endpoints {
            kafka: broker.endpoint(),
            registry: SchemaRegistry { url: format!("http://{registry_address}"), user: None, password: None },
            store: ObjectStore {
                bucket: options.bucket,
                prefix: String::new(),
                region: REGION.to_owned(),
                endpoint: Some(format!("http://{s3_address}")),
                path_style: true,
                access_key_id: Some(access.s3_key_id.clone()),
                secret_access_key: Some(Secret::new(&access.s3_secret)),
            },
            warehouse: WarehouseEndpoint {
                url: format!("http://{}", warehouse.address()),
                account: ACCOUNT.to_owned(),
                user: USER.to_owned(),
                password: Secret::new(&access.warehouse_password),
            },
        };
        let ports = Ports {
            kafka: broker.port(),
            registry: registry_address.port(),
            s3: s3_address.port(),
            warehouse: warehouse.address().port(),
        };
        let shutdown = Shutdown::new();
        let mut servers = JoinSet::new();
        let (stop, held) = (shutdown.clone(), Arc::clone(&lock));
        servers.spawn(async move {
            let _held = held;
            if let Err(error) = registry.serve(registry_listener, stop).await {
                tracing::error!(%error, "the embedded schema registry ended");
            }
        });
        let (stop, held) = (shutdown.clone(), Arc::clone(&lock));
        let metrics = warehouse::Metrics::register(&mut telemetry::prometheus_client::registry::Registry::default());
        servers.spawn(async move {
            let _held = held;
            if let Err(error) = warehouse.run(Health::new(), metrics, stop).await {
                tracing::error!(%error, "the embedded warehouse ended");
            }
        });
        let keys = s3::Access { key_id: access.s3_key_id, secret: access.s3_secret };
        let stop = shutdown.clone();
        servers.spawn(async move {
            let _held = lock;
            s3::serve(store, keys, s3_listener, stop).await;
        });
        Ok(Self { endpoints, ports, broker, servers, shutdown })
    }

    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The ports in use: given to the next start, the stack is found where it was.
    pub fn ports(&self) -> Ports {
        self.ports
    }

    /// Lets open requests finish within a deadline and ends every part.
    pub async fn stop(mut self) {
        self.shutdown.request();
        let ended = async { while self.servers.join_next().await.is_some() {} };
        if timeout(STOP_DEADLINE, ended).await.is_err() {
            tracing::warn!("parts of the local stack were still running {STOP_DEADLINE:?} after the stop");
        }
        self.broker.stop().await;
    }
}

fn warehouse_config(state: &Path, options: &Options, access: &Access, s3: SocketAddr) -> warehouse::Config {
    let s3 = S3Settings { region: REGION.to_owned(), endpoint: Some(format!("http://{s3}")), path_style: true };
    let mut config = warehouse::Config::new(state.join("warehouse"), s3);
    config.listen = (Ipv4Addr::LOCALHOST, options.ports.warehouse).into();
    config.account = Some(ACCOUNT.to_owned());
    config.users = vec![User::new(USER, Secret::new(&access.warehouse_password))];
    config.min_task_interval = options.min_task_interval;
    config.pipe_poll_interval = options.pipe_poll_interval;
    config
}

/// The folder's full name, and the lock that keeps other stacks out of it for as long as a part of this one runs.
async fn open_state(folder: &Path) -> Result<(PathBuf, Arc<File>), Error> {
    let failed = |action| move |source| Error::State { action, path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(failed("cannot make it"))?;
    let state = folder.canonicalize().map_err(failed("cannot resolve it"))?;
    let lock = File::create(state.join("lock")).map_err(failed("cannot make its lock file"))?;
    let locked = timeout(LOCK_DEADLINE, async {
        loop {
            match lock.try_lock() {
                Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(10)).await,
                done => return done,
            }
        }
    });
    match locked.await {
        Ok(Ok(())) => Ok((state, Arc::new(lock))),
        Ok(Err(TryLockError::Error(source))) => Err(failed("cannot lock it")(source)),
        Ok(Err(TryLockError::WouldBlock)) | Err(_) => Err(Error::Locked { path: state }),
    }
}

async fn listen(what: &'static str, port: u16) -> Result<(TcpListener, SocketAddr), Error> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let failed = |source| Error::Listen { what, address: address.to_string(), source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}
