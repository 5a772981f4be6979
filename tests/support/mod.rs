//! What the integration tests share: a watchdog, conditions to wait for, a
//! client that speaks raw bytes, children.
//!
//! No test measures time: each waits for a condition with a generous limit, and
//! the watchdog ends the process when a test hangs all the same.

#![allow(
    dead_code,
    unused_imports,
    reason = "each test binary uses a part of it"
)]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests, on plain threads and std's sockets"
)]

mod child;
mod client;
mod logging;
mod response;
#[cfg(feature = "tls")]
mod tls;

use std::env;
use std::io::{self, Write};
use std::process::{self, Command};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Once};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use child::{Child, cpu_time, in_child};
pub(crate) use client::{Client, is_refused};
pub(crate) use logging::{Record, capture_log, logged, logged_about};
pub(crate) use response::Response;
#[cfg(feature = "tls")]
pub(crate) use tls::{
    TlsClient, has_openssl, openssl_tells, read_testdata, testdata, tls_config, tls_config_with,
};

/// How long anything that must happen may take to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How long a test may take. More than a wait in it, whose message says more.
const HANGS: Duration = Duration::from_secs(180);

/// For what must not happen: how long a test looks. Too short can only make a
/// broken server pass, never a good one fail.
pub(crate) const MOMENT: Duration = Duration::from_millis(50);

/// Long enough for a limit that must not be what ends a wait.
pub(crate) const LONG: Duration = Duration::from_secs(600);

/// Ends the process with the test's name if the test hangs: a hub that is stuck
/// would take all other tests with it.
#[must_use = "watches until it is dropped"]
pub(crate) struct Watchdog {
    _done: mpsc::Sender<()>,
}

/// Watches over the calling test. Comes first in each: it also sees to it that
/// there are as many hubs as `MAYPOLE_TEST_HUBS` says, on the native engine.
pub(crate) fn watchdog() -> Watchdog {
    static HUBS: Once = Once::new();
    HUBS.call_once(|| {
        let hubs = env::var("MAYPOLE_TEST_HUBS").ok();
        if let Some(hubs) = hubs.map(|text| text.parse().unwrap()) {
            maypole::Hub::threads(hubs).unwrap();
        }
    });
    let name = thread::current().name().unwrap_or("unnamed").to_owned();
    let (done, watched) = mpsc::channel::<()>();
    thread::spawn(move || {
        if watched.recv_timeout(HANGS) == Err(RecvTimeoutError::Timeout) {
            // Not `eprintln`: the harness would capture it and lose it.
            let _ = writeln!(io::stderr(), "\ntest {name} hangs");
            process::abort();
        }
    });
    Watchdog { _done: done }
}

/// Waits for a condition that must come.
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "in vain for: {what}");
        pause();
    }
}

/// A moment, for the calling thread only.
pub(crate) fn pause() {
    thread::sleep(Duration::from_millis(1));
}

/// Counts, shared by greenlets and threads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counter(Arc<AtomicUsize>);

impl Counter {
    pub(crate) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Waits until it has counted to `n`.
    #[track_caller]
    pub(crate) fn reaches(&self, n: usize) {
        until(&format!("a count of {n}"), || self.get() >= n);
    }

    /// A guard that counts when it is dropped.
    pub(crate) fn on_drop(&self) -> CountOnDrop {
        CountOnDrop(self.clone())
    }
}

/// See [`Counter::on_drop`].
#[derive(Debug)]
pub(crate) struct CountOnDrop(Counter);

impl Drop for CountOnDrop {
    fn drop(&mut self) {
        self.0.add();
    }
}

/// Whether there is such a command here.
pub(crate) fn has_command(name: &str, version: &str) -> bool {
    let output = Command::new(name).arg(version).output();
    let there = output.is_ok_and(|output| output.status.success());
    if !there {
        println!("skipped: there is no `{name}` command");
    }
    there
}

/// Bytes without a pattern that a shift by a few would leave intact.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let step = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(step).take(len).collect()
}
