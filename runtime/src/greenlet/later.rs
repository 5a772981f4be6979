//! Spawning that waits first.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use crate::wait::{deadline_after, sleep_until};

use super::{Builder, Greenlet};

/// Runs `body` in a new greenlet once `limit` has passed.
///
/// The greenlet counts as running from now on: it can be joined, linked to and
/// killed. Killed before the time has come, it ends at once, its links are
/// called, and `body` never runs. [`Duration::MAX`] never comes.
///
/// It has its stack while it waits, so that a lack of memory shows here and not
/// when nobody looks: a hundred thousand delayed jobs better share a greenlet
/// that sleeps from one to the next.
///
/// # Panics
///
/// When no more greenlets can be had; [`Builder::spawn_later`] returns an error
/// then.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
/// use maypole_runtime::spawn_later;
///
/// let start = Instant::now();
/// let later = spawn_later(Duration::from_millis(2), move || start.elapsed());
/// assert!(later.get().unwrap() >= Duration::from_millis(2));
///
/// let never = spawn_later(Duration::from_secs(60), || unreachable!());
/// never.kill();
/// ```
#[doc(alias = "start_later")]
#[track_caller]
pub fn spawn_later<T, F>(limit: Duration, body: F) -> Greenlet<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    match Builder::new().spawn_later(limit, body) {
        Ok(greenlet) => greenlet,
        Err(error) => panic!("cannot spawn: {error}"),
    }
}

impl Builder {
    /// Runs `body` in a new greenlet once `limit` has passed; see
    /// [`spawn_later`].
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::Builder;
    ///
    /// let limit = Duration::from_millis(1);
    /// let reminder = Builder::new().name("reminder").spawn_later(limit, || "now")?;
    /// assert_eq!(reminder.get().unwrap(), "now");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_later<T, F>(self, limit: Duration, body: F) -> io::Result<Greenlet<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // From now, not from when it first runs.
        let deadline = deadline_after(limit);
        self.spawn(move || {
            if let Err(killed) = catch_unwind(AssertUnwindSafe(|| sleep_until(deadline))) {
                // What the body captured is dropped where it may block, as it is
                // when a greenlet is killed before it first runs.
                drop(body);
                resume_unwind(killed);
            }
            body()
        })
    }
}
