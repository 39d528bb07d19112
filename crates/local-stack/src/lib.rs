//! Broker, registry, S3 and warehouse in one process on a state folder, on loopback only: the back end for a laptop, a
//! demonstration and tests. It holds no business rules; the services see nothing but endpoints.
//!
//! The warehouse is behind the feature `warehouse`, since it brings DataFusion, which tests and benches of the services
//! before it should not have to build.

mod access;
mod broker;
mod s3;
mod servers;
#[cfg(feature = "warehouse")]
mod warehouse;

#[cfg(feature = "warehouse")]
pub use crate::warehouse::{WarehouseEndpoint, WarehouseOptions};

use access::Access;
use contract::endpoints::{Kafka, ObjectStore, SchemaRegistry, Secret};
use servers::Servers;
use std::{
    convert::Infallible,
    fs::{self, File, TryLockError},
    io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpListener, time::sleep, time::timeout};

/// Directives for a log filter that keep the embedded parts' own chatter out: they log as an error what is only
/// an answer, such as a create that came second.
pub const QUIET_LOGS: &str = "nisshi_broker=off,nisshi_storage=off,nisshi_service=off,nisshi_sans_io=off,s3s=off";

/// The region that the S3 says it is in.
const REGION: &str = "us-east-1";
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
}

/// Ports on 127.0.0.1; 0 for one that is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ports {
    pub kafka: u16,
    pub registry: u16,
    pub s3: u16,
}

/// Where the parts are, in the words of the services' configuration.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// With the fetch limits that the embedded broker needs.
    pub kafka: Kafka,
    pub registry: SchemaRegistry,
    pub store: ObjectStore,
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
    #[cfg(feature = "warehouse")]
    #[error(transparent)]
    Warehouse(#[from] ::warehouse::Error),
}

/// A running stack. Dropped, it ends at once; what was acknowledged is in the state folder either way.
#[derive(Debug)]
pub struct Stack {
    endpoints: Endpoints,
    ports: Ports,
    broker: broker::Running,
    servers: Servers,
    /// Parts that use the others and stop before them.
    #[cfg(feature = "warehouse")]
    users: Servers,
    #[cfg(feature = "warehouse")]
    home: warehouse::Home,
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
        };
        let ports = Ports { kafka: broker.port(), registry: registry_address.port(), s3: s3_address.port() };
        let mut servers = Servers::new(Arc::clone(&lock));
        let stop = servers.shutdown();
        servers.spawn("schema registry", registry.serve(registry_listener, stop));
        let keys = s3::Access { key_id: access.s3_key_id, secret: access.s3_secret };
        let stop = servers.shutdown();
        servers.spawn("S3", async move {
            s3::serve(store, keys, s3_listener, stop).await;
            Ok::<_, Infallible>(())
        });
        Ok(Self {
            #[cfg(feature = "warehouse")]
            users: Servers::new(lock),
            #[cfg(feature = "warehouse")]
            home: warehouse::Home { state, password: Secret::new(access.warehouse_password) },
            endpoints,
            ports,
            broker,
            servers,
        })
    }

    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The ports in use: given to the next start, the stack is found where it was.
    pub fn ports(&self) -> Ports {
        self.ports
    }

    /// Lets open requests finish within a deadline and ends every part.
    pub async fn stop(self) {
        #[cfg(feature = "warehouse")]
        self.users.stop().await;
        self.servers.stop().await;
        self.broker.stop().await;
    }
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
