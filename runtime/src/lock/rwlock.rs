//! A value that many read and one writes.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use crate::engine::sync::Mutex;
use crate::wait::{self, Unwinding, WaitList, Waited, deadline_after, wait_in};

/// A value that many greenlets or threads read at once, or one writes.
///
/// As std's, with the differences of [`Mutex`](super::Mutex). Readers and writers
/// take turns, so that neither wait for ever: who comes to read while somebody
/// waits to write waits too; when a writer is done, all go in who wait to read,
/// and after them the next writer. Writers are served in the order of arrival.
///
/// A greenlet that reads and wants to read again waits for itself if somebody
/// waits to write meanwhile, and so does one that reads and wants to write.
///
/// # Examples
///
/// ```
/// use maypole_runtime::lock::RwLock;
///
/// let config = RwLock::new(5);
/// {
///     let (one, other) = (config.read()?, config.read()?);
///     assert_eq!(*one + *other, 10);
///     assert!(config.try_write().is_none());
/// }
/// *config.write()? += 1;
/// assert_eq!(*config.read()?, 6);
/// # Ok::<(), maypole_runtime::Unwinding>(())
/// ```
pub struct RwLock<T: ?Sized> {
    raw: Raw,
    // Locked by those whom `raw` lets in, and nobody else: nobody waits in it.
    value: parking_lot::RwLock<T>,
}

impl<T> RwLock<T> {
    /// A lock that holds `value` and is not locked.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::lock::RwLock;
    ///
    /// static NAME: RwLock<&str> = RwLock::new("maypole");
    /// assert_eq!(*NAME.read()?, "maypole");
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self {
            raw: Raw::new(),
            value: parking_lot::RwLock::new(value),
        }
    }

    /// The value.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = maypole_runtime::lock::RwLock::new("mine");
    /// assert_eq!(lock.into_inner(), "mine");
    /// ```
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Locks it to read, together with others, waiting for its turn.
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
    /// let lock = maypole_runtime::lock::RwLock::new(1);
    /// let (one, other) = (lock.read()?, lock.read()?);
    /// assert_eq!(*one, *other);
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    pub fn read(&self) -> Result<RwLockReadGuard<'_, T>, Unwinding> {
        // Without a deadline it ends with the lock or an error.
        while !self.raw.read(None)? {}
        Ok(self.read_guard())
    }

    /// Locks it to read if nobody writes or waits to write. Never suspends.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = maypole_runtime::lock::RwLock::new(1);
    /// let writes = lock.write()?;
    /// assert!(lock.try_read().is_none());
    /// drop(writes);
    /// assert!(lock.try_read().is_some());
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    #[must_use]
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        self.raw.try_read().then(|| self.read_guard())
    }

    /// Locks it to read, waiting for at most `limit`. Waiting is as in
    /// [`read`](Self::read).
    ///
    /// `None` when the time has passed, and when it would have to wait while the
    /// calling greenlet unwinds.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::lock::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// let writes = lock.write()?;
    /// assert!(lock.read_timeout(Duration::from_millis(1)).is_none());
    /// # drop(writes);
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    #[must_use]
    pub fn read_timeout(&self, limit: Duration) -> Option<RwLockReadGuard<'_, T>> {
        let read = self.raw.read(deadline_after(limit)).unwrap_or(false);
        read.then(|| self.read_guard())
    }

    /// Locks it to write, alone, waiting for its turn.
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
    /// let lock = maypole_runtime::lock::RwLock::new(1);
    /// *lock.write()? += 1;
    /// assert_eq!(*lock.read()?, 2);
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    pub fn write(&self) -> Result<RwLockWriteGuard<'_, T>, Unwinding> {
        // Without a deadline it ends with the lock or an error.
        while !self.raw.write(None)? {}
        Ok(self.write_guard())
    }

    /// Locks it to write if nobody has it. Never suspends.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = maypole_runtime::lock::RwLock::new(1);
    /// let reads = lock.read()?;
    /// assert!(lock.try_write().is_none());
    /// drop(reads);
    /// assert!(lock.try_write().is_some());
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    #[must_use]
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
        self.raw.try_write().then(|| self.write_guard())
    }

    /// Locks it to write, waiting for at most `limit`. Waiting is as in
    /// [`write`](Self::write).
    ///
    /// `None` when the time has passed, and when it would have to wait while the
    /// calling greenlet unwinds.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::lock::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// let reads = lock.read()?;
    /// assert!(lock.write_timeout(Duration::from_millis(1)).is_none());
    /// # drop(reads);
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    #[must_use]
    pub fn write_timeout(&self, limit: Duration) -> Option<RwLockWriteGuard<'_, T>> {
        let written = self.raw.write(deadline_after(limit)).unwrap_or(false);
        written.then(|| self.write_guard())
    }

    /// The value, without locking: whoever has a `&mut` is alone.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut lock = maypole_runtime::lock::RwLock::new(1);
    /// *lock.get_mut() = 2;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    fn read_guard(&self) -> RwLockReadGuard<'_, T> {
        RwLockReadGuard {
            value: self.value.read(),
            _reads: Reads(&self.raw),
        }
    }

    fn write_guard(&self) -> RwLockWriteGuard<'_, T> {
        RwLockWriteGuard {
            value: self.value.write(),
            _writes: Writes(&self.raw),
        }
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RwLock");
        match self.try_read() {
            Some(guard) => shown.field("value", &&*guard),
            None => shown.field("value", &format_args!("<locked>")),
        };
        shown.finish()
    }
}

