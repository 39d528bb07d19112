//! CREATE, ALTER, DROP and COMMENT: statements that change the catalogue, carried out on a transaction.
//!
//! What needs a query planned is the engine's: it checks a view's query before [`create`], and it runs CREATE TABLE … AS
//! by [`create_table_as`] and an INSERT.

mod alter;
mod create;
mod table;
#[cfg(test)]
mod tests;

pub use create::{create, create_table_as};

use crate::{
    SessionContext, SqlError,
    catalog::{Catalog, Object, QualifiedName, Table, Task, TaskState, View, quoted},
    parse::{Alter, AlterAction, AlterPipe, Comment, Drop, ObjectKind, Use},
    storage::Transaction,
};

/// What a statement did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The one row of the answer.
    pub status: String,
    /// What the session uses from now on: CREATE DATABASE and CREATE SCHEMA choose what they created.
    pub uses: Option<Use>,
}

impl Outcome {
    fn new(status: impl Into<String>) -> Self {
        Self { status: status.into(), uses: None }
    }

    fn altered() -> Self {
        Self::new("Statement executed successfully.")
    }
}

/// ALTER of any object.
///
/// # Errors
/// 002003 when it is not there, unless the statement says IF EXISTS; the action's own otherwise.
pub fn alter(transaction: &mut Transaction, context: &SessionContext, alter: &Alter) -> Result<Outcome, SqlError> {
    let kind = kind_of(&alter.action);
    let name = context.resolve(kind, &alter.name)?;
    if !exists(transaction.catalog(), kind, &name)? {
        return absent(alter.if_exists, kind, &name, "Statement executed successfully.".to_owned());
    }
    match &alter.action {
        AlterAction::Table(action) => table::alter(transaction, &name, action)?,
        AlterAction::Stage(options) => alter::stage(transaction, context, &name, options)?,
        AlterAction::Task(action) => alter::task(transaction.catalog_mut(), &name, action)?,
        AlterAction::Pipe(AlterPipe::SetPaused(paused)) => {
            alter::pause(transaction.catalog_mut(), &name, *paused)?;
        }
        AlterAction::Pipe(AlterPipe::Refresh { .. }) => {
            let hint = "Every file of the stage that the pipe has not loaded is found by itself.";
            return Err(SqlError::unsupported("ALTER PIPE … REFRESH", hint));
        }
        AlterAction::Warehouse(action) => alter::warehouse(transaction.catalog_mut(), &name, action)?,
        AlterAction::Comment { kind, comment } => {
            transaction.catalog_mut().set_comment(*kind, &name, comment.clone())?;
        }
        AlterAction::Rename { kind: ObjectKind::Database | ObjectKind::Schema, .. } => {
            return Err(SqlError::unsupported(format_args!("ALTER {} RENAME", kind.keyword()), "Create it anew."));
        }
        AlterAction::Rename { kind, to } => {
            let to = context.resolve(*kind, to)?;
            transaction.catalog_mut().rename(*kind, &name, &to)?;
        }
    }
    Ok(Outcome::altered())
}

/// DROP of any object. RESTRICT and CASCADE differ only for foreign keys, which no table has here.
///
/// # Errors
/// 002003 when it is not there, unless the statement says IF EXISTS; 002203 when the name is another kind's.
pub fn drop(transaction: &mut Transaction, context: &SessionContext, drop: &Drop) -> Result<Outcome, SqlError> {
    let name = context.resolve(drop.kind, &drop.name)?;
    if !exists(transaction.catalog(), drop.kind, &name)? {
        let status = format!("Drop statement executed successfully ({} already dropped).", quoted(&name.name));
        return absent(drop.if_exists, drop.kind, &name, status);
    }
    transaction.catalog_mut().remove(drop.kind, &name)?;
    Ok(Outcome::new(format!("{} successfully dropped.", quoted(&name.name))))
}

