//! A lock that its owner can take again.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::wait::{self, Unwinding, deadline_after, with_strand};

use super::raw::RawLock;

/// A value that one greenlet or thread has at a time, as often as it likes.
///
/// The owner is the greenlet; on a plain thread, the thread. Another greenlet of
/// the same thread waits. As the owner may have it several times it gets only
/// `&T`: put a [`Cell`](std::cell::Cell) or a [`RefCell`](std::cell::RefCell) in
/// to change it. Otherwise it is as [`Mutex`](super::Mutex).
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
/// use maypole_runtime::lock::ReentrantLock;
///
/// let count = ReentrantLock::new(Cell::new(0));
/// let outer = count.lock()?;
/// let inner = count.lock()?;
/// inner.set(outer.get() + 1);
/// drop(inner);
/// assert!(count.is_locked());
/// drop(outer);
/// assert!(!count.is_locked());
/// # Ok::<(), maypole_runtime::Unwinding>(())
/// ```
#[doc(alias = "RLock")]
pub struct ReentrantLock<T: ?Sized> {
    raw: RawLock,
    // The number of the strand that has `raw`, or 0. Read by others too, but only
    // the owner finds its own number there, and it wrote that itself.
    owner: AtomicU64,
    // How often the owner has it. Only for the owner.
    depth: AtomicUsize,
    // Locked by who has `raw`, and nobody else: nobody waits in it.
    value: parking_lot::ReentrantMutex<T>,
}

impl<T> ReentrantLock<T> {
    /// A lock that holds `value` and is not locked.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::lock::ReentrantLock;
    ///
    /// let lock = ReentrantLock::new("shared");
    /// assert!(!lock.is_locked());
    /// ```
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self {
            raw: RawLock::new("a reentrant lock"),
            owner: AtomicU64::new(0),
            depth: AtomicUsize::new(0),
            value: parking_lot::ReentrantMutex::new(value),
        }
    }

    /// The value.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = maypole_runtime::lock::ReentrantLock::new("mine");
    /// assert_eq!(lock.into_inner(), "mine");
    /// ```
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> ReentrantLock<T> {
    /// Locks it, waiting for its turn; at once if the caller has it already.
    ///
    /// Suspends only the caller; a kill or time-out interrupts it.
    ///
    /// # Errors
    ///
    /// [`Unwinding`] when another has it locked and the calling greenlet
    /// unwinds, so that it cannot wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::lock::ReentrantLock;
    ///
    /// static LOG: ReentrantLock<()> = ReentrantLock::new(());
    ///
    /// fn line() -> bool {
    ///     LOG.lock().is_ok() // the caller may have it already
    /// }
    ///
    /// let _all = LOG.lock()?;
    /// assert!(line() && line());
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    #[doc(alias = "acquire")]
    pub fn lock(&self) -> Result<ReentrantLockGuard<'_, T>, Unwinding> {
        loop {
            // Without a deadline it ends with the lock or an error.
            if let Some(guard) = self.lock_until(None)? {
                return Ok(guard);
            }
        }
    }

    /// Locks it if it is free and nobody waits for it, or if the caller has it
    /// already. Never suspends.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{lock::ReentrantLock, spawn};
    ///
    /// static LOCK: ReentrantLock<u32> = ReentrantLock::new(0);
    /// let _mine = LOCK.lock()?;
    /// assert!(LOCK.try_lock().is_some()); // once more
    /// assert!(spawn(|| LOCK.try_lock().is_none()).get().unwrap());
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    #[must_use]
    pub fn try_lock(&self) -> Option<ReentrantLockGuard<'_, T>> {
        let me = me();
        (self.owner.load(Ordering::Relaxed) == me || self.raw.try_lock()).then(|| self.guard(me))
    }

    /// Locks it, waiting for at most `limit`. Waiting is as in
    /// [`lock`](Self::lock).
    ///
    /// `None` when the time has passed, and when another has it locked and the
    /// calling greenlet unwinds.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::{lock::ReentrantLock, spawn};
    ///
    /// static LOCK: ReentrantLock<u32> = ReentrantLock::new(0);
    /// let _mine = LOCK.lock()?;
    /// let other = spawn(|| LOCK.lock_timeout(Duration::from_millis(1)).is_none());
    /// assert!(other.get().unwrap());
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    #[must_use]
    pub fn lock_timeout(&self, limit: Duration) -> Option<ReentrantLockGuard<'_, T>> {
        self.lock_until(deadline_after(limit)).unwrap_or(None)
    }

    fn lock_until(
        &self,
        deadline: Option<Instant>,
    ) -> Result<Option<ReentrantLockGuard<'_, T>>, Unwinding> {
        let me = me();
        if self.owner.load(Ordering::Relaxed) == me {
            wait::checkpoint();
            return Ok(Some(self.guard(me)));
        }
        Ok(self.raw.lock(deadline)?.then(|| self.guard(me)))
    }

    /// Whether somebody has it locked.
    ///
    /// See the example of [`ReentrantLock`].
    #[doc(alias = "locked")]
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.raw.is_locked()
    }

    /// Whether the caller has it locked.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{lock::ReentrantLock, spawn};
    ///
    /// static LOCK: ReentrantLock<u32> = ReentrantLock::new(0);
    /// let _mine = LOCK.lock()?;
    /// assert!(LOCK.is_mine());
    /// assert!(!spawn(|| LOCK.is_mine()).get().unwrap());
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    #[doc(alias = "_is_owned")]
    #[must_use]
    pub fn is_mine(&self) -> bool {
        self.owner.load(Ordering::Relaxed) == me()
    }

    /// The value, without locking: whoever has a `&mut` is alone.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut lock = maypole_runtime::lock::ReentrantLock::new(1);
    /// *lock.get_mut() = 2;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// One more guard for `me`, who has `raw`.
    fn guard(&self, me: u64) -> ReentrantLockGuard<'_, T> {
        let value = self.value.lock();
        self.owner.store(me, Ordering::Relaxed);
        self.depth.fetch_add(1, Ordering::Relaxed);
        ReentrantLockGuard {
            value,
            _depth: Depth {
                raw: &self.raw,
                owner: &self.owner,
                depth: &self.depth,
            },
        }
    }
}

/// The number of the calling greenlet or thread.
fn me() -> u64 {
    with_strand(|strand| strand.id)
}

impl<T: Default> Default for ReentrantLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for ReentrantLock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ReentrantLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ReentrantLock");
        match self.try_lock() {
            Some(guard) => shown.field("value", &&*guard),
            None => shown.field("value", &format_args!("<locked>")),
        };
        shown.finish()
    }
}

/// The value of a [`ReentrantLock`] that is locked; dropping the last one
/// unlocks.
///
/// It stays with the greenlet that locked it: it is not `Send`.
///
/// See the example of [`ReentrantLock`].
#[must_use = "dropped at once, it unlocks at once"]
pub struct ReentrantLockGuard<'a, T: ?Sized> {
    // Let go in this order.
    value: parking_lot::ReentrantMutexGuard<'a, T>,
    _depth: Depth<'a>,
}

impl<T: ?Sized> Deref for ReentrantLockGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ReentrantLockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for ReentrantLockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// One of the times that the owner has the lock.
struct Depth<'a> {
    raw: &'a RawLock,
    owner: &'a AtomicU64,
    depth: &'a AtomicUsize,
}

impl Drop for Depth<'_> {
    fn drop(&mut self) {
        if self.depth.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.owner.store(0, Ordering::Relaxed);
            self.raw.unlock();
        }
    }
}
