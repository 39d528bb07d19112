//! The parts of the pipeline as the demo starts them: the local stack on a folder that vanishes, the deployer, the sink.

use anyhow::{Context, bail};
use deployer::{Access, Client, Connection, Rows, Variables, Warehouse};
use local_stack::{Endpoints, Options, Ports, Stack, WarehouseEndpoint, WarehouseOptions};
use sink::{Roll, Summary};
use std::{path::Path, time::Duration};
use telemetry::{Health, Shutdown, prometheus_client::registry::Registry};
use tokio::task::JoinHandle;

/// The demo's pace; in service all of these are 2 minutes.
pub(crate) const WINDOW: Duration = Duration::from_secs(2);
const SCHEDULE: Duration = Duration::from_secs(1);
/// The group's patience with a silent member; the embedded broker makes a new one wait for half of it.
const SESSION_TIMEOUT: Duration = Duration::from_secs(6);
/// Everything that was sent must have arrived after so long.
const ARRIVAL_DEADLINE: Duration = Duration::from_mins(5);

/// A running pipeline without its producer.
pub(crate) struct Stages {
    stack: Stack,
    deployer: deployer::Config,
    client: Client,
    sink_config: sink::Config,
    sink: JoinHandle<Result<Summary, sink::SinkError>>,
    shutdown: Shutdown,
}

impl Stages {
    /// Starts the stack on `state`, deploys, and lets the sink run.
    pub(crate) async fn start(state: &Path, topic: &str) -> anyhow::Result<(Self, deployer::Report)> {
        let options =
            Options { state: state.join("stack"), ports: Ports::default(), bucket: "customer-events".to_owned() };
        let mut stack = Stack::start(options).await.context("starting the local stack")?;
        let pace = WarehouseOptions {
            pipe_poll_interval: Duration::from_millis(250),
            min_task_interval: SCHEDULE,
            ..WarehouseOptions::default()
        };
        let metrics = warehouse::Metrics::register(&mut Registry::default());
        let warehouse = stack.start_warehouse(pace, metrics, Health::new()).await.context("starting the warehouse")?;
        let deployer = deployment(stack.endpoints(), &warehouse, topic, SCHEDULE);
        let client = Client::new(&deployer.connection)?;
        let deployed = deployer::apply(&deployer).await.context("deploying sql/")?;

        let Endpoints { kafka, registry, store } = stack.endpoints().clone();
        let mut sink_config = sink::Config::new(kafka, registry, store);
        sink_config.topics = vec![topic.to_owned()];
        sink_config.session_timeout = SESSION_TIMEOUT;
        sink_config.roll = Roll { window: WINDOW, ..Roll::default() };
        let shutdown = Shutdown::new();
        let running = sink::run(
            sink_config.clone(),
            Health::new(),
            sink::Metrics::register(&mut Registry::default()),
            shutdown.clone(),
        );
        let sink = tokio::spawn(running);
        Ok((Self { stack, deployer, client, sink_config, sink, shutdown }, deployed))
    }

    pub(crate) fn endpoints(&self) -> &Endpoints {
        self.stack.endpoints()
    }

    pub(crate) fn variables(&self) -> &Variables {
        &self.deployer.variables
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Applies sql/ once more and says how much changed.
    pub(crate) async fn apply_again(&self) -> anyhow::Result<usize> {
        Ok(deployer::apply(&self.deployer).await.context("deploying sql/ a second time")?.changes())
    }

    /// What the files in the bucket prove by their names and metadata.
    pub(crate) async fn verify_files(&self) -> anyhow::Result<sink::Report> {
        sink::verify(&self.sink_config).await.context("verifying the files")
    }

    pub(crate) async fn rows(&self, sql: &str) -> anyhow::Result<Rows> {
        self.client.query(sql).await.with_context(|| format!("asking the warehouse: {sql}"))
    }

    /// The first value of a query's first row as a number.
    pub(crate) async fn count(&self, sql: &str) -> anyhow::Result<u64> {
        let rows = self.rows(sql).await?;
        let value = rows.first().with_context(|| format!("no answer to: {sql}"))?;
        value.parse().with_context(|| format!("`{value}` as an answer to: {sql}"))
    }

    /// Waits until `condition` holds, saying what is still missing; fails at the deadline, or when the sink has ended.
    pub(crate) async fn until(
        &self,
        condition: impl AsyncFn() -> anyhow::Result<Option<String>>,
    ) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + ARRIVAL_DEADLINE;
        let mut pause = tokio::time::interval(Duration::from_millis(200));
        let mut said = String::new();
        while let Some(missing) = condition().await? {
            if self.sink.is_finished() {
                bail!("the sink has ended before everything arrived: {missing}");
            }
            if tokio::time::Instant::now() > deadline {
                bail!("not everything arrived within {ARRIVAL_DEADLINE:?}: {missing}");
            }
            if missing != said {
                super::say(&format!("waiting: {missing}"));
                said = missing;
            }
            pause.tick().await;
        }
        Ok(())
    }

    /// Stops the sink, which finishes its files, and then the stack.
    pub(crate) async fn stop(self) -> anyhow::Result<Summary> {
        self.shutdown.request();
        let summary = self.sink.await.context("the sink")?.context("the sink")?;
        self.stack.stop().await;
        Ok(summary)
    }
}

/// The deployer's configuration for a local stack.
pub(crate) fn deployment(
    endpoints: &Endpoints,
    warehouse: &WarehouseEndpoint,
    topic: &str,
    schedule: Duration,
) -> deployer::Config {
    let store = &endpoints.store;
    let access = match (&store.access_key_id, &store.secret_access_key) {
        (Some(id), Some(secret)) => Access::Keys { access_key_id: id.clone(), secret_access_key: secret.clone() },
        _ => Access::Integration { name: "CUSTOMER_EVENTS".to_owned() },
    };
    let mut connection = Connection::with_password(&warehouse.account, &warehouse.user, warehouse.password.clone());
    connection.url = Some(warehouse.url.clone());
    let mut variables = Variables::new(format!("s3://{}/{}", store.bucket, store.prefix), access);
    topic.clone_into(&mut variables.topic);
    variables.schedule = schedule;
    deployer::Config { connection, sql: None, variables }
}
