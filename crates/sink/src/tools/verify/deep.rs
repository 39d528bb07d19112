//! Reading everything: each partition's files beside its log, a few partitions at a time.

use contract::{Position, Range};
use futures::{StreamExt, TryStreamExt, stream};
use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use sink_core::file_schema::FileSchema;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::runtime::Handle;

use super::{
    Chain, Report, chains,
    compare::{Comparison, Found},
    letters,
    values::Pairing,
};
use crate::{
    config::Config,
    error::SinkError,
    kafka,
    kafka::log_reader::LogReader,
    kafka::questions,
    registry::{Lookup, Registry},
    store::Store,
    threads,
    tools::watch::Watch,
};

/// Partitions that are read at a time; each holds a piece of a file and a client's queue in memory.
const PARTITIONS: usize = 4;
const PAUSE: Duration = Duration::from_millis(250);

/// What a topic's log forgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cleanup {
    /// Its beginning alone.
    Deletes,
    /// Records that a later one of the same key replaces.
    Compacts,
}

/// What comparing needs of the world.
pub(super) struct Context {
    pub(super) store: Store,
    pub(super) runtime: Handle,
    pub(super) config: Arc<Config>,
    pub(super) watch: Arc<Watch>,
    registry: Registry,
    cleanups: Mutex<HashMap<String, Cleanup>>,
}

/// Reads every file of the configured topics, checks that it is whole and what its metadata says, and compares it with
/// what the log still holds: each committed record exactly once, unchanged, or in the dead-letter topic.
///
/// # Errors
/// When a remote system does not answer for its deadline, or a stop is asked for. Faults are in the report.
pub async fn verify_deep(config: &Config, watch: Watch) -> Result<Report, SinkError> {
    config.check()?;
    let context = Arc::new(Context {
        store: Store::connect(config, None).await,
        runtime: Handle::current(),
        config: Arc::new(config.clone()),
        watch: Arc::new(watch),
        registry: Registry::new(&config.registry)?,
        cleanups: Mutex::default(),
    });
    let chains = chains(&context.store, config).await?;
    context.watch.expect(chains.iter().map(|chain| chain.report.bytes).sum());
    let reading = stream::iter(chains).map(|chain| {
        let context = Arc::clone(&context);
        async move {
            threads::run("verify", move || {
                let found = context.read(&chain)?;
                Ok::<_, SinkError>((chain, found))
            })
            .await?
        }
    });
    let mut read: Vec<(Chain, Found)> = reading.buffered(PARTITIONS).try_collect().await?;
    if read.iter().any(|(_, found)| !found.missing.is_empty()) {
        let context = Arc::clone(&context);
        let looking = tokio::task::spawn_blocking(move || letters::find(&context, &mut read).map(|()| read));
        read = looking.await.map_err(|_| SinkError::Panicked)??;
    }
    let partitions = read.into_iter().map(|(chain, found)| {
        let mut report = chain.report;
        report.faults.extend(found.faults.into_texts());
        report.deep = Some(found.deep);
        report
    });
    Ok(Report::new(&context.config, partitions.collect()))
}

impl Context {
    fn read(&self, chain: &Chain) -> Result<Found, SinkError> {
        let place = (chain.report.topic.clone(), chain.report.partition);
        let consumer = kafka::unsubscribed(&self.config)?;
        let facts = self.patiently(|| questions::ask(&consumer, &self.config.group_id, self.config.start, &place))?;
        drop(consumer);
        let end = Position(chain.report.next);
        let mut from = facts.low.max(chain.genesis.first).min(end);
        let mut fault = None;
        if let Err(mismatch) = chain.genesis.check(&facts.identity) {
            // The files are read all the same, but this log says nothing about them.
            fault = Some(mismatch.to_string());
            from = end;
        } else if facts.high < end {
            fault = Some(format!("the files end at {end}, behind the log's end {}", facts.high));
        } else if let Some((committed, _)) = facts.committed
            && committed > end
            // A sink that runs meanwhile has files that are newer than the list.
            && committed.0 > self.runtime.block_on(super::chain(&self.store, &place.0, place.1))?.report.next
        {
            fault = Some(format!("the group has committed position {committed}, but the files end at {end}"));
        }
        let range = Range { start: from, next: end };
        let reader = LogReader::open(&self.config, &place, range, self.watch.shutdown())?;
        let mut found = Comparison::new(self, chain, from, &reader).run()?;
        if let Some(fault) = fault {
            found.faults.push(fault);
        }
        Ok(found)
    }

    /// Asks until an answer comes or the deadline has passed.
    pub(super) fn patiently<T>(&self, ask: impl Fn() -> Result<T, String>) -> Result<T, SinkError> {
        let end = Instant::now() + self.config.deadlines.kafka;
        loop {
            match ask() {
                Ok(answer) => return Ok(answer),
                Err(reason) if Instant::now() + PAUSE >= end => return Err(SinkError::Unanswered { reason }),
                Err(_) if self.watch.shutdown().is_requested() => return Err(SinkError::Interrupted),
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
    }

    /// How data of the schema that a record names are compared with those of a file's branch. `None` where the registry knows no
    /// such schema.
    pub(super) fn pairing(
        &self,
        topic: &str,
        id: u32,
        file: &FileSchema,
        branch: u32,
    ) -> Result<Option<Pairing>, SinkError> {
        let found = self.patiently(|| match self.runtime.block_on(self.registry.look_up(topic, id)) {
            Lookup::Schema(_, schema) => Ok(Some(schema)),
            Lookup::Down(reason) => Err(format!("schema registry: {reason}")),
            Lookup::Missing | Lookup::NotAvro(_) | Lookup::Unusable(_) => Ok(None),
        })?;
        Ok(found
            .zip(file.branch(branch))
            .map(|(theirs, ours)| Pairing::new(theirs.text(), ours.text(), theirs.same_layout(ours))))
    }

    /// Where the brokers do not say, a topic is taken not to be compacted: a row without a record then shows.
    pub(super) fn cleanup(&self, topic: &str) -> Cleanup {
        let mut known = self.cleanups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cleanup) = known.get(topic) {
            return *cleanup;
        }
        let cleanup = self.runtime.block_on(self.ask_cleanup(topic)).unwrap_or_else(|| {
            tracing::info!(topic, "the brokers do not say whether it is compacted; taken not to be");
            Cleanup::Deletes
        });
        known.insert(topic.to_owned(), cleanup);
        cleanup
    }

    async fn ask_cleanup(&self, topic: &str) -> Option<Cleanup> {
        let admin: AdminClient<DefaultClientContext> = clients::kafka::connection(&self.config.kafka).create().ok()?;
        let options =
            AdminOptions::new().request_timeout(Some(self.config.deadlines.kafka.min(Duration::from_secs(10))));
        let described = admin.describe_configs([&ResourceSpecifier::Topic(topic)], &options).await.ok()?;
        let resource: ConfigResource = described.into_iter().next()?.ok()?;
        let policy = resource.get("cleanup.policy")?.value.clone()?;
        Some(if policy.contains("compact") { Cleanup::Compacts } else { Cleanup::Deletes })
    }
}