/// The value of an [`RwLock`] that is locked to read; dropping it unlocks.
///
/// It stays with the greenlet that locked it: it is not `Send`.
///
/// See the example of [`RwLock::read`].
#[must_use = "dropped at once, it unlocks at once"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    // Let go in this order.
    value: parking_lot::RwLockReadGuard<'a, T>,
    _reads: Reads<'a>,
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// The value of an [`RwLock`] that is locked to write; dropping it unlocks.
///
/// It stays with the greenlet that locked it: it is not `Send`.
///
/// See the example of [`RwLock::write`].
#[must_use = "dropped at once, it unlocks at once"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    // Let go in this order.
    value: parking_lot::RwLockWriteGuard<'a, T>,
    _writes: Writes<'a>,
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Who may go in.
pub(super) struct Raw {
    state: Mutex<State>,
}

struct State {
    // Those that are in, and those that were woken to go in.
    reading: usize,
    writing: bool,
    // Writers that wait, with those that were woken and have not come yet and
    // those that give up and have not left yet. Readers wait for them.
    writers_due: usize,
    readers: WaitList,
    writers: WaitList,
}

impl Raw {
    pub(super) const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                reading: 0,
                writing: false,
                writers_due: 0,
                readers: WaitList::of("a lock to read"),
                writers: WaitList::of("a lock to write"),
            }),
        }
    }

    /// Goes in to read; false when the deadline passes first.
    pub(super) fn read(&self, deadline: Option<Instant>) -> Result<bool, Unwinding> {
        wait::checkpoint();
        if self.try_read() {
            return Ok(true);
        }
        let ready = |state: &mut State| state.read_now();
        let waited = wait_in(&self.state, |state| &mut state.readers, deadline, ready)?;
        // Whoever wakes us has counted us.
        Ok(waited != Waited::TimedOut)
    }

    pub(super) fn try_read(&self) -> bool {
        self.state.lock().read_now().is_some()
    }

    /// Goes in to write; false when the deadline passes first.
    pub(super) fn write(&self, deadline: Option<Instant>) -> Result<bool, Unwinding> {
        wait::checkpoint();
        {
            let mut state = self.state.lock();
            if state.write_now().is_some() {
                return Ok(true);
            }
            state.writers_due += 1;
        }
        let _due = Due(self);
        let ready = |state: &mut State| state.write_now();
        let waited = wait_in(&self.state, |state| &mut state.writers, deadline, ready)?;
        // Whoever wakes us has let nobody else in.
        Ok(waited != Waited::TimedOut)
    }

    pub(super) fn try_write(&self) -> bool {
        self.state.lock().write_now().is_some()
    }
}

impl State {
    fn read_now(&mut self) -> Option<()> {
        if self.writing || self.writers_due > 0 {
            return None;
        }
        self.reading += 1;
        Some(())
    }

    fn write_now(&mut self) -> Option<()> {
        if self.writing || self.reading > 0 {
            return None;
        }
        self.writing = true;
        Some(())
    }

    fn let_readers_in(&mut self) {
        while self.readers.wake_one() {
            self.reading += 1;
        }
    }

    fn let_writer_in(&mut self) {
        self.writing = self.writers.wake_one();
    }
}

/// A writer that is due. Dropped when it has come, and when it gives up.
struct Due<'a>(&'a Raw);

impl Drop for Due<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.writers_due -= 1;
        if state.writers_due == 0 && !state.writing {
            // They waited for this one.
            state.let_readers_in();
        }
    }
}

/// One that reads.
pub(super) struct Reads<'a>(pub(super) &'a Raw);

impl Drop for Reads<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.reading -= 1;
        if state.reading == 0 {
            // If there is none, those who wait to read wait for one that gives
            // up, and lets them in.
            state.let_writer_in();
        }
    }
}

/// The one that writes.
pub(super) struct Writes<'a>(pub(super) &'a Raw);

impl Drop for Writes<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.writing = false;
        state.let_readers_in();
        if state.reading == 0 {
            state.let_writer_in();
        }
    }
}
