//! Waiting for many things: each as it comes.

use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::wait::{Board, Waitable, checkpoint, deadline_after};

/// Waits for all `objects` and yields each when it has come, in the order in
/// which they do.
///
/// What has come before is yielded first, in the order given. An object that is
/// named twice is yielded twice. The iterator suspends its caller in `next`
/// only, and a kill or time-out interrupts it there: nothing is lost, the
/// iterator can go on. While the caller unwinds it yields what has come and
/// then ends. The caller may do whatever it likes between two items; what comes
/// meanwhile is remembered.
///
/// Give references to keep the objects: `iwait(&greenlets)`. For the first
/// `n`, [`take`](Iterator::take) them.
///
/// # Examples
///
/// ```
/// use maypole_runtime::{Event, iwait, spawn};
///
/// let (start, go) = (Event::new(), Event::new());
/// let (started, signal) = (start.clone(), go.clone());
/// let slow = spawn(move || {
///     go.wait();
///     "slow"
/// });
/// let quick = spawn(move || {
///     started.wait();
///     signal.set();
///     "quick"
/// });
/// let done = iwait([slow, quick]);
/// start.set();
/// let order: Vec<_> = done.map(|greenlet| greenlet.get().unwrap()).collect();
/// assert_eq!(order, ["quick", "slow"]);
/// ```
#[doc(alias = "gevent.iwait")]
#[doc(alias = "select")]
pub fn iwait<I>(objects: I) -> Iwait<I::Item>
where
    I: IntoIterator,
    I::Item: Waitable,
{
    Iwait::new(objects, None)
}

/// As [`iwait`], and ends when `limit` has passed since this call; what has come
/// by then is still yielded.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_runtime::{Event, iwait_timeout};
///
/// let never = Event::new();
/// assert!(iwait_timeout([&never], Duration::from_millis(1)).next().is_none());
/// ```
#[doc(alias = "iwait(timeout)")]
pub fn iwait_timeout<I>(objects: I, limit: Duration) -> Iwait<I::Item>
where
    I: IntoIterator,
    I::Item: Waitable,
{
    Iwait::new(objects, deadline_after(limit))
}

/// Waits until all `objects` have come, and returns them in the order in which
/// they did: `iwait(objects).collect()`.
///
/// Suspends the caller; a kill or time-out interrupts it. While the caller
/// unwinds it returns those that have come.
///
/// # Examples
///
/// ```
/// use maypole_runtime::{Event, spawn, wait};
///
/// let events = [Event::new(), Event::new()];
/// let (first, second) = (events[0].clone(), events[1].clone());
/// let _detached = spawn(move || {
///     second.set();
///     first.set();
/// });
/// assert!(wait(&events).into_iter().all(|event| event.is_set()));
/// ```
#[doc(alias = "gevent.wait")]
pub fn wait<I>(objects: I) -> Vec<I::Item>
where
    I: IntoIterator,
    I::Item: Waitable,
{
    iwait(objects).collect()
}

/// Waits until all `objects` have come or `limit` has passed, and returns those
/// that have come, in the order in which they did. Otherwise as [`wait`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_runtime::{Event, wait_timeout};
///
/// let events = [Event::new(), Event::new()];
/// events[1].set();
/// assert_eq!(wait_timeout(&events, Duration::from_millis(1)).len(), 1);
/// ```
#[doc(alias = "wait(timeout)")]
pub fn wait_timeout<I>(objects: I, limit: Duration) -> Vec<I::Item>
where
    I: IntoIterator,
    I::Item: Waitable,
{
    iwait_timeout(objects, limit).collect()
}

/// The iterator of [`iwait`]. Dropping it leaves the objects that have not come.
///
/// See the example of [`iwait`].
#[must_use = "it waits only when it is asked for its next item"]
pub struct Iwait<W: Waitable> {
    board: Arc<Board>,
    // Those not yielded yet, by their number on the board.
    pending: Vec<Option<Pending<W>>>,
    left: usize,
    deadline: Option<Instant>,
}

struct Pending<W> {
    object: W,
    // Where its watcher stands in its list. `None` when it had come before.
    place: Option<u64>,
}

impl<W: Waitable> Iwait<W> {
    fn new(objects: impl IntoIterator<Item = W>, deadline: Option<Instant>) -> Self {
        let mut all = Self {
            board: Arc::default(),
            pending: Vec::new(),
            left: 0,
            deadline,
        };
        // One by one: should `objects` panic, the first ones are left again.
        for object in objects {
            all.add(object);
        }
        all
    }

    fn add(&mut self, object: W) {
        let watcher = self.board.watcher(self.pending.len());
        let place = match object.watch(watcher) {
            Ok(place) => Some(place),
            Err(watcher) => {
                watcher.tell();
                None
            }
        };
        self.pending.push(Some(Pending { object, place }));
        self.left += 1;
    }

    /// Forgets those that have not come.
    fn leave(&mut self) {
        self.left = 0;
        for Pending { object, place } in self.pending.drain(..).flatten() {
            if let Some(place) = place {
                object.unwatch(place);
            }
        }
    }
}

impl<W: Waitable> Iterator for Iwait<W> {
    type Item = W;

    fn next(&mut self) -> Option<W> {
        if self.left == 0 {
            return None;
        }
        checkpoint();
        let came = match self.board.try_take() {
            Some(index) => Some(index),
            None => self.board.take(self.deadline).unwrap_or(None),
        };
        let Some(index) = came else {
            self.leave();
            return None;
        };
        self.left -= 1;
        self.pending[index].take().map(|pending| pending.object)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // A deadline, or unwinding, may end it at any point.
        (0, Some(self.left))
    }
}

impl<W: Waitable> FusedIterator for Iwait<W> {}

impl<W: Waitable> Drop for Iwait<W> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<W: Waitable> fmt::Debug for Iwait<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iwait")
            .field("left", &self.left)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::Event;

    #[test]
    fn one_that_is_dropped_early_is_gone_from_all_lists() {
        let events = [Event::new(), Event::new(), Event::new()];
        events[1].set();
        let mut first = iwait(&events);
        assert!(first.next().is_some_and(Event::is_set));
        let waiters = || events.iter().map(Event::waiters).sum::<usize>();
        assert_eq!(waiters(), 2);
        drop(first);
        assert_eq!(waiters(), 0);
    }

    #[test]
    fn one_whose_time_has_passed_is_gone_from_all_lists_and_ends_for_good() {
        let events = [Event::new(), Event::new()];
        let mut all = iwait_timeout(&events, Duration::ZERO);
        assert!(all.next().is_none());
        assert_eq!(events[0].waiters() + events[1].waiters(), 0);
        events[0].set();
        assert!(all.next().is_none());
    }

    #[test]
    fn a_panic_of_the_objects_leaves_nothing_behind() {
        let event = Event::new();
        let objects = (0..2).map(|n| if n == 0 { &event } else { panic!("no more") });
        assert!(catch_unwind(AssertUnwindSafe(|| iwait(objects))).is_err());
        assert_eq!(event.waiters(), 0);
    }
}
