//! The configuration as the command takes it: refused before anything starts, whatever the command, and shown with its
//! sources but without its secrets.

use serde_json::Value;
use std::process::{Command, Output, Stdio};

/// Runs the command with a configuration file and variables. None of the servers in the file exists.
fn pipeline(args: &[&str], file: &str, variables: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("test.toml");
    std::fs::write(&path, file).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pipeline"));
    command.arg("--config").arg(&path).args(args).envs(variables.iter().copied()).stdin(Stdio::null());
    command.output().expect("the pipeline command")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const DEPLOYER: &str = "[deployer.connection]\npassword = 'hunter2'\nurl = 'http://127.0.0.1:9'\n\
                        [deployer.variables.access.integration]\nname = 'LAKE'\n";

/// The commands that use the sink's section, and those that use others.
const SINK: [&[&str]; 5] = [
    &["sink", "run"],
    &["sink", "verify"],
    &["sink", "plan"],
    &["sink", "repair"],
    &["sink", "accept-loss", "topic", "0"],
];

#[test]
fn every_command_refuses_what_cannot_work_before_it_starts() {
    let mut refused: Vec<(&[&str], &str, &str, &str)> = Vec::new();
    for command in SINK {
        refused.push((command, "PIPELINE__STORE__PREFIX", "abc", "store.prefix"));
        refused.push((command, "PIPELINE__SINK__TOPICS", "a,a", "sink.topics"));
    }
    for command in [&["producer", "run"][..], &["topic"]] {
        refused.push((command, "PIPELINE__REGISTRY__URL", "127.0.0.1:9", "registry.url"));
        refused.push((command, "PIPELINE__KAFKA__BOOTSTRAP_SERVERS", "localhost", "kafka.bootstrap_servers"));
    }
    for command in [&["deployer", "plan"][..], &["deployer", "apply"], &["sql", "SELECT 1"]] {
        refused.push((command, "PIPELINE__DEPLOYER__CONNECTION__URL", "127.0.0.1:9", "deployer.connection.url"));
    }
    let key = "deployer.variables.schedule";
    refused.push((&["deployer", "render"], "PIPELINE__DEPLOYER__VARIABLES__SCHEDULE", "0s", key));
    refused.push((&["warehouse"], "PIPELINE__WAREHOUSE__S3__ENDPOINT", "127.0.0.1:9", "warehouse.s3.endpoint"));
    let registry: &[&str] = &["registry", "--file", "/nonexistent/registry", "--listen", "127.0.0.1:0"];
    refused.push((registry, "PIPELINE__HEALTH__REGISTRY", "localhost", "health.registry"));
    refused.push((&["config", "check"], "PIPELINE__SINK__GROUP_ID", "", "sink.group_id"));
    for (command, name, value, key) in refused {
        let output = pipeline(command, DEPLOYER, &[(name, value)]);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {}", stderr(&output));
        let says = format!("error: configuration: `{key}` ({name}): found `");
        assert!(stderr(&output).contains(&says), "{command:?}: {}", stderr(&output));
    }
}

#[test]
fn every_command_refuses_mistyped_keys_and_variables() {
    let others: [&[&str]; 6] =
        [&["config", "show"], &["config", "check"], &["topic"], &["deployer", "plan"], &["warehouse"], &["up"]];
    for command in SINK.into_iter().chain(others) {
        let output = pipeline(command, "[producer]\nevry = '1m'\n", &[]);
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        assert!(stderr(&output).contains("`producer.evry`"), "{command:?}: {}", stderr(&output));
        let output = pipeline(command, "", &[("PIPELINE_SINK_GROUP_ID", "hunter2")]);
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        let error = stderr(&output);
        assert!(error.contains("PIPELINE__SINK__GROUP_ID") && !error.contains("hunter2"), "{command:?}: {error}");
    }
}

#[test]
fn the_configuration_is_shown_with_its_sources_and_checked_as_a_whole() {
    let variables = [("PIPELINE__SINK__GROUP_ID", "007"), ("PIPELINE__KAFKA__PROPERTIES__SASL_PASSWORD", "hunter2")];
    let output = pipeline(&["config", "show", "--json"], DEPLOYER, &variables);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let shown: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let of = |key: &str| shown.iter().find(|value| value["key"] == key).unwrap_or_else(|| panic!("no {key}"));
    let group = of("sink.group_id");
    assert_eq!((&group["value"], &group["source"]), (&Value::from("007"), &Value::from("variable")));
    assert_eq!(group["name"], "PIPELINE__SINK__GROUP_ID");
    assert_eq!((&of("sink.uploads")["value"], &of("sink.uploads")["source"]), (&16.into(), &Value::from("default")));
    assert_eq!(of("deployer.connection.password")["value"], "[secret]");
    assert_eq!(of("deployer.connection.password")["source"], "file");
    assert!(!stdout(&output).contains("hunter2"));

    let output = pipeline(&["config", "show"], DEPLOYER, &variables);
    let text = stdout(&output);
    let line = text.lines().find(|line| line.starts_with("sink.group_id = ")).expect("the group");
    let (value, source) = line.split_once(" # ").expect("a source");
    assert_eq!((value.trim_end(), source), ("sink.group_id = \"007\"", "PIPELINE__SINK__GROUP_ID"));
    assert!(text.contains("[secret]") && !text.contains("hunter2"), "{text}");

    let output = pipeline(&["config", "check"], DEPLOYER, &variables);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).lines().all(|line| line.ends_with(": fine")), "{}", stdout(&output));
    // Without a choice that only the user can make, the deployer is not set up; the others can run all the same.
    let output = pipeline(&["config", "check"], "", &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("deployer: not set up"), "{}", stdout(&output));
    let output = pipeline(&["config", "check"], "[store]\nprefix = 'abc'\n[producer]\nevery = '0s'\n", &[]);
    assert_eq!(output.status.code(), Some(1));
    // Every fault is named, each once.
    for key in ["`store.prefix`", "`producer.every`"] {
        assert_eq!(stderr(&output).matches(key).count(), 1, "{}", stderr(&output));
    }
}
