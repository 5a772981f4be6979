//! What other threads hand to a hub, and how they wake it.

use std::sync::atomic::Ordering;

use super::super::sync::{AtomicBool, Mutex};
use super::bell::Bell;

/// Woken and new greenlets from other threads, and the bell that gets the hub
/// out of epoll: at most one ring for each time that it says it will sleep.
#[derive(Debug)]
pub(super) struct Inbox<T, B> {
    waiting: Mutex<Vec<T>>,
    // The hub is, or is about to be, in epoll without a bound. Only swapped: of
    // two who change it, the second knows what the first found.
    asleep: AtomicBool,
    bell: B,
}

impl<T, B: Bell> Inbox<T, B> {
    pub(super) fn new(bell: B) -> Self {
        Self {
            waiting: Mutex::default(),
            asleep: AtomicBool::new(false),
            bell,
        }
    }

    /// What wakes the hub.
    pub(super) fn bell(&self) -> &B {
        &self.bell
    }

    /// Hands a greenlet to the hub, from another thread.
    pub(super) fn put(&self, task: T) {
        self.waiting.lock().push(task);
        self.ring();
    }

    /// Gets the hub out of epoll, if it is there. What it is to look at is put
    /// down before, behind a lock that the hub takes after
    /// [`fall_asleep`](Self::fall_asleep): who got the lock first decides
    /// whether the hub sees it or the ringer sees the hub asleep.
    pub(super) fn ring(&self) {
        // Cleared by the one who rings: the others see that it was done.
        if self.asleep.swap(false, Ordering::AcqRel) {
            self.bell.ring();
        }
    }

    /// Says that the hub goes to sleep: from here on it is rung for. False when
    /// something has come and it must not.
    pub(super) fn fall_asleep(&self) -> bool {
        self.asleep.swap(true, Ordering::AcqRel);
        // Looked at after the announcement: who put something before has not
        // rung, who does after will.
        let idle = self.waiting.lock().is_empty();
        if !idle {
            self.wake_up();
        }
        idle
    }

    /// Says that the hub is awake again.
    pub(super) fn wake_up(&self) {
        self.asleep.swap(false, Ordering::AcqRel);
    }

    /// Stops the bell. Only while the hub is awake: falling asleep looks for
    /// what it may have been rung for.
    pub(super) fn silence(&self) {
        self.bell.silence();
    }

    /// Moves all that waits into `out`, in the order in which it came.
    pub(super) fn take(&self, out: &mut impl Extend<T>) {
        out.extend(self.waiting.lock().drain(..));
    }
}
