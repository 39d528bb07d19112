//! The command itself as a child process, to be killed.

use std::{path::Path, process::Stdio, time::Duration};
use tokio::process::{Child, Command};

/// Starts `pipeline --config CONFIG ARGS…`; it dies with the test.
pub(crate) fn start(config: &Path, args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_pipeline"))
        .arg("--config")
        .arg(config)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the pipeline command")
}

/// SIGKILL, and waits until it is gone.
pub(crate) async fn kill(mut child: Child) {
    child.kill().await.expect("kill");
}

/// SIGTERM, and the exit code within `deadline`.
pub(crate) async fn stop(mut child: Child, deadline: Duration) -> Option<i32> {
    let pid = child.id().expect("running").to_string();
    let sent = Command::new("kill").args(["-TERM", &pid]).status().await.expect("kill");
    assert!(sent.success());
    tokio::time::timeout(deadline, child.wait()).await.expect("it stops in time").expect("status").code()
}

/// Runs the command to its end.
pub(crate) async fn output(config: &Path, args: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pipeline"));
    command.arg("--config").arg(config).args(args).stdin(Stdio::null()).kill_on_drop(true);
    command.output().await.expect("the pipeline command")
}
