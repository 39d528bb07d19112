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
    common::{Result, Statistics, stats::Precision, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext},
    logical_expr::{Expr, TableType},
    physical_expr::EquivalenceProperties,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
        ReplaceChildrenOptions,
        execution_plan::{Boundedness, EmissionType},
        stream::RecordBatchStreamAdapter,
    },
};
use std::{fmt, sync::Arc};

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
        Ok(Arc::new(GroupsExec::new(partition, limit)))
    }
}

/// Reads groups one after another. Knows how many rows there are, which is what decides the side that a join builds its
/// table from.
#[derive(Debug)]
struct GroupsExec {
    partition: Arc<GroupStream>,
    limit: Option<usize>,
    properties: Arc<PlanProperties>,
}

#[derive(Debug)]
struct GroupStream {
    groups: Vec<GroupScan>,
    projection: Vec<usize>,
    stored: usize,
    kind: Kind,
    schema: SchemaRef,
}

impl GroupsExec {
    fn new(partition: GroupStream, limit: Option<usize>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&partition.schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { partition: Arc::new(partition), limit, properties: Arc::new(properties) }
    }

    fn rows(&self) -> usize {
        let rows = self.partition.groups.iter().map(GroupScan::rows).sum::<usize>();
        self.limit.map_or(rows, |limit| rows.min(limit))
    }
}

impl DisplayAs for GroupsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GroupStream { groups, kind, .. } = self.partition.as_ref();
        write!(f, "GroupsExec: {kind:?}, groups={}, rows={}", groups.len(), self.rows())
    }
}

impl ExecutionPlan for GroupsExec {
    fn name(&self) -> &'static str {
        "GroupsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        Ok(self.partition.open(self.limit))
    }

    fn partition_statistics(&self, _: Option<usize>) -> Result<Arc<Statistics>> {
        let statistics = Statistics::new_unknown(&self.partition.schema);
        Ok(Arc::new(statistics.with_num_rows(Precision::Inexact(self.rows()))))
    }
}

impl GroupStream {
    fn open(&self, limit: Option<usize>) -> SendableRecordBatchStream {
        let reader = Reader {
            projection: self.projection.clone(),
            stored: self.stored,
            kind: self.kind,
            schema: Arc::clone(&self.schema),
        };
        let mut left = limit.unwrap_or(usize::MAX);
        let batches = self.groups.clone().into_iter().flat_map(move |group| match reader.read(&group) {
            Ok(batches) => batches.into_iter().map(Ok).collect::<Vec<_>>(),
            Err(error) => vec![Err(external(error))],
        });
        let batches = batches.map_while(move |batch| {
            if left == 0 {
                return None;
            }
            Some(batch.map(|batch| {
                let batch = batch.slice(0, batch.num_rows().min(left));
                left -= batch.num_rows();
                batch
            }))
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
