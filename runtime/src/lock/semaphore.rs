//! A counter of permits that greenlets can wait for.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::sync::Mutex;
use crate::wait::{
    self, Unwinding, WaitList, Waitable, Waited, Watch, Watcher, deadline_after, unwatch_in,
    wait_in, watch_in,
};

/// A number of permits, handed out in the order in which they are asked for.
///
/// A [`Permit`] gives itself back when dropped, so more can never come back
/// than went out. A waiter that is killed or timed out never takes a permit
/// with it. Clones share the permits. Works between greenlets and threads.
/// Where the one who releases is not the one who acquired, see
/// [`BoundedSemaphore`](super::BoundedSemaphore).
///
/// # Examples
///
/// ```
/// use maypole_runtime::Semaphore;
///
/// let doors = Semaphore::new(1);
/// let inside = doors.acquire()?;
/// assert!(doors.try_acquire().is_none());
/// drop(inside);
/// assert!(doors.try_acquire().is_some());
/// # Ok::<(), maypole_runtime::Unwinding>(())
/// ```
#[doc(alias = "gevent.lock.Semaphore")]
#[derive(Clone)]
pub struct Semaphore {
    state: Arc<Mutex<State>>,
}

struct State {
    free: usize,
    // These are not empty only while `free` is 0. Who waits is handed a permit;
    // who looks is told that one is free.
    waiters: WaitList,
    lookers: WaitList,
}

impl Semaphore {
    /// A semaphore with `permits` permits. With none it never lets anyone in.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(maypole_runtime::Semaphore::new(3).available(), 3);
    /// ```
    #[must_use]
    pub fn new(permits: usize) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                free: permits,
                waiters: WaitList::of("a permit"),
                lookers: WaitList::of("a free permit"),
            })),
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
    /// use maypole_runtime::{Semaphore, join_all, spawn, yield_now};
    ///
    /// let two_at_once = Semaphore::new(2);
    /// let workers = (0..5).map(|_| {
    ///     let theirs = two_at_once.clone();
    ///     spawn(move || {
    ///         let _permit = theirs.acquire().unwrap();
    ///         yield_now(); // at most two of them are here
    ///     })
    /// });
    /// join_all(workers);
    /// assert_eq!(two_at_once.available(), 2);
    /// ```
    pub fn acquire(&self) -> Result<Permit, Unwinding> {
        loop {
            // Without a deadline it ends with a permit or an error.
            if let Some(permit) = self.acquire_until(None)? {
                return Ok(permit);
            }
        }
    }

    /// Takes a permit if there is one now. Never blocks, and never overtakes
    /// those who wait.
    ///
    /// # Examples
    ///
    /// ```
    /// let semaphore = maypole_runtime::Semaphore::new(1);
    /// let permit = semaphore.try_acquire();
    /// assert!(permit.is_some());
    /// assert!(semaphore.try_acquire().is_none());
    /// ```
    #[doc(alias = "acquire(blocking=False)")]
    #[must_use]
    pub fn try_acquire(&self) -> Option<Permit> {
        let mut state = self.state.lock();
        state.free = state.free.checked_sub(1)?;
        Some(self.permit())
    }

    /// Takes a permit, waiting for at most `limit`. Waiting is as in
    /// [`acquire`](Self::acquire).
    ///
    /// `None` when the time has passed, or when it would have to wait while the
    /// calling greenlet unwinds.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let semaphore = maypole_runtime::Semaphore::new(0);
    /// assert!(semaphore.acquire_timeout(Duration::from_millis(1)).is_none());
    /// ```
    #[must_use]
    pub fn acquire_timeout(&self, limit: Duration) -> Option<Permit> {
        self.acquire_until(deadline_after(limit)).unwrap_or(None)
    }

    /// How many permits could be taken now.
    ///
    /// # Examples
    ///
    /// ```
    /// let semaphore = maypole_runtime::Semaphore::new(3);
    /// let _permit = semaphore.try_acquire();
    /// assert_eq!(semaphore.available(), 2);
    /// ```
    #[doc(alias = "counter")]
    #[must_use]
    pub fn available(&self) -> usize {
        self.state.lock().free
    }

    /// Whether no permit could be taken now.
    ///
    /// # Examples
    ///
    /// ```
    /// let semaphore = maypole_runtime::Semaphore::new(1);
    /// let permit = semaphore.try_acquire();
    /// assert!(semaphore.is_locked());
    /// drop(permit);
    /// assert!(!semaphore.is_locked());
    /// ```
    #[doc(alias = "locked")]
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.available() == 0
    }

    /// Waits until a permit is free, without taking it, and says how many are.
    /// Others may be faster: it can be none.
    ///
    /// A permit is free when nobody waits to acquire it. Suspends only the
    /// caller; a kill or time-out interrupts it. While the caller unwinds it
    /// returns at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{Semaphore, spawn};
    ///
    /// let semaphore = Semaphore::new(0);
    /// let theirs = semaphore.clone();
    /// let looker = spawn(move || theirs.wait());
    /// semaphore.add_permits(2);
    /// assert!(looker.get().unwrap() > 0);
    /// ```
    pub fn wait(&self) -> usize {
        self.look_until(None)
    }

    /// As [`wait`](Self::wait), but for at most `limit`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let semaphore = maypole_runtime::Semaphore::new(0);
    /// assert_eq!(semaphore.wait_timeout(Duration::from_millis(1)), 0);
    /// ```
    #[doc(alias = "wait(timeout)")]
    pub fn wait_timeout(&self, limit: Duration) -> usize {
        self.look_until(deadline_after(limit))
    }

    fn look_until(&self, deadline: Option<Instant>) -> usize {
        wait::checkpoint();
        let ready = |state: &mut State| (state.free > 0).then_some(());
        // However it ends, the answer is what is free now.
        let _ = wait_in(&*self.state, |state| &mut state.lookers, deadline, ready);
        self.available()
    }

    /// Takes a permit; `None` when the deadline passes first.
    pub(crate) fn acquire_until(
        &self,
        deadline: Option<Instant>,
    ) -> Result<Option<Permit>, Unwinding> {
        wait::checkpoint();
        if let Some(permit) = self.try_acquire() {
            return Ok(Some(permit));
        }
        let ready = |state: &mut State| {
            state.free = state.free.checked_sub(1)?;
            Some(())
        };
        let waited = wait_in(&*self.state, |state| &mut state.waiters, deadline, ready)?;
        // Whoever wakes us has handed us the permit.
        Ok((waited != Waited::TimedOut).then(|| self.permit()))
    }

    /// Adds so many permits, beyond those that it began with. Those who wait get
    /// them first. Never suspends.
    ///
    /// # Examples
    ///
    /// ```
    /// let semaphore = maypole_runtime::Semaphore::new(0);
    /// semaphore.add_permits(2);
    /// assert_eq!(semaphore.available(), 2);
    /// ```
    #[doc(alias = "release")]
    pub fn add_permits(&self, more: usize) {
        for _ in 0..more {
            self.release();
        }
    }

    fn permit(&self) -> Permit {
        Permit {
            semaphore: self.clone(),
            kept: false,
        }
    }

    fn release(&self) {
        self.release_up_to(usize::MAX);
    }

    /// Adds a permit, unless so many are free already: false then.
    pub(super) fn release_up_to(&self, limit: usize) -> bool {
        let lookers = {
            let mut state = self.state.lock();
            if state.free >= limit {
                return false;
            }
            // Handed to the first who waits and still wants it; the counter
            // does not rise, so nobody can get in between.
            if state.waiters.wake_one() {
                return true;
            }
            state.free += 1;
            state.lookers.take_all()
        };
        lookers.wake();
        true
    }
}

