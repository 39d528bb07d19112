//! The tables are a function of the accepted events: golden cases and random logs, through files, pipe, streams and merges
//! of the real sql/, against the reference model.

pub(crate) mod lab;
pub(crate) mod server;

use crate::support::eventually;
use lab::{Lab, Scope, aside};
use server::Server;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use testkit::{Case, cases, random};

/// The project's own cases, and those of the folder that `EXTRA_CASES` names.
pub(crate) fn golden() -> Vec<Case> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases");
    let folders = [own].into_iter().chain(std::env::var_os("EXTRA_CASES").map(PathBuf::from));
    folders.flat_map(|folder| cases::read_folder(&folder).expect("cases")).collect()
}

async fn hold(database: &str, cases: &[Case]) {
    let server = Server::start().await;
    let templates = deployer::templates(None).expect("templates");
    let mut lab = Lab::deploy(&server, database, &templates).await.expect("deployment");
    let failures = lab.run(cases, Scope::Both).await.expect("loads and merges");
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_golden_case_gives_its_tables() {
    hold("GOLDEN", &golden()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_random_logs_give_what_the_model_gives() {
    let first = std::env::var("SUITE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1_u64);
    println!("seeds from {first}; SUITE_SEED sets another first one");
    let cases: Vec<Case> = (first..first + 200).map(|seed| random::case(seed, 40).expect("case")).collect();
    hold("RANDOM", &cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tasks_merge_by_themselves_what_the_pipe_loads() {
    let server = Server::start().await;
    let mut variables = Server::variables("TASKS");
    variables.schedule = Duration::from_secs(1);
    let templates = deployer::templates(None).expect("templates");
    let mut lab = Lab::deploy_with(&server, variables, &templates).await.expect("deployment");
    let cases = [random::case(1, 40).expect("case")];
    for batch in &cases[0].batches {
        lab.load(&batch.iter().map(|record| aside(record, 0)).collect::<Vec<_>>()).await.expect("a load");
    }
    eventually("the tasks", Duration::from_mins(3), || async {
        let failures = lab.failures(&cases, Scope::Both).await.map_err(|error| error.to_string())?;
        if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
    })
    .await;
}
