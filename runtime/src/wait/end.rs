//! The end of a strand: how it ended, and who is to be told.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::engine::sync::{AtomicBool, Mutex};

use super::{
    Strand, Unwinding, WaitList, Waited, Watcher, checkpoint, unwatch_in, wait_in, watch_in,
};

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

/// How a greenlet ended.
///
/// # Examples
///
/// ```
/// use maypole_runtime::{Ending, spawn};
///
/// let greenlet = spawn(|| panic!("no"));
/// greenlet.join();
/// assert_eq!(greenlet.ending(), Some(Ending::Panicked));
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Ending {
    /// It returned a value.
    Returned,
    /// It was killed, before or while it ran.
    #[doc(alias = "GreenletExit")]
    Killed,
    /// A [`Timeout`](crate::Timeout) that nobody caught unwound it.
    TimedOut,
    /// It panicked.
    Panicked,
}

impl Outcome {
    fn ending(&self) -> Ending {
        match self {
            Self::Value(_) => Ending::Returned,
            Self::Killed => Ending::Killed,
            Self::TimedOut => Ending::TimedOut,
            Self::Panicked(_) => Ending::Panicked,
        }
    }
}

/// Called once when a greenlet has ended.
pub(crate) type Link = Box<dyn FnOnce(Arc<Strand>) + Send>;

/// The end of one greenlet.
#[derive(Default)]
pub(crate) struct End {
    // Set with the lock held, before `State::ending`'s waiters are woken.
    has_come: AtomicBool,
    state: Mutex<State>,
}

struct State {
    ending: Option<Ending>,
    // The owner of the result is gone: nobody will ask for it.
    disowned: bool,
    outcome: Option<Outcome>,
    waiters: WaitList,
    // By their numbers, which rise: the first is the oldest.
    links: BTreeMap<u64, Link>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            ending: None,
            disowned: false,
            outcome: None,
            waiters: WaitList::of("the end of a greenlet"),
            links: BTreeMap::new(),
        }
    }
}

impl End {
    /// As new, for another greenlet. Drops an outcome that nobody has taken.
    pub(super) fn reset(&mut self) {
        self.has_come.store(false, Ordering::Relaxed);
        let state = self.state.get_mut();
        state.ending = None;
        if !state.links.is_empty() {
            state.links.clear();
        }
        state.disowned = false;
        state.outcome = None;
    }

    /// Whether the greenlet has ended.
    pub(crate) fn has_come(&self) -> bool {
        self.has_come.load(Ordering::Acquire)
    }

    /// How the greenlet has ended, if it has.
    pub(crate) fn ending(&self) -> Option<Ending> {
        self.state.lock().ending
    }

    /// Waits for the end: true when it has come, false when the deadline came
    /// first.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Result<bool, Unwinding> {
        checkpoint();
        if self.has_come() {
            return Ok(true);
        }
        let ready = |state: &mut State| state.ending.map(|_| ());
        let waited = wait_in(&self.state, |state| &mut state.waiters, deadline, ready)?;
        Ok(waited != Waited::TimedOut)
    }

    /// Has `watcher` told of the end; see [`Watch::watch`](super::Watch::watch).
    pub(crate) fn watch(&self, watcher: Watcher) -> Result<u64, Watcher> {
        watch_in(
            &self.state,
            |state| &mut state.waiters,
            watcher,
            |state| state.ending.is_some(),
        )
    }

    /// Takes a watcher back; see [`Watch::unwatch`](super::Watch::unwatch).
    pub(crate) fn unwatch(&self, place: u64) {
        unwatch_in(&self.state, |state| &mut state.waiters, place);
    }

    /// The end has come: wakes all waiters. Returns how many links are to be
    /// [popped](Self::pop_link) and called, and the outcome if nobody will ask
    /// for it: the greenlet drops it while it can still suspend, because a
    /// destructor may block.
    pub(crate) fn come(&self, outcome: Outcome) -> (usize, Option<Outcome>) {
        let (unwanted, waiters, links) = {
            let mut state = self.state.lock();
            state.ending = Some(outcome.ending());
            self.has_come.store(true, Ordering::Release);
            let unwanted = if state.disowned {
                Some(outcome)
            } else {
                state.outcome = Some(outcome);
                None
            };
            (unwanted, state.waiters.take_all(), state.links.len())
        };
        waiters.wake();
        (links, unwanted)
    }

    /// Adds a link and returns its number, unique in the process. True when the
    /// end has come: the caller then looks after its being called.
    pub(crate) fn link(&self, link: Link) -> (u64, bool) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let mut state = self.state.lock();
        // With the lock held, so that this end's numbers rise.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        state.links.insert(number, link);
        (number, state.ending.is_some())
    }

    /// Takes out the oldest link.
    pub(crate) fn pop_link(&self) -> Option<Link> {
        self.state.lock().links.pop_first().map(|(_, link)| link)
    }

    /// Takes out one link, if it has not been called.
    pub(crate) fn unlink(&self, number: u64) -> Option<Link> {
        self.state.lock().links.remove(&number)
    }

    /// Takes out all links, to be dropped where no lock is held.
    pub(crate) fn unlink_all(&self) -> impl Sized + use<> {
        std::mem::take(&mut self.state.lock().links)
    }

    /// Whether any link is still to be called.
    pub(crate) fn has_links(&self) -> bool {
        !self.state.lock().links.is_empty()
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
