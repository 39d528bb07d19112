//! Several groups' rows as one: how a transaction gathers what it inserted, and how small groups become larger ones.

use super::{
    cache::Cache,
    group::{Group, appended_at, row_ids, stored_column, stored_rows, stored_schema},
};
use crate::{SqlError, catalog::Column};
use datafusion::arrow::{
    array::{Array, ArrayRef, BooleanArray, BooleanBufferBuilder, RecordBatch, UInt64Array, new_null_array},
    compute::{cast, concat_batches, filter_record_batch, sort_to_indices, take_record_batch},
    error::ArrowError,
};
use roaring::RoaringBitmap;
use std::sync::Arc;

/// The position of a row that was left out.
pub(super) const GONE: u32 = u32::MAX;

/// Rows gathered from groups, ordered by row id.
pub(super) struct Merged {
    pub(super) rows: RecordBatch,
    /// For each group given, where each of its rows is now, or [`GONE`].
    pub(super) positions: Vec<Vec<u32>>,
}

/// Gathers the rows of `groups`, each without those in its set, in the shape that `columns` have now.
pub(super) fn merge(
    columns: &[Column],
    groups: &[(Arc<Group>, RoaringBitmap)],
    cache: &Cache,
) -> Result<Merged, SqlError> {
    let schema = stored_schema(columns.iter().map(|column| (column.id, column.data_type.to_arrow())));
    let mut kept = Vec::new();
    // The rows that are kept, in the order they come: the group's index and the position in it.
    let mut origins: Vec<(usize, u32)> = Vec::new();
    for (index, (group, dropped)) in groups.iter().enumerate() {
        let mut start = 0;
        for batch in group.load(cache)?.iter() {
            let end = start + batch.num_rows() as u32;
            let current = shaped(batch, columns)?;
            let current =
                stored_rows(Arc::clone(&schema), current, row_ids(batch).clone(), appended_at(batch).clone())?;
            kept.push(match mask(start..end, dropped) {
                None => current,
                Some(mask) => filter_record_batch(&current, &mask).map_err(failed)?,
            });
            origins
                .extend((start..end).filter(|position| !dropped.contains(*position)).map(|position| (index, position)));
            start = end;
        }
    }
    let mut rows = concat_batches(&schema, &kept).map_err(failed)?;
    drop(kept);
    if !row_ids(&rows).values().is_sorted() {
        let order = sort_to_indices(row_ids(&rows), None, None).map_err(failed)?;
        rows = take_record_batch(&rows, &order).map_err(failed)?;
        origins = order.values().iter().map(|origin| origins[*origin as usize]).collect();
    }
    let mut positions: Vec<_> = groups.iter().map(|(group, _)| vec![GONE; group.meta.rows as usize]).collect();
    for (new, (group, old)) in origins.into_iter().enumerate() {
        positions[group][old as usize] = new as u32;
    }
    Ok(Merged { rows, positions })
}

/// Stored rows in the shape the table's columns have now: a column younger than the file is all NULL, one whose type was
/// widened since is converted.
pub(super) fn shaped(rows: &RecordBatch, columns: &[Column]) -> Result<Vec<ArrayRef>, SqlError> {
    columns
        .iter()
        .map(|column| {
            let wanted = column.data_type.to_arrow();
            match stored_column(rows, column.id) {
                None => Ok(new_null_array(&wanted, rows.num_rows())),
                Some(array) if *array.data_type() == wanted => Ok(Arc::clone(array)),
                Some(array) => cast(array, &wanted).map_err(failed),
            }
        })
        .collect()
}

/// Which rows of a range of positions are not in `dropped`; `None` when all of them.
pub(super) fn mask(range: std::ops::Range<u32>, dropped: &RoaringBitmap) -> Option<BooleanArray> {
    if dropped.range_cardinality(range.clone()) == 0 {
        return None;
    }
    let mut keep = BooleanBufferBuilder::new(range.len());
    keep.append_n(range.len(), true);
    for position in dropped.range(range.clone()) {
        keep.set_bit((position - range.start) as usize, false);
    }
    Some(BooleanArray::new(keep.finish(), None))
}

/// The same row ids and columns, ordered by row id.
pub(super) fn sorted(rows: RecordBatch) -> Result<RecordBatch, SqlError> {
    if row_ids(&rows).values().is_sorted() {
        return Ok(rows);
    }
    let order = sort_to_indices(row_ids(&rows) as &UInt64Array, None, None).map_err(failed)?;
    take_record_batch(&rows, &order).map_err(failed)
}

#[allow(clippy::needless_pass_by_value)] // The shape that map_err wants.
pub(super) fn failed(error: ArrowError) -> SqlError {
    SqlError::internal(format_args!("handling rows: {error}"))
}
