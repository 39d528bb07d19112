//! What runs beside the sink: proving, planning and mending.

use super::tampering::Victim;
use crate::{
    fixture::{Fixture, event},
    running::{Running, eventually, until_rows},
};
use contract::{Operation, Position, framing::frame, names};
use sink::{Config, Finding, LIST_PRICE_OF_1000_PUTS, Mode, PlanOptions, Report, SinkError, Watch};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use telemetry::Shutdown;

async fn deep(config: &Config) -> Report {
    sink::verify_deep(config, Watch::new(Shutdown::new(), |_| ())).await.unwrap()
}

fn creates(numbers: std::ops::Range<u64>, id: u32) -> Vec<(u64, Option<Vec<u8>>)> {
    numbers.map(|n| (n, Some(frame(id, &event(n, 2, Operation::Create))))).collect()
}

/// Both versions, a tombstone and poison, in two files of 25 records, which no pause of the machine cuts elsewhere; the sink
/// has stopped.
async fn written(fixture: &Fixture, config: &mut Config) {
    let (v1, v2) = fixture.register_both("events").await;
    fixture.create_topic("events", 1).await;
    let mut sent = creates(0..50, v2);
    for (n, value) in &mut sent {
        match n {
            7 => *value = None,
            8 | 31 => *value = Some(b"poison".to_vec()),
            n if *n % 3 == 2 => *value = Some(frame(v1, &event(*n, 1, Operation::Update))),
            _ => {}
        }
    }
    fixture.produce("events", &sent).await;
    config.roll.max_records = 25;
    config.roll.idle = Duration::ZERO;
    let running = Running::start(config.clone());
    until_rows(config, 48).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_verification_passes_what_the_sink_wrote_and_finds_what_was_changed_since() {
    let fixture = Fixture::start().await;
    let mut config = fixture.config("events");
    written(&fixture, &mut config).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&seen);
    let watch = Watch::new(Shutdown::new(), move |progress| tell.lock().unwrap().push(progress));
    let report = sink::verify_deep(&config, watch).await.unwrap();
    assert!(report.is_whole(), "{report:#?}");
    let read = report.partitions[0].deep.clone().unwrap();
    assert_eq!((read.rows, read.from, read.records, read.dead_letters, read.expired_letters), (48, 0, 50, 2, 0));
    let last = *seen.lock().unwrap().last().unwrap();
    assert_eq!((last.done, last.records), (last.total, 48));

    let victim = Victim::take(&fixture, names::object_key("events", 0, Position(0))).await;
    let mut flipped = victim.body.clone();
    let in_data = flipped.len() - 40;
    flipped[in_data] ^= 1;
    victim.replace(flipped, &[]).await;
    expect(&config, "a block's snappy data").await;
    victim.replace(victim.body[..victim.body.len() - 1].to_vec(), &[]).await;
    expect(&config, "cut short").await;
    victim.replace([&victim.body[..], b"more"].concat(), &[]).await;
    expect(&config, "a block says it has").await;
    victim.replace(victim.body.clone(), &[("sha256", "0".repeat(64)), ("rows", "17".to_owned())]).await;
    expect(&config, "its checksum is not that of its metadata").await;
    expect(&config, "has 24 rows, its metadata says 17").await;
    victim.rewrite(|rows| drop(rows.remove(3))).await;
    expect(&config, "record 3 is neither in a file nor among the dead letters").await;
    victim.rewrite(|rows| rows.swap(3, 4)).await;
    expect(&config, "row of offset 3 is out of order").await;
    victim.rewrite(|rows| rows[3].key = None).await;
    expect(&config, "row of offset 3 has another key").await;
    victim.rewrite(|rows| rows[3].timestamp = Some(0)).await;
    expect(&config, "row of offset 3 has another timestamp").await;
    // Record 4 is of the file's own version, 5 of the older one.
    for at in [4, 5] {
        victim
            .rewrite(|rows| {
                let other = rows[at + 5].value.clone();
                rows[at].value = other.map(|(_, branch, datum)| (rows[at].value.as_ref().unwrap().0, branch, datum));
            })
            .await;
        expect(&config, &format!("row of offset {at} has another value")).await;
    }
    victim.rewrite(|rows| rows[4].value = None).await;
    expect(&config, "row of offset 4 is a tombstone and its record is not").await;
    victim.restore().await;
    assert!(deep(&config).await.is_whole());
}

