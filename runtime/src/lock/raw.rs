//! What the locks with one owner are made of: who may go in.

use std::time::Instant;

use crate::engine::sync::Mutex;
use crate::wait::{self, Unwinding, WaitList, Waited, wait_in};

/// A door that one may pass at a time, in the order of arrival. It is handed
/// to the first who waits: nobody gets in between.
#[derive(Debug)]
pub(super) struct RawLock {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    locked: bool,
    // Not empty only while it is locked.
    waiters: WaitList,
}

impl RawLock {
    pub(super) const fn new(what: &'static str) -> Self {
        Self {
            state: Mutex::new(State {
                locked: false,
                waiters: WaitList::of(what),
            }),
        }
    }

    /// Takes it, waiting for its turn; false when the deadline passes first.
    pub(super) fn lock(&self, deadline: Option<Instant>) -> Result<bool, Unwinding> {
        wait::checkpoint();
        self.lock_again(deadline)
    }

    /// As [`lock`](Self::lock), for who has just waited for something else and
    /// was woken: it is not interrupted, nor made to let others run, unless it
    /// has to wait here too.
    pub(super) fn lock_again(&self, deadline: Option<Instant>) -> Result<bool, Unwinding> {
        if self.try_lock() {
            return Ok(true);
        }
        let ready = |state: &mut State| state.take();
        let waited = wait_in(&self.state, |state| &mut state.waiters, deadline, ready)?;
        // Whoever wakes us has handed it over.
        Ok(waited != Waited::TimedOut)
    }

    pub(super) fn try_lock(&self) -> bool {
        self.state.lock().take().is_some()
    }

    /// Gives it back. Only for who has it.
    pub(super) fn unlock(&self) {
        let mut state = self.state.lock();
        if !state.waiters.wake_one() {
            state.locked = false;
        }
    }

    pub(super) fn is_locked(&self) -> bool {
        self.state.lock().locked
    }
}

impl State {
    fn take(&mut self) -> Option<()> {
        (!std::mem::replace(&mut self.locked, true)).then_some(())
    }
}

/// Gives a lock back when dropped.
#[derive(Debug)]
pub(super) struct Taken<'a>(pub(super) &'a RawLock);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.0.unlock();
    }
}
