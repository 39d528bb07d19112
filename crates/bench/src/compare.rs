//! Bare reading, the floors and the sink in turn on the same topic, and other programs where a runner for them is named.

use serde_json::json;
use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    endpoints,
    measure::{self, Cost},
    peers::{self, Peers},
    readback::{self, Bucket},
    report,
    servers::{Kind, Servers},
    work,
};

/// How many records unless told: as many as other programs were measured with, fewer on the embedded broker.
const REAL_RECORDS: u64 = 2_000_000;
const EMBEDDED_RECORDS: u64 = 100_000;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// 2,000,000 unless told; 100,000 on the embedded stack.
    #[arg(long)]
    records: Option<u64>,
    /// Made and filled if missing.
    #[arg(long, default_value = "bench-sink")]
    topic: String,
    /// How often; the medians are shown at the end.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// One JSON object as the last line.
    #[arg(long)]
    json: bool,
}

/// What is measured: a name, the arguments for a process of its own, and what becomes of it.
struct Kindred {
    name: &'static str,
    arguments: Vec<String>,
    files: Files,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Files {
    None,
    Written,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let servers = Servers::find().await?;
    println!("on {}", servers.origin);
    let unless_told = match servers.kind {
        Kind::Real => REAL_RECORDS,
        Kind::Embedded => EMBEDDED_RECORDS,
    };
    let records = arguments.records.unwrap_or(unless_told);
    let of: BTreeMap<&'static str, String> = servers.variables.iter().cloned().collect();
    work::prepare(&of, &arguments.topic, records).await?;

    let kinds = kinds(records);
    let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); kinds.len()];
    let mut bytes = 0;
    report::head();
    for run in 0..arguments.runs {
        for (kind, kindred) in kinds.iter().enumerate() {
            let cost = one(kindred, run, (records, bytes), &arguments.topic, &servers).await?;
            // What all of them read; the first to read it counted.
            bytes = cost.own.bytes.max(bytes);
            report::line(&cost);
            costs[kind].push(cost);
        }
    }
    let ratios = report::ratios(&costs);
    let medians: Vec<Cost> = costs.into_iter().map(median).collect();
    println!("\nmedians of {} runs", arguments.runs);
    report::head();
    medians.iter().for_each(report::line);
    println!("\n{ratios}");
    drop(servers);

    let peers = match Peers::find(records)? {
        Some(peers) => peers.measure(arguments.runs)?,
        None => peers::Measured::default(),
    };
    if arguments.json {
        let summary = json!({
            "records": records,
            "records_read_back": medians.iter().filter_map(|cost| cost.read_back).min(),
            "ratio_to_floor": ratios.to_floor.median,
            "ratio_to_bare_read": ratios.to_bare_read.median,
            "ratios_by_round": { "to_floor": ratios.to_floor, "to_bare_read": ratios.to_bare_read },
            "peak_rss_mb": ratios.peak_rss_mb,
            "servers": of.get("BROKERS"),
            "runs": medians,
            "peers": peers,
        });
        println!("{summary}");
    }
    Ok(())
}

fn kinds(records: u64) -> Vec<Kindred> {
    let records = records.to_string();
    let owned = |arguments: &[&str]| arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let floor =
        |name, kind| Kindred { name, arguments: owned(&["floor", kind, "--records", &records]), files: Files::None };
    let sink = |name, codec| Kindred {
        name,
        arguments: owned(&["sink-run", "--codec", codec, "--idle", "2", "--until", &records]),
        files: Files::Written,
    };
    // What is compared runs one after the other: a machine that is shared does not keep its pace.
    vec![
        floor(report::BARE, "bare"),
        sink(report::SINK_NULL, "null"),
        floor(report::FLOOR_NULL, "null"),
        floor(report::FLOOR_SNAPPY, "snappy"),
        sink(report::SINK_SNAPPY, "snappy"),
    ]
}

async fn one(
    kindred: &Kindred,
    run: usize,
    (records, bytes): (u64, u64),
    topic: &str,
    servers: &Servers,
) -> anyhow::Result<Cost> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let label = format!("bench-{now}-{run}");
    let mut variables = servers.variables.clone();
    variables.extend([("TOPIC", topic.to_owned()), ("GROUP", label.clone()), ("PREFIX", format!("{label}/"))]);
    let mut cost = measure::run(kindred.name, (records, bytes), &kindred.arguments, &variables)?;
    if kindred.files == Files::Written {
        let of = variables.into_iter().collect();
        let found = readback::take(&Bucket::open(&endpoints::store(&of)?)?, &format!("{label}/")).await?;
        anyhow::ensure!(
            found.records == records && found.twice == 0,
            "{} of {records} records in the files of {label}, {} of them twice",
            found.records,
            found.twice
        );
        cost.files = found.files;
        cost.mb_written = found.bytes as f64 / 1e6;
        cost.read_back = Some(found.records);
    }
    Ok(cost)
}

fn median(mut costs: Vec<Cost>) -> Cost {
    costs.sort_by(|a, b| a.own.cpu_seconds.total_cmp(&b.own.cpu_seconds));
    costs.swap_remove(costs.len() / 2)
}
