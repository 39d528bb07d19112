//! The sink and the tools around it: what they found, as text or as JSON.

use anyhow::Context;
use sink::{Deep, DeepFile, Finding, GivenUp, Mode, Plan, PlanOptions, Progress, Repair, Report, Watch};
use std::{
    io::{IsTerminal as _, Write as _},
    process::ExitCode,
    sync::Mutex,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use telemetry::{Health, Shutdown, prometheus_client::registry::Registry};

use super::health::observe;
use crate::{
    cli::{AcceptLossArgs, PlanArgs, RepairArgs, SinkCommand, VerifyArgs},
    config::{Settings, services::HealthOf},
};

pub(super) async fn run(settings: &Settings, command: SinkCommand, shutdown: Shutdown) -> anyhow::Result<ExitCode> {
    let config: sink::Config = settings.read()?;
    match command {
        SinkCommand::Run => {
            let (health, mut metrics) = (Health::new(), Registry::default());
            let own = sink::Metrics::register(&mut metrics);
            observe(settings, HealthOf::Sink, &health, metrics, &shutdown).await?;
            let summary = sink::run(config, health, own, shutdown).await?;
            tracing::info!(files = summary.files, rows = summary.rows, adopted = summary.adopted, "stopped");
            Ok(ExitCode::SUCCESS)
        }
        SinkCommand::Verify(args) => verify(&config, args, shutdown).await,
        SinkCommand::Plan(args) => plan(&config, args, shutdown).await,
        SinkCommand::Repair(args) => repair(&config, args).await,
        SinkCommand::AcceptLoss(args) => accept_loss(&config, args).await,
    }
}

async fn verify(config: &sink::Config, args: VerifyArgs, shutdown: Shutdown) -> anyhow::Result<ExitCode> {
    let report = if args.deep {
        sink::verify_deep(config, watch(shutdown, "MB", 1_000_000)).await?
    } else {
        sink::verify(config).await?
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print_report(&report);
    }
    Ok(if report.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_report(report: &Report) {
    for chain in &report.partitions {
        let (topic, partition) = (&chain.topic, chain.partition);
        print!(
            "{topic}[{partition}]: {} files from {} to {}, {} rows, {} dead letters, {} bytes",
            chain.files, chain.first, chain.next, chain.rows, chain.dead_letters, chain.bytes
        );
        if chain.losses > 0 {
            print!("; {} accepted losses", chain.losses);
        }
        if let Some(Deep { rows, from, records, accepted_losses, .. }) = &chain.deep {
            print!("; read {rows} rows, compared {records} records from {from} on");
            if *accepted_losses > 0 {
                print!(", {accepted_losses} of them given up");
            }
        }
        println!("{}", if chain.faults.is_empty() { "; whole" } else { "" });
        for file in chain.deep.iter().flat_map(|deep| &deep.files).filter(|file| file.structurally > 0) {
            let DeepFile { start, by_value, structurally } = file;
            println!("  file from {start}: {by_value} rows compared by value, {structurally} only by their structure");
        }
        for fault in &chain.faults {
            println!("  FAULT {fault}");
        }
    }
    let faulty = report.partitions.iter().filter(|chain| !chain.faults.is_empty()).count();
    for topic in &report.missing {
        println!("{topic}: no file and no beginning of one; is this the sink's prefix?");
    }
    println!("{} partitions, {faulty} with faults", report.partitions.len());
}

async fn plan(config: &sink::Config, args: PlanArgs, shutdown: Shutdown) -> anyhow::Result<ExitCode> {
    let since = match args.since {
        None => None,
        Some(ago) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
            Some(now.saturating_sub(ago).as_millis() as i64)
        }
    };
    let put_price = args.put_price.unwrap_or(sink::LIST_PRICE_OF_1000_PUTS);
    let options = PlanOptions { records: args.records, since, put_price };
    let plan = sink::plan(config, options, watch(shutdown, "offsets", 1)).await?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&plan)?);
    } else {
        print_plan(&plan);
    }
    Ok(ExitCode::SUCCESS)
}

