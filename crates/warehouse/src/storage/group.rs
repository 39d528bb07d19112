//! Groups: immutable files of a table's rows (Arrow IPC), ordered by row id.
//!
//! A file's columns are the table's, named by column id so that renames touch no file, and two of its own: the row id, and
//! the version in which this image of the row was appended (null in the images that UPDATE writes).

use super::{Version, cache::Cache};
use crate::SqlError;
use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch, UInt64Array},
    datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type},
    ipc::{reader::FileReader, writer::FileWriter},
};
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

const ROW_ID_COLUMN: &str = "row_id";
const APPENDED_AT_COLUMN: &str = "appended_at";
/// Rows of one batch of a file: what a scan hands on at a time.
const BATCH_ROWS: usize = 8192;

/// What is known of a group without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GroupMeta {
    pub(super) id: u64,
    pub(super) rows: u32,
    /// Size of the file; of the arrays while the group is only in memory.
    pub(super) bytes: u64,
    pub(super) first_row_id: u64,
    pub(super) last_row_id: u64,
    /// How many of its rows are appends, and the least and greatest version of them.
    pub(super) appended_rows: u32,
    pub(super) appended: Option<(Version, Version)>,
}

impl GroupMeta {
    fn of(id: u64, rows: &RecordBatch) -> Result<Self, SqlError> {
        let ids = row_ids(rows);
        let appended = appended_at(rows);
        let versions = appended.iter().flatten();
        let range = versions.fold(None, |range: Option<(u64, u64)>, version| {
            Some(range.map_or((version, version), |(least, greatest)| (least.min(version), greatest.max(version))))
        });
        let (Some(first), Some(last)) = (ids.values().first(), ids.values().last()) else {
            return Err(SqlError::internal("a group of no rows"));
        };
        Ok(Self {
            id,
            rows: rows.num_rows() as u32,
            bytes: array_bytes(rows),
            first_row_id: *first,
            last_row_id: *last,
            appended_rows: (appended.len() - appended.null_count()) as u32,
            appended: range.map(|(least, greatest)| (Version(least), Version(greatest))),
        })
    }

    /// Whether the row at position `p` has the id `first_row_id + p`, so that no id needs to be read.
    fn is_contiguous(&self) -> bool {
        self.last_row_id - self.first_row_id + 1 == u64::from(self.rows)
    }
}

/// A group and where its rows are.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) meta: GroupMeta,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Memory(Arc<Vec<RecordBatch>>),
    File(GroupFile),
}

/// A file on disk, removed with the last group that reads it unless a commit record names it.
#[derive(Debug)]
struct GroupFile {
    path: PathBuf,
    keep: AtomicBool,
}

impl Drop for GroupFile {
    fn drop(&mut self) {
        if !self.keep.load(Ordering::Acquire)
            && let Err(error) = fs::remove_file(&self.path)
        {
            // Not lost: the next open removes what no record names.
            tracing::warn!(path = %self.path.display(), %error, "could not remove a file of rows");
        }
    }
}

impl Group {
    /// Rows that a transaction has not written yet; `rows` as [`physical`] makes them, ordered by row id.
    pub(super) fn in_memory(id: u64, rows: &RecordBatch) -> Result<Self, SqlError> {
        let meta = GroupMeta::of(id, rows)?;
        Ok(Self { meta, source: Source::Memory(Arc::new(slices(rows).collect())) })
    }

