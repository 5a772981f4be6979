//! A counter that must not rise above where it began.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::wait::{Unwinding, Waitable, Watch, Watcher};

use super::Semaphore;

/// A semaphore whose permits are given back by a call, and that notices when
/// more come back than went out.
///
/// For where one acquires and another releases. Otherwise a [`Semaphore`] is
/// safer: its permits give themselves back, once. Here a greenlet that is killed
/// between acquiring and releasing keeps its permit from all others. Clones share
/// the permits. Works between greenlets and threads.
///
/// # Examples
///
/// ```
/// use maypole_runtime::lock::BoundedSemaphore;
///
/// let doors = BoundedSemaphore::new(1);
/// doors.acquire()?;
/// assert!(!doors.try_acquire());
/// doors.release().unwrap();
/// assert!(doors.release().is_err()); // nobody is inside
/// # Ok::<(), maypole_runtime::Unwinding>(())
/// ```
#[doc(alias = "gevent.lock.BoundedSemaphore")]
#[derive(Clone)]
pub struct BoundedSemaphore {
    semaphore: Semaphore,
    bound: usize,
}

impl BoundedSemaphore {
    /// A semaphore with `permits` permits, and never more.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::lock::BoundedSemaphore;
    ///
    /// assert_eq!(BoundedSemaphore::new(3).available(), 3);
    /// ```
    #[must_use]
    pub fn new(permits: usize) -> Self {
        Self {
            semaphore: Semaphore::new(permits),
            bound: permits,
        }
    }

    /// Takes a permit, waiting for its turn while there is none.
    ///
    /// Suspends only the caller; a kill or time-out interrupts it.
    ///
    /// # Errors
    ///
    /// [`Unwinding`] when it would have to wait while the calling greenlet
    /// unwinds.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{lock::BoundedSemaphore, spawn};
    ///
    /// let doors = BoundedSemaphore::new(1);
    /// doors.acquire()?;
    /// let waiting = doors.clone();
    /// let waiter = spawn(move || waiting.acquire());
    /// doors.release().unwrap(); // one acquires, another releases
    /// assert_eq!(waiter.get().unwrap(), Ok(()));
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    pub fn acquire(&self) -> Result<(), Unwinding> {
        self.semaphore.acquire()?.forget();
        Ok(())
    }

    /// Takes a permit if there is one now; true if it did. Never suspends.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::lock::BoundedSemaphore;
    ///
    /// let doors = BoundedSemaphore::new(1);
    /// assert!(doors.try_acquire());
    /// assert!(!doors.try_acquire());
    /// ```
    #[doc(alias = "acquire(blocking=False)")]
    #[must_use]
    pub fn try_acquire(&self) -> bool {
        let permit = self.semaphore.try_acquire();
        permit.map(super::Permit::forget).is_some()
    }

    /// Takes a permit, waiting for at most `limit`; true if it did. Waiting is as
    /// in [`acquire`](Self::acquire).
    ///
    /// False too when it would have to wait while the calling greenlet unwinds.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::lock::BoundedSemaphore;
    ///
    /// let doors = BoundedSemaphore::new(0);
    /// assert!(!doors.acquire_timeout(Duration::from_millis(1)));
    /// ```
    #[must_use]
    pub fn acquire_timeout(&self, limit: Duration) -> bool {
        let permit = self.semaphore.acquire_timeout(limit);
        permit.map(super::Permit::forget).is_some()
    }

    /// Gives a permit back: to the first who waits, if anybody does. Never
    /// suspends.
    ///
    /// # Errors
    ///
    /// If all permits are there already. Nothing changes then.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::lock::BoundedSemaphore;
    ///
    /// let doors = BoundedSemaphore::new(2);
    /// doors.acquire()?;
    /// assert!(doors.release().is_ok());
    /// assert!(doors.release().is_err()); // both are there
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    pub fn release(&self) -> Result<(), OverRelease> {
        if self.semaphore.release_up_to(self.bound) {
            Ok(())
        } else {
            Err(OverRelease(()))
        }
    }

    /// How many permits could be taken now.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::lock::BoundedSemaphore;
    ///
    /// let doors = BoundedSemaphore::new(2);
    /// doors.acquire()?;
    /// assert_eq!(doors.available(), 1);
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    #[doc(alias = "counter")]
    #[must_use]
    pub fn available(&self) -> usize {
        self.semaphore.available()
    }

    /// Whether no permit could be taken now.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::lock::BoundedSemaphore;
    ///
    /// let doors = BoundedSemaphore::new(1);
    /// doors.acquire()?;
    /// assert!(doors.is_locked());
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    #[doc(alias = "locked")]
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.semaphore.is_locked()
    }

    /// Waits until a permit is free, without taking it; see [`Semaphore::wait`].
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::lock::BoundedSemaphore;
    ///
    /// let doors = BoundedSemaphore::new(1);
    /// assert_eq!(doors.wait(), 1);
    /// assert_eq!(doors.available(), 1); // none was taken
    /// ```
    pub fn wait(&self) -> usize {
        self.semaphore.wait()
    }

    /// As [`wait`](Self::wait), but for at most `limit`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::lock::BoundedSemaphore;
    ///
    /// let doors = BoundedSemaphore::new(0);
    /// assert_eq!(doors.wait_timeout(Duration::from_millis(1)), 0);
    /// ```
    #[doc(alias = "wait(timeout)")]
    pub fn wait_timeout(&self, limit: Duration) -> usize {
        self.semaphore.wait_timeout(limit)
    }
}

/// It comes when a permit is free. It takes none: others may be faster.
impl Waitable for BoundedSemaphore {}

impl Watch for BoundedSemaphore {
    fn watch(&self, watcher: Watcher) -> Result<u64, Watcher> {
        self.semaphore.watch(watcher)
    }

    fn unwatch(&self, place: u64) {
        self.semaphore.unwatch(place);
    }
}

impl fmt::Debug for BoundedSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedSemaphore")
            .field("available", &self.available())
            .field("bound", &self.bound)
            .finish()
    }
}

/// A [`BoundedSemaphore`] was released more often than it was acquired.
///
/// See the example of [`BoundedSemaphore::release`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OverRelease(());

impl fmt::Display for OverRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a semaphore was released more often than it was acquired")
    }
}

impl Error for OverRelease {}
