//! A Kafka broker inside the process: `nisshi-broker` on one `SQLite` file. Good enough to carry the pipeline on a laptop,
//! durably; transactions, fencing and static membership are tested on real Kafka.

use crate::Error;
use contract::endpoints::Kafka;
use nisshi_broker::{broker::Broker, coordinator::group::administrator::Controller};
use nisshi_storage::ArcDynStorage;
use std::{
    collections::BTreeMap,
    fs::File,
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{Arc, Once},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinHandle},
    time::{Instant, sleep, timeout},
};
use url::Url;
use uuid::Uuid;

/// How long the broker may take to answer after its start; it takes a fraction of a second.
const START_DEADLINE: Duration = Duration::from_secs(20);
/// How long a stop may take: its connections' tasks end after it.
const STOP_DEADLINE: Duration = Duration::from_secs(10);
/// How often a free port is looked for: between finding it and using it another process may take it.
const PORT_ATTEMPTS: usize = 5;

/// The broker reads a whole fetch from its database before it answers, so a backlog is read fast only in small bites:
/// with librdkafka's defaults the first of 20,000 records takes 8 s, with these 0.2 s. The first four belong together.
/// While it waits for more records, it queries its database again and again, so clients ask for what there is at once.
const CLIENT_PROPERTIES: [(&str, &str); 6] = [
    ("message.max.bytes", "100000"),
    ("fetch.max.bytes", "100000"),
    ("fetch.message.max.bytes", "100000"),
    ("receive.message.max.bytes", "1000000"),
    ("fetch.min.bytes", "1"),
    ("fetch.wait.max.ms", "100"),
];

