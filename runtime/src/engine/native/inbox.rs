//! What other threads hand to a hub, and how they wake it.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rustix::event::{EventfdFlags, eventfd};

use super::task::TaskPtr;

/// Woken and new greenlets from other threads, and the bell that gets the hub
/// out of epoll: at most one write for each time that it sleeps.
#[derive(Debug)]
pub(super) struct Inbox {
    waiting: Mutex<Vec<TaskPtr>>,
    // The hub is, or is about to be, in epoll without a bound.
    asleep: AtomicBool,
    bell: OwnedFd,
}

impl Inbox {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            waiting: Mutex::default(),
            asleep: AtomicBool::new(false),
            bell: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })
    }

    /// The descriptor that becomes readable when the hub is to look.
    pub(super) fn bell(&self) -> &OwnedFd {
        &self.bell
    }

    /// Hands a greenlet to the hub, from another thread.
    pub(super) fn put(&self, task: TaskPtr) {
        self.waiting.lock().push(task);
        self.ring();
    }

    /// Gets the hub out of epoll, if it is there.
    pub(super) fn ring(&self) {
        // Cleared by the one who rings: the others see that it was done.
        if self.asleep.swap(false, Ordering::SeqCst) {
            // Fails only when the counter is full, and then it is readable.
            let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
        }
    }

    /// Says that the hub goes to sleep: from here on it is rung for. False when
    /// something has come and it must not.
    pub(super) fn fall_asleep(&self) -> bool {
        self.asleep.store(true, Ordering::SeqCst);
        // Looked at after the announcement: who put something before has not
        // rung, who does after will.
        let idle = self.waiting.lock().is_empty();
        if !idle {
            self.asleep.store(false, Ordering::SeqCst);
        }
        idle
    }

    /// Says that the hub is awake again.
    pub(super) fn wake_up(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }

    /// Stops the bell.
    pub(super) fn silence(&self) {
        let mut count = [0; 8];
        let _ = rustix::io::read(&self.bell, &mut count);
    }

    /// Moves all that waits into `out`, in the order in which it came.
    pub(super) fn take(&self, out: &mut impl Extend<TaskPtr>) {
        out.extend(self.waiting.lock().drain(..));
    }
}
