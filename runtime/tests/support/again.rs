//! Runs a test again in a process of its own: for what would disturb, or end,
//! the process that all tests of a suite share.
#![allow(dead_code, reason = "each suite uses its part")]

use std::env;
use std::process::Output;
use std::time::Duration;

use maypole_runtime::process::Command;

/// Set in the process of its own to the name of the test.
const AGAIN: &str = "MAYPOLE_TEST_AGAIN";

/// Far more than any of them takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The command that runs test `name` again.
pub fn command(name: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(AGAIN, name);
    command
}

/// Runs test `name` again and returns how that ended, or returns `None` in the
/// process of its own, where the test goes on.
#[track_caller]
pub fn run(name: &str) -> Option<Output> {
    if is_alone(name) {
        return None;
    }
    let output = command(name).output_timeout(PATIENCE).unwrap();
    assert!(
        text(&output.stdout).contains("running 1 test"),
        "there is no test {name}"
    );
    Some(output)
}

/// Whether this is the process of its own of test `name`.
pub fn is_alone(name: &str) -> bool {
    env::var(AGAIN).is_ok_and(|again| again == name)
}

/// Runs the body of test `name` in a process of its own, and fails if it fails.
#[track_caller]
pub fn alone(name: &str, body: impl FnOnce()) {
    match run(name) {
        None => body(),
        Some(output) => assert!(
            output.status.success(),
            "{}\n{}\n{}",
            output.status,
            text(&output.stdout),
            text(&output.stderr)
        ),
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
