//! Parking one greenlet.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use super::super::Alarm;
use super::super::deadline::Deadline;
use super::hub;
use super::task::{TaskCell, TaskPtr};

/// Suspends and wakes one greenlet.
#[derive(Default)]
pub(in super::super) struct GreenletParker {
    state: AtomicU8,
    // Set when the greenlet starts, before anybody can see it as parked.
    task: TaskCell,
    deadline: Deadline,
}

/// It runs, or is in a run queue.
const RUNNING: u8 = 0;
/// The same, and an unpark has come that no park has seen.
const TOLD: u8 = 1;
/// It is suspended; who steps from here to `RUNNING` hands it to its hub.
const PARKED: u8 = 2;

impl GreenletParker {
    /// Says which task the parker belongs to.
    pub(super) fn belongs_to(&self, task: TaskPtr) {
        self.task.set(task);
    }

    /// Makes it ready for another greenlet, when nobody knows of the last one
    /// any more.
    pub(in super::super) fn reset(&mut self) {
        *self.state.get_mut() = RUNNING;
        self.deadline.reset();
    }

    /// Nothing to prepare: a token is kept from the start.
    pub(in super::super) fn prepare(&self) {}

    /// Suspends the owner until an unpark, or about the deadline.
    #[inline]
    pub(in super::super) fn park(&self, deadline: Option<Instant>) {
        self.deadline.set(deadline);
        self.park_raw();
    }

    /// Suspends the owner until an unpark.
    #[inline]
    pub(super) fn park_raw(&self) {
        let parked =
            self.state
                .compare_exchange(RUNNING, PARKED, Ordering::AcqRel, Ordering::Acquire);
        if parked.is_ok() {
            // Whoever unparks us from here on puts us into the run queue, or
            // into the inbox that our own thread empties: never run by another
            // while we are still on this stack.
            hub::switch_away();
        } else {
            self.state.store(RUNNING, Ordering::Release);
        }
    }

    /// Ends the owner's current or next park or I/O wait.
    pub(in super::super) fn unpark(&self) {
        let mut seen = self.state.load(Ordering::Acquire);
        loop {
            let next = match seen {
                RUNNING => TOLD,
                PARKED => RUNNING,
                _ => return,
            };
            match self
                .state
                .compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(PARKED) => break,
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
        if let Some(task) = self.task.get() {
            hub::make_ready(task);
        }
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
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