/// COMMENT ON an object or a column.
///
/// # Errors
/// 002003 or 000904 when it is not there, unless the statement says IF EXISTS.
pub fn comment(
    transaction: &mut Transaction,
    context: &SessionContext,
    comment: &Comment,
) -> Result<Outcome, SqlError> {
    let name = context.resolve(comment.kind, &comment.name)?;
    let catalog = transaction.catalog_mut();
    if !exists(catalog, comment.kind, &name)? {
        return absent(comment.if_exists, comment.kind, &name, Outcome::altered().status);
    }
    let text = Some(comment.comment.clone());
    let Some(column) = &comment.column else {
        catalog.set_comment(comment.kind, &name, text)?;
        return Ok(Outcome::altered());
    };
    let mut found = false;
    match comment.kind {
        ObjectKind::Table => catalog.update(&name, |table: &mut Table| {
            for known in table.columns.iter_mut().filter(|known| known.name == *column) {
                known.comment.clone_from(&text);
                found = true;
            }
        })?,
        ObjectKind::View => catalog.update(&name, |view: &mut View| {
            for known in view.columns.iter_mut().filter(|known| known.name == *column) {
                known.comment.clone_from(&text);
                found = true;
            }
        })?,
        _ => return Err(SqlError::syntax(format_args!("a {} has no columns", comment.kind))),
    }
    if found { Ok(Outcome::altered()) } else { Err(SqlError::invalid_identifier(quoted(column))) }
}

fn kind_of(action: &AlterAction) -> ObjectKind {
    match action {
        AlterAction::Table(_) => ObjectKind::Table,
        AlterAction::Stage(_) => ObjectKind::Stage,
        AlterAction::Task(_) => ObjectKind::Task,
        AlterAction::Pipe(_) => ObjectKind::Pipe,
        AlterAction::Warehouse(_) => ObjectKind::Warehouse,
        AlterAction::Comment { kind, .. } | AlterAction::Rename { kind, .. } => *kind,
    }
}

/// Whether the name is an object of this kind.
fn exists(catalog: &Catalog, kind: ObjectKind, name: &QualifiedName) -> Result<bool, SqlError> {
    match catalog.holder(kind, name) {
        None => Ok(false),
        Some(object) if object.kind() == kind => Ok(true),
        Some(other) => Err(SqlError::wrong_kind(other.kind(), kind)),
    }
}

/// The answer for an object that is not there.
fn absent(if_exists: bool, kind: ObjectKind, name: &QualifiedName, status: String) -> Result<Outcome, SqlError> {
    if if_exists { Ok(Outcome::new(status)) } else { Err(SqlError::does_not_exist(kind, name)) }
}

/// A task may be changed only while it does not run by itself (docs.snowflake.com, ALTER TASK and tasks-graphs).
fn require_suspended(task: &Task) -> Result<(), SqlError> {
    if task.state == TaskState::Suspended {
        return Ok(());
    }
    let name = &task.header.name;
    Err(SqlError::not_suspended(format_args!(
        "Unable to update graph with root task {name} since that root task is not suspended."
    )))
}

/// Whether the name of something to be created is free, once OR REPLACE has made it so. False: it is there, and IF NOT
/// EXISTS leaves it.
fn make_room(
    catalog: &mut Catalog,
    mode: crate::parse::CreateMode,
    kind: ObjectKind,
    name: &QualifiedName,
) -> Result<bool, SqlError> {
    use crate::parse::CreateMode;
    let holder = catalog.holder(kind, name).map(Object::kind);
    match (holder, mode) {
        (None, _) => Ok(true),
        (Some(held), CreateMode::OrReplace) if held == kind => catalog.remove(kind, name).map(|()| true),
        (Some(held), CreateMode::IfNotExists) if held == kind => Ok(false),
        (Some(held), _) if held != kind => Err(SqlError::already_exists_as(name, held)),
        (Some(_), _) => Err(SqlError::already_exists(name)),
    }
}
