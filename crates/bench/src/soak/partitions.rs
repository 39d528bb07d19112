//! One sink with thousands of partitions and a small budget: what its memory is while all of them have records.

use anyhow::Context;
use contract::Position;
use rdkafka::{
    ClientConfig,
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer},
};
use serde_json::json;
use std::{
    fs,
    time::{Duration, Instant},
};
use tokio::runtime::Handle;

use super::{create_topic, load::Load, servers::Servers, sinks::Sinks, state::State};
use crate::measure;

const PATIENCE: Duration = Duration::from_mins(10);
const LOOK: Duration = Duration::from_millis(100);
const TIMEOUT: Duration = Duration::from_mins(2);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, default_value_t = 2_000)]
    partitions: i32,
    /// Records in all, of about 1,000 bytes.
    #[arg(long, default_value_t = 400_000)]
    records: u64,
    /// The budget of open files and uploads, in MB.
    #[arg(long, default_value_t = 128)]
    budget: usize,
    /// The first port of servers that are started here.
    #[arg(long, default_value_t = 25000)]
    port: u16,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let handle = Handle::current();
    tokio::task::spawn_blocking(move || {
        let folder = std::env::temp_dir().join(format!("partitions-{}", uuid::Uuid::new_v4().simple()));
        fs::create_dir_all(&folder)?;
        let servers = Servers::start(arguments.port, &folder, None)?;
        let done = measure(&handle, &folder, &servers, &arguments);
        servers.wipe()?;
        if done.is_ok() {
            fs::remove_dir_all(&folder)?;
        }
        done.with_context(|| format!("logs are kept in {}", folder.display()))
    })
    .await?
}

fn measure(handle: &Handle, folder: &std::path::Path, servers: &Servers, arguments: &Arguments) -> anyhow::Result<()> {
    let state = State::new(1, format!("many-{}", uuid::Uuid::new_v4().simple()));
    let prefix = format!("{}/", state.topic);
    handle.block_on(create_topic(&servers.brokers, &state.topic, arguments.partitions))?;
    let load = handle.block_on(Load::register(state.seed, &servers.registry, &state.topic))?;
    produce(&load, servers, &state.topic, arguments)?;

    let mut sinks = Sinks::new(folder, servers, &state, &prefix)?;
    let base = sinks.base();
    base["memory_bytes"] = json!(arguments.budget << 20);
    base["session_timeout"] = json!("45s");
    let begun = Instant::now();
    let mut sink = sinks.start_as(&json!({"roll": {"window": "10s"}}))?;
    let (mut peak_open, mut first) = (0, None);
    loop {
        let counters = sink.counters();
        let count = |name: &str| counters.get(name).copied().unwrap_or(0);
        peak_open = peak_open.max(count("sink_open_bytes"));
        if first.is_none() && count("sink_files_total") > 0 {
            first = Some(begun.elapsed());
        }
        if count("sink_rows_total") >= arguments.records {
            break;
        }
        anyhow::ensure!(sink.ended()?.is_none(), "the sink ended: {}", sink.last_words());
        anyhow::ensure!(begun.elapsed() < PATIENCE, "{} rows in {PATIENCE:?}", count("sink_rows_total"));
        std::thread::sleep(LOOK);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let peak_rss_mb = measure::of_process(sink.id())?.peak_rss_mb;
    let files = sink.counters().get("sink_files_total").copied().unwrap_or(0);
    sink.stop()?;

    let config: sink::Config = serde_json::from_value(json!({
        "kafka": {"bootstrap_servers": servers.brokers}, "registry": {"url": servers.registry},
        "store": servers.store_section(&prefix), "topics": [state.topic], "group_id": state.topic,
    }))?;
    let report = handle.block_on(sink::verify(&config))?;
    anyhow::ensure!(report.is_whole() && report.rows() == arguments.records, "{} rows", report.rows());
    anyhow::ensure!(report.partitions.iter().all(|one| one.first == Position(0).0), "a chain that begins late");
    println!(
        "{} partitions, {} records: {seconds:.0} s, the first file after {:.1} s, {files} files; at most {} MB in open \
         files and uploads of a budget of {} MB, peak RSS {peak_rss_mb:.0} MB",
        arguments.partitions,
        arguments.records,
        first.unwrap_or_default().as_secs_f64(),
        peak_open >> 20,
        arguments.budget
    );
    anyhow::ensure!(peak_open <= (arguments.budget as u64) << 20, "the budget was not kept");
    Ok(())
}

fn produce(load: &Load, servers: &Servers, topic: &str, arguments: &Arguments) -> anyhow::Result<()> {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", &servers.brokers)
        .set("linger.ms", "50")
        .set("queue.buffering.max.messages", "100000")
        // Brokers that just made thousands of partitions answer late; what is sent again must not be there twice.
        .set("enable.idempotence", "true")
        .create()?;
    for n in 0..arguments.records {
        let value = load.large(n, 1_000)?;
        let partition = (n % arguments.partitions as u64) as i32;
        let mut record: BaseRecord<'_, str, Vec<u8>> = BaseRecord::to(topic).partition(partition).payload(&value);
        while let Err((error, back)) = producer.send(record) {
            let KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) = error else { return Err(error.into()) };
            producer.poll(Duration::from_millis(10));
            record = back;
        }
    }
    producer.flush(TIMEOUT).context("flushing")
}
