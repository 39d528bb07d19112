//! A sink in this process, and waiting on conditions with a deadline.

use prometheus_client::{encoding::text::encode, registry::Registry};
use sink::{Config, Metrics, SinkError, Summary};
use std::time::Duration;
use telemetry::{Health, Shutdown};
use tokio::{task::JoinHandle, time::Instant};

/// How long nothing may change, and how long it may take on a machine on which everything is slow.
const DEADLINE: Duration = Duration::from_secs(90);
const SLOWEST: Duration = Duration::from_mins(6);
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(100);

/// A sink that runs in this process.
pub(crate) struct Running {
    metrics: Registry,
    pub(crate) health: Health,
    shutdown: Shutdown,
    task: JoinHandle<Result<Summary, SinkError>>,
}

impl Running {
    pub(crate) fn start(config: Config) -> Self {
        let (health, shutdown) = (Health::new(), Shutdown::new());
        // Until it says more itself.
        health.unready("sink: assignment", "not begun");
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let task = tokio::spawn(sink::run(config, health.clone(), metrics, shutdown.clone()));
        Self { metrics: registry, health, shutdown, task }
    }

    pub(crate) async fn stop(self) -> Summary {
        self.shutdown.request();
        self.task.await.unwrap().unwrap()
    }

    /// Waits until it ends by itself, and why.
    pub(crate) async fn ended(self) -> SinkError {
        tokio::time::timeout(DEADLINE, self.task).await.expect("it ends by itself").unwrap().unwrap_err()
    }

    /// Waits until it has so many partitions.
    pub(crate) async fn until_assigned(&self, partitions: u64) {
        self.until("sink_assigned_partitions", |value| value == partitions).await;
    }

    /// Waits until the group has given or taken partitions, if only none, more often than before.
    pub(crate) async fn until_rebalanced(&self, before: u64) {
        self.until("sink_rebalances_total", |value| value > before).await;
    }

    /// Waits until a topic's first partition is read up to a position.
    pub(crate) async fn until_read(&self, topic: &str, position: u64) {
        let metric = format!(r#"sink_position{{topic="{topic}",partition="0"}}"#);
        self.until(&metric, |value| value == position).await;
    }

    /// How often the group has given or taken partitions.
    pub(crate) fn rebalances(&self) -> u64 {
        self.metric("sink_rebalances_total")
    }

    async fn until(&self, metric: &str, condition: impl Fn(u64) -> bool) {
        eventually(metric, || async {
            let value = self.metric(metric);
            if condition(value) { Ok(()) } else { Err(value.to_string()) }
        })
        .await;
    }

    /// What operators would see.
    pub(crate) fn metrics(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.metrics).unwrap();
        text
    }

    /// 0 for one that is not there yet.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = self.metrics();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().unwrap())
    }

    /// Waits until it is ready.
    pub(crate) async fn until_ready(&self) {
        eventually("the sink is ready", || async {
            assert!(!self.task.is_finished(), "it ended: {:?}", self.health);
            if self.health.is_ready() { Ok(()) } else { Err(format!("{:?}", self.health)) }
        })
        .await;
    }

    /// Waits until the reasons why it is not ready hold a text.
    pub(crate) async fn until_unready(&self, text: &str) -> String {
        let reasons = || {
            let reasons = format!("{:?}", self.health);
            if reasons.contains(text) {
                return Ok(reasons);
            }
            assert!(!self.task.is_finished(), "it ended without `{text}`: {reasons}");
            Err(reasons)
        };
        eventually("the sink says why", || async { reasons() }).await
    }
}

/// Asks again until `condition` gives a value; panics with `what` and the refusal once that has stayed the same up to the deadline:
/// on a busy machine what goes on is only slow.
pub(crate) async fn eventually<T, F>(what: &str, mut condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let begun = Instant::now();
    let (mut last, mut since) = (String::new(), begun);
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        let refusal = match tokio::time::timeout_at(begun + SLOWEST, condition()).await {
            Ok(Ok(value)) => return value,
            Ok(Err(refusal)) => refusal,
            Err(late) => panic!("{what}: {late}; before it: {last}"),
        };
        if refusal != last {
            (last, since) = (refusal, Instant::now());
        }
        assert!(since.elapsed() < DEADLINE, "{what}: nothing new for {DEADLINE:?}: {last}");
        assert!(begun.elapsed() < SLOWEST, "{what}: not in time: {last}");
    }
}

/// Waits until the files hold so many rows.
pub(crate) async fn until_rows(config: &Config, rows: u64) {
    eventually("rows in files", || async {
        let there = sink::verify(config).await.unwrap().rows();
        if there >= rows { Ok(()) } else { Err(format!("{there} rows of {rows}")) }
    })
    .await;
}