/// It comes when a permit is free. It takes none: others may be faster.
impl Waitable for Semaphore {}

impl Watch for Semaphore {
    fn watch(&self, watcher: Watcher) -> Result<u64, Watcher> {
        watch_in(
            &self.state,
            |state| &mut state.lookers,
            watcher,
            |state| state.free > 0,
        )
    }

    fn unwatch(&self, place: u64) {
        unwatch_in(&self.state, |state| &mut state.lookers, place);
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available", &self.available())
            .finish_non_exhaustive()
    }
}

/// One permit of a [`Semaphore`]; dropping it gives it back.
///
/// It may be sent to another greenlet or thread and dropped there.
///
/// See the example of [`Semaphore::acquire`].
#[must_use = "dropped at once, it is given back at once"]
#[derive(Debug)]
pub struct Permit {
    semaphore: Semaphore,
    kept: bool,
}

impl Permit {
    /// Keeps the permit for good: the semaphore has one less.
    /// [`Semaphore::add_permits`] brings one back.
    ///
    /// # Examples
    ///
    /// ```
    /// let semaphore = maypole_runtime::Semaphore::new(2);
    /// semaphore.acquire()?.forget();
    /// assert_eq!(semaphore.available(), 1);
    /// semaphore.add_permits(1);
    /// assert_eq!(semaphore.available(), 2);
    /// # Ok::<(), maypole_runtime::Unwinding>(())
    /// ```
    pub fn forget(self) {
        // Its semaphore is let go, without a release.
        let mut this = self;
        this.kept = true;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.kept {
            self.semaphore.release();
        }
    }
}
