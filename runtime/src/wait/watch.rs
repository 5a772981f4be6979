//! Waiting for one of many things: who has come, in which order.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::engine::sync::Mutex;

use super::{Ticket, Unwinding, WaitList, Waited, wait_in};

/// Something that comes, and that [`iwait`](crate::iwait) and
/// [`wait`](crate::wait) can wait for together with others.
///
/// Greenlets and events are such, as are references and boxes to them: a
/// `Box<dyn Waitable>` or a `&dyn Waitable` holds any of them. Nobody else can
/// implement it.
///
/// # Examples
///
/// ```
/// use maypole_runtime::{Event, Waitable, spawn, wait};
///
/// let (event, greenlet) = (Event::new(), spawn(|| ()));
/// event.set();
/// let both: [&dyn Waitable; 2] = [&event, &greenlet];
/// assert_eq!(wait(both).len(), 2);
/// ```
// A primitive becomes waitable with two calls, and a line in the list above:
//
//     impl Waitable for Event {}
//
//     impl Watch for Event {
//         fn watch(&self, watcher: Watcher) -> Result<u64, Watcher> {
//             watch_in(&self.state, |state| &mut state.waiters, watcher, |state| state.set)
//         }
//         fn unwatch(&self, place: u64) {
//             unwatch_in(&self.state, |state| &mut state.waiters, place);
//         }
//     }
//
// The list must be one whose waiters are only told, as by `take_all`. A waker
// that hands something over to whom it wakes (a permit, an item) would hand it
// to a watcher, who does not take it: such a primitive keeps a second list.
pub trait Waitable: Watch {}

/// What is asked of a [`Waitable`]; sealed by not being exported.
#[expect(unnameable_types, reason = "nobody else is to implement it")]
pub trait Watch {
    /// Has `watcher` told once it has come, and returns its place in the list
    /// of waiters. Hands it back if it has come already.
    fn watch(&self, watcher: Watcher) -> Result<u64, Watcher>;

    /// Takes a watcher that was not told out of the list.
    fn unwatch(&self, place: u64);
}

impl<W: Waitable + ?Sized> Waitable for &W {}

impl<W: Waitable + ?Sized> Watch for &W {
    fn watch(&self, watcher: Watcher) -> Result<u64, Watcher> {
        (**self).watch(watcher)
    }

    fn unwatch(&self, place: u64) {
        (**self).unwatch(place);
    }
}

impl<W: Waitable + ?Sized> Waitable for Box<W> {}

impl<W: Waitable + ?Sized> Watch for Box<W> {
    fn watch(&self, watcher: Watcher) -> Result<u64, Watcher> {
        (**self).watch(watcher)
    }

    fn unwatch(&self, place: u64) {
        (**self).unwatch(place);
    }
}

/// [`Watch::watch`] of what has a list of waiters in a lock. `has_come` is asked
/// with the lock held.
pub(crate) fn watch_in<S>(
    state: &Mutex<S>,
    list: fn(&mut S) -> &mut WaitList,
    watcher: Watcher,
    has_come: impl FnOnce(&S) -> bool,
) -> Result<u64, Watcher> {
    let mut state = state.lock();
    if has_come(&state) {
        return Err(watcher);
    }
    Ok(list(&mut state).push(Ticket::watch(watcher)))
}

/// [`Watch::unwatch`] of what has a list of waiters in a lock.
pub(crate) fn unwatch_in<S>(state: &Mutex<S>, list: fn(&mut S) -> &mut WaitList, place: u64) {
    list(&mut state.lock()).remove(place);
}

/// Told once that one thing has come.
#[expect(unnameable_types, reason = "only `Watch` speaks of it")]
pub struct Watcher {
    board: Arc<Board>,
    index: usize,
}

impl Watcher {
    /// Puts it on the board. Takes the board's lock and none that is outside it.
    pub(crate) fn tell(&self) {
        let mut state = self.board.state.lock();
        state.came.push_back(self.index);
        // One who was woken for an earlier thing and has not run yet finds this
        // one as well.
        state.waiters.wake_one();
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

/// Where those who wait for many things read which have come. It holds at most
/// as many as it has watchers.
#[derive(Debug, Default)]
pub(crate) struct Board {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    came: VecDeque<usize>,
    waiters: WaitList,
}

impl Board {
    /// A watcher for the thing with this number.
    pub(crate) fn watcher(self: &Arc<Self>, index: usize) -> Watcher {
        Watcher {
            board: self.clone(),
            index,
        }
    }

    /// Takes the number of what came first, if anything has come.
    pub(crate) fn try_take(&self) -> Option<usize> {
        self.state.lock().came.pop_front()
    }

    /// Takes the number of what came first, waiting for it until the deadline.
    pub(crate) fn take(&self, deadline: Option<Instant>) -> Result<Option<usize>, Unwinding> {
        loop {
            let first = |state: &mut State| state.came.pop_front();
            match wait_in(&self.state, |state| &mut state.waiters, deadline, first)? {
                Waited::Ready(index) => return Ok(Some(index)),
                Waited::TimedOut => return Ok(None),
                Waited::Woken => {} // and nobody else takes it meanwhile
            }
        }
    }
}
