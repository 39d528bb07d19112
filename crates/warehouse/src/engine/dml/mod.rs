//! INSERT, UPDATE, DELETE and MERGE. Each becomes one query whose rows say what to write; only when it has run to its end
//! is anything changed, in one go. So a statement that fails or is abandoned has done nothing.

mod delete;
pub(crate) mod insert;
mod merge;
mod target;
mod update;

pub(crate) use target::{Target, parse_query};

use super::query::Scope;
use crate::{
    SqlError,
    catalog::{ObjectId, TableId},
    parse::Statement,
    result::{QueryResult, StatementKind},
    storage::Transaction,
};
use datafusion::{arrow::array::RecordBatch, execution::SessionState};
use std::collections::BTreeSet;

/// What a statement wants to write.
#[derive(Debug)]
pub(crate) struct Changes {
    pub(crate) kind: StatementKind,
    pub(crate) table: TableId,
    pub(crate) inserts: Vec<RecordBatch>,
    pub(crate) updates: Vec<(Vec<u64>, RecordBatch)>,
    pub(crate) deletes: Vec<u64>,
    /// Streams that were read, whichever of their rows were kept.
    pub(crate) streams: BTreeSet<ObjectId>,
    /// What the client is told.
    pub(crate) counts: Vec<(&'static str, u64)>,
}

impl Changes {
    fn new(kind: StatementKind, table: TableId, streams: BTreeSet<ObjectId>) -> Self {
        Self { kind, table, inserts: Vec::new(), updates: Vec::new(), deletes: Vec::new(), streams, counts: Vec::new() }
    }

    pub(crate) fn apply(&self, transaction: &mut Transaction) -> Result<QueryResult, SqlError> {
        for rows in &self.inserts {
            transaction.insert(self.table, rows)?;
        }
        for (ids, rows) in &self.updates {
            transaction.update(self.table, ids, rows)?;
        }
        if !self.deletes.is_empty() {
            transaction.delete(self.table, &self.deletes)?;
        }
        for stream in &self.streams {
            transaction.consume_stream(*stream)?;
        }
        QueryResult::counts(self.kind, &self.counts)
    }
}

/// Finds out what a DML statement writes.
pub(crate) async fn changes(statement: Statement, scope: Scope, state: &SessionState) -> Result<Changes, SqlError> {
    match statement {
        Statement::Insert(insert) => insert::changes(*insert, scope, state).await,
        Statement::Update(update) => update::changes(*update, scope, state).await,
        Statement::Delete(delete) => delete::changes(*delete, scope, state).await,
        Statement::Merge(merge) => merge::changes(*merge, scope, state).await,
        other => Err(SqlError::internal(format_args!("not a DML statement: {other:?}"))),
    }
}

/// Rows that have the target's shape already, to be inserted.
pub(crate) fn written(target: &Target, rows: &[RecordBatch], streams: BTreeSet<ObjectId>) -> Result<Changes, SqlError> {
    let mut changes = Changes::new(StatementKind::Insert, target.id(), streams);
    for batch in rows.iter().filter(|batch| batch.num_rows() > 0) {
        changes.inserts.push(target.rows(batch.columns().to_vec())?);
    }
    let count = rows.iter().map(|batch| batch.num_rows() as u64).sum();
    changes.counts.push(("number of rows inserted", count));
    Ok(changes)
}

fn unsupported(feature: impl std::fmt::Display) -> SqlError {
    SqlError::unsupported(feature, "")
}
