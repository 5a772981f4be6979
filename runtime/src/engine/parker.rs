//! One parker for greenlets and plain threads.

use std::sync::Arc;
use std::time::Instant;

use super::Alarm;
use super::imp::GreenletParker;
use super::thread::ThreadParker;

/// Suspends and wakes one greenlet or one plain thread, its owner.
#[derive(Debug)]
pub(crate) struct Parker(pub(super) Kind);

#[derive(Debug)]
pub(super) enum Kind {
    Greenlet(GreenletParker),
    Thread(ThreadParker),
}

impl Parker {
    /// A parker for a greenlet that is about to be spawned.
    pub(crate) fn for_greenlet() -> Self {
        Self(Kind::Greenlet(GreenletParker::default()))
    }

    /// A parker for the plain thread that calls.
    pub(crate) fn for_thread() -> Self {
        Self(Kind::Thread(ThreadParker::default()))
    }

    /// Makes a greenlet's parker ready for another greenlet.
    pub(crate) fn reset(&mut self) {
        if let Kind::Greenlet(parker) = &mut self.0 {
            parker.reset();
        }
    }

    /// Whether the owner is a greenlet.
    pub(crate) fn is_greenlet(&self) -> bool {
        matches!(self.0, Kind::Greenlet(_))
    }

    /// Makes sure that a later [`park`](Self::park) can be woken. To be called
    /// before anybody is told that the owner waits.
    pub(crate) fn prepare(&self) {
        if let Kind::Greenlet(parker) = &self.0 {
            parker.prepare();
        }
    }

    /// Suspends the owner until [`unpark`](Self::unpark) or about the deadline.
    /// May also return early. Only the owner may call it, after
    /// [`prepare`](Self::prepare).
    #[inline]
    pub(crate) fn park(&self, deadline: Option<Instant>) {
        match &self.0 {
            Kind::Greenlet(parker) => parker.park(deadline),
            Kind::Thread(parker) => parker.park(deadline),
        }
    }

    /// Ends the owner's current or next park or I/O wait, from any thread.
    pub(crate) fn unpark(&self) {
        match &self.0 {
            Kind::Greenlet(parker) => parker.unpark(),
            Kind::Thread(parker) => parker.unpark(),
        }
    }

    /// Tells a greenlet's parker that the alarm of its deadline has rung.
    pub(crate) fn alarm_rang(&self, owner: Arc<dyn Alarm>) {
        if let Kind::Greenlet(parker) = &self.0 {
            parker.alarm_rang(owner);
        }
    }
}
