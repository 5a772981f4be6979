//! What gets a hub out of epoll.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{EventfdFlags, eventfd};

/// What a hub that sleeps is woken with. Once rung it stays so until silenced.
pub(super) trait Bell {
    /// Wakes the hub, now or when it next goes to sleep.
    fn ring(&self);

    /// Stops the bell.
    fn silence(&self);
}

/// A descriptor in the hub's epoll that becomes readable.
#[derive(Debug)]
pub(super) struct EventBell(OwnedFd);

impl EventBell {
    pub(super) fn new() -> io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self(eventfd(0, flags)?))
    }
}

impl Bell for EventBell {
    fn ring(&self) {
        // Fails only when the counter is full, and then it is readable.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    fn silence(&self) {
        let mut count = [0; 8];
        let _ = rustix::io::read(&self.0, &mut count);
    }
}

impl AsFd for EventBell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
