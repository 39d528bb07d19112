//! `COPY INTO table FROM …`: which files to load, and each of them in one go. Pipes load through the same code, a file at
//! a time (see `pipe`).

mod file;
mod pipe;
mod statement;

pub(in crate::engine) use pipe::definition;

use crate::{
    SqlError,
    catalog::{FileFormat, FileLoad, LoadStatus, Stage, StageFormat},
    engine::{
        EngineInner,
        dml::{Target, insert::stored, parse_query},
        plan::Names,
        query::{Query, Scope},
        rewrite,
    },
    parse::{self, CopyInto, FileFormatRef, ObjectKind, OnError},
    stage::{Location, StagedFile},
    storage::Transaction,
    types::Moment,
};
use datafusion::{
    logical_expr::LogicalPlan,
    sql::sqlparser::ast::{self as sql, ObjectName},
};
use file::{FileRows, Slot};
use regex::Regex;
use std::sync::Arc;

/// Batches on their way from the file to the transaction: few, since each waits in memory.
const BATCHES_AHEAD: usize = 2;

/// A COPY whose names are resolved.
pub(crate) struct Copy {
    target: Target,
    location: Location,
    /// `s3://bucket/prefix/` of the stage itself, as results and histories show it.
    url: String,
    /// What the keys of the stage's files begin with.
    stage_prefix: String,
    files: Vec<String>,
    pattern: Option<Regex>,
    on_error: Option<OnError>,
    force: bool,
    /// The transformation, in the target's shape, over the rows in `slot`.
    plan: LogicalPlan,
    slot: Slot,
}

impl Copy {
    /// Blocks on planning: to be called on the engine's own threads.
    pub(crate) fn resolve(copy: &CopyInto, scope: Scope) -> Result<Self, SqlError> {
        let stage_name = scope.context.resolve(ObjectKind::Stage, &copy.source.stage)?;
        let stage: Stage = scope.snapshot.catalog().get::<Stage>(&stage_name)?.clone();
        check_format(copy, &stage, &scope)?;
        if copy.on_error == Some(OnError::Continue) {
            return Err(SqlError::unsupported("ON_ERROR = CONTINUE", "Use SKIP_FILE or ABORT_STATEMENT."));
        }
        let pattern = copy.pattern.as_ref().map(|pattern| {
            Regex::new(&format!("^(?:{pattern})$"))
                .map_err(|error| SqlError::invalid_value(format_args!("PATTERN '{pattern}': {error}")))
        });
        let table = ObjectName::from(super::objects::name_idents(&copy.table));
        let (target, scope) = Target::resolve(&table, None, scope)?;
        let slot = Slot::default();
        let scope = scope.with(file::RELATION, Arc::new(FileRows::new(slot.clone())));
        let plan = transformation(copy, &target, &scope)?;
        Ok(Self {
            target,
            location: Location::of(&stage, &copy.source.path)?,
            stage_prefix: Location::of(&stage, "")?.prefix,
            url: stage.url.unwrap_or_default(),
            files: copy.files.clone(),
            pattern: pattern.transpose()?,
            on_error: copy.on_error,
            force: copy.force,
            plan,
            slot,
        })
    }