/// A running broker; gone when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    address: SocketAddr,
    task: AbortHandle,
    /// Present once it has answered.
    ended: Option<JoinHandle<()>>,
    _link: Option<TempDir>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Running {
    /// Starts on `file` and, unless it is 0, on `port`; holds `lock` until its last task has ended.
    pub(crate) async fn start(file: &Path, port: u16, lock: &Arc<File>) -> Result<Self, Error> {
        quieten();
        let mut last = None;
        for _ in 0..PORT_ATTEMPTS {
            let address = match port {
                0 => free_port().await?,
                port => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            };
            match Self::start_on(file, address, lock).await {
                Ok(running) => return Ok(running),
                Err(error) if port == 0 => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or(Error::Broker { address: String::new(), problem: "no free port".to_owned() }))
    }

    async fn start_on(file: &Path, address: SocketAddr, lock: &Arc<File>) -> Result<Self, Error> {
        let failed = |problem: String| Error::Broker { address: address.to_string(), problem };
        // Another server on this port would be taken for the broker.
        drop(TcpListener::bind(address).await.map_err(|error| failed(error.to_string()))?);
        let listener = Url::parse(&format!("tcp://{address}")).map_err(|error| failed(error.to_string()))?;
        let (storage, link) = storage_url(file)?;
        let builder = Broker::<Controller<ArcDynStorage>, ArcDynStorage>::builder()
            .node_id(1)
            .cluster_id("local-stack")
            .incarnation_id(Uuid::new_v4())
            .advertised_listener(listener.clone())
            .listener(listener)
            .storage(storage)
            .silent(true);
        let broker = builder.build().await.map_err(|error| failed(format!("{error:?}")))?;
        index_headers(file).await.map_err(|error| failed(format!("{}: {error}", file.display())))?;
        let held = Arc::clone(lock);
        let mut task = tokio::spawn(async move {
            // Declared in this order so that the file is closed before the lock is released.
            let _held = held;
            let mut broker = broker;
            broker.serve(Instant::now()).await
        });
        let mut running = Self { address, task: task.abort_handle(), ended: None, _link: link };
        let answers = async {
            while TcpStream::connect(address).await.is_err() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            ended = &mut task => Err(failed(match ended {
                Ok(Ok(())) => "it stopped by itself".to_owned(),
                Ok(Err(error)) => format!("{error:?}"),
                Err(error) => error.to_string(),
            })),
            answered = timeout(START_DEADLINE, answers) => match answered {
                Ok(()) => {
                    running.ended = Some(tokio::spawn(report_end(task)));
                    Ok(running)
                }
                Err(_) => Err(failed(format!("no answer within {START_DEADLINE:?}"))),
            },
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn endpoint(&self) -> Kafka {
        let properties = CLIENT_PROPERTIES.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Kafka { bootstrap_servers: self.address.to_string(), properties: properties.collect::<BTreeMap<_, _>>() }
    }

    /// Ends it and returns when its file is closed and its port free. There is nothing to flush: what was acknowledged is
    /// in the file.
    pub(crate) async fn stop(mut self) {
        self.task.abort();
        let freed = async {
            if let Some(ended) = self.ended.take() {
                // It reports errors itself.
                let _ = ended.await;
            }
            while TcpListener::bind(self.address).await.is_err() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        if timeout(STOP_DEADLINE, freed).await.is_err() {
            tracing::warn!(address = %self.address, "the broker has not ended yet");
        }
    }
}

/// Says that the broker is gone when nobody stopped it.
async fn report_end(task: JoinHandle<nisshi_broker::Result<()>>) {
    match task.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(?error, "the embedded broker ended; start the stack again"),
        Err(error) if error.is_cancelled() => {}
        Err(error) => tracing::error!(%error, "the embedded broker ended; start the stack again"),
    }
}

async fn free_port() -> Result<SocketAddr, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let address = listener.and_then(|listener| listener.local_addr());
    address.map_err(|source| Error::Listen { what: "broker", address: "127.0.0.1:0".to_owned(), source })
}

/// Adds an index that the broker's schema lacks. The broker looks up each record's headers, so without the index every record
/// read costs a scan of all headers ever written, 3 ms for 5,000 of them.
async fn index_headers(file: &Path) -> Result<(), libsql::Error> {
    let connection = libsql::Builder::new_local(file).build().await?.connect()?;
    // A broker that was just stopped may still be closing the file.
    connection.busy_timeout(STOP_DEADLINE)?;
    let made = connection.execute("create index if not exists header_of_record on header (topition, offset_id)", ());
    made.await.map(|_| ())
}

/// Returns the URL that the broker opens its file by. The broker takes the URL's path as it is, relative to the working
/// directory unless it begins with two slashes, and does not decode escapes. A folder whose name needs escapes is reached
/// through a link in the temporary folder, which lives as long as the broker.
fn storage_url(file: &Path) -> Result<(Url, Option<TempDir>), Error> {
    if let Some(url) = plain_url(file) {
        return Ok((url, None));
    }
    let failed =
        |source| Error::State { action: "cannot link to it from the temporary folder", path: file.into(), source };
    let (folder, name) = file.parent().zip(file.file_name()).ok_or_else(|| failed(ErrorKind::InvalidInput.into()))?;
    let links = tempfile::Builder::new().prefix("local-stack-").tempdir().map_err(failed)?;
    let link = links.path().join("state");
    std::os::unix::fs::symlink(folder, &link).map_err(failed)?;
    let url = plain_url(&link.join(name)).ok_or_else(|| failed(ErrorKind::InvalidFilename.into()))?;
    Ok((url, Some(links)))
}

fn plain_url(file: &Path) -> Option<Url> {
    let path = format!("/{}", file.to_str()?);
    let url = Url::parse(&format!("sqlite://{path}")).ok()?;
    (url.path() == path).then_some(url)
}

/// Logs the broker's panics at debug level instead of printing a backtrace. The broker panics in a connection's task when it
/// lacks an operation: the connection ends and the broker lives on.
fn quieten() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if panic.location().is_some_and(|location| location.file().contains("/nisshi-")) {
                tracing::debug!(%panic, "the embedded broker gave up on a connection");
            } else {
                before(panic);
            }
        }));
    });
}
