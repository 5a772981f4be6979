//! What a greenlet does with itself.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::engine;
use crate::wait::{self, Interrupted, Strand, deadline_after};

use super::GreenletRef;

/// The greenlet that calls, or `None` on a plain thread.
///
/// # Examples
///
/// ```
/// use maypole_runtime::{current, spawn};
///
/// assert!(current().is_none()); // main is a plain thread
/// assert!(spawn(|| current().is_some()).get().unwrap());
/// ```
#[doc(alias = "getcurrent")]
#[must_use]
pub fn current() -> Option<GreenletRef> {
    engine::with_current(|strand: Option<&Arc<Strand>>| {
        strand.map(|strand| GreenletRef::new(strand.clone()))
    })
}

/// Suspends the caller for at least `limit`; [`Duration::MAX`], or more than a
/// hundred years, is for ever.
///
/// Other greenlets run meanwhile; on a plain thread, that thread blocks. A kill
/// or a time-out interrupts it. While the caller unwinds it returns at once.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let start = Instant::now();
/// maypole_runtime::sleep(Duration::from_millis(2));
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// ```
#[doc(alias = "gevent.sleep")]
pub fn sleep(limit: Duration) {
    if limit.is_zero() {
        return yield_now();
    }
    wait::sleep_until(deadline_after(limit));
}

/// Lets every other greenlet that is ready run before the caller goes on; I/O
/// and timers get their turn once a time slice, by default each millisecond.
///
/// A kill or a time-out interrupts it. While the caller unwinds it returns at
/// once. On a plain thread it yields the thread.
///
/// # Examples
///
/// ```
/// use maypole_runtime::{spawn, yield_now};
///
/// let counted = spawn(|| (0..10).inspect(|_| yield_now()).count());
/// assert_eq!(counted.get().unwrap(), 10);
/// ```
#[doc(alias = "sleep(0)")]
#[doc(alias = "Gosched")]
#[inline]
pub fn yield_now() {
    wait::yield_now();
}

/// Runs `body` and catches its panic, and only that: a kill or a time-out of the
/// calling greenlet passes through, as it would not through
/// [`std::panic::catch_unwind`].
///
/// # Errors
///
/// The panic's payload.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_runtime::{catch_panic, sleep, spawn};
///
/// assert!(catch_panic(|| panic!("no")).is_err());
///
/// let sleeper = spawn(|| catch_panic(|| sleep(Duration::MAX)));
/// sleeper.start_kill();
/// assert!(sleeper.get().unwrap_err().is_killed());
/// ```
pub fn catch_panic<T>(body: impl FnOnce() -> T) -> std::thread::Result<T> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|payload| {
        if payload.is::<Interrupted>() {
            resume_unwind(payload);
        }
        payload
    })
}