fn print_plan(plan: &Plan) {
    let reasons = |reasons: &std::collections::BTreeMap<&str, u64>| {
        reasons.iter().map(|(reason, files)| format!("{files} by {reason}")).collect::<Vec<_>>().join(", ")
    };
    for part in &plan.partitions {
        let (topic, partition, files) = (&part.topic, part.partition, part.files);
        println!(
            "{topic}[{partition}]: {files} files, {} rows, {} bytes; {}",
            part.rows,
            part.bytes,
            reasons(&part.reasons)
        );
    }
    println!(
        "{} files, {} rows, {} bytes ({}); {}",
        plan.files,
        plan.rows,
        plan.bytes,
        plan.codec,
        reasons(&plan.reasons)
    );
    if let Some(sizes) = plan.sizes {
        let (smallest, median, p90, largest) = (sizes.smallest, sizes.median, sizes.p90, sizes.largest);
        println!("sizes in bytes: smallest {smallest}, median {median}, nine of ten to {p90}, largest {largest}");
    }
    if let (Some(files), Some(cost)) = (plan.files_per_day, plan.put_cost_per_day) {
        println!("a day: {files:.0} files, {cost:.4} for PUTs at {} for 1,000", plan.put_price);
    }
    for remark in &plan.remarks {
        println!("- {remark}");
    }
}

async fn repair(config: &sink::Config, args: RepairArgs) -> anyhow::Result<ExitCode> {
    let repairs = sink::repair(config, if args.apply { Mode::Apply } else { Mode::Dry }).await?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&repairs)?);
    } else {
        repairs.iter().for_each(print_repair);
    }
    let unprovable = |repair: &Repair| matches!(repair.finding, Finding::Unprovable { .. });
    let to_do = |repair: &Repair| matches!(repair.finding, Finding::Position { .. }) && !repair.applied;
    Ok(match (repairs.iter().any(unprovable), repairs.iter().any(to_do)) {
        (true, _) => ExitCode::FAILURE,
        (false, true) => ExitCode::from(2),
        (false, false) => ExitCode::SUCCESS,
    })
}

fn print_repair(repair: &Repair) {
    let place = format!("{}[{}]", repair.topic, repair.partition);
    match &repair.finding {
        Finding::Fine => println!("{place}: nothing to do"),
        Finding::Position { committed, next } => {
            let from = committed.map_or("nothing".to_owned(), |position| position.to_string());
            let done = if repair.applied { "set" } else { "would set (--apply does it)" };
            println!("{place}: {done} the group's position from {from} to {next}, where the files end");
        }
        Finding::Unprovable { reason } => println!("{place}: left alone: {reason}"),
    }
}

async fn accept_loss(config: &sink::Config, args: AcceptLossArgs) -> anyhow::Result<ExitCode> {
    let AcceptLossArgs { topic, partition, offset, save } = args;
    if let Some(offset) = offset {
        let record = sink::give_up(config, &topic, partition, offset, save.as_deref()).await?;
        println!("{topic}[{partition}]: the record at offset {offset} is given up: {}", described(&record));
        if let Some(path) = save {
            println!("its value is in {}", path.display());
        }
        return Ok(ExitCode::SUCCESS);
    }
    match sink::accept_loss(config, &topic, partition).await? {
        Some(loss) => {
            println!("{topic}[{partition}]: records {} to {} are written down as lost", loss.start, loss.next);
        }
        None => println!("{topic}[{partition}]: nothing is lost: the log holds the next record wanted"),
    }
    Ok(ExitCode::SUCCESS)
}

fn described(record: &GivenUp) -> String {
    // A key is bytes: what is not text is shown escaped.
    let key = record.key.as_ref().map_or("no key".to_owned(), |key| format!("key \"{}\"", key.escape_ascii()));
    let value = record.bytes.map_or("no value".to_owned(), |bytes| format!("a value of {bytes} bytes"));
    let schema = record.schema_id.map_or("not framed".to_owned(), |id| format!("schema {id}"));
    format!("{key}, {value}, {schema}")
}

/// Shows progress on a terminal, a few times a second.
fn watch(shutdown: Shutdown, what: &'static str, unit: u64) -> Watch {
    const EVERY: Duration = Duration::from_millis(200);
    let terminal = std::io::stderr().is_terminal();
    let last = Mutex::new(Instant::now());
    Watch::new(shutdown, move |Progress { done, total, records }| {
        let Some(mut last) = last.try_lock().ok().filter(|_| terminal) else { return };
        let ended = done >= total;
        if ended || last.elapsed() >= EVERY {
            *last = Instant::now();
            let percent = done * 100 / total.max(1);
            let bar = "#".repeat((percent / 5).min(20) as usize);
            let line = format!("[{bar:<20}] {percent} % of {} {what}, {records} records", total / unit);
            // The line is wiped at the end; who cannot see it has lost nothing.
            let text = if ended { "\r\x1b[2K".to_owned() } else { format!("\r\x1b[2K{line}") };
            let _ = std::io::stderr().lock().write_all(text.as_bytes());
        }
    })
}
