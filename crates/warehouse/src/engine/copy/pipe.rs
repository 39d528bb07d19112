//! What the runner of pipes needs: a pipe's COPY in the pipe's own schema, one file at a time.

use super::Copy;
use crate::{
    SessionContext, SqlError,
    catalog::{FileLoad, LoadTarget, ObjectId, Pipe},
    engine::{Engine, query::Scope},
    parse::{self, CopyInto, ObjectKind, Statement},
    pipes::{Loader, PipeFile},
    stage::StagedFile,
    storage::Snapshot,
    types::Moment,
};
use async_trait::async_trait;
use std::collections::HashMap;

impl Engine {
    async fn pipe_copy(&self, pipe: &Pipe, snapshot: Snapshot) -> Result<Copy, SqlError> {
        let engine = &self.inner;
        let (text, name) = (pipe.copy.clone(), pipe.header.name.clone());
        let scope = Scope {
            snapshot,
            context: SessionContext::new("SYSTEM", pipe.header.owner.clone()).within(&name),
            now: Moment::now(),
            specials: HashMap::new(),
            runners: engine.runners.get().cloned(),
        };
        engine.executor.run(async move { Copy::resolve(&definition(&text)?, scope) }).await
    }
}

/// The statement that a pipe was made of.
pub(in crate::engine) fn definition(text: &str) -> Result<CopyInto, SqlError> {
    let mut statements = parse::parse(text)?;
    match (statements.pop(), statements.is_empty()) {
        (Some(Statement::Copy(copy)), true) => Ok(*copy),
        _ => Err(SqlError::internal(format_args!("a pipe that holds no COPY: {text}"))),
    }
}

#[async_trait]
impl Loader for Engine {
    async fn list(&self, pipe: &Pipe, snapshot: &Snapshot) -> Result<Vec<PipeFile>, SqlError> {
        let copy = self.pipe_copy(pipe, snapshot.clone()).await?;
        let files = copy.list(&self.inner).await?.into_iter().map(|file| PipeFile {
            path: copy.path(&file.key).to_owned(),
            last_modified: Moment(file.last_modified.saturating_mul(1_000)),
            size_bytes: file.size,
            etag: file.etag,
            key: file.key,
        });
        Ok(files.collect())
    }

    async fn load(&self, pipe: ObjectId, file: &PipeFile) -> Result<FileLoad, SqlError> {
        let mut transaction = self.inner.begin().await?;
        let gone = || SqlError::does_not_exist(ObjectKind::Pipe, pipe);
        let definition: Pipe = transaction.catalog().by_id::<Pipe>(pipe).ok_or_else(gone)?.clone();
        if definition.paused {
            return Err(SqlError::not_performable(format_args!("Pipe {} is paused.", definition.header.name)));
        }
        let copy = self.pipe_copy(&definition, transaction.snapshot()).await?;
        let staged = StagedFile {
            key: file.key.clone(),
            size: file.size_bytes,
            etag: file.etag.clone(),
            last_modified: file.last_modified.0 / 1_000,
        };
        let load = copy.load(&self.inner, &staged, file.path.clone(), &mut transaction).await?;
        transaction.record_load(LoadTarget::Pipe(pipe), load.clone());
        transaction.commit().await?;
        Ok(load)
    }
}
