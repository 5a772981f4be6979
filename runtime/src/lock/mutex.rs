//! A value that one greenlet has at a time.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use crate::wait::{Unwinding, deadline_after};

use super::raw::{RawLock, Taken};

/// A value that one greenlet or thread has at a time.
///
/// As std's, with three differences: waiting for it suspends only the greenlet
/// that waits; it is handed over in the order of arrival; it is never poisoned.
/// It may be held across blocking calls. A greenlet that locks what it has locked
/// already waits for itself, for ever: see [`ReentrantLock`](super::ReentrantLock).
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use maypole_runtime::lock::Mutex;
/// use maypole_runtime::spawn;
///
/// let names = Arc::new(Mutex::new(Vec::new()));
/// let theirs = names.clone();
/// spawn(move || theirs.lock().unwrap().push("ada")).join();
/// names.lock()?.push("grace");
/// assert_eq!(*names.lock()?, ["ada", "grace"]);
/// # Ok::<(), maypole_runtime::Unwinding>(())
/// ```
#[doc(alias = "Lock")]
pub struct Mutex<T: ?Sized> {
    raw: RawLock,
    // Locked by who has `raw`, and nobody else: nobody waits in it.
    value: parking_lot::Mutex<T>,
}

impl<T> Mutex<T> {
    /// A mutex that holds `value` and is not locked.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::lock::Mutex;
    ///
    /// static COUNT: Mutex<u32> = Mutex::new(0);
    /// *COUNT.lock()? += 1;
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self {
            raw: RawLock::new("a mutex"),
            value: parking_lot::Mutex::new(value),
        }
    }

    /// The value.
    ///
    /// # Examples
    ///
    /// ```
    /// let mutex = maypole_runtime::lock::Mutex::new("mine");
    /// assert_eq!(mutex.into_inner(), "mine");
    /// ```
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Locks it, waiting for its turn.
    ///
    /// Suspends only the caller; a kill or time-out interrupts it.
    ///
    /// # Errors
    ///
    /// [`Unwinding`] when it is locked and the calling greenlet unwinds, so that
    /// it cannot wait. In code that is not run by destructors there is no other,
    /// and `lock().unwrap()` is as good as with std's.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{lock::Mutex, spawn, yield_now};
    ///
    /// static BALANCE: Mutex<i32> = Mutex::new(10);
    /// let other = spawn(|| *BALANCE.lock().unwrap() -= 1);
    /// {
    ///     let mut balance = BALANCE.lock()?;
    ///     let before = *balance;
    ///     yield_now(); // the other waits for its turn
    ///     *balance = before - 1;
    /// }
    /// other.join();
    /// assert_eq!(*BALANCE.lock()?, 8);
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    #[doc(alias = "acquire")]
    pub fn lock(&self) -> Result<MutexGuard<'_, T>, Unwinding> {
        // Without a deadline it ends with the lock or an error.
        while !self.raw.lock(None)? {}
        Ok(self.guard())
    }

    /// Locks it if it is free and nobody waits for it. Never suspends.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::lock::Mutex;
    ///
    /// let mutex = Mutex::new(1);
    /// let guard = mutex.try_lock();
    /// assert!(guard.is_some());
    /// assert!(mutex.try_lock().is_none());
    /// ```
    #[must_use]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.raw.try_lock().then(|| self.guard())
    }

    /// Locks it, waiting for at most `limit`. Waiting is as in
    /// [`lock`](Self::lock).
    ///
    /// `None` when the time has passed, and when it is locked and the calling
    /// greenlet unwinds.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::lock::Mutex;
    ///
    /// let mutex = Mutex::new(1);
    /// let guard = mutex.lock()?;
    /// assert!(mutex.lock_timeout(Duration::from_millis(1)).is_none());
    /// # drop(guard);
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    #[must_use]
    pub fn lock_timeout(&self, limit: Duration) -> Option<MutexGuard<'_, T>> {
        self.lock_until(deadline_after(limit)).unwrap_or(None)
    }

    /// Locks it after a wait for something else; see [`RawLock::lock_again`].
    pub(super) fn lock_again(&self) -> Result<MutexGuard<'_, T>, Unwinding> {
        // Without a deadline it ends with the lock or an error.
        while !self.raw.lock_again(None)? {}
        Ok(self.guard())
    }

    fn lock_until(
        &self,
        deadline: Option<Instant>,
    ) -> Result<Option<MutexGuard<'_, T>>, Unwinding> {
        Ok(self.raw.lock(deadline)?.then(|| self.guard()))
    }

    /// Whether somebody has it locked.
    ///
    /// # Examples
    ///
    /// ```
    /// let mutex = maypole_runtime::lock::Mutex::new(1);
    /// let guard = mutex.lock()?;
    /// assert!(mutex.is_locked());
    /// drop(guard);
    /// assert!(!mutex.is_locked());
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    #[doc(alias = "locked")]
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.raw.is_locked()
    }

    /// The value, without locking: whoever has a `&mut` is alone.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut mutex = maypole_runtime::lock::Mutex::new(1);
    /// *mutex.get_mut() = 2;
    /// assert_eq!(mutex.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// The guard of who has taken `raw`.
    fn guard(&self) -> MutexGuard<'_, T> {
        MutexGuard {
            mutex: self,
            value: self.value.lock(),
            _taken: Taken(&self.raw),
        }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Mutex");
        match self.try_lock() {
            Some(guard) => shown.field("value", &&*guard),
            None => shown.field("value", &format_args!("<locked>")),
        };
        shown.finish()
    }
}

/// The value of a [`Mutex`] that is locked; dropping it unlocks.
///
/// It stays with the greenlet that locked it: it is not `Send`.
///
/// See the example of [`Mutex::lock`].
#[must_use = "dropped at once, it unlocks at once"]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    // Let go in this order.
    value: parking_lot::MutexGuard<'a, T>,
    _taken: Taken<'a>,
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// The mutex that it unlocks.
    pub(super) fn mutex(this: &Self) -> &'a Mutex<T> {
        this.mutex
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
