//! Behaviours of gevent's own test__signal.py, written anew. Each test runs in a
//! process of its own: signals belong to the process, and some end it.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "helpers of tests, and what the suites share"
)]

use std::io::{ErrorKind, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use maypole_runtime::net::{TcpListener, TcpStream};
use maypole_runtime::process::Command;
use maypole_runtime::signal::{self, Signal, Signals, handler};
use maypole_runtime::{Event, current, sleep, spawn, with_timeout};
use parking_lot::Mutex;
use rustix::process::{getpid, kill_process};

#[path = "../support/again.rs"]
mod again;
mod handlers;
mod life;
#[path = "../support/mod.rs"]
mod support;
mod waiting;

use again::{alone, text};
use support::{PATIENCE, in_greenlet, set_up, until};

/// Long enough for a signal to be told of, if it were.
const MOMENT: Duration = Duration::from_millis(50);

/// Sends this process a signal, which any of its threads may get.
fn send(signal: Signal) {
    let signal = rustix::process::Signal::from_named_raw(signal.as_raw()).unwrap();
    kill_process(getpid(), signal).unwrap();
}

/// Counts, shared by handlers.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicUsize>);

impl Counter {
    fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    #[track_caller]
    fn reaches(&self, n: usize) {
        until(|| self.get() >= n);
    }
}

/// Runs test `name` in a process of its own, which has to come to where it says
/// "so far", and returns how it ended.
#[track_caller]
fn end_of(name: &str, body: impl FnOnce()) -> Option<ExitStatus> {
    let Some(output) = again::run(name) else {
        set_up();
        body();
        return None;
    };
    assert!(
        text(&output.stdout).contains("so far"),
        "{}\n{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    Some(output.status)
}

fn so_far() {
    println!("so far");
}

/// Gives a signal that ends the process the time to do so.
fn die() {
    thread::spawn(|| sleep(PATIENCE)).join().unwrap();
}
