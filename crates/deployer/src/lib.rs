//! The warehouse as sql/ says it should be. [`plan`] compares with what SHOW and DESCRIBE say, not with a memory of its own,
//! so that drift made by hand shows; [`apply`] executes the difference and changes nothing when run again. What would lose
//! a stream's place, a pipe's load history or data is refused with its [`Hazard`].

mod apply;
mod attributes;
mod client;
mod config;
mod desired;
mod error;
mod object;
mod observed;
mod plan;
mod render;

pub use apply::{Done, Report};
pub use attributes::{Attribute, AttributeError, AttributeKind};
pub use client::{Client, ClientError, Rows, Warehouse};
pub use config::{Access, Compute, Config, Connection, TaskState, Variables};
pub use desired::FormError;
pub use error::Error;
pub use object::{Kind, ObjectName};
pub use observed::ObserveError;
pub use plan::{Action, Hazard, Plan, Refusal, Step};
pub use render::{RenderError, Rendered, Templates, render, templates};

use observed::Observed;

/// What [`apply`] would do now.
pub async fn plan(config: &Config) -> Result<Plan, Error> {
    let desired = render(&templates(config.sql.as_deref())?, &config.variables)?;
    plan_on(&Client::new(&config.connection)?, &desired, &config.variables).await
}

/// Makes the warehouse what sql/ says. Idempotent; resumes after a failure by being run again.
pub async fn apply(config: &Config) -> Result<Report, Error> {
    let desired = render(&templates(config.sql.as_deref())?, &config.variables)?;
    apply_on(&Client::new(&config.connection)?, &desired, &config.variables).await
}

/// [`plan`] for objects rendered before, on any warehouse.
pub async fn plan_on(warehouse: &dyn Warehouse, desired: &[Rendered], variables: &Variables) -> Result<Plan, Error> {
    let observed = Observed::of(warehouse, desired).await?;
    Ok(plan::plan(desired, &observed, variables)?)
}

/// [`apply`] for objects rendered before, on any warehouse.
pub async fn apply_on(warehouse: &dyn Warehouse, desired: &[Rendered], variables: &Variables) -> Result<Report, Error> {
    let plan = plan_on(warehouse, desired, variables).await?;
    apply::execute(warehouse, plan).await
}
