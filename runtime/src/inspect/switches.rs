//! Finding code that does not let others run.

use std::time::{Duration, Instant};

use crate::engine::{Watch, own_beat};

/// Runs `body` and panics unless the calling greenlet let others run meanwhile.
///
/// For tests: code that should suspend, and does not, stops its hub. With a
/// `limit` it says as well when the whole took longer without a single switch
/// than that; what is found is one stretch over the whole body, not its longest.
///
/// # Panics
///
/// If `body` ran for longer than `limit` and never suspended, or if the caller
/// is not a greenlet.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_runtime::inspect::assert_switches;
/// use maypole_runtime::{sleep, spawn};
///
/// let polite = || assert_switches(Duration::ZERO, || sleep(Duration::from_millis(1)));
/// spawn(polite).get().unwrap();
///
/// let rude = || assert_switches(Duration::ZERO, || 6 * 7);
/// assert!(spawn(rude).get().unwrap_err().is_panic());
/// ```
#[track_caller]
pub fn assert_switches<T>(limit: Duration, body: impl FnOnce() -> T) -> T {
    let watch = Watch::begin();
    // So that the hub is seen to beat from here on.
    crate::yield_now();
    let before = own_beat();
    assert!(before.is_some(), "assert_switches is for greenlets");
    let start = Instant::now();
    let value = body();
    let (after, took) = (own_beat(), start.elapsed());
    drop(watch);
    assert!(
        before != after || took <= limit,
        "it ran for {took:?} and let nobody else run"
    );
    value
}