    /// Writes rows, ordered by row id, to a file of their own and syncs it. The folder's entry is the caller's to sync.
    /// Who writes rows mostly reads them next, so the cache gets them too.
    pub(super) fn write(id: u64, rows: &RecordBatch, folder: &Path, cache: &Cache) -> Result<Self, SqlError> {
        let mut meta = GroupMeta::of(id, rows)?;
        let path = folder.join(file_name(id));
        let failed = |what: &dyn std::fmt::Display| disk_error("write", &path, what);
        // Made first, so that whatever fails below removes what was written.
        let file = GroupFile { path: path.clone(), keep: AtomicBool::new(false) };
        let output = File::create(&path).map_err(|error| failed(&error))?;
        let mut writer =
            FileWriter::try_new(BufWriter::new(output), rows.schema_ref()).map_err(|error| failed(&error))?;
        let batches = Arc::new(slices(rows).collect::<Vec<_>>());
        for batch in batches.iter() {
            writer.write(batch).map_err(|error| failed(&error))?;
        }
        let mut output = writer.into_inner().map_err(|error| failed(&error))?;
        output.flush().map_err(|error| failed(&error))?;
        output.get_ref().sync_all().map_err(|error| failed(&error))?;
        meta.bytes = output.get_ref().metadata().map_err(|error| failed(&error))?.len();
        cache.put(id, &batches, meta.bytes as usize);
        Ok(Self { meta, source: Source::File(file) })
    }

    /// A group that a commit record names.
    pub(super) fn committed(meta: GroupMeta, folder: &Path) -> Self {
        let path = folder.join(file_name(meta.id));
        Self { meta, source: Source::File(GroupFile { path, keep: AtomicBool::new(true) }) }
    }

    /// Says whether the file outlives this value: true before the record that names it is written, false once none does.
    pub(super) fn set_kept(&self, keep: bool) {
        if let Source::File(file) = &self.source {
            file.keep.store(keep, Ordering::Release);
        }
    }

    pub(super) fn is_in_memory(&self) -> bool {
        matches!(self.source, Source::Memory(_))
    }

    /// The rows as stored, from the cache or the file.
    pub(super) fn load(&self, cache: &Cache) -> Result<Arc<Vec<RecordBatch>>, SqlError> {
        match &self.source {
            Source::Memory(batches) => Ok(Arc::clone(batches)),
            Source::File(file) => {
                if let Some(batches) = cache.get(self.meta.id) {
                    return Ok(batches);
                }
                let batches = Arc::new(read(&file.path)?);
                if batches.iter().map(RecordBatch::num_rows).sum::<usize>() != self.meta.rows as usize {
                    return Err(disk_error("read", &file.path, &"not the rows that were committed"));
                }
                cache.put(self.meta.id, &batches, self.meta.bytes as usize);
                Ok(batches)
            }
        }
    }

    /// Positions of those of `ids` (ascending, no id twice) that are rows of this group and not in `deleted`, each with
    /// its index in `ids`.
    pub(super) fn locate(
        &self,
        ids: &[u64],
        deleted: &RoaringBitmap,
        cache: &Cache,
    ) -> Result<Vec<(usize, u32)>, SqlError> {
        let start = ids.partition_point(|id| *id < self.meta.first_row_id);
        let end = ids.partition_point(|id| *id <= self.meta.last_row_id);
        if start == end || deleted.len() == u64::from(self.meta.rows) {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        if self.meta.is_contiguous() {
            for (index, id) in ids.iter().enumerate().take(end).skip(start) {
                let position = (id - self.meta.first_row_id) as u32;
                if !deleted.contains(position) {
                    found.push((index, position));
                }
            }
            return Ok(found);
        }
        let stored = RowIds::new(&self.load(cache)?);
        for (index, id) in ids.iter().enumerate().take(end).skip(start) {
            // Merging may leave several images of one row in a group; all but one of them are deleted.
            let mut position = stored.lower_bound(*id);
            while stored.get(position) == Some(*id) {
                if !deleted.contains(position) {
                    found.push((index, position));
                    break;
                }
                position += 1;
            }
        }
        Ok(found)
    }
}

/// The row ids of a group, over its batches.
struct RowIds {
    starts: Vec<u32>,
    batches: Vec<UInt64Array>,
    rows: u32,
}

impl RowIds {
    fn new(batches: &[RecordBatch]) -> Self {
        let mut rows = 0;
        let mut starts = Vec::with_capacity(batches.len());
        for batch in batches {
            starts.push(rows);
            rows += batch.num_rows() as u32;
        }
        Self { starts, batches: batches.iter().map(|batch| row_ids(batch).clone()).collect(), rows }
    }

