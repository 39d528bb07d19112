//! What goes into the topic: batches of the producer, the first ones in the oldest released schema and the others in the
//! newest, and the demo's own troublesome records between them.

use super::{report::Produced, stages::Stages};
use anyhow::Context;
use chrono::Utc;
use contract::schemas;
use producer::{Config, Metrics, Mix, Producer};
use std::path::Path;

/// Small enough to read, large enough that everything happens.
const INITIAL_CUSTOMERS: u32 = 200;
const BATCH: Mix = Mix { creates: 10, updates: 80, deletes: 6, recreates: 2 };

/// The producer over several batches and both schema versions.
pub(crate) struct Traffic {
    config: Config,
    metrics: Metrics,
    pub produced: Produced,
}

impl Traffic {
    pub(crate) fn new(stages: &Stages, state: &Path, seed: u64) -> Self {
        let endpoints = stages.endpoints();
        let mut config = Config::new(endpoints.kafka.clone(), endpoints.registry.clone(), state.join("producer"));
        config.initial_customers = INITIAL_CUSTOMERS;
        config.batch = BATCH;
        config.seed = Some(seed);
        Self { config, metrics: Metrics::default(), produced: Produced::default() }
    }

    /// Emits `batches` batches written with schema `version`, each by the code that runs every 2 minutes in service.
    pub(crate) async fn emit(&mut self, batches: u32, version: u32) -> anyhow::Result<()> {
        self.config.schema_version = Some(version);
        let opened = Producer::open(self.config.clone(), self.metrics.clone()).await;
        let mut producer = opened.context("starting the producer")?;
        for _ in 0..batches {
            let batch = producer.tick(Utc::now()).await.context("emitting a batch")?;
            let produced = &mut self.produced;
            produced.batches += 1;
            produced.creates += batch.tally.created;
            produced.updates += batch.tally.updated;
            produced.deletes += batch.tally.deleted;
            produced.recreates += batch.tally.recreated;
            *produced.by_schema_version.entry(version).or_default() += batch.records;
            super::say(&format!("batch {}: {} events in schema v{version}", batch.number, batch.tally.events()));
        }
        Ok(())
    }
}

/// Schema versions of the first and the later batches.
pub(crate) fn versions() -> (u32, u32) {
    (schemas::released()[0].version, schemas::newest().version)
}