async fn expect(config: &Config, fault: &str) {
    let report = deep(config).await;
    let faults = &report.partitions[0].faults;
    assert!(faults.iter().any(|found| found.contains(fault)), "`{fault}` is not among {faults:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_foresees_the_files_that_the_sink_then_cuts_and_writes_nothing() {
    let fixture = Fixture::start().await;
    let (_, id) = fixture.register_both("events").await;
    fixture.create_topic("events", 1).await;
    fixture.produce("events", &creates(0..45, id)).await;
    fixture.produce("events", &[(45, Some(b"poison".to_vec()))]).await;
    let mut config = fixture.config("events");
    config.roll.max_records = 20;
    let options = PlanOptions { records: None, since: None, put_price: LIST_PRICE_OF_1000_PUTS };
    let plan = sink::plan(&config, options, Watch::new(Shutdown::new(), |_| ())).await.unwrap();
    assert!(sink::verify(&config).await.unwrap().partitions.is_empty());
    assert_eq!((plan.records, plan.files, plan.rows, plan.dead_letters), (46, 2, 40, 0));
    assert_eq!(plan.reasons.get("records"), Some(&2));
    let open = plan.partitions[0].left_open;
    let first = sink::plan(&config, PlanOptions { records: Some(20), ..options }, Watch::new(Shutdown::new(), |_| ()));
    assert_eq!(first.await.unwrap().files, 1);

    let running = Running::start(config.clone());
    until_rows(&config, 40).await;
    // The last record: what is before it has been read too.
    fixture.dead_letters("events.dead-letter", 1).await;
    running.stop().await;
    let report = sink::verify(&config).await.unwrap();
    assert_eq!(report.partitions[0].bytes, plan.bytes + open, "to the byte: {plan:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_takes_the_records_timestamps_for_the_clock() {
    let fixture = Fixture::start().await;
    let (_, id) = fixture.register_both("events").await;
    fixture.create_topic("events", 1).await;
    let begin = 1_700_000_040_000;
    // Two records in each of three windows of two minutes, one of them behind its time.
    for (numbers, minutes) in [(0..2, 0), (2..3, 2), (3..4, 1), (4..6, 4)] {
        fixture.produce_at("events", Some(begin + minutes * 60_000), &creates(numbers, id)).await;
    }
    let mut config = fixture.config("events");
    config.roll.window = Duration::from_mins(2);
    let options = PlanOptions { records: None, since: None, put_price: 10.0 };
    let plan = sink::plan(&config, options, Watch::new(Shutdown::new(), |_| ())).await.unwrap();
    assert_eq!((plan.files, plan.reasons.get("window"), plan.partitions[0].left_open), (3, Some(&3), 0));
    // Three files in four minutes are 1,080 a day.
    assert_eq!(plan.put_cost_per_day.map(|cost| (cost * 1e6).round() / 1e6), Some(10.8));
    assert!(plan.remarks.iter().any(|remark| remark.contains("100 to 250 MB")), "{:?}", plan.remarks);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_the_files_disprove_is_mended_while_nobody_is_in_the_group() {
    let fixture = Fixture::start().await;
    let mut config = fixture.config("events");
    written(&fixture, &mut config).await;
    assert!(matches!(findings(&config, Mode::Dry).await[..], [Finding::Fine]));
    fixture.commit("sink", "events", 13).await;
    for mode in [Mode::Dry, Mode::Apply] {
        assert_eq!(findings(&config, mode).await, [Finding::Position { committed: Some(13), next: 50 }]);
    }
    assert_eq!(findings(&config, Mode::Dry).await, [Finding::Fine]);

    let running = Running::start(config.clone());
    running.until_ready().await;
    // Nothing to mend: nobody needs to stop.
    assert_eq!(findings(&config, Mode::Apply).await, [Finding::Fine]);
    running.stop().await;
    assert_eq!(sink::verify(&config).await.unwrap().rows(), 48);
}

async fn findings(config: &Config, mode: Mode) -> Vec<Finding> {
    let repairs = sink::repair(config, mode).await.unwrap();
    assert!(repairs.iter().all(|repair| repair.applied == (mode == Mode::Apply && repair.finding != Finding::Fine)));
    repairs.into_iter().map(|repair| repair.finding).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_mended_behind_the_back_of_a_running_sink() {
    let fixture = Fixture::start().await;
    let mut config = fixture.config("events");
    written(&fixture, &mut config).await;
    fixture.commit("sink", "events", 13).await;
    // Of another topic, so that it moves nothing here, but of the same group.
    fixture.create_topic("others", 1).await;
    let running = Running::start(Config { topics: vec!["others".to_owned()], ..config.clone() });
    running.until_ready().await;
    match sink::repair(&config, Mode::Apply).await {
        Err(SinkError::GroupActive { members: 1, .. }) => {}
        other => panic!("{other:?}"),
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repair_refuses_a_topic_that_does_not_exist_and_creates_none() {
    let fixture = Fixture::start().await;
    fixture.create_topic("events", 1).await;
    for _ in 0..2 {
        match sink::repair(&fixture.config("misspelt"), Mode::Dry).await {
            Err(SinkError::MissingTopic { topic }) => assert_eq!(topic, "misspelt"),
            other => panic!("{other:?}"),
        }
    }
    assert!(sink::repair(&fixture.config("events"), Mode::Dry).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_reading_stops_when_asked() {
    let fixture = Fixture::start().await;
    let mut config = fixture.config("events");
    written(&fixture, &mut config).await;
    let shutdown = Shutdown::new();
    shutdown.request();
    let stopped = sink::verify_deep(&config, Watch::new(shutdown, |_| ())).await;
    assert!(matches!(stopped, Err(SinkError::Interrupted)), "{stopped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_without_files_is_not_taken_for_whole() {
    let fixture = Fixture::start().await;
    let report = sink::verify(&fixture.config("events")).await.unwrap();
    assert!(!report.is_whole(), "{report:?}");
    assert_eq!(report.missing, ["events"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_operators_look_at_is_in_the_metrics() {
    let fixture = Fixture::start().await;
    let (_, id) = fixture.register_both("events").await;
    fixture.create_topic("events", 1).await;
    let mut sent = creates(0..30, id);
    sent[4].1 = Some(b"poison".to_vec());
    fixture.produce("events", &sent).await;
    let mut config = fixture.config("events");
    config.roll.max_records = 10;
    // A member that is silent for less joins once.
    config.session_timeout = Duration::from_secs(45);
    let running = Running::start(config.clone());
    until_rows(&config, 29).await;
    let expected = [
        r#"sink_rows_total{topic="events"} 29"#.to_owned(),
        r#"sink_dead_letters_total{topic="events"} 1"#.to_owned(),
        r#"sink_files_total{reason="records"} 3"#.to_owned(),
        "sink_upload_seconds_count 3".to_owned(),
        "sink_files_adopted_total 0".to_owned(),
        "sink_rebalances_total 1".to_owned(),
        "sink_assigned_partitions 1".to_owned(),
        "sink_stopped_partitions 0".to_owned(),
        "sink_open_bytes ".to_owned(),
        r#"sink_committed_position{topic="events",partition="0"} 30"#.to_owned(),
        r#"sink_committed_at_seconds{topic="events",partition="0"} "#.to_owned(),
        r#"sink_lag{topic="events",partition="0"} 0"#.to_owned(),
        format!(r#"sink_schema_version{{topic="events",schema_id="{id}"}} 2"#),
    ];
    // Lag is looked up every few seconds.
    eventually("the metrics say so", || async {
        let text = running.metrics();
        match expected.iter().find(|line| !text.contains(*line)) {
            None => Ok(()),
            Some(line) => Err(format!("no `{line}` in\n{text}")),
        }
    })
    .await;
    running.stop().await;
}
