//! ALTER of stages, tasks, pipes and warehouses.

use super::{
    create::{credentials, schedule, stage_format},
    require_suspended,
};
use crate::{
    SessionContext, SqlError,
    catalog::{Catalog, Pipe, QualifiedName, Stage, Task, TaskState, Warehouse},
    parse::{AlterTask, AlterWarehouse, StageOptions},
    storage::Transaction,
    types::Moment,
};

pub(super) fn stage(
    transaction: &mut Transaction,
    context: &SessionContext,
    name: &QualifiedName,
    options: &StageOptions,
) -> Result<(), SqlError> {
    let format = options.file_format.as_ref().map(|format| stage_format(transaction, context, format)).transpose()?;
    transaction.catalog_mut().update(name, |stage: &mut Stage| {
        if let Some(url) = &options.url {
            stage.url = Some(url.clone());
        }
        if let Some(given) = &options.credentials {
            stage.credentials = Some(credentials(given));
        }
        if let Some(format) = format {
            stage.file_format = Some(format);
        }
    })
}

pub(super) fn task(catalog: &mut Catalog, name: &QualifiedName, action: &AlterTask) -> Result<(), SqlError> {
    if !matches!(action, AlterTask::Resume | AlterTask::Suspend) {
        require_suspended(catalog.get::<Task>(name)?)?;
    }
    catalog.update(name, |task: &mut Task| match action {
        AlterTask::Resume if task.state == TaskState::Suspended => {
            task.state = TaskState::Started;
            task.last_committed_on = Some(Moment::now());
            task.failures_in_a_row = 0;
        }
        AlterTask::Suspend if task.state == TaskState::Started => {
            task.state = TaskState::Suspended;
            task.last_suspended_on = Some(Moment::now());
        }
        AlterTask::Resume | AlterTask::Suspend => {}
        AlterTask::Set(options) => {
            if options.warehouse.is_some() {
                task.warehouse.clone_from(&options.warehouse);
            }
            if options.managed_initial_warehouse_size.is_some() {
                task.managed_initial_warehouse_size.clone_from(&options.managed_initial_warehouse_size);
            }
            if let Some(given) = &options.schedule {
                task.schedule = Some(schedule(given));
            }
            task.allow_overlapping_execution = options.allow_overlapping_execution.or(task.allow_overlapping_execution);
            task.suspend_after_failures = options.suspend_after_failures.or(task.suspend_after_failures);
            task.timeout = options.timeout.or(task.timeout);
        }
        AlterTask::ModifyDefinition(definition) => task.definition.clone_from(definition),
        AlterTask::ModifyCondition(condition) => task.condition = Some(condition.text.clone()),
        AlterTask::RemoveCondition => task.condition = None,
    })
}

pub(super) fn pause(catalog: &mut Catalog, name: &QualifiedName, paused: bool) -> Result<(), SqlError> {
    catalog.update(name, |pipe: &mut Pipe| pipe.paused = paused)
}

pub(super) fn warehouse(catalog: &mut Catalog, name: &QualifiedName, action: &AlterWarehouse) -> Result<(), SqlError> {
    let is_suspended = catalog.get::<Warehouse>(name)?.suspended;
    let refused = |state: &str| {
        Err(SqlError::invalid_warehouse_state(format_args!("Invalid state. Warehouse '{name}' cannot be {state}.")))
    };
    match action {
        AlterWarehouse::Resume { if_suspended: false } if !is_suspended => return refused("resumed"),
        AlterWarehouse::Suspend if is_suspended => return refused("suspended"),
        _ => {}
    }
    catalog.update(name, |warehouse: &mut Warehouse| match action {
        AlterWarehouse::Resume { .. } => warehouse.suspended = false,
        AlterWarehouse::Suspend => warehouse.suspended = true,
        AlterWarehouse::Set(options) => {
            if options.size.is_some() {
                warehouse.size.clone_from(&options.size);
            }
            warehouse.auto_suspend_seconds = options.auto_suspend_seconds.or(warehouse.auto_suspend_seconds);
            warehouse.auto_resume = options.auto_resume.or(warehouse.auto_resume);
        }
    })
}
