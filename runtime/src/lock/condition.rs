//! Waiting for a change of what a mutex holds.

use std::fmt;
use std::time::{Duration, Instant};

use crate::engine::sync::Mutex;
use crate::wait::{Unwinding, WaitList, Waited, deadline_after, wait_in};

use super::MutexGuard;

/// Waits for a change of what a [`Mutex`](super::Mutex) holds: std's `Condvar`
/// under Python's name.
///
/// Waiting gives the mutex back and takes it again afterwards. It can end
/// without a reason: look again, or use [`wait_while`](Self::wait_while), which
/// does. Waiters are notified in the order in which they came.
///
/// # Interrupts
///
/// A kill or time-out interrupts a waiter as it does everywhere, by unwinding.
/// The guard went into the call and does not come back: the mutex is *not* locked
/// again, as a greenlet that unwinds cannot wait for it. So code that catches the
/// interrupt has no guard, and locks the mutex anew. Who is interrupted before it
/// is notified takes no notification along; who is interrupted after it, while it
/// waits for the mutex, passes its notification on to the next.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use maypole_runtime::lock::{Condition, Mutex};
/// use maypole_runtime::spawn;
///
/// let shared = Arc::new((Mutex::new(Vec::new()), Condition::new()));
/// let theirs = shared.clone();
/// let taker = spawn(move || {
///     let (items, changed) = &*theirs;
///     let items = items.lock().unwrap();
///     changed.wait_while(items, |items| items.is_empty()).unwrap().pop()
/// });
/// let (items, changed) = &*shared;
/// items.lock()?.push("news");
/// changed.notify_one();
/// assert_eq!(taker.get().unwrap(), Some("news"));
/// # Ok::<(), maypole_runtime::Unwinding>(())
/// ```
#[doc(alias = "Condvar")]
pub struct Condition {
    waiters: Mutex<WaitList>,
}

impl Condition {
    /// A condition that nobody waits for.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::lock::Condition;
    ///
    /// static CHANGED: Condition = Condition::new();
    /// CHANGED.notify_all(); // nobody waits: nothing happens
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self {
            waiters: Mutex::new(WaitList::of("a condition")),
        }
    }

    /// Unlocks the mutex of `guard`, waits to be notified, and locks it again,
    /// waiting for its turn. What is notified after the unlocking is not missed.
    ///
    /// Suspends only the caller; a kill or time-out interrupts it, and the mutex
    /// is then not locked again.
    ///
    /// # Errors
    ///
    /// [`Unwinding`] when the calling greenlet unwinds and so cannot wait; the
    /// mutex is then unlocked.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::lock::{Condition, Mutex};
    /// use maypole_runtime::spawn;
    ///
    /// static READY: Mutex<bool> = Mutex::new(false);
    /// static CHANGED: Condition = Condition::new();
    ///
    /// let teller = spawn(|| {
    ///     *READY.lock().unwrap() = true;
    ///     CHANGED.notify_one();
    /// });
    /// let mut ready = READY.lock()?;
    /// while !*ready {
    ///     ready = CHANGED.wait(ready)?; // not locked meanwhile
    /// }
    /// # drop(ready);
    /// # teller.join();
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    pub fn wait<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
    ) -> Result<MutexGuard<'a, T>, Unwinding> {
        Ok(self.wait_until(guard, None)?.0)
    }

    /// As [`wait`](Self::wait), but to be notified within `limit`: false beside
    /// the guard when it was not. Locking the mutex again can take longer.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::lock::{Condition, Mutex};
    ///
    /// let (value, changed) = (Mutex::new(1), Condition::new());
    /// let (guard, told) = changed.wait_timeout(value.lock()?, Duration::from_millis(1))?;
    /// assert!(!told);
    /// assert_eq!(*guard, 1); // locked again
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    #[doc(alias = "wait(timeout)")]
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        limit: Duration,
    ) -> Result<(MutexGuard<'a, T>, bool), Unwinding> {
        self.wait_until(guard, deadline_after(limit))
    }

    /// Waits until `blocked` says false of the value; not at all if it does now.
    /// It is asked with the mutex locked, and again after each notification.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// See the example of [`Condition`].
    #[doc(alias = "wait_for")]
    pub fn wait_while<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut blocked: impl FnMut(&mut T) -> bool,
    ) -> Result<MutexGuard<'a, T>, Unwinding> {
        while blocked(&mut guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// As [`wait_while`](Self::wait_while), but for at most `limit`: false beside
    /// the guard when `blocked` still says true then.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::lock::{Condition, Mutex};
    ///
    /// let (ready, changed) = (Mutex::new(false), Condition::new());
    /// let limit = Duration::from_millis(1);
    /// let (_, came) = changed.wait_timeout_while(ready.lock()?, limit, |ready| !*ready)?;
    /// assert!(!came);
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    #[doc(alias = "wait_for(timeout)")]
    pub fn wait_timeout_while<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        limit: Duration,
        mut blocked: impl FnMut(&mut T) -> bool,
    ) -> Result<(MutexGuard<'a, T>, bool), Unwinding> {
        let deadline = deadline_after(limit);
        let mut in_time = true;
        while blocked(&mut guard) {
            if !in_time {
                return Ok((guard, false));
            }
            (guard, in_time) = self.wait_until(guard, deadline)?;
        }
        Ok((guard, true))
    }

    fn wait_until<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> Result<(MutexGuard<'a, T>, bool), Unwinding> {
        let mutex = MutexGuard::mutex(&guard);
        // Unlocked while nobody can notify: who does so next finds the waiter.
        let unlock = |_: &mut WaitList| -> Option<()> {
            drop(guard);
            None
        };
        let waited = wait_in(&self.waiters, |waiters| waiters, deadline, unlock)?;
        let in_time = waited != Waited::TimedOut;
        let passes_on = in_time.then(|| PassesOn(self));
        let guard = mutex.lock_again()?;
        std::mem::forget(passes_on);
        Ok((guard, in_time))
    }

    /// Notifies the one who has waited longest, if anybody waits. Never
    /// suspends. Call it with the mutex locked or not.
    ///
    /// See the example of [`Condition`].
    #[doc(alias = "notify")]
    pub fn notify_one(&self) {
        self.waiters.lock().wake_one();
    }

    /// Notifies all who wait now. Never suspends.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::lock::{Condition, Mutex};
    /// use maypole_runtime::{join_all, spawn};
    ///
    /// static OPEN: Mutex<bool> = Mutex::new(false);
    /// static CHANGED: Condition = Condition::new();
    ///
    /// let guests = [0, 1].map(|_| {
    ///     spawn(|| drop(CHANGED.wait_while(OPEN.lock().unwrap(), |open| !*open)))
    /// });
    /// *OPEN.lock()? = true;
    /// CHANGED.notify_all();
    /// assert_eq!(join_all(guests).len(), 2);
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    pub fn notify_all(&self) {
        let waiters = self.waiters.lock().take_all();
        waiters.wake();
    }
}

impl Default for Condition {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition").finish_non_exhaustive()
    }
}

/// A notification of one who has not locked the mutex yet; dropping it passes it
/// on.
struct PassesOn<'a>(&'a Condition);

impl Drop for PassesOn<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}
