//! The local warehouse beside the other parts, on their S3.

use crate::{Error, Stack};
use ::warehouse::{Config, Metrics, Warehouse, server::User, stage::S3Settings};
use contract::endpoints::Secret;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};
use telemetry::Health;

const ACCOUNT: &str = "local";
const USER: &str = "local";

/// How the warehouse is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WarehouseOptions {
    /// On 127.0.0.1; 0 for one that is free.
    pub port: u16,
    /// How often a pipe looks for new files; stands for the time that a bucket's notification takes.
    pub pipe_poll_interval: Duration,
    /// The shortest schedule that a task may have.
    pub min_task_interval: Duration,
}

impl Default for WarehouseOptions {
    /// New files within 5 seconds, tasks as on Snowflake.
    fn default() -> Self {
        Self { port: 0, pipe_poll_interval: Duration::from_secs(5), min_task_interval: Duration::from_secs(10) }
    }
}

/// A server that speaks Snowflake's protocol, and the one user it knows.
#[derive(Debug, Clone)]
pub struct WarehouseEndpoint {
    /// Base URL without a trailing slash.
    pub url: String,
    pub account: String,
    pub user: String,
    pub password: Secret,
}

/// What the warehouse needs of the stack's state.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) state: PathBuf,
    pub(crate) password: Secret,
}

impl Stack {
    /// Adds the warehouse to the stack; its clients are answered when this returns.
    ///
    /// # Errors
    /// When its state or its port cannot be used.
    pub async fn start_warehouse(
        &mut self,
        options: WarehouseOptions,
        metrics: Metrics,
        health: Health,
    ) -> Result<WarehouseEndpoint, Error> {
        let store = &self.endpoints.store;
        let s3 =
            S3Settings { region: store.region.clone(), endpoint: store.endpoint.clone(), path_style: store.path_style };
        let password = self.home.password.clone();
        let warehouse = Warehouse::open(Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, options.port)),
            account: Some(ACCOUNT.to_owned()),
            users: vec![User::new(USER, password.clone())],
            pipe_poll_interval: options.pipe_poll_interval,
            min_task_interval: options.min_task_interval,
            ..Config::new(self.home.state.join("warehouse"), s3)
        })
        .await?;
        let url = format!("http://{}", warehouse.address());
        let stop = self.users.shutdown();
        self.users.spawn("warehouse", warehouse.run(health, metrics, stop));
        Ok(WarehouseEndpoint { url, account: ACCOUNT.to_owned(), user: USER.to_owned(), password })
    }
}
