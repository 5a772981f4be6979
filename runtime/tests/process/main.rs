//! Behaviours of gevent's own test__subprocess.py, test__subprocess_poll.py and
//! test__subprocess_interrupted.py, written anew.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "helpers of tests, and what the suites share"
)]

use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use maypole_runtime::process::{Child, Command, PartialOutput};
use maypole_runtime::signal::Signal;
use maypole_runtime::{sleep, spawn, with_timeout};
use rustix::process::{Pid, test_kill_process};

#[path = "../support/again.rs"]
mod again;
mod communicate;
mod end;
mod output;
mod pipes;
mod start;
#[path = "../support/mod.rs"]
mod support;

use support::{PATIENCE, in_greenlet, until};

/// Much more than a pipe holds.
const MUCH: usize = 1 << 20;

/// So short that it always passes before the child does anything more.
const MOMENT: Duration = Duration::from_millis(5);

/// Runs `body` in a greenlet and on a plain thread.
#[track_caller]
fn everywhere(body: fn()) {
    in_greenlet(body);
    let thread = thread::spawn(body);
    until(|| thread.is_finished());
    thread.join().unwrap();
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// A shell whose three streams are pipes.
fn piped(script: &str) -> Child {
    shell(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// A child that says "ready", waits for SIGUSR1, and goes on with `then`.
fn waits_for_usr1(then: &str) -> Child {
    piped(&format!(
        "trap go=1 USR1; echo ready; while [ -z \"$go\" ]; do sleep 0.01; done; {then}"
    ))
}

/// Communicates again and again until the child has said "ready".
#[track_caller]
fn communicate_until_ready(child: &mut Child) {
    until(|| {
        let late = child.communicate_timeout(b"", MOMENT).unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
        child.output_so_far().0.starts_with(b"ready\n")
    });
}

/// Bytes whose order shows.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i / 7 % 251) as u8).collect()
}

/// Whether there is such a process; a zombie is one.
fn exists(pid: u32) -> bool {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    test_kill_process(pid).is_ok()
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}
