//! A counter of permits that greenlets can wait for.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::wait::{self, Unwinding, WaitList, Waited, deadline_after, wait_in};

/// A number of permits, handed out in the order in which they are asked for.
///
/// A [`Permit`] gives itself back when dropped, so more can never come back
/// than went out. A waiter that is killed or timed out never takes a permit
/// with it. Clones share the permits. Works between greenlets and threads.
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
#[doc(alias = "BoundedSemaphore")]
#[derive(Clone)]
pub struct Semaphore {
    state: Arc<Mutex<State>>,
}

struct State {
    free: usize,
    // Not empty only while `free` is 0.
    waiters: WaitList,
}

impl Semaphore {
    /// A semaphore with `permits` permits. With none it never lets anyone in.
    #[must_use]
    pub fn new(permits: usize) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                free: permits,
                waiters: WaitList::of("a permit"),
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
    #[doc(alias = "acquire(blocking=False)")]
    #[must_use]
    pub fn try_acquire(&self) -> Option<Permit> {
        let mut state = self.state.lock();
        state.free = state.free.checked_sub(1)?;
        Some(self.permit())
    }

    /// Takes a permit, waiting for at most `limit`.
    ///
    /// `None` when the time has passed, or when it would have to wait while the
    /// calling greenlet unwinds.
    #[must_use]
    pub fn acquire_timeout(&self, limit: Duration) -> Option<Permit> {
        self.acquire_until(deadline_after(limit)).unwrap_or(None)
    }

    /// How many permits could be taken now.
    #[doc(alias = "counter")]
    #[must_use]
    pub fn available(&self) -> usize {
        self.state.lock().free
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

    /// Adds so many permits, beyond those that it began with.
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
        let mut state = self.state.lock();
        // Handed to the first who waits and still wants it; the counter does
        // not rise, so nobody can get in between.
        if !state.waiters.wake_one() {
            state.free += 1;
        }
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
#[must_use = "dropped at once, it is given back at once"]
#[derive(Debug)]
pub struct Permit {
    semaphore: Semaphore,
    kept: bool,
}

impl Permit {
    /// Keeps the permit for good: the semaphore has one less.
    /// [`Semaphore::add_permits`] brings one back.
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
