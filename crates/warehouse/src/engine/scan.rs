//! Tables and streams as DataFusion reads them: group by group and only the columns asked for.

use crate::{
    SqlError,
    catalog::{ObjectId, Stream, Table},
    engine::plan::external,
    storage::{GroupScan, ROW_ID, Snapshot},
};
use async_trait::async_trait;
use datafusion::{
    arrow::{
        array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, StringArray, UInt64Array},
        datatypes::{DataType, Field, Schema, SchemaRef},
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
use std::sync::Arc;

/// What a stream adds to its table's columns (docs.snowflake.com, "Introduction to streams").
const STREAM_COLUMNS: [(&str, DataType); 3] =
    [("METADATA$ACTION", DataType::Utf8), ("METADATA$ISUPDATE", DataType::Boolean), (ROW_ID, DataType::Utf8)];

/// Rows of a table or stream, as of one snapshot.
#[derive(Debug)]
pub(crate) struct Scan {
    groups: Vec<GroupScan>,
    schema: SchemaRef,
    /// Columns of the table itself.
    stored: usize,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Table,
    /// The table with its hidden row ids: the target of DML.
    Target,
    Stream(ObjectId),
}

impl Scan {
    pub(crate) fn table(snapshot: &Snapshot, table: &Table) -> Result<Self, SqlError> {
        Ok(Self::new(snapshot.groups(table.id())?, columns(table), table.columns.len(), Kind::Table))
    }

    pub(crate) fn target(snapshot: &Snapshot, table: &Table) -> Result<Self, SqlError> {
        let mut fields = columns(table);
        fields.push(Field::new(ROW_ID, DataType::UInt64, false));
        Ok(Self::new(snapshot.groups(table.id())?, fields, table.columns.len(), Kind::Target))
    }

    pub(crate) fn stream(snapshot: &Snapshot, stream: &Stream) -> Result<Self, SqlError> {
        let groups = snapshot.stream(stream.header.id)?;
        let table: &Table =
            snapshot.catalog().by_id(stream.table).ok_or_else(|| SqlError::stale_stream(&stream.header.name))?;
        let mut fields = columns(table);
        fields.extend(STREAM_COLUMNS.map(|(name, data_type)| Field::new(name, data_type, false)));
        Ok(Self::new(groups, fields, table.columns.len(), Kind::Stream(stream.header.id)))
    }

    fn new(groups: Vec<GroupScan>, fields: Vec<Field>, stored: usize, kind: Kind) -> Self {
        Self { groups, schema: Arc::new(Schema::new(fields)), stored, kind }
    }

    pub(crate) fn stream_id(&self) -> Option<ObjectId> {
        match self.kind {
            Kind::Stream(id) => Some(id),
            Kind::Table | Kind::Target => None,
        }
    }
}

/// Nullable all, whatever the table declares: an outer join may add rows, and NOT NULL is checked where rows are written.
fn columns(table: &Table) -> Vec<Field> {
    table.columns.iter().map(|column| Field::new(&column.name, column.data_type.to_arrow(), true)).collect()
}

#[async_trait]
impl TableProvider for Scan {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let projection = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let schema = Arc::new(self.schema.project(&projection)?);
        let partition = GroupStream {
            groups: self.groups.clone(),
            projection,
            stored: self.stored,
            kind: self.kind,
            schema: Arc::clone(&schema),
        };
        let exec = StreamingTableExec::try_new(schema, vec![Arc::new(partition)], None, None, false, limit)?;
        Ok(Arc::new(exec))
    }
}

#[derive(Debug)]
struct GroupStream {
    groups: Vec<GroupScan>,
    projection: Vec<usize>,
    stored: usize,
    kind: Kind,
    schema: SchemaRef,
}

impl PartitionStream for GroupStream {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let reader = Reader {
            projection: self.projection.clone(),
            stored: self.stored,
            kind: self.kind,
            schema: Arc::clone(&self.schema),
        };
        let groups = self.groups.clone().into_iter();
        let batches = groups.flat_map(move |group| match reader.read(&group) {
            Ok(batches) => batches.into_iter().map(Ok).collect::<Vec<_>>(),
            Err(error) => vec![Err(external(error))],
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), futures::stream::iter(batches)))
    }
}

struct Reader {
    projection: Vec<usize>,
    stored: usize,
    kind: Kind,
    schema: SchemaRef,
}

impl Reader {
    fn read(&self, group: &GroupScan) -> Result<Vec<RecordBatch>, SqlError> {
        let mut stored = self.projection.iter().copied().filter(|at| *at < self.stored).collect::<Vec<_>>();
        // The row id is the one hidden column of storage; a stream shows it as text.
        let with_id = self.projection.iter().any(|at| self.name(*at) == Some(ROW_ID));
        if with_id {
            stored.push(self.stored);
        }
        group.read(Some(&stored))?.iter().map(|batch| self.arrange(batch, &stored)).collect()
    }

    /// The name of a column that storage does not have under the position `at`.
    fn name(&self, at: usize) -> Option<&'static str> {
        let extra = at.checked_sub(self.stored)?;
        match self.kind {
            Kind::Table => None,
            Kind::Target => Some(ROW_ID),
            Kind::Stream(_) => STREAM_COLUMNS.get(extra).map(|(name, _)| *name),
        }
    }

    fn arrange(&self, batch: &RecordBatch, stored: &[usize]) -> Result<RecordBatch, SqlError> {
        let rows = batch.num_rows();
        let column = |at: usize| stored.iter().position(|other| *other == at).map(|at| Arc::clone(batch.column(at)));
        let missing = || SqlError::internal("storage left out a column");
        let arrays = self.projection.iter().map(|at| match (self.name(*at), self.kind) {
            (None, _) => column(*at).ok_or_else(missing),
            (Some(ROW_ID), Kind::Stream(_)) => row_id_texts(&column(self.stored).ok_or_else(missing)?),
            (Some(ROW_ID), _) => column(self.stored).ok_or_else(missing),
            (Some("METADATA$ACTION"), _) => Ok(Arc::new(StringArray::from(vec!["INSERT"; rows])) as ArrayRef),
            (Some(_), _) => Ok(Arc::new(BooleanArray::from(vec![false; rows])) as ArrayRef),
        });
        let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options).map_err(SqlError::internal)
    }
}

/// Row ids as text of fixed width, as Snowflake's are.
fn row_id_texts(ids: &ArrayRef) -> Result<ArrayRef, SqlError> {
    let ids: &UInt64Array = ids.as_any().downcast_ref().ok_or_else(|| SqlError::internal("row ids of another type"))?;
    Ok(Arc::new(ids.iter().map(|id| id.map(|id| format!("{id:040x}"))).collect::<StringArray>()))
}
