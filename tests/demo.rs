//! The command that the README names first.

use serde_json::Value;
use std::process::{Command, Stdio};

#[test]
fn the_demo_proves_its_tables_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let output = Command::new(env!("CARGO_BIN_EXE_pipeline"))
        .args(["demo", "--json"])
        .env("TMPDIR", temporary.path())
        .stdin(Stdio::null())
        .output()
        .expect("the pipeline command");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stdout));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["matches_reference"], true, "{report:#}");
    assert_eq!(report["differences"], Value::Array(Vec::new()));
    for count in [
        "/deployer/objects_created",
        "/producer/creates",
        "/producer/updates",
        "/producer/deletes",
        "/producer/by_schema_version/1",
        "/producer/by_schema_version/2",
        "/producer/duplicates",
        "/producer/late",
        "/kafka/records",
        "/sink/files",
        "/sink/rows",
        "/pipe/files",
        "/pipe/rows",
        "/tasks/succeeded",
        "/tables/customers",
        "/tables/versions",
    ] {
        assert!(report.pointer(count).and_then(Value::as_u64).is_some_and(|count| count > 0), "{count} in {report:#}");
    }
    assert!(report["producer"]["batches"].as_u64() >= Some(3));
    assert_eq!(report["kafka"]["dead_letters"], 1, "the poison record");
    assert_eq!(report["pipe"]["rows"], report["sink"]["rows"]);
    assert_eq!(report["deployer"]["changes_on_second_apply"], 0);
    let left: Vec<_> = temporary.path().read_dir().expect("folder").collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}
