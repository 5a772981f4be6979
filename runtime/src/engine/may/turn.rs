//! Turns: no greenlet that makes blocking calls can starve another.
//!
//! `may` runs all that is runnable before it polls epoll, so greenlets that
//! wake each other without pause would stop all I/O. Each point at which a
//! greenlet could switch counts a tick; every few ticks the clock is read; and
//! when the time slice since the last poll is spent, the greenlet steps back
//! until epoll has been polled once.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;

use may::io::{CoIo, WaitIo};
use parking_lot::Mutex;
use rustix::event::{EventfdFlags, eventfd};

use super::super::parker::Kind;
use super::super::slice::{polled, slice_spent};
use super::super::{Local, current};
use super::hub::hub;

/// Lets every other ready greenlet run and, once the time slice is spent, I/O
/// and timers too. On a plain thread it yields the thread.
#[inline(always)] // see `wait::yield_now`
pub(crate) fn yield_now() {
    if current::suspended_greenlet(may::coroutine::yield_now).is_err() {
        std::thread::yield_now();
    } else if slice_spent(hub().time_slice) {
        // Looked at after the switch: those who were ready and had to step back
        // for the poll did so before us, and come back before us.
        step_back();
    }
}

/// Counts a call that did not have to suspend; suspends it all the same when
/// the time slice is spent. Does nothing on a plain thread.
#[inline]
pub(crate) fn tick() {
    // Asked in this order: a plain thread has no slice and needs no hub.
    if current::is_greenlet() && slice_spent(hub().time_slice) {
        step_back();
    }
}

/// Parks the greenlet until epoll has been polled.
#[cold]
fn step_back() {
    current::with_frame(|frame| {
        let Some(me) = frame.map(|frame| Arc::clone(&frame.local)) else {
            return;
        };
        let Kind::Greenlet(parker) = &me.parker().0 else {
            return;
        };
        parker.prepare();
        hub().bench.sit_down(Arc::clone(&me));
        parker.park_raw();
    });
}

/// Greenlets that wait for the next poll, and the eventfd whose readiness
/// tells that there was one.
pub(super) struct Bench {
    waiting: Mutex<Vec<Arc<dyn Local>>>,
    bell: Arc<OwnedFd>,
}

impl Bench {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            waiting: Mutex::default(),
            bell: Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?),
        })
    }

    fn sit_down(&self, greenlet: Arc<dyn Local>) {
        let mut waiting = self.waiting.lock();
        waiting.push(greenlet);
        if waiting.len() == 1 {
            // Fails only when the counter is full, and then the bell rings too.
            let _ = rustix::io::write(&*self.bell, &1u64.to_ne_bytes());
        }
    }

    /// The coroutine that wakes the bench after each poll. Never returns.
    pub(super) fn serve(&self) -> ! {
        let bell = wait_handle(&self.bell);
        let mut woken = Vec::new();
        loop {
            let mut count = [0; 8];
            let _ = rustix::io::read(&*self.bell, &mut count);
            polled();
            std::mem::swap(&mut *self.waiting.lock(), &mut woken);
            for greenlet in woken.drain(..) {
                greenlet.parker().unpark();
            }
            bell.wait_io();
        }
    }
}

/// A descriptor of the hub's own, registered for `wait_io`.
#[derive(Debug)]
pub(super) struct Shared(Arc<OwnedFd>);

impl AsRawFd for Shared {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl AsFd for Shared {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Registers one of the hub's own descriptors with epoll.
///
/// # Panics
///
/// If the kernel refuses, which leaves no way to run a hub.
pub(super) fn wait_handle(fd: &Arc<OwnedFd>) -> CoIo<Shared> {
    match CoIo::new(Shared(fd.clone())) {
        Ok(io) => io,
        Err(error) => panic!("the hub cannot wait for its own descriptor: {error:?}"),
    }
}
