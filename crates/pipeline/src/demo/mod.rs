//! The whole pipeline once, in one process, from the generator to the tables, and the proof that the tables are right.
//! Only the pace is the demo's own: every part is the one that runs in service, on the embedded back ends.

mod check;
mod extras;
mod print;
mod report;
mod stages;
mod traffic;

pub(crate) use stages::deployment;

use crate::cli::DemoArgs;
use anyhow::Context;
use contract::names;
use deployer::Variables;
use extras::Extras;
use report::{Deployed, Held, Loaded, Logged, Merged, Report, Written};
use stages::Stages;
use std::{process::ExitCode, time::Instant};
use testkit::Tables;
use traffic::Traffic;

/// Runs it and prints what happened; `false` when the tables differ from the reference model.
pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let folder = tempfile::tempdir().context("a folder for the demo's state")?;
    let topic = names::DEFAULT_TOPIC;

    say("starting broker, schema registry, S3 and warehouse");
    let (stages, deployed) = Stages::start(folder.path(), topic).await?;
    let again = stages.apply_again().await?;
    let deployer = Deployed { objects_created: deployed.changes(), changes_on_second_apply: again };
    let mut report = Report { deployer, ..Report::default() };
    say(&format!("deployed {} objects from sql/", report.deployer.objects_created));

    let mut traffic = Traffic::new(&stages, folder.path(), args.seed);
    let extras = emit(&stages, &mut traffic, args.batches, topic).await?;
    report.producer = traffic.produced;

    let events = check::events(stages.endpoints(), topic).await?;
    report.kafka = Logged {
        topic: topic.to_owned(),
        partitions: names::DEFAULT_PARTITIONS as usize,
        records: events.len() as u64 + report.producer.poison,
        dead_letters: 0,
    };
    arrived(&stages, &mut report, events.len() as u64).await?;

    let expected = Tables::of(&events)?;
    let held = check::tables(&stages).await?;
    report.differences = check::differences(&expected, &held);
    report.matches_reference = report.differences.is_empty();
    report.tables = Held::of(&held);
    let customers = stages.rows(&print::customers(stages.variables(), extras.customer_id())).await?;
    let history = stages.rows(&print::history(stages.variables(), extras.customer_id())).await?;
    stages.stop().await?;

    report.seconds = begun.elapsed().as_secs_f64();
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", print::text(&report, &customers, &history));
    }
    Ok(if report.matches_reference { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Batches in the oldest schema, then in the newest, with the demo's own records between them.
async fn emit(stages: &Stages, traffic: &mut Traffic, batches: u32, topic: &str) -> anyhow::Result<Extras> {
    let (oldest, newest) = traffic::versions();
    traffic.emit(batches / 2, oldest).await?;
    let extras = Extras::new(stages.endpoints(), topic).await?;
    extras.early_and_twice().await?;
    extras.poison().await?;
    traffic.emit(batches - batches / 2 - 1, newest).await?;

    // A late event is late only once its successor has been merged.
    let customer = extras.customer_id();
    let Variables { database, core, .. } = stages.variables();
    let merged = format!("SELECT COUNT(*) FROM {database}.{core}.CUSTOMERS_HISTORY WHERE CUSTOMER_ID = '{customer}'");
    stages
        .until(async || {
            let rows = stages.count(&merged).await?;
            Ok((rows < 2).then(|| "the early event is not in the tables yet".to_owned()))
        })
        .await?;
    extras.late().await?;
    traffic.emit(1, newest).await?;
    traffic.produced.duplicates = 1;
    traffic.produced.late = 1;
    traffic.produced.poison = 1;
    Ok(extras)
}

/// Waits until every event is staged and merged, and fills in what each stage did.
async fn arrived(stages: &Stages, report: &mut Report, events: u64) -> anyhow::Result<()> {
    let Variables { database, staging, .. } = stages.variables();
    let staged = format!("SELECT COUNT(*) FROM {database}.{staging}.CUSTOMER_EVENTS");
    let waiting = format!(
        "SELECT IFF(SYSTEM$STREAM_HAS_DATA('{database}.{staging}.CUSTOMERS_STREAM'), 1, 0)
            + IFF(SYSTEM$STREAM_HAS_DATA('{database}.{staging}.CUSTOMERS_HISTORY_STREAM'), 1, 0)"
    );
    stages
        .until(async || {
            let rows = stages.count(&staged).await?;
            if rows < events {
                return Ok(Some(format!("{rows} of {events} events are in the staging table")));
            }
            let streams = stages.count(&waiting).await?;
            Ok((streams > 0).then(|| format!("{streams} of 2 streams still hold events to merge")))
        })
        .await?;
    let files = stages.verify_files().await?;
    anyhow::ensure!(files.is_whole(), "the files do not tile the log: {:?}", files.partitions);
    report.kafka.dead_letters = files.dead_letters();
    report.sink = Written {
        files: files.files(),
        rows: files.rows(),
        bytes: files.partitions.iter().map(|partition| partition.bytes).sum(),
    };
    let loaded = format!("SELECT COUNT(DISTINCT FILE_NAME) FROM {database}.{staging}.CUSTOMER_EVENTS");
    report.pipe = Loaded { files: stages.count(&loaded).await?, rows: stages.count(&staged).await? };
    report.tasks = Merged::of(stages).await?;
    Ok(())
}

/// Progress, on standard error so that standard output stays the answer.
pub(crate) fn say(what: &str) {
    eprintln!("demo: {what}");
}
