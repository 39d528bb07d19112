//! The warehouse's clients: provisioning and SQL by hand.

use crate::{
    cli::{DeployerCommand, SqlArgs},
    config::Settings,
    table,
};
use deployer::{Client, Config, Rows, Warehouse as _};
use serde_json::{Map, Value};
use std::process::ExitCode;

/// `deployer plan` ends with this where it finds differences.
const DIFFERENCES: u8 = 2;

pub(crate) async fn deployer(settings: &Settings, command: DeployerCommand) -> anyhow::Result<ExitCode> {
    // Rendering needs no login.
    let config: Config = match command {
        DeployerCommand::Render => settings.read_for(|config: &Config| config.variables.check())?,
        DeployerCommand::Plan | DeployerCommand::Apply => settings.read()?,
    };
    match command {
        DeployerCommand::Plan => {
            let plan = deployer::plan(&config).await?;
            print!("{plan}");
            Ok(if plan.steps.is_empty() && plan.refusals.is_empty() { ExitCode::SUCCESS } else { DIFFERENCES.into() })
        }
        DeployerCommand::Apply => {
            print!("{}", deployer::apply(&config).await?);
            Ok(ExitCode::SUCCESS)
        }
        DeployerCommand::Render => {
            for object in deployer::render(&deployer::templates(config.sql.as_deref())?, &config.variables)? {
                println!("-- {} {} ({})\n{};\n", object.kind, object.name, object.file, object.text);
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

pub(crate) async fn sql(settings: &Settings, args: SqlArgs) -> anyhow::Result<ExitCode> {
    let config: Config = settings.read_for(|config: &Config| config.connection.check())?;
    let rows = Client::new(&config.connection)?.query(&args.statement).await?;
    if args.json {
        println!("{}", serde_json::to_string(&objects(rows))?);
    } else {
        print!("{}", table::render(&rows.columns, &rows.rows));
    }
    Ok(ExitCode::SUCCESS)
}

fn objects(rows: Rows) -> Vec<Map<String, Value>> {
    let Rows { columns, rows } = rows;
    let object = |row: Vec<Option<String>>| columns.iter().cloned().zip(row.into_iter().map(Value::from)).collect();
    rows.into_iter().map(object).collect()
}
