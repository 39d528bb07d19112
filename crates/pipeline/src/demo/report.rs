//! What the demo found, for people and for machines.

use super::stages::Stages;
use serde::Serialize;
use std::collections::BTreeMap;
use testkit::{
    Tables,
    model::{Change, HistoryRow},
};

/// Counts at every stage, in the order of the flow.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Report {
    pub matches_reference: bool,
    /// What differs from the reference model, a line each; empty when nothing does.
    pub differences: Vec<String>,
    /// Wall time from the start of the process, in seconds.
    pub seconds: f64,
    pub deployer: Deployed,
    pub producer: Produced,
    pub kafka: Logged,
    pub sink: Written,
    pub pipe: Loaded,
    pub tasks: Merged,
    pub tables: Held,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Deployed {
    pub objects_created: usize,
    /// What a second `apply` changed: nothing.
    pub changes_on_second_apply: usize,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Produced {
    pub batches: usize,
    pub creates: u64,
    pub updates: u64,
    pub deletes: u64,
    pub recreates: u64,
    /// Records by the version of the schema they were written with.
    pub by_schema_version: BTreeMap<u32, u64>,
    /// Records sent beside the producer's own, to show what becomes of them.
    pub duplicates: u64,
    pub late: u64,
    pub poison: u64,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Logged {
    pub topic: String,
    pub partitions: usize,
    pub records: u64,
    pub dead_letters: u64,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Written {
    pub files: u64,
    pub rows: u64,
    pub bytes: u64,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Loaded {
    pub files: u64,
    pub rows: u64,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Merged {
    pub succeeded: u64,
    pub skipped: u64,
    pub failed: u64,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Held {
    pub customers: usize,
    pub live: usize,
    pub deleted: usize,
    pub history_rows: usize,
    pub versions: usize,
    pub rejected: usize,
}

impl Merged {
    /// From the warehouse's own history of task runs.
    pub(crate) async fn of(stages: &Stages) -> anyhow::Result<Self> {
        let database = &stages.variables().database;
        let runs = format!(
            "SELECT STATE, COUNT(*) FROM TABLE({database}.INFORMATION_SCHEMA.TASK_HISTORY(RESULT_LIMIT => 10000)) GROUP BY STATE"
        );
        let mut merged = Self::default();
        for row in stages.rows(&runs).await?.rows {
            let [Some(state), Some(count)] = row.as_slice() else { continue };
            let count = count.parse()?;
            match state.as_str() {
                "SUCCEEDED" => merged.succeeded = count,
                "SKIPPED" => merged.skipped = count,
                "FAILED" | "FAILED_AND_AUTO_SUSPENDED" => merged.failed += count,
                _ => {}
            }
        }
        Ok(merged)
    }
}

impl Held {
    pub(crate) fn of(tables: &Tables) -> Self {
        let live = tables.customers.iter().filter(|customer| !customer.is_deleted).count();
        let is_version = |row: &&HistoryRow| matches!(row.change, Change::Create | Change::Update);
        Self {
            customers: tables.customers.len(),
            live,
            deleted: tables.customers.len() - live,
            history_rows: tables.history.len(),
            versions: tables.history.iter().filter(is_version).count(),
            rejected: tables.rejected.len(),
        }
    }
}
