//! Parking one greenlet.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::super::Alarm;
use super::super::deadline::Deadline;
use super::hub;
use super::park_word::ParkWord;
use super::task::{TaskCell, TaskPtr};

/// Suspends and wakes one greenlet.
#[derive(Default)]
pub(in super::super) struct GreenletParker {
    word: ParkWord,
    // Set when the greenlet starts, before anybody can see it as parked.
    task: TaskCell,
    deadline: Deadline,
}

impl GreenletParker {
    /// Says which task the parker belongs to.
    pub(super) fn belongs_to(&self, task: TaskPtr) {
        self.task.set(task);
    }

    /// Makes it ready for another greenlet, when nobody knows of the last one
    /// any more.
    pub(in super::super) fn reset(&mut self) {
        self.word = ParkWord::default();
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
        if self.word.park() {
            // Whoever unparks us from here on puts us into the run queue, or
            // into the inbox that our own thread empties: never run by another
            // while we are still on this stack.
            hub::switch_away();
        }
    }

    /// Ends the owner's current or next park or I/O wait.
    pub(in super::super) fn unpark(&self) {
        if self.word.unpark()
            && let Some(task) = self.task.get()
        {
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
            .field("word", &self.word)
            .finish_non_exhaustive()
    }
}
