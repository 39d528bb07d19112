//! The whole pipeline on one machine until it is stopped: embedded servers and every service, on a folder that keeps all.

use crate::{cli::UpArgs, demo::deployment};
use anyhow::Context;
use contract::names;
use local_stack::{Endpoints, Options, Ports, Stack};
use std::{fs, path::Path, time::Duration};
use telemetry::{Health, Shutdown, prometheus_client::registry::Registry};

/// Snowflake's least interval between two runs of a task.
const LEAST_SCHEDULE: Duration = Duration::from_secs(10);

pub(crate) async fn run(args: UpArgs, shutdown: Shutdown) -> anyhow::Result<bool> {
    let topic = names::DEFAULT_TOPIC;
    let schedule = args.every.max(Duration::from_secs(1));
    let options = Options {
        ports: ports(&args.state)?,
        min_task_interval: schedule.min(LEAST_SCHEDULE),
        pipe_poll_interval: Duration::from_secs(1),
        ..Options::on(args.state.join("stack"))
    };
    let stack = Stack::start(options).await.context("starting the local stack")?;
    keep_ports(&args.state, stack.ports())?;
    let deployer = deployment(stack.endpoints(), topic, schedule);
    let report = deployer::apply(&deployer).await.context("deploying sql/")?;
    let Endpoints { kafka, registry, store, .. } = stack.endpoints().clone();

    let mut producer = producer::Config::new(kafka.clone(), registry.clone(), args.state.join("producer"));
    producer.every = args.every;
    let mut sink = sink::Config::new(kafka, registry, store);
    sink.roll.window = args.every;
    let file = args.state.join("pipeline.toml");
    write_private(&file, &configuration(stack.endpoints(), &deployer)?)?;
    println!("{report}{}", looking_inside(&file, stack.endpoints()));

    let producing = producer::run(producer, producer::Metrics::default(), Health::new(), shutdown.clone());
    let sinking = sink::run(sink, Health::new(), sink::Metrics::register(&mut Registry::default()), shutdown.clone());
    // Whichever ends first, by a fault or a signal, ends the other, which then finishes what it holds.
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
    Ok(true)
}

/// The ports of the last time, so that whatever was pointed at them still finds the stack.
fn ports(state: &Path) -> anyhow::Result<Ports> {
    fs::create_dir_all(state).with_context(|| format!("making {}", state.display()))?;
    let file = state.join("ports.json");
    match fs::read(&file) {
        Ok(text) => serde_json::from_slice(&text).with_context(|| file.display().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Ports::default()),
        Err(error) => Err(error).with_context(|| file.display().to_string()),
    }
}

fn keep_ports(state: &Path, ports: Ports) -> anyhow::Result<()> {
    let file = state.join("ports.json");
    fs::write(&file, serde_json::to_vec(&ports)?).with_context(|| file.display().to_string())
}

/// A configuration file for the other subcommands, so that `pipeline --config FILE sql …` finds this stack.
fn configuration(endpoints: &Endpoints, deployer: &deployer::Config) -> anyhow::Result<String> {
    let Endpoints { kafka, registry, store, warehouse } = endpoints;
    let secret =
        |secret: &Option<contract::endpoints::Secret>| secret.as_ref().map(|secret| secret.expose().to_owned());
    let file = serde_json::json!({
        "kafka": {"bootstrap_servers": kafka.bootstrap_servers, "properties": kafka.properties},
        "registry": {"url": registry.url},
        "store": {
            "bucket": store.bucket,
            "region": store.region,
            "endpoint": store.endpoint,
            "path_style": store.path_style,
            "access_key_id": store.access_key_id,
            "secret_access_key": secret(&store.secret_access_key),
        },
        "deployer": {
            "connection": {
                "account": warehouse.account,
                "user": warehouse.user,
                "password": warehouse.password.expose(),
                "url": warehouse.url,
            },
            "variables": {
                "bucket_url": deployer.variables.bucket_url,
                "access": {"keys": {
                    "access_key_id": store.access_key_id,
                    "secret_access_key": secret(&store.secret_access_key),
                }},
            },
        },
    });
    Ok(toml::to_string(&file)?)
}

/// Only its owner may read it: it holds the stack's keys.
fn write_private(file: &Path, text: &str) -> anyhow::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let opened = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file);
    opened.and_then(|mut file| file.write_all(text.as_bytes())).with_context(|| file.display().to_string())
}

fn looking_inside(file: &Path, endpoints: &Endpoints) -> String {
    let Endpoints { kafka, registry, store, warehouse } = endpoints;
    let file = file.display();
    format!(
        "
Kafka            {}
schema registry  {}
S3               {} (bucket {})
warehouse        {} (account {}, user {})

In another terminal:
  cargo run -- --config {file} topic
  cargo run -- --config {file} sink verify
  cargo run -- --config {file} sql 'SELECT * FROM CUSTOMER_DATA.CORE.CUSTOMERS_CURRENT LIMIT 10'

Ctrl-C stops; started again on the same folder, everything goes on where it was.
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
