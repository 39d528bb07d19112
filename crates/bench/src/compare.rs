//! Bare reading, the floor and the sink, in turn, on the same topic.

use crate::{
    endpoints::variable,
    measure::{self, Cost},
    work,
};
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, default_value_t = 2_000_000)]
    records: u64,
    /// Made and filled if missing.
    #[arg(long, default_value = "bench-sink")]
    topic: String,
    /// How often; the median is shown.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// One JSON object as the last line.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    work::prepare(&variable("BROKERS")?, &variable("REGISTRY")?, &arguments.topic, arguments.records).await?;
    let records = arguments.records.to_string();
    let floor = |kind: &str| ["floor", kind, "--records", &records].map(str::to_owned).to_vec();
    let sink =
        |codec: &str| ["sink-run", "--codec", codec, "--idle", "1", "--until", &records].map(str::to_owned).to_vec();
    let kinds = [
        ("bare reading", floor("bare")),
        ("floor, snappy", floor("snappy")),
        ("floor, uncompressed", floor("null")),
        ("sink, snappy", sink("snappy")),
        ("sink, uncompressed", sink("null")),
    ];
    let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); kinds.len()];
    let mut read_back = 0;
    for run in 0..arguments.runs {
        for (kind, (name, command)) in kinds.iter().enumerate() {
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
            let label = format!("bench-{now}-{run}-{kind}");
            let variables =
                [("TOPIC", arguments.topic.clone()), ("GROUP", label.clone()), ("PREFIX", format!("{label}/"))];
            let cost = measure::run(name, arguments.records, command, &variables)?;
            println!(
                "{name:22} {:>9.0} records/s {:>6.2} CPU s {:>10.0} records per CPU s {:>5.0} MB",
                cost.records as f64 / cost.seconds,
                cost.cpu_seconds,
                cost.records_per_cpu_second,
                cost.peak_rss_mb
            );
            if name.starts_with("sink") {
                read_back = count(&arguments.topic, &label).await?;
                anyhow::ensure!(read_back == arguments.records, "{read_back} records in the files of {label}");
            }
            costs[kind].push(cost);
        }
    }
    let medians: Vec<Cost> = costs.into_iter().map(median).collect();
    let per_cpu = |kind: usize| medians[kind].records_per_cpu_second;
    let (to_floor, to_bare) = (per_cpu(3) / per_cpu(1), per_cpu(4) / per_cpu(0));
    let peak = medians[3].peak_rss_mb.max(medians[4].peak_rss_mb);
    println!("sink with snappy to its floor {to_floor:.2}; uncompressed to bare reading {to_bare:.2}; {peak:.0} MB");
    if arguments.json {
        let summary = json!({
            "records": read_back, "ratio_to_floor": to_floor, "ratio_to_bare_read": to_bare, "peak_rss_mb": peak,
            "runs": medians,
        });
        println!("{summary}");
    }
    Ok(())
}

fn median(mut costs: Vec<Cost>) -> Cost {
    costs.sort_by(|a, b| a.cpu_seconds.total_cmp(&b.cpu_seconds));
    costs.swap_remove(costs.len() / 2)
}

/// Records in the files, by their metadata, which must tile the log.
async fn count(topic: &str, label: &str) -> anyhow::Result<u64> {
    let mut config = crate::endpoints::with(topic, label)?;
    config.store.prefix = format!("{label}/");
    let report = sink::verify(&config).await?;
    anyhow::ensure!(report.is_whole(), "the files of {label} do not tile the log");
    Ok(report.rows())
}
