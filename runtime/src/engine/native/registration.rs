//! One descriptor's place in the hub's epoll, edge-triggered.

use std::fmt;
use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use parking_lot::Mutex;

use super::super::source::Interest;
use super::super::{Local, current};
use super::hub::{self, Core};
use super::park::GreenletParker;

/// A descriptor's registration, made at its first wait.
#[derive(Default)]
pub(in super::super) struct Registration {
    entry: OnceLock<Entry>,
    // Directions that are waited for.
    taken: AtomicU8,
    making: Mutex<()>,
}

struct Entry {
    hub: &'static Core,
    fd: RawFd,
    readiness: Arc<Readiness>,
}

/// What events leave and waiters look for. The hub's epoll holds a pointer to
/// it; it is kept alive until the hub has seen the last event, see `retire`.
#[derive(Default)]
pub(super) struct Readiness {
    read: Direction,
    write: Direction,
    // An end of stream, an error or urgent data were reported.
    ended: AtomicBool,
    // Edges for readers so far.
    edges: AtomicU64,
}

#[derive(Default)]
struct Direction {
    ready: AtomicBool,
    waiter: Mutex<Option<Arc<dyn Local>>>,
}

const READABLE: u32 = (libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) as u32;
const WRITABLE: u32 = (libc::EPOLLOUT | libc::EPOLLHUP | libc::EPOLLERR) as u32;
/// Events after which readiness may be spent without another edge to come. Urgent
/// data are among them: a read ends where they are, whatever follows.
const ENDINGS: u32 = (libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR | libc::EPOLLPRI) as u32;

impl Registration {
    /// See `Source::edges`.
    pub(in super::super) fn edges(&self) -> Option<u64> {
        let readiness = &self.entry.get()?.readiness;
        let told = !readiness.ended.load(Ordering::Relaxed);
        told.then(|| readiness.edges.load(Ordering::SeqCst))
    }

    /// Takes a direction for the current greenlet.
    pub(in super::super) fn claim_for_greenlet<'a>(
        &'a self,
        interest: Interest,
        fd: RawFd,
        _parker: &'a GreenletParker,
    ) -> io::Result<Claim<'a>> {
        if self.entry.get().is_none() {
            self.register(fd)?;
        }
        self.take(interest)?;
        let claim = Claim {
            registration: self,
            interest,
            greenlet: true,
        };
        if let Some(direction) = claim.direction() {
            current::with_frame(|frame| {
                *direction.waiter.lock() = frame.map(|frame| Arc::clone(&frame.local));
            });
        }
        Ok(claim)
    }

    /// Takes a direction for a plain thread.
    pub(in super::super) fn claim_for_thread(&self, interest: Interest) -> io::Result<Claim<'_>> {
        self.take(interest)?;
        Ok(Claim {
            registration: self,
            interest,
            greenlet: false,
        })
    }

    fn take(&self, interest: Interest) -> io::Result<()> {
        let bit = bit(interest);
        if self.taken.fetch_or(bit, Ordering::SeqCst) & bit == 0 {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            match interest {
                Interest::Read => "somebody else is already waiting to read here",
                Interest::Write => "somebody else is already waiting to write here",
            },
        ))
    }

    #[cold]
    fn register(&self, fd: RawFd) -> io::Result<()> {
        let _making = self.making.lock();
        if self.entry.get().is_some() {
            return Ok(());
        }
        let hub = hub::current();
        let readiness = Arc::new(Readiness::default());
        hub.watch(fd, &readiness)?;
        let _ = self.entry.set(Entry { hub, fd, readiness }); // empty: we hold the lock
        Ok(())
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            entry.hub.retire(entry.fd, entry.readiness);
        }
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("registered", &self.entry.get().is_some())
            .finish_non_exhaustive()
    }
}

impl Readiness {
    /// An event has come; on the hub's thread.
    pub(super) fn event(&self, events: u32) {
        if events & ENDINGS != 0 {
            self.ended.store(true, Ordering::Relaxed);
        }
        if events & READABLE != 0 {
            self.edges.fetch_add(1, Ordering::SeqCst);
            self.read.wake();
        }
        if events & WRITABLE != 0 {
            self.write.wake();
        }
    }
}

impl Direction {
    fn wake(&self) {
        // The flag first: a waiter leaves its name, then looks at the flag.
        self.ready.store(true, Ordering::SeqCst);
        let waiter = self.waiter.lock().take();
        if let Some(waiter) = waiter {
            waiter.parker().unpark();
        }
    }
}

/// A direction that is taken, until this is dropped.
#[derive(Debug)]
pub(in super::super) struct Claim<'a> {
    registration: &'a Registration,
    interest: Interest,
    greenlet: bool,
}

impl Claim<'_> {
    /// The direction.
    pub(in super::super) fn interest(&self) -> Interest {
        self.interest
    }

    /// Suspends the greenlet until an event, an unpark or the deadline.
    #[inline]
    pub(in super::super) fn suspend(&self, parker: &GreenletParker, deadline: Option<Instant>) {
        let Some(direction) = self.direction() else {
            return; // not reached: a greenlet's claim is registered
        };
        if !direction.ready.swap(false, Ordering::SeqCst) {
            parker.park(deadline);
            direction.ready.store(false, Ordering::SeqCst);
        }
    }

    fn direction(&self) -> Option<&Direction> {
        let readiness = &self.registration.entry.get()?.readiness;
        Some(match self.interest {
            Interest::Read => &readiness.read,
            Interest::Write => &readiness.write,
        })
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if self.greenlet
            && let Some(direction) = self.direction()
        {
            let me = direction.waiter.lock().take();
            drop(me);
        }
        self.registration
            .taken
            .fetch_and(!bit(self.interest), Ordering::SeqCst);
    }
}

fn bit(interest: Interest) -> u8 {
    match interest {
        Interest::Read => 1,
        Interest::Write => 2,
    }
}
