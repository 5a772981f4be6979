//! Parking one greenlet, with a deadline that is armed lazily.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use may::io::WaitIoWaker;
use may::sync::Blocker;
use parking_lot::Mutex;

use super::super::deadline::Deadline;
use super::super::{Alarm, current};
use super::turn;

/// Suspends and wakes one greenlet.
#[derive(Default)]
pub(in super::super) struct GreenletParker {
    // Made at the first park, on the greenlet: `Blocker::new` looks at who runs.
    blocker: OnceLock<Blocker>,
    // How to end a wait for I/O. Kept from wait to wait, because a greenlet
    // mostly waits for the same descriptor again.
    io_waker: Mutex<Option<WaitIoWaker>>,
    // The registration that `io_waker` belongs to; only the owner touches it.
    io_number: AtomicU64,
    // Whether an unpark goes to `io_waker` or to `blocker`.
    in_io: AtomicBool,
    deadline: Deadline,
}

impl GreenletParker {
    /// Makes it ready for another greenlet, when nobody knows of the last one
    /// any more.
    pub(in super::super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// To be called by the owner before it is announced as waiting.
    pub(in super::super) fn prepare(&self) {
        self.blocker.get_or_init(|| Blocker::new(true));
    }

    /// Suspends the owner until an unpark, or about the deadline.
    #[inline]
    pub(in super::super) fn park(&self, deadline: Option<Instant>) {
        self.set_deadline(deadline);
        self.park_raw();
        turn::tick();
    }

    /// Suspends the owner until an unpark; counts no tick.
    #[inline]
    pub(super) fn park_raw(&self) {
        if let Some(blocker) = self.blocker.get() {
            // With cancelling ignored and no time-out it has nothing to report.
            let _ = current::suspended(|| blocker.park(None));
        }
    }

    /// Ends the owner's current or next park or I/O wait.
    pub(in super::super) fn unpark(&self) {
        if self.in_io.load(Ordering::Acquire) {
            if let Some(waker) = &*self.io_waker.lock() {
                waker.wakeup();
            }
        } else if let Some(blocker) = self.blocker.get() {
            blocker.unpark();
        }
    }

    /// From here on an unpark ends the wait for registration `number`.
    pub(super) fn enter_io(&self, number: u64, waker: impl FnOnce() -> WaitIoWaker) {
        if self.io_number.load(Ordering::Relaxed) != number {
            let old = self.io_waker.lock().replace(waker());
            self.io_number.store(number, Ordering::Relaxed);
            drop(old);
        }
        self.in_io.store(true, Ordering::Release);
    }

    /// From here on an unpark ends a park.
    pub(in super::super) fn leave_io(&self) {
        self.in_io.store(false, Ordering::Release);
    }

    /// Makes sure that the owner is unparked at `deadline`.
    pub(super) fn set_deadline(&self, deadline: Option<Instant>) {
        self.deadline.set(deadline);
    }

    /// The alarm has rung: wakes the owner if its deadline has come.
    pub(in super::super) fn alarm_rang(&self, owner: Arc<dyn Alarm>) {
        if self.deadline.rang(owner) {
            self.unpark();
        }
    }

    /// The greenlet is about to end.
    pub(in super::super) fn disarm(&self) {
        self.deadline.forget();
    }
}

impl fmt::Debug for GreenletParker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GreenletParker")
            .field("in_io", &self.in_io)
            .finish_non_exhaustive()
    }
}