    /// A key's path below the stage's own location.
    fn path<'a>(&self, key: &'a str) -> &'a str {
        key.strip_prefix(&self.stage_prefix).unwrap_or(key)
    }

    /// The files that the statement names, loaded before or not.
    async fn list(&self, engine: &EngineInner) -> Result<Vec<StagedFile>, SqlError> {
        let mut files = engine.files.list(&self.location, None).await?;
        if !self.files.is_empty() {
            files.retain(|file| {
                let below = file.key.strip_prefix(&self.location.prefix).unwrap_or(&file.key);
                self.files.iter().any(|named| named == below || named.trim_start_matches('/') == below)
            });
        }
        if let Some(pattern) = &self.pattern {
            files.retain(|file| pattern.is_match(self.path(&file.key)));
        }
        // Placeholders for folders hold nothing.
        files.retain(|file| !(file.key.ends_with('/') && file.size == 0));
        Ok(files)
    }

    /// Appends a file's rows to the transaction. What is wrong with the file itself is told by the answer's status, and
    /// then the transaction holds nothing of it; everything else is an error.
    async fn load(
        &self,
        engine: &Arc<EngineInner>,
        file: &StagedFile,
        name: String,
        transaction: &mut Transaction,
    ) -> Result<FileLoad, SqlError> {
        let received_at = Moment::now();
        let bytes = engine.files.read(&self.location, &file.key).await?;
        let counter = self.slot.fill(bytes, &file.key, received_at);
        let before = transaction.savepoint();
        let outcome = self.append(engine, transaction).await;
        let mut load = FileLoad {
            file: name,
            location: self.url.clone(),
            etag: Some(file.etag.clone()),
            size_bytes: file.size,
            last_modified: Some(Moment(file.last_modified.saturating_mul(1_000))),
            received_at,
            loaded_at: Moment::now(),
            status: LoadStatus::Loaded,
            rows_parsed: counter.rows(),
            rows_loaded: 0,
            errors: 0,
            first_error: None,
            first_error_row: None,
            first_error_column: None,
        };
        match outcome {
            Ok(rows) => load.rows_loaded = rows,
            Err(error) => {
                transaction.rollback_to(before);
                if error.code == SqlError::internal("").code {
                    return Err(error);
                }
                load.status = LoadStatus::Failed;
                load.errors = 1;
                load.first_error_row = counter.broken_row();
                load.first_error = Some(error.message);
            }
        }
        Ok(load)
    }

    async fn append(&self, engine: &Arc<EngineInner>, transaction: &mut Transaction) -> Result<u64, SqlError> {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(BATCHES_AHEAD);
        let query = Query::of(self.plan.clone())?;
        let streaming = {
            let engine = Arc::clone(engine);
            async move { query.stream(&engine.state, sender).await }
        };
        let streaming = engine.executor.run(streaming);
        tokio::pin!(streaming);
        let mut rows = 0;
        let mut finished = None;
        loop {
            let batch = tokio::select! {
                batch = receiver.recv() => batch,
                outcome = &mut streaming, if finished.is_none() => {
                    finished = Some(outcome);
                    continue;
                }
            };
            let Some(batch) = batch else { break };
            rows += batch.num_rows() as u64;
            transaction.insert(self.target.id(), &self.target.rows(batch.columns().to_vec())?)?;
        }
        match finished {
            Some(outcome) => outcome?,
            None => streaming.await?,
        }
        Ok(rows)
    }
}

/// COPY's format is the statement's, else the stage's; without either it would be CSV on Snowflake.
fn check_format(copy: &CopyInto, stage: &Stage, scope: &Scope) -> Result<(), SqlError> {
    let name = match (&copy.file_format, &stage.file_format) {
        (Some(FileFormatRef::Inline(parse::FileFormat::Avro)), _) | (None, Some(StageFormat::Avro)) => return Ok(()),
        (Some(FileFormatRef::Named(name)), _) => scope.context.resolve(ObjectKind::FileFormat, name)?,
        (None, Some(StageFormat::Named(name))) => name.clone(),
        (None, None) => {
            return Err(SqlError::unsupported("files of type CSV, the default", "Say FILE_FORMAT = (TYPE = AVRO)."));
        }
    };
    scope.snapshot.catalog().get::<FileFormat>(&name).map(drop)
}

/// `SELECT items FROM file` in the target's shape. Without a transformation an Avro record is the one VARIANT column.
fn transformation(copy: &CopyInto, target: &Target, scope: &Scope) -> Result<LogicalPlan, SqlError> {
    let mut query = parse_query(&format!("SELECT $1 FROM \"{}\" AS \"T\"", file::RELATION))?;
    let sql::SetExpr::Select(select) = query.body.as_mut() else {
        return Err(SqlError::internal("a template without SELECT"));
    };
    if let Some(transformation) = &copy.transformation {
        select.projection.clone_from(&transformation.items);
        for (number, item) in select.projection.iter_mut().enumerate() {
            name_item(number, item);
        }
        if let (Some(alias), Some(from)) = (&transformation.alias, select.from.first_mut())
            && let sql::TableFactor::Table { alias: Some(named), .. } = &mut from.relation
        {
            named.name = rewrite::identifier(alias.as_str());
        }
    } else if target.table.columns.len() != 1 {
        return Err(SqlError::unsupported(
            "COPY of AVRO files into several columns without a SELECT",
            "Write FROM (SELECT $1:… FROM @stage).",
        ));
    }
    rewrite::rewrite_copy(&mut query, &scope.surroundings())?;
    let plan = Names::of(scope).plan(query)?;
    let columns = if copy.columns.is_empty() {
        (0..plan.schema().fields().len().min(target.table.columns.len())).collect()
    } else {
        let names = copy.columns.iter().map(|name| ObjectName::from(vec![rewrite::identifier(name.as_str())]));
        target.positions(&names.collect::<Vec<_>>())?
    };
    stored(target, &columns, plan, scope)
}

/// Two items may be the same expression, which needs two names.
fn name_item(number: usize, item: &mut sql::SelectItem) {
    if let sql::SelectItem::UnnamedExpr(expr) = item {
        let expr = expr.clone();
        *item = sql::SelectItem::ExprWithAlias { expr, alias: rewrite::identifier(format!("{number}")) };
    }
}
