//! The whole pipeline on one machine until it is stopped: embedded servers and every service. One folder keeps everything,
//! so that a later start continues where this one ended.

mod services;

use crate::{cli::UpArgs, demo::deployment};
use anyhow::Context;
use contract::names;
use local_stack::{Endpoints, Options, Ports, Stack, WarehouseEndpoint, WarehouseOptions};
use serde::{Deserialize, Serialize};
use services::Services;
use std::{fs, path::Path, process::ExitCode, time::Duration};
use telemetry::{Health, Shutdown, prometheus_client::registry::Registry};

/// Snowflake's least interval between two runs of a task.
const LEAST_SCHEDULE: Duration = Duration::from_secs(10);

pub(crate) async fn run(args: UpArgs, shutdown: Shutdown) -> anyhow::Result<ExitCode> {
    // Snowflake takes whole seconds.
    let schedule = Duration::from_secs(args.every.as_millis().div_ceil(1000) as u64);
    let kept = Kept::read(&args.state)?;
    let options =
        Options { state: args.state.join("stack"), ports: kept.stack(), bucket: "customer-events".to_owned() };
    let mut stack = Stack::start(options).await.context("starting the local stack")?;
    let options = WarehouseOptions {
        port: kept.warehouse,
        min_task_interval: schedule.min(LEAST_SCHEDULE),
        pipe_poll_interval: services::idle_wait(args.every),
    };
    let metrics = warehouse::Metrics::register(&mut Registry::default());
    let warehouse = stack.start_warehouse(options, metrics, Health::new()).await.context("starting the warehouse")?;
    Kept::of(stack.ports(), &warehouse)?.write(&args.state)?;
    let deployer = deployment(stack.endpoints(), &warehouse, names::DEFAULT_TOPIC, schedule);
    let services = Services::new(stack.endpoints(), deployer, &args)?;
    let report = deployer::apply(&services.deployer).await.context("deploying sql/")?;
    let file = args.state.join("pipeline.toml");
    write_private(&file, &services.configuration()?)?;
    println!("{report}{}", looking_inside(&file, stack.endpoints(), &warehouse));

    let Services { producer, sink, .. } = services;
    let producing = producer::run(producer, producer::Metrics::default(), Health::new(), shutdown.clone());
    let sinking = sink::run(sink, Health::new(), sink::Metrics::register(&mut Registry::default()), shutdown.clone());
    // Whichever ends first, by a fault or a signal, stops the other, which then finishes what it holds.
    let (stop_producer, stop_sink) = (shutdown.clone(), shutdown.clone());
    let producing = async {
        let outcome = producing.await;
        stop_producer.request();
        outcome
    };
    let sinking = async {
        let outcome = sinking.await;
        stop_sink.request();
        outcome
    };
    let (produced, sunk) = tokio::join!(producing, sinking);
    stack.stop().await;
    produced.context("the producer")?;
    sunk.context("the sink")?;
    Ok(ExitCode::SUCCESS)
}

/// The ports of the last start, so that clients which were pointed at them still find the stack; 0 at the first start.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    kafka: u16,
    registry: u16,
    s3: u16,
    warehouse: u16,
}

impl Kept {
    fn of(stack: Ports, warehouse: &WarehouseEndpoint) -> anyhow::Result<Self> {
        let port = warehouse.url.rsplit(':').next().unwrap_or_default();
        let warehouse = port
            .parse()
            .with_context(|| format!("the warehouse's address {}: expected a port at its end", warehouse.url))?;
        Ok(Self { kafka: stack.kafka, registry: stack.registry, s3: stack.s3, warehouse })
    }

    fn stack(&self) -> Ports {
        Ports { kafka: self.kafka, registry: self.registry, s3: self.s3 }
    }

    fn read(state: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(state).with_context(|| format!("creating the folder {}", state.display()))?;
        let file = state.join("ports.json");
        match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text).with_context(|| {
                format!(
                    "reading {}: expected the ports of the last start; remove the file to choose new ones",
                    file.display()
                )
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("reading {}", file.display())),
        }
    }

    fn write(&self, state: &Path) -> anyhow::Result<()> {
        let file = state.join("ports.json");
        fs::write(&file, serde_json::to_vec(self)?).with_context(|| format!("writing {}", file.display()))
    }
}

/// Writes a file that only its owner may read, because it holds the stack's keys.
fn write_private(file: &Path, text: &str) -> anyhow::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let opened = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file);
    opened
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("writing the configuration file {}", file.display()))
}

fn looking_inside(file: &Path, endpoints: &Endpoints, warehouse: &WarehouseEndpoint) -> String {
    let Endpoints { kafka, registry, store } = endpoints;
    let file = file.display();
    format!(
        "
Kafka            {} (clients on librdkafka need 2.3.0 or later)
schema registry  {}
S3               {} (bucket {})
warehouse        {} (account {}, user {})

In another terminal:
  cargo run -- --config {file} topic
  cargo run -- --config {file} sink verify
  cargo run -- --config {file} sql 'SELECT * FROM CUSTOMER_DATA.CORE.CUSTOMERS_CURRENT LIMIT 10'

Ctrl-C stops everything. Started again on the same folder, it continues where it was.
",
        kafka.bootstrap_servers,
        registry.url,
        store.endpoint.as_deref().unwrap_or("AWS"),
        store.bucket,
        warehouse.url,
        warehouse.account,
        warehouse.user,
    )
}
