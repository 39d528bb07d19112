//! What many partitions with little traffic cost: nothing may cost CPU for each partition while it is idle, and files are on
//! time all the same.

use anyhow::{Context, bail, ensure};
use rdkafka::{
    ClientConfig,
    producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer},
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::time::sleep;

use crate::{
    endpoints, measure,
    readback::{self, Bucket},
    servers::Servers,
    work,
};

const START_DEADLINE: Duration = Duration::from_mins(5);
const STOP_DEADLINE: Duration = Duration::from_mins(2);
const LOOK: Duration = Duration::from_secs(1);
/// CPU seconds between two looks below which the start is over.
const AT_REST: f64 = 0.1;

/// How long after its window's end a file is there at the latest.
const ON_TIME: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, default_value_t = 200)]
    topics: u32,
    /// Of each topic.
    #[arg(long, default_value_t = 12)]
    partitions: i32,
    /// Records a second over all partitions.
    #[arg(long, default_value_t = 2)]
    rate: u32,
    /// Seconds to measure.
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// Seconds of a window.
    #[arg(long, default_value_t = 60)]
    window: u64,
    /// One JSON object as the last line.
    #[arg(long)]
    json: bool,
}

/// The sink in a process of its own; ended when dropped.
struct Sink(Child);

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let servers = Servers::find().await?;
    println!("on {}", servers.origin);
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let label = format!("bench-idle-{now}");
    let mut of: BTreeMap<&'static str, String> = servers.variables.iter().cloned().collect();
    let topics: Vec<String> = (0..arguments.topics).map(|n| format!("{label}-{n:04}")).collect();
    let brokers = of.get("BROKERS").context("BROKERS")?.clone();
    work::create_topics(&brokers, &topics, arguments.partitions).await?;
    let id = work::register(of.get("REGISTRY").context("REGISTRY")?, &topics).await?;

    let prefix = format!("{label}/");
    of.extend([("TOPIC", format!("^{label}-.*")), ("GROUP", label.clone()), ("PREFIX", prefix.clone())]);
    let bucket = Bucket::open(&endpoints::store(&of)?)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["sink-run", "--window", &arguments.window.to_string()]).envs(&of).stdout(Stdio::null());
    let sink = Sink(command.spawn()?);
    let (begun, all) = (Instant::now(), topics.len() * arguments.partitions as usize);
    while bucket.count(&format!("{prefix}chains/")).await? < all {
        ensure!(
            begun.elapsed() < START_DEADLINE,
            "not all of {all} partitions found their place in {START_DEADLINE:?}"
        );
        sleep(LOOK).await;
    }
    let found_places = begun.elapsed().as_secs_f64();
    println!("{all} partitions found their places in {found_places:.1} s");
    until_at_rest(sink.0.id()).await?;

    let before = measure::of_process(sink.0.id())?;
    let sent = produce(&arguments, &brokers, &topics, &id).await?;
    let after = measure::of_process(sink.0.id())?;
    let cpu_percent = (after.cpu_seconds - before.cpu_seconds) * 100.0 / arguments.seconds as f64;

    // What is still open at a stop would not show when its file is there.
    let window = Duration::from_secs(arguments.window);
    let end = Instant::now() + window + ON_TIME;
    let told = loop {
        let told = bucket.told(&prefix).await?;
        if told.rows >= sent {
            break told;
        }
        ensure!(
            Instant::now() < end,
            "{} of {sent} records in files {ON_TIME:?} after the last window's end",
            told.rows
        );
        sleep(LOOK).await;
    };
    let stopped = Command::new("kill").args(["-TERM", &sink.0.id().to_string()]).status()?;
    ensure!(stopped.success(), "the sink took no signal");
    let end = Instant::now() + STOP_DEADLINE;
    let mut sink = sink;
    while sink.0.try_wait()?.is_none() {
        if Instant::now() > end {
            bail!("the sink did not stop within {STOP_DEADLINE:?}");
        }
        sleep(LOOK).await;
    }
    let worst = told.latest_seconds;
    let found = readback::take(&bucket, &prefix).await?;
    work::delete_topics(&brokers, &topics).await?;
    ensure!(found.records == sent && found.twice == 0, "{} of {sent} records, {} twice", found.records, found.twice);
    println!(
        "{all} partitions, {} records/s, windows of {} s: {cpu_percent:.2} % of a core, {:.0} MB RSS; {sent} records \
         read back from {} files, created at most {worst:.2} s behind their window's end",
        arguments.rate, arguments.window, after.peak_rss_mb, found.files
    );
    if arguments.json {
        let summary = json!({
            "partitions": all, "cpu_percent": cpu_percent, "peak_rss_mb": after.peak_rss_mb, "records": sent,
            "records_read_back": found.records, "files": found.files, "latest_seconds_behind_window": worst,
            "seconds_to_find_places": found_places,
        });
        println!("{summary}");
    }
    Ok(())
}

/// Waits until the last partitions that found their place are being read.
async fn until_at_rest(sink: u32) -> anyhow::Result<()> {
    let end = Instant::now() + START_DEADLINE;
    let mut before = measure::of_process(sink)?.cpu_seconds;
    loop {
        sleep(LOOK).await;
        let now = measure::of_process(sink)?.cpu_seconds;
        if now - before < AT_REST {
            return Ok(());
        }
        ensure!(Instant::now() < end, "the sink is not at rest within {START_DEADLINE:?}");
        before = now;
    }
}

/// A steady trickle over all partitions in turn; returns how many records.
async fn produce(arguments: &Arguments, brokers: &str, topics: &[String], id: &u32) -> anyhow::Result<u64> {
    let producer: ThreadedProducer<DefaultProducerContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).set("linger.ms", "5").create()?;
    let mut events = work::Events::new(*id);
    let (begun, mut sent) = (Instant::now(), 0u64);
    let period = Duration::from_secs_f64(1.0 / f64::from(arguments.rate.max(1)));
    let length = Duration::from_secs(arguments.seconds);
    while begun.elapsed() < length {
        let (key, value) = events.next();
        // Strides through topics and partitions alike, so that all have their turn.
        let place = (sent as usize * 7919) % (topics.len() * arguments.partitions as usize);
        let topic = &topics[place % topics.len()];
        let partition = (place / topics.len()) as i32;
        let record = BaseRecord::to(topic).partition(partition).key(&key).payload(value);
        producer.send(record).map_err(|(error, _)| error)?;
        sent += 1;
        let due = begun + period * u32::try_from(sent).unwrap_or(u32::MAX);
        sleep(due.saturating_duration_since(Instant::now())).await;
    }
    producer.flush(Duration::from_secs(30)).context("flushing")?;
    Ok(sent)
}
