//! A staged file as a relation: `$1` is the record as one VARIANT, the METADATA$ columns say where it came from. The
//! relation is planned once; which file it is gets filled in before each run.

use crate::{
    SqlError,
    engine::{plan::external, variant},
    stage::records,
    types::Moment,
};
use async_trait::async_trait;
use bytes::{Buf, Bytes};
use datafusion::{
    arrow::{
        array::{ArrayRef, Decimal128Array, LargeStringArray, RecordBatch, StringArray, TimestampMicrosecondArray},
        datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
    },
    catalog::{Session, TableProvider},
    common::Result,
    execution::{SendableRecordBatchStream, TaskContext},
    logical_expr::{Expr, TableType},
    physical_plan::{
        ExecutionPlan,
        stream::RecordBatchStreamAdapter,
        streaming::{PartitionStream, StreamingTableExec},
    },
};
use std::sync::{
    Arc, LazyLock, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// What the relation is called in a transformation's query.
pub(super) const RELATION: &str = "$FILE";

/// Rows of a batch: records may be large.
const BATCH_ROWS: usize = 1_024;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("$1", DataType::LargeUtf8, true),
        Field::new("METADATA$FILENAME", DataType::Utf8, true),
        Field::new("METADATA$FILE_ROW_NUMBER", DataType::Decimal128(19, 0), true),
        Field::new("METADATA$START_SCAN_TIME", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
    ]))
});

/// The file that the relation shows now.
#[derive(Debug, Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Option<Contents>>>);

#[derive(Debug, Clone)]
struct Contents {
    bytes: Bytes,
    key: String,
    scanned_at: Moment,
    counter: Counter,
}

/// How far the reading of a file got.
#[derive(Debug, Clone, Default)]
pub(super) struct Counter {
    rows: Arc<AtomicU64>,
    broken: Arc<AtomicU64>,
}

impl Counter {
    pub(super) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// The row, from 1, that is no record.
    pub(super) fn broken_row(&self) -> Option<u64> {
        Some(self.broken.load(Ordering::Relaxed)).filter(|row| *row > 0)
    }
}

impl Slot {
    pub(super) fn fill(&self, bytes: Bytes, key: &str, scanned_at: Moment) -> Counter {
        let counter = Counter::default();
        let contents = Contents { bytes, key: key.to_owned(), scanned_at, counter: counter.clone() };
        *self.lock() = Some(contents);
        counter
    }

    fn take(&self) -> Option<Contents> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Contents>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub(super) struct FileRows(Slot);

impl FileRows {
    pub(super) fn new(slot: Slot) -> Self {
        Self(slot)
    }
}

#[async_trait]
impl TableProvider for FileRows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&SCHEMA)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = Arc::new(Rows(self.0.clone()));
        Ok(Arc::new(StreamingTableExec::try_new(Arc::clone(&SCHEMA), vec![rows], projection, None, false, limit)?))
    }
}

#[derive(Debug)]
struct Rows(Slot);

impl PartitionStream for Rows {
    fn schema(&self) -> &SchemaRef {
        &SCHEMA
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let batches = match self.0.take() {
            None => Batches::Failed(Some(SqlError::internal("a file was read twice"))),
            Some(contents) => Batches::open(&contents),
        };
        let batches = batches.map(|batch| batch.map_err(external));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&SCHEMA), futures::stream::iter(batches)))
    }
}

type Records = Box<dyn Iterator<Item = Result<String, SqlError>> + Send>;

/// A file's records, some at a time.
enum Batches {
    Open { records: Records, key: String, scanned_at: Moment, counter: Counter, row: u64 },
    Failed(Option<SqlError>),
}

impl Batches {
    fn open(contents: &Contents) -> Self {
        let Contents { bytes, key, scanned_at, counter } = contents.clone();
        match records(bytes.reader()) {
            Ok(records) => {
                let records = records.map(|record| {
                    let text = record.map_err(|error| broken(&error))?;
                    variant::canonicalize(&text).map_err(|error| broken(&error))
                });
                Self::Open { records: Box::new(records), key, scanned_at, counter, row: 0 }
            }
            Err(error) => Self::Failed(Some(broken(&error))),
        }
    }
}

/// 100084: the file is not what its format says.
fn broken(error: &dyn std::error::Error) -> SqlError {
    SqlError::new("100084", "22000", error.to_string())
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, SqlError>;

    fn next(&mut self) -> Option<Self::Item> {
        let Self::Open { records, key, scanned_at, counter, row } = self else {
            let Self::Failed(error) = self else { return None };
            return error.take().map(Err);
        };
        let mut texts = Vec::with_capacity(BATCH_ROWS);
        for record in records.by_ref().take(BATCH_ROWS) {
            match record {
                Ok(text) => texts.push(text),
                Err(error) => {
                    counter.broken.store(*row + texts.len() as u64 + 1, Ordering::Relaxed);
                    return Some(Err(error));
                }
            }
        }
        if texts.is_empty() {
            return None;
        }
        let rows = texts.len();
        let first = *row + 1;
        *row += rows as u64;
        counter.rows.store(*row, Ordering::Relaxed);
        Some(batch(texts, key, first..=*row, *scanned_at))
    }
}

fn batch(
    texts: Vec<String>,
    key: &str,
    numbers: std::ops::RangeInclusive<u64>,
    scanned_at: Moment,
) -> Result<RecordBatch, SqlError> {
    let rows = texts.len();
    let numbers = Decimal128Array::from_iter_values(numbers.map(i128::from))
        .with_precision_and_scale(19, 0)
        .map_err(SqlError::internal)?;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(LargeStringArray::from(texts)),
        Arc::new(StringArray::from(vec![key; rows])),
        Arc::new(numbers),
        Arc::new(TimestampMicrosecondArray::from(vec![scanned_at.0; rows]).with_timezone("UTC")),
    ];
    RecordBatch::try_new(Arc::clone(&SCHEMA), columns).map_err(SqlError::internal)
}
