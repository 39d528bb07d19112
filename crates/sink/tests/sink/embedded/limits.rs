//! What a sink does at the limits of its configuration and of its disk: it loses nothing and says what is wrong.

use contract::{Operation, file::metadata, framing::frame, names};
use std::{path::Path, process::Command, time::Duration};

use crate::{
    fixture::{Fixture, event},
    running::{Running, eventually, until_rows},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_too_large_stops_its_partition_until_the_limit_is_raised() {
    let fixture = Fixture::start().await;
    let (_, id) = fixture.register_both("events").await;
    fixture.create_topic("events", 1).await;
    let records: Vec<_> = (0..10).map(|n| (n, Some(frame(id, &event(n, 2, Operation::Create))))).collect();
    let largest = records.iter().filter_map(|(_, value)| value.as_ref().map(Vec::len)).max().unwrap();
    fixture.produce("events", &records).await;
    let mut config = fixture.config("events");
    config.max_record_bytes = largest - 1;
    let running = Running::start(config.clone());
    let reasons = running.until_unready("more than sink.max_record_bytes allows").await;
    assert!(reasons.contains(&format!("has {largest} bytes")), "{reasons}");
    eventually("what comes behind it counts as lag", || async {
        let lag = running.metric(r#"sink_lag{topic="events",partition="0"}"#);
        if lag == 10 { Ok(()) } else { Err(lag.to_string()) }
    })
    .await;
    running.stop().await;

    config.max_record_bytes = largest;
    config.roll.idle = Duration::from_millis(200);
    let running = Running::start(config.clone());
    until_rows(&config, 10).await;
    running.stop().await;
    assert!(sink::verify(&config).await.unwrap().is_whole());
}

/// A small disk of its own, which only root may mount.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(folder.path()).output();
        mounted.is_ok_and(|mounted| mounted.status.success()).then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Spool files may still be open for a moment.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_spool_disk_rolls_early_loses_nothing_and_is_said() {
    let Some(disk) = SmallDisk::mount() else {
        println!("left out: mounting a small disk needs root; the spool's own tests use /dev/full");
        return;
    };
    let fixture = Fixture::start().await;
    let (_, id) = fixture.register_both("events").await;
    fixture.create_topic("events", 1).await;
    // More than twice the disk in one file, if there were room.
    let records: Vec<_> = (0..3_000).map(|n| (n, Some(frame(id, &event(n, 2, Operation::Create))))).collect();
    fixture.produce("events", &records).await;
    let mut config = fixture.config("events");
    config.spool_dir = disk.path().to_owned();
    config.in_memory_bytes = 16 * 1024;
    config.codec = sink::Codec::Null;
    let running = Running::start(config.clone());
    running.until_unready("is full; files are rolled early").await;
    running.stop().await;

    config.roll.idle = Duration::from_millis(200);
    let running = Running::start(config.clone());
    until_rows(&config, 3_000).await;
    running.stop().await;

    let report = sink::verify(&config).await.unwrap();
    assert!(report.is_whole() && report.files() > 2, "{report:?}");
    assert_eq!(fixture.numbers("events").await, (0..3_000).collect::<Vec<_>>());
    let (s3, bucket) = fixture.s3();
    let listed = s3.list_objects_v2().bucket(&bucket).prefix(names::topic_prefix("events")).send().await.unwrap();
    let mut reasons = Vec::new();
    for object in listed.contents() {
        let head = s3.head_object().bucket(&bucket).key(object.key().unwrap()).send().await.unwrap();
        reasons.push(head.metadata().unwrap()[metadata::ROLL_REASON].clone());
    }
    assert!(reasons.iter().any(|reason| reason == "spool"), "{reasons:?}");
}
