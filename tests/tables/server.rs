//! A warehouse of the test's own, behind its protocol, with its bucket in memory.

use contract::endpoints::Secret;
use deployer::{Access, Client, Connection, Variables};
use std::{sync::Arc, time::Duration};
use telemetry::{Health, Shutdown, prometheus_client::registry::Registry};
use tempfile::TempDir;
use warehouse::{
    Metrics, Warehouse,
    server::User,
    stage::{MemoryFiles, S3Settings},
};

const BUCKET: &str = "lake";
const PASSWORD: &str = "a password";

/// Ends with its value.
pub(crate) struct Server {
    connection: Connection,
    files: Arc<MemoryFiles>,
    shutdown: Shutdown,
    _state: TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let state = tempfile::tempdir().expect("a temporary folder");
        let s3 = S3Settings { region: "none".to_owned(), endpoint: None, path_style: true };
        let mut config = warehouse::Config::new(state.path(), s3);
        config.listen = ([127, 0, 0, 1], 0).into();
        config.users = vec![User::new("deployer", Secret::new(PASSWORD))];
        config.pipe_poll_interval = Duration::from_millis(20);
        config.min_task_interval = Duration::from_secs(1);
        let files = Arc::new(MemoryFiles::default());
        let warehouse = Warehouse::open_with(config, files.clone()).await.expect("a warehouse");
        let mut connection = Connection::with_password("local", "deployer", Secret::new(PASSWORD));
        connection.url = Some(format!("http://{}", warehouse.address()));
        let (shutdown, metrics) = (Shutdown::new(), Metrics::register(&mut Registry::default()));
        tokio::spawn(warehouse.run(Health::new(), metrics, shutdown.clone()));
        Self { connection, files, shutdown, _state: state }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.connection).expect("a client")
    }

    /// A deployment in a database and a prefix of its own.
    pub(crate) fn variables(database: &str) -> Variables {
        let access =
            Access::Keys { access_key_id: "key".to_owned(), secret_access_key: Secret::new("never looked at") };
        let mut variables = Variables::new(format!("s3://{BUCKET}/{database}/"), access);
        database.clone_into(&mut variables.database);
        variables
    }

    /// Puts a file where that deployment's stage looks; `key` is relative to its prefix.
    pub(crate) fn put(&self, variables: &Variables, key: &str, bytes: Vec<u8>) {
        self.files.put(BUCKET, &format!("{}/{key}", variables.database), bytes);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.request();
    }
}
