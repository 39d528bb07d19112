//! Killed at any step and started again, the producer goes on as if nothing had happened, but for records that are in
//! the topic twice. The kill is real: a process of its own that aborts in the middle of the step.

use crate::common::{Servers, config, histories};
use chrono::DateTime;
use producer::{
    Metrics, Producer,
    faults::{FaultHook, Step},
};
use std::{
    env,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

const START_MS: i64 = 1_700_000_040_000;
const EVERY_MS: i64 = 120_000;
const TICKS: i64 = 4;

/// Makes the ticks that are left; both the reference and the victims do just this.
async fn finish_ticks(mut producer: Producer) {
    producer.resume().await.unwrap();
    let done = producer.last_tick().map_or(i64::MIN, |tick| tick.timestamp_millis());
    for tick in (0..TICKS).map(|tick| START_MS + tick * EVERY_MS).filter(|tick| *tick > done) {
        producer.tick(DateTime::from_timestamp_millis(tick).unwrap()).await.unwrap();
    }
    assert_eq!(producer.pending(), 0);
}

fn step(name: &str) -> Option<Step> {
    match name {
        "generated" => Some(Step::Generated),
        "written" => Some(Step::Written),
        "delivered" => Some(Step::Delivered),
        "marked" => Some(Step::Marked),
        other => other.strip_prefix("acknowledged-").map(|count| Step::Acknowledged(count.parse().unwrap())),
    }
}

/// Not a test of its own: what the victims run, told by their environment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_to_be_killed() {
    let Ok(fatal) = env::var("KILL_AT") else { return };
    let [brokers, registry, topic, folder] =
        ["KILL_BROKERS", "KILL_REGISTRY", "KILL_TOPIC", "KILL_FOLDER"].map(|name| env::var(name).unwrap());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (fatal, after) = fatal.split_once('@').unwrap();
    let (fatal, after) = (step(fatal), after.parse::<usize>().unwrap());
    let passed = AtomicUsize::new(0);
    let hook = FaultHook::new(move |reached| {
        if Some(reached) == fatal && passed.fetch_add(1, Ordering::Relaxed) == after {
            std::process::abort();
        }
    });
    let config = config(&brokers, &registry, &topic, &PathBuf::from(folder));
    finish_ticks(Producer::open(config, Metrics::default()).await.unwrap().with_faults(hook)).await;
}

/// Runs a victim; says whether it died.
async fn victim(servers: &Servers, fatal: &str) -> bool {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "crash::a_process_to_be_killed", "--nocapture"])
        .env("KILL_AT", fatal)
        .env("KILL_BROKERS", &servers.brokers)
        .env("KILL_TOPIC", &servers.topic)
        .env("KILL_REGISTRY", &servers.registry_url)
        .env("KILL_FOLDER", servers.folder.path());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let shown = || String::from_utf8_lossy(&output.stderr).into_owned();
    let aborted = output.status.code().is_none();
    assert!(aborted || output.status.success(), "the victim failed instead of dying: {}", shown());
    aborted
}

async fn undisturbed() -> Vec<crate::common::Stored> {
    let servers = Servers::start().await;
    finish_ticks(Producer::open(servers.config(), Metrics::default()).await.unwrap()).await;
    servers.records()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_step_it_loses_nothing_and_contradicts_nothing() {
    let reference = undisturbed().await;
    let expected = histories(&reference);
    assert_eq!(expected.values().map(Vec::len).sum::<usize>(), reference.len(), "nothing is sent twice undisturbed");
    assert!(reference.len() > 180);
    // Each step in the first batch and in a later one; the middle of a batch at several places.
    for fatal in [
        "generated@0",
        "generated@2",
        "written@0",
        "written@2",
        "acknowledged-1@0",
        "acknowledged-17@1",
        "acknowledged-30@2",
        "delivered@0",
        "delivered@3",
        "marked@0",
        "marked@2",
    ] {
        let servers = Servers::start().await;
        assert!(victim(&servers, fatal).await, "{fatal}: nobody died");
        assert!(!victim(&servers, "never@0").await, "{fatal}: the second run dies");
        let records = servers.records();
        assert_eq!(histories(&records), expected, "{fatal}");
        let twice = records.len() - reference.len();
        let expects_twice = fatal.starts_with("acknowledged") || fatal.starts_with("delivered");
        assert_eq!(twice > 0, expects_twice, "{fatal}: {twice} records are there twice");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_it_still_arrives() {
    let expected = histories(&undisturbed().await);
    let servers = Servers::start().await;
    let mut deaths = 0;
    for fatal in
        ["generated@0", "written@0", "acknowledged-5@0", "delivered@0", "marked@0", "acknowledged-20@0", "written@1"]
    {
        deaths += usize::from(victim(&servers, fatal).await);
    }
    assert!(deaths >= 5, "only {deaths} died");
    assert!(!victim(&servers, "never@0").await);
    assert_eq!(histories(&servers.records()), expected);
}
