//! One descriptor's place in the hub's epoll.
//!
//! `may` knows one waiter per descriptor; a reader and a writer are two. The
//! first greenlet leads: it waits in `wait_io`. The second follows: it parks,
//! and is woken to try again whenever the leader's wait is over. Plain threads
//! poll by themselves and only take their direction.

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use may::io::{CoIo, WaitIo};
use parking_lot::Mutex;

use super::super::slice::polled;
use super::super::source::Interest;
use super::super::{Local, current};
use super::park::GreenletParker;

/// A descriptor's registration, made at its first wait.
#[derive(Default)]
pub(in super::super) struct Registration {
    io: OnceLock<(u64, CoIo<Number>)>,
    // Directions that are waited for, and whether somebody leads.
    state: AtomicU8,
    // Also guards the making of `io`.
    follower: Mutex<Option<Arc<dyn Local>>>,
    // An end of stream or an error was reported.
    ended: AtomicBool,
    // Edges for readers that waits have taken, no matter who waited for what.
    edges: AtomicU64,
}

const READ: u8 = 1;
const WRITE: u8 = 2;
const LED: u8 = 4;

/// Events after which readiness may be spent without another edge to come.
const ENDINGS: usize = (libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) as usize;

/// What `may` reports for a wait that its waker has ended.
const WOKEN: usize = 0x8000_0000;

/// The event that is an edge for readers.
const READABLE: usize = libc::EPOLLIN as usize;

impl Registration {
    /// See `Source::edges`.
    pub(in super::super) fn edges(&self) -> Option<u64> {
        let told = self.io.get().is_some() && !self.ended.load(Ordering::Relaxed);
        told.then(|| self.edges.load(Ordering::SeqCst))
    }

    /// Takes a direction for the current greenlet, whose parker this is, and
    /// points unparks to where it will wait.
    pub(in super::super) fn claim_for_greenlet<'a>(
        &'a self,
        interest: Interest,
        fd: RawFd,
        parker: &'a GreenletParker,
    ) -> io::Result<Claim<'a>> {
        parker.prepare();
        let (number, io) = match self.io.get() {
            Some(io) => io,
            None => self.register(fd)?,
        };
        let before = self.take(interest, LED)?;
        let mut claim = Claim {
            registration: self,
            parker: Some(parker),
            interest,
            leads: before & LED == 0,
        };
        if !claim.leads {
            current::with_frame(|frame| {
                *self.follower.lock() = frame.map(|frame| Arc::clone(&frame.local));
            });
            // The leader may have left before it could see us, and then nobody
            // would wake us.
            claim.leads = self.state.fetch_or(LED, Ordering::SeqCst) & LED == 0;
        }
        if claim.leads {
            parker.enter_io(*number, || io.waker());
        }
        Ok(claim)
    }

    /// Takes a direction for a plain thread.
    pub(in super::super) fn claim_for_thread(&self, interest: Interest) -> io::Result<Claim<'_>> {
        self.take(interest, 0)?;
        Ok(Claim {
            registration: self,
            parker: None,
            interest,
            leads: false,
        })
    }

    fn take(&self, interest: Interest, lead: u8) -> io::Result<u8> {
        let bit = bit(interest);
        self.state
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |state| {
                (state & bit == 0).then_some(state | bit | lead)
            })
            .map_err(|_| {
                io::Error::new(
                    io::ErrorKind::ResourceBusy,
                    match interest {
                        Interest::Read => "somebody else is already waiting to read here",
                        Interest::Write => "somebody else is already waiting to write here",
                    },
                )
            })
    }

    #[cold]
    fn register(&self, fd: RawFd) -> io::Result<&(u64, CoIo<Number>)> {
        // Zero is what a parker starts with.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let _making = self.follower.lock();
        if self.io.get().is_none() {
            let io = CoIo::new(Number(fd)).map_err(io::Error::from)?;
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let _ = self.io.set((number, io)); // empty: we hold the lock
        }
        self.io
            .get()
            .ok_or_else(|| io::Error::other("registration vanished"))
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("registered", &self.io.get().is_some())
            .finish_non_exhaustive()
    }
}

/// A direction that is taken, until this is dropped.
#[derive(Debug)]
pub(in super::super) struct Claim<'a> {
    registration: &'a Registration,
    // `None` for a plain thread.
    parker: Option<&'a GreenletParker>,
    interest: Interest,
    leads: bool,
}

impl Claim<'_> {
    /// The direction.
    pub(in super::super) fn interest(&self) -> Interest {
        self.interest
    }

    /// Suspends the greenlet until an event, an unpark or the deadline.
    #[inline]
    pub(in super::super) fn suspend(&self, parker: &GreenletParker, deadline: Option<Instant>) {
        if !self.leads {
            parker.park(deadline);
            return;
        }
        let Some((_, io)) = self.registration.io.get() else {
            return; // not reached: a claim is made after it is set
        };
        parker.set_deadline(deadline);
        let events = current::suspended(|| io.wait_io());
        if events & !WOKEN != 0 {
            polled(); // an unpark alone comes without a poll
        }
        if events & ENDINGS != 0 {
            self.registration.ended.store(true, Ordering::Relaxed);
        }
        if events & READABLE != 0 {
            // Before the claim is dropped, which wakes a reader who follows.
            self.registration.edges.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let registration = self.registration;
        if self.leads {
            if let Some(parker) = self.parker {
                parker.leave_io();
            }
            let gone = bit(self.interest) | LED;
            let before = registration.state.fetch_and(!gone, Ordering::SeqCst);
            if before & !gone != 0 {
                // What woke the leader may have been meant for the other one.
                let follower = registration.follower.lock().take();
                if let Some(follower) = follower {
                    follower.parker().unpark();
                }
            }
        } else {
            if self.parker.is_some() {
                let me = registration.follower.lock().take();
                drop(me);
            }
            registration
                .state
                .fetch_and(!bit(self.interest), Ordering::SeqCst);
        }
    }
}

fn bit(interest: Interest) -> u8 {
    match interest {
        Interest::Read => READ,
        Interest::Write => WRITE,
    }
}

/// A descriptor's number. Its owner is the `Source` that owns the registration
/// and drops it first.
#[derive(Debug)]
struct Number(RawFd);

impl AsRawFd for Number {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}