    fn get(&self, position: u32) -> Option<u64> {
        let batch = self.starts.partition_point(|start| *start <= position).checked_sub(1)?;
        let offset = (position - self.starts[batch]) as usize;
        self.batches[batch].values().get(offset).copied()
    }

    /// The first position whose id is not less than `id`.
    fn lower_bound(&self, id: u64) -> u32 {
        let (mut low, mut high) = (0, self.rows);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle).is_some_and(|stored| stored < id) { low = middle + 1 } else { high = middle }
        }
        low
    }
}

/// The stored schema for columns with these ids and types.
pub(super) fn stored_schema(columns: impl Iterator<Item = (u32, DataType)>) -> SchemaRef {
    let hidden = [
        Field::new(ROW_ID_COLUMN, DataType::UInt64, false),
        // Nullable: an image that UPDATE wrote was never appended.
        Field::new(APPENDED_AT_COLUMN, DataType::UInt64, true),
    ];
    let columns = columns.map(|(id, data_type)| Field::new(column_name(id), data_type, true));
    Arc::new(Schema::new(columns.chain(hidden).collect::<Vec<_>>()))
}

/// Rows as stored: the table's columns, their ids and the versions they were appended in.
pub(super) fn stored_rows(
    schema: SchemaRef,
    columns: Vec<ArrayRef>,
    row_ids: UInt64Array,
    appended_at: UInt64Array,
) -> Result<RecordBatch, SqlError> {
    let mut arrays = columns;
    arrays.push(Arc::new(row_ids));
    arrays.push(Arc::new(appended_at));
    RecordBatch::try_new(schema, arrays).map_err(|error| SqlError::internal(format_args!("storing rows: {error}")))
}

/// The stored column with this id; `None` in files older than the column.
pub(super) fn stored_column(rows: &RecordBatch, id: u32) -> Option<&ArrayRef> {
    rows.column_by_name(&column_name(id))
}

pub(super) fn row_ids(rows: &RecordBatch) -> &UInt64Array {
    rows.column(rows.num_columns() - 2).as_primitive::<UInt64Type>()
}

pub(super) fn appended_at(rows: &RecordBatch) -> &UInt64Array {
    rows.column(rows.num_columns() - 1).as_primitive::<UInt64Type>()
}

/// The id of the group whose file has this name; `None` for any other file.
pub(super) fn group_of_file(name: &str) -> Option<u64> {
    name.strip_suffix(".arrow")?.parse().ok()
}

/// Bytes that the rows themselves take, however large the buffers they are slices of.
pub(super) fn array_bytes(rows: &RecordBatch) -> u64 {
    let bytes = |array: &ArrayRef| array.to_data().get_slice_memory_size().unwrap_or(array.get_array_memory_size());
    rows.columns().iter().map(|array| bytes(array) as u64).sum()
}

fn file_name(id: u64) -> String {
    format!("{id}.arrow")
}

fn column_name(id: u32) -> String {
    format!("c{id}")
}

fn slices(rows: &RecordBatch) -> impl Iterator<Item = RecordBatch> {
    let total = rows.num_rows();
    (0..total).step_by(BATCH_ROWS).map(move |start| rows.slice(start, BATCH_ROWS.min(total - start)))
}

fn read(path: &Path) -> Result<Vec<RecordBatch>, SqlError> {
    let failed = |what: &dyn std::fmt::Display| disk_error("read", path, what);
    let file = File::open(path).map_err(|error| failed(&error))?;
    let reader = FileReader::try_new(BufReader::new(file), None).map_err(|error| failed(&error))?;
    reader.collect::<Result<_, _>>().map_err(|error| failed(&error))
}

pub(super) fn disk_error(tried: &str, path: &Path, error: &dyn std::fmt::Display) -> SqlError {
    SqlError::internal(format_args!("cannot {tried} {}: {error}", path.display()))
}
