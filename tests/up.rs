//! The whole pipeline on one machine, looked into with the commands that the README names, killed and started again.

use crate::support::{eventually, process};
use serde_json::Value;
use std::{collections::BTreeMap, path::Path, time::Duration};

const PATIENCE: Duration = Duration::from_mins(3);

/// Every customer's latest sequence, deleted or not.
type Latest = BTreeMap<String, u64>;

/// Standard output of a command that must succeed, or why it did not.
async fn ask(config: &Path, args: &[&str]) -> Result<String, String> {
    let output = process::output(config, args).await;
    if output.status.success() {
        return String::from_utf8(output.stdout).map_err(|error| error.to_string());
    }
    Err(format!("{args:?}: {}", String::from_utf8_lossy(&output.stderr)))
}

async fn in_table(config: &Path) -> Result<Latest, String> {
    let query = "SELECT CUSTOMER_ID, SEQUENCE FROM CUSTOMER_DATA.CORE.CUSTOMERS";
    let rows: Vec<Value> =
        serde_json::from_str(&ask(config, &["sql", "--json", query]).await?).map_err(|error| error.to_string())?;
    let customer = |row: &Value| {
        let sequence = row["SEQUENCE"].as_str()?.parse().ok()?;
        Some((row["CUSTOMER_ID"].as_str()?.to_owned(), sequence))
    };
    rows.iter().map(|row| customer(row).ok_or_else(|| format!("no customer: {row}"))).collect()
}

async fn in_topic(config: &Path) -> Result<Latest, String> {
    let mut latest = Latest::new();
    for line in ask(config, &["topic"]).await?.lines() {
        let record: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let event = &record["value"];
        let (Some(id), Some(sequence)) = (event["customer_id"].as_str(), event["sequence"].as_u64()) else {
            return Err(format!("no event: {line}"));
        };
        let latest = latest.entry(id.to_owned()).or_default();
        *latest = sequence.max(*latest);
    }
    Ok(latest)
}

#[tokio::test(flavor = "multi_thread")]
async fn up_goes_on_where_it_was_after_a_kill_and_the_commands_look_inside() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let state = folder.path().join("state");
    let args = ["up", "--every", "5s", "--state", state.to_str().expect("a path")];
    // Nothing is configured; the helper gives a file all the same.
    let empty = folder.path().join("empty.toml");
    std::fs::write(&empty, "").expect("a file");
    let config = state.join("pipeline.toml");
    let mut known = 0;
    for _ in 0..2 {
        let running = process::start(&empty, &args);
        known = eventually("more customers in the table", PATIENCE, || async {
            let customers = in_table(&config).await?.len();
            if customers > known { Ok(customers) } else { Err(format!("{customers} customers, {known} before")) }
        })
        .await;
        process::kill(running).await;
    }

    let running = process::start(&empty, &args);
    let sent = eventually("the topic", PATIENCE, || in_topic(&config)).await;
    assert!(sent.len() >= known, "{} customers in the topic, {known} in the table before", sent.len());
    let merged = eventually("what was sent is merged", PATIENCE, || async {
        let merged = in_table(&config).await?;
        let missing = sent.iter().filter(|(id, sequence)| merged.get(*id) < Some(sequence)).count();
        if missing == 0 { Ok(merged) } else { Err(format!("{missing} of {} customers", sent.len())) }
    })
    .await;
    let sent = eventually("the topic", PATIENCE, || in_topic(&config)).await;
    let ahead: Vec<_> = merged.iter().filter(|(id, sequence)| sent.get(*id) < Some(sequence)).collect();
    assert!(ahead.is_empty(), "in the table, not in the topic: {ahead:?}");
    let plan = ask(&config, &["deployer", "plan"]).await.expect("a plan without changes");
    assert_eq!(plan, "no change\n", "the file says what `up` has deployed");
    ask(&config, &["config", "check"]).await.expect("a configuration that every service takes");
    let report = ask(&config, &["sink", "verify", "--json"]).await.expect("files that tile the log");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert!(report["partitions"].as_array().is_some_and(|partitions| !partitions.is_empty()), "{report:#}");
    assert_eq!(process::stop(running, PATIENCE).await, Some(0));
}
