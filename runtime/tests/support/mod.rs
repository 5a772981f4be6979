//! What the suites in this folder share.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each suite is a crate that uses its part"
)]
#![allow(clippy::unwrap_used, reason = "tests")]

pub mod crowd;
pub mod line;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex; // ThreadSanitizer can follow it

/// How long anything here may take: far more than it needs, so that only a
/// hang reaches it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Sets the hub up as the environment asks, before anything is spawned: with
/// `MAYPOLE_TEST_HUBS` hubs on the native engine.
pub fn set_up() {
    let hubs = std::env::var("MAYPOLE_TEST_HUBS").ok();
    if let Some(hubs) = hubs.and_then(|text| text.parse().ok()) {
        // Refused on `may`, and when another test was first.
        let _ = maypole_runtime::Hub::threads(hubs);
    }
}

/// Runs `body` in a greenlet and fails if it does not end in time.
///
/// # Panics
///
/// If `body` panics or takes longer than [`PATIENCE`].
#[track_caller]
pub fn in_greenlet<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    set_up();
    let greenlet = maypole_runtime::spawn(body);
    assert!(greenlet.join_timeout(PATIENCE), "it did not end in time");
    match greenlet.get() {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

/// Waits until `condition` holds, letting others run.
///
/// # Panics
///
/// If it does not within [`PATIENCE`].
#[track_caller]
pub fn until(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "the condition never held");
        maypole_runtime::yield_now();
        thread::yield_now();
    }
}

/// What happened, in order. Noting it is no blocking call, so that others cannot
/// come in between.
#[derive(Debug)]
pub struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T> Log<T> {
    pub fn new() -> Self {
        Self(Arc::default())
    }

    pub fn note(&self, what: T) {
        self.0.lock().push(what);
    }

    /// What was noted since the last time.
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl<T> Clone for Log<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Spawns a greenlet and waits until its body has begun and, as it shares the
/// hub with those spawned after it, has come to its first blocking call.
///
/// # Panics
///
/// If it has not within [`PATIENCE`].
#[track_caller]
pub fn begin<T: Send + 'static>(
    body: impl FnOnce() -> T + Send + 'static,
) -> maypole_runtime::Greenlet<T> {
    set_up();
    let begun = Arc::new(AtomicBool::new(false));
    let greenlet = maypole_runtime::spawn({
        let begun = begun.clone();
        move || {
            begun.store(true, Ordering::SeqCst);
            body()
        }
    });
    until(|| begun.load(Ordering::SeqCst));
    for _ in 0..3 {
        maypole_runtime::spawn(maypole_runtime::yield_now).join();
    }
    greenlet
}
