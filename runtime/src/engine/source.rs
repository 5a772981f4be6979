//! Waiting for a descriptor to be ready.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Instant;

use super::imp::{Claim, Registration};
use super::parker::{Kind, Parker};

/// What a waiter wants to do with a descriptor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Interest {
    /// Read, or accept.
    Read,
    /// Write, or finish connecting.
    Write,
}

/// A non-blocking descriptor that greenlets and threads can wait for.
///
/// The descriptor is told to the hub's epoll at the first wait, not before: a
/// connection that is answered at once costs no registration.
pub(crate) struct Source<T> {
    // Declared before `inner`, so dropped before it: the descriptor must leave
    // epoll while its number is still ours. Another thread may be handed the
    // same number the moment it is closed.
    registration: Registration,
    inner: T,
}

impl<T: AsFd> Source<T> {
    /// Wraps a descriptor that is already non-blocking.
    pub(crate) fn new(inner: T) -> Self {
        Self {
            registration: Registration::default(),
            inner,
        }
    }

    /// The descriptor's owner.
    pub(crate) fn get_ref(&self) -> &T {
        &self.inner
    }

    /// Takes the descriptor out. It leaves epoll first.
    pub(crate) fn into_inner(self) -> T {
        drop(self.registration);
        self.inner
    }

    /// How many edges of reading waits have taken, where a short read proves
    /// that nothing is left: while this stays the same as before that read, the
    /// next read may wait first and try afterwards.
    ///
    /// `None` until the descriptor is registered (readiness is edge-triggered:
    /// from then on new bytes make a new event) and once an end of stream was
    /// reported (its event may be spent). A wait of any kind, a writer's too,
    /// takes the edge that has come: hence the count.
    pub(crate) fn edges(&self) -> Option<u64> {
        self.registration.edges()
    }

    /// Claims a direction for the owner of `parker` and makes everything ready
    /// for [`IoWait::suspend`]. From here on an unpark is not lost.
    ///
    /// # Errors
    ///
    /// If somebody else waits in this direction, or the kernel refuses.
    pub(crate) fn prepare<'a>(
        &'a self,
        interest: Interest,
        parker: &'a Parker,
    ) -> io::Result<IoWait<'a>> {
        let fd = self.inner.as_fd();
        let claim = match &parker.0 {
            Kind::Greenlet(greenlet) => {
                self.registration
                    .claim_for_greenlet(interest, fd.as_raw_fd(), greenlet)?
            }
            Kind::Thread(thread) => {
                thread.prepare_poll()?;
                self.registration.claim_for_thread(interest)?
            }
        };
        Ok(IoWait { claim, fd, parker })
    }
}

impl<T: fmt::Debug> fmt::Debug for Source<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// A claimed direction of a [`Source`]; dropping it gives the direction back.
#[derive(Debug)]
pub(crate) struct IoWait<'a> {
    claim: Claim<'a>,
    fd: BorrowedFd<'a>,
    parker: &'a Parker,
}

impl IoWait<'_> {
    /// Suspends until the descriptor may be ready, the parker is unparked, or
    /// about the deadline. May return early: drop this, try the call again,
    /// then prepare again.
    #[inline]
    pub(crate) fn suspend(&self, deadline: Option<Instant>) -> io::Result<()> {
        match &self.parker.0 {
            Kind::Greenlet(greenlet) => {
                self.claim.suspend(greenlet, deadline);
                Ok(())
            }
            Kind::Thread(thread) => thread.poll(self.fd, self.claim.interest(), deadline),
        }
    }
}
