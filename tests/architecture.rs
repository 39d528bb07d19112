//! ARCHITECTURE.md as tests: who may depend on whom, and how long a file may be.

use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path, process::Command};

/// The crates each crate may use besides `contract` and `telemetry`, which all may use and which use none.
const ALLOWED: &[(&str, &[&str])] = &[
    ("contract", &[]),
    ("telemetry", &[]),
    ("clients", &[]),
    ("producer", &["clients"]),
    ("sink-core", &[]),
    ("sink", &["clients", "sink-core"]),
    ("deployer", &[]),
    ("warehouse", &[]),
    ("registry", &[]),
    ("local-stack", &["registry", "warehouse"]),
    ("testkit", &[]),
    ("pipeline", &["clients", "producer", "sink", "deployer", "registry", "warehouse", "local-stack", "testkit"]),
    ("bench", &["sink-core", "sink", "local-stack", "testkit", "producer"]),
];

const LONGEST_FILE: usize = 500;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(root())
        .output()
        .expect("cargo metadata");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn crates_depend_only_on_those_they_may() {
    let allowed: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    let packages = packages();
    for package in &packages {
        let name = text(&package["name"]);
        let may =
            allowed.get(name).unwrap_or_else(|| panic!("{name}: say in ARCHITECTURE.md and here what it may use"));
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            // What tests use is theirs to choose.
            let (to, kind) = (text(&dependency["name"]), text(&dependency["kind"]));
            if kind == "dev" || !packages.iter().any(|other| text(&other["name"]) == to) {
                continue;
            }
            let shared = ["contract", "telemetry"];
            let permitted = may.contains(&to) || (shared.contains(&to) && !shared.contains(&name));
            assert!(permitted, "{name} must not depend on {to}");
        }
    }
}

#[test]
fn only_pipeline_and_bench_have_binaries() {
    for package in packages() {
        let name = text(&package["name"]);
        let binaries = package["targets"].as_array().expect("targets").iter();
        let binaries = binaries.filter(|target| target["kind"][0] == "bin").count();
        assert!(binaries == usize::from(["pipeline", "bench"].contains(&name)), "{name} has {binaries} binaries");
    }
}

#[test]
fn no_file_holds_two_ideas() {
    let mut folders = vec![root().join("crates"), root().join("tests")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("folder") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                seen += 1;
                let lines = fs::read_to_string(&path).expect("file").lines().count();
                assert!(lines <= LONGEST_FILE, "{} has {lines} lines: is there a second idea in it?", path.display());
            }
        }
    }
    assert!(seen > 20, "only {seen} files found");
}
