//! The end of a strand: how it ended, and who is to be told.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use super::{Strand, Unwinding, WaitList, Waited, checkpoint, wait_in};

/// What came out of a greenlet's body.
pub(crate) enum Outcome {
    /// It returned this.
    Value(Box<dyn Any + Send>),
    /// It was killed, before or while it ran.
    Killed,
    /// A time-out that nobody caught unwound it.
    TimedOut,
    /// It panicked with this.
    Panicked(Box<dyn Any + Send>),
}

/// Called once when a greenlet has ended.
pub(crate) type Link = Box<dyn FnOnce(Arc<Strand>) + Send>;

/// The end of one greenlet.
#[derive(Default)]
pub(crate) struct End {
    // Set with the lock held, before `State::ended`'s waiters are woken.
    has_come: AtomicBool,
    state: Mutex<State>,
}

struct State {
    ended: bool,
    // The owner of the result is gone: nobody will ask for it.
    disowned: bool,
    outcome: Option<Outcome>,
    waiters: WaitList,
    links: Vec<Link>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            ended: false,
            disowned: false,
            outcome: None,
            waiters: WaitList::of("the end of a greenlet"),
            links: Vec::new(),
        }
    }
}

impl End {
    /// As new, for another greenlet. Drops an outcome that nobody has taken.
    pub(super) fn reset(&mut self) {
        *self.has_come.get_mut() = false;
        let state = self.state.get_mut();
        state.ended = false;
        state.disowned = false;
        state.outcome = None;
    }

    /// Whether the greenlet has ended.
    pub(crate) fn has_come(&self) -> bool {
        self.has_come.load(Ordering::Acquire)
    }

    /// Waits for the end: true when it has come, false when the deadline came
    /// first.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Result<bool, Unwinding> {
        checkpoint();
        if self.has_come() {
            return Ok(true);
        }
        let ready = |state: &mut State| state.ended.then_some(());
        let waited = wait_in(&self.state, |state| &mut state.waiters, deadline, ready)?;
        Ok(waited != Waited::TimedOut)
    }

    /// The end has come: wakes all waiters. Returns the links to call, and the
    /// outcome if nobody will ask for it: the greenlet drops it while it can
    /// still suspend, because a destructor may block.
    pub(crate) fn come(&self, outcome: Outcome) -> (Vec<Link>, Option<Outcome>) {
        let (unwanted, waiters, links) = {
            let mut state = self.state.lock();
            state.ended = true;
            self.has_come.store(true, Ordering::Release);
            let unwanted = if state.disowned {
                Some(outcome)
            } else {
                state.outcome = Some(outcome);
                None
            };
            (
                unwanted,
                state.waiters.take_all(),
                std::mem::take(&mut state.links),
            )
        };
        waiters.wake();
        (links, unwanted)
    }

    /// Has `link` called at the end, or hands it back when that has come.
    pub(crate) fn link(&self, link: Link) -> Option<Link> {
        let mut state = self.state.lock();
        if state.ended {
            return Some(link);
        }
        state.links.push(link);
        None
    }

    /// Takes the outcome; `None` before the end and when it was taken.
    pub(crate) fn take(&self) -> Option<Outcome> {
        self.state.lock().outcome.take()
    }

    /// Nobody will take the outcome: it is handed out here if it has come, or
    /// else when it comes.
    pub(crate) fn disown(&self) -> Option<Outcome> {
        let mut state = self.state.lock();
        state.disowned = true;
        state.outcome.take()
    }
}

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("End")
            .field("ended", &self.has_come())
            .finish_non_exhaustive()
    }
}
