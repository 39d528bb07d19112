//! Reading a table's rows or a stream's, group by group.

use super::{
    Inner, Version,
    group::{Group, appended_at, row_ids},
    merge::{failed, mask, shaped},
};
use crate::{SqlError, catalog::Column};
use datafusion::arrow::{
    array::{BooleanArray, RecordBatch, RecordBatchOptions},
    compute::filter_record_batch,
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use roaring::RoaringBitmap;
use std::sync::Arc;

/// The hidden last column of every scan: a `UInt64` that stays with a row through updates.
pub const ROW_ID: &str = "METADATA$ROW_ID";

/// One group's rows, read when asked for, so that a scan holds few groups in memory.
#[derive(Debug, Clone)]
pub struct GroupScan {
    pub(super) group: Arc<Group>,
    pub(super) columns: Arc<[Column]>,
    pub(super) schema: SchemaRef,
    pub(super) pick: Pick,
    /// Last, so that the folder stays open for as long as the group may remove its file.
    pub(super) store: Arc<Inner>,
}

/// Which of a group's rows a scan returns.
#[derive(Debug, Clone)]
pub(super) enum Pick {
    /// All but these.
    Live(Arc<RoaringBitmap>),
    /// Those appended after the first version and not after the second.
    Appended(Version, Version),
}

/// The schema of a scan of these columns: all nullable, whatever the table declares, as a stream still has rows from
/// before a column became NOT NULL.
pub(super) fn scan_schema(columns: &[Column]) -> SchemaRef {
    let fields = columns.iter().map(|column| Field::new(&column.name, column.data_type.to_arrow(), true));
    let row_id = Field::new(ROW_ID, DataType::UInt64, false);
    Arc::new(Schema::new(fields.chain([row_id]).collect::<Vec<_>>()))
}

impl GroupScan {
    /// At most how many rows [`read`](Self::read) returns; exactly how many in a scan of a table.
    pub fn rows(&self) -> usize {
        match &self.pick {
            Pick::Live(deleted) => self.group.meta.rows as usize - deleted.len() as usize,
            Pick::Appended(..) => self.group.meta.appended_rows as usize,
        }
    }

    /// The rows, in batches of at most some thousands: the table's columns and [`ROW_ID`], or those of them at the
    /// positions in `projection`. Blocks on the disk.
    pub fn read(&self, projection: Option<&[usize]>) -> Result<Vec<RecordBatch>, SqlError> {
        let mut output = Vec::new();
        let mut start = 0;
        for stored in self.group.load(&self.store.cache)?.iter() {
            let end = start + stored.num_rows() as u32;
            let batch = self.project(stored, projection)?;
            let mask = match &self.pick {
                Pick::Live(deleted) => mask(start..end, deleted),
                Pick::Appended(after, upto) => appended_mask(stored, *after, *upto),
            };
            let batch = match mask {
                None => batch,
                Some(mask) => filter_record_batch(&batch, &mask).map_err(failed)?,
            };
            if batch.num_rows() > 0 {
                output.push(batch);
            }
            start = end;
        }
        Ok(output)
    }

    fn project(&self, stored: &RecordBatch, projection: Option<&[usize]>) -> Result<RecordBatch, SqlError> {
        let Some(projection) = projection else {
            let mut arrays = shaped(stored, &self.columns)?;
            arrays.push(Arc::new(row_ids(stored).clone()));
            return RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(failed);
        };
        let schema = self.schema.project(projection).map_err(failed)?;
        let mut arrays = Vec::with_capacity(projection.len());
        for position in projection {
            match self.columns.get(*position) {
                Some(column) => arrays.append(&mut shaped(stored, std::slice::from_ref(column))?),
                None => arrays.push(Arc::new(row_ids(stored).clone())),
            }
        }
        let rows = RecordBatchOptions::new().with_row_count(Some(stored.num_rows()));
        RecordBatch::try_new_with_options(Arc::new(schema), arrays, &rows).map_err(failed)
    }
}

/// Which rows were appended within `(after, upto]`; `None` when all of them.
fn appended_mask(stored: &RecordBatch, after: Version, upto: Version) -> Option<BooleanArray> {
    let versions = appended_at(stored);
    let within = |version: Option<u64>| version.is_some_and(|version| version > after.0 && version <= upto.0);
    if versions.iter().all(within) {
        return None;
    }
    Some(versions.iter().map(|version| Some(within(version))).collect())
}
