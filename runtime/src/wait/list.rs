//! A list of waiters, served in the order of arrival.

use std::collections::VecDeque;
use std::time::Instant;

use crate::engine::sync::Mutex;

use super::{Ended, Ticket, Unwinding, Wait, with_strand};

/// The waiters of one primitive. Lives inside the primitive's lock.
#[derive(Debug)]
pub(crate) struct WaitList {
    // What its waiters wait for, for those who look.
    what: &'static str,
    // Numbers rise from front to back. A waiter that left is `None`, until the
    // front reaches it or half of the list is such.
    waiters: VecDeque<(u64, Option<Ticket>)>,
    next: u64,
    gone: usize,
}

impl Default for WaitList {
    fn default() -> Self {
        Self::of("somebody else")
    }
}

impl WaitList {
    /// An empty list of those who wait for `what`.
    pub(crate) const fn of(what: &'static str) -> Self {
        Self {
            what,
            waiters: VecDeque::new(),
            next: 0,
            gone: 0,
        }
    }

    /// Adds a waiter at the end and returns its number.
    pub(crate) fn push(&mut self, ticket: Ticket) -> u64 {
        let number = self.next;
        self.next += 1;
        self.waiters.push_back((number, Some(ticket)));
        number
    }

    /// Wakes the waiter that came first. False when there is none.
    pub(crate) fn wake_one(&mut self) -> bool {
        while let Some((_, ticket)) = self.waiters.pop_front() {
            match ticket {
                Some(ticket) if ticket.wake() => return true,
                Some(_) => {} // timed out or interrupted, and about to leave
                None => self.gone -= 1,
            }
        }
        false
    }

    /// Takes all waiters out, to be woken outside the primitive's lock. Numbers
    /// go on from where they were: a waiter that leaves late must not be taken
    /// for another.
    pub(crate) fn take_all(&mut self) -> Waiters {
        self.gone = 0;
        match self.waiters.len() {
            0 => Waiters::None,
            // Mostly so; the list keeps its memory.
            1 => match self.waiters.pop_front() {
                Some((_, Some(ticket))) => Waiters::One(ticket),
                _ => Waiters::None,
            },
            _ => Waiters::Many(std::mem::take(&mut self.waiters)),
        }
    }

    /// How many are in the list, those included that no longer want anything.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.waiters.len() - self.gone
    }

    /// Removes a waiter that will not be woken from here, if it is still in.
    pub(crate) fn remove(&mut self, number: u64) {
        let Ok(index) = self.waiters.binary_search_by_key(&number, |(n, _)| *n) else {
            return;
        };
        if self.waiters[index].1.take().is_some() {
            self.gone += 1;
        }
        if self.gone * 2 > self.waiters.len() {
            self.waiters.retain(|(_, ticket)| ticket.is_some());
            self.gone = 0;
        }
    }
}

/// Waiters that were taken out of a list.
#[must_use = "they wait to be woken"]
pub(crate) enum Waiters {
    None,
    One(Ticket),
    Many(VecDeque<(u64, Option<Ticket>)>),
}

impl Waiters {
    /// Wakes them, in the order in which they came.
    pub(crate) fn wake(self) {
        match self {
            Self::None => {}
            Self::One(ticket) => {
                ticket.wake();
            }
            Self::Many(waiters) => {
                for ticket in waiters.into_iter().filter_map(|(_, ticket)| ticket) {
                    ticket.wake();
                }
            }
        }
    }
}

/// How a wait in a list ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Waited<R> {
    /// There was no need to wait: this was there.
    Ready(R),
    /// A waker has ended the wait.
    Woken,
    /// The deadline passed.
    TimedOut,
}

/// Waits in the list that `list` finds in `state`, unless `ready` finds there
/// what is waited for.
///
/// `ready` is asked with the lock held, after wakers can see the wait: what
/// comes later wakes it. However the wait ends, by unwinding too, the waiter
/// leaves the list.
///
/// # Errors
///
/// If it would have to wait while the greenlet unwinds.
pub(crate) fn wait_in<S, R>(
    state: &Mutex<S>,
    list: fn(&mut S) -> &mut WaitList,
    deadline: Option<Instant>,
    ready: impl FnOnce(&mut S) -> Option<R>,
) -> Result<Waited<R>, Unwinding> {
    with_strand(|strand| {
        let wait = Wait::begin(strand)?;
        let (number, what) = {
            let mut state = state.lock();
            if let Some(ready) = ready(&mut state) {
                return Ok(Waited::Ready(ready));
            }
            let list = list(&mut state);
            (list.push(wait.ticket()), list.what)
        };
        wait.is_for(what);
        let _entry = Entry {
            state,
            list,
            number,
        };
        Ok(match wait.end(deadline)? {
            Ended::Woken => Waited::Woken,
            Ended::TimedOut => Waited::TimedOut,
        })
    })
}

/// A waiter's place in a list inside a lock. Leaves the list when dropped.
struct Entry<'a, S> {
    state: &'a Mutex<S>,
    list: fn(&mut S) -> &mut WaitList,
    number: u64,
}

impl<S> Drop for Entry<'_, S> {
    fn drop(&mut self) {
        (self.list)(&mut self.state.lock()).remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiters_that_left_are_passed_over() {
        with_strand(|strand| {
            let mut list = WaitList::default();
            let old = Wait::begin(strand).unwrap();
            let first = list.push(old.ticket());
            drop(old);
            let wait = Wait::begin(strand).unwrap();
            list.push(wait.ticket());
            assert!(list.wake_one());
            assert_eq!(wait.end(None), Ok(Ended::Woken));
            list.remove(first);
            assert!(list.waiters.is_empty());
            assert!(!list.wake_one());
        });
    }

    #[test]
    fn a_late_leaver_is_not_taken_for_another() {
        with_strand(|strand| {
            let wait = Wait::begin(strand).unwrap();
            let mut list = WaitList::default();
            let woken = list.push(wait.ticket());
            list.take_all().wake();
            drop(wait);
            let wait = Wait::begin(strand).unwrap();
            list.push(wait.ticket());
            list.remove(woken);
            assert!(list.wake_one());
        });
    }

    #[test]
    fn removing_keeps_the_rest_in_order_and_shrinks() {
        with_strand(|strand| {
            let wait = Wait::begin(strand).unwrap();
            let mut list = WaitList::default();
            let numbers: Vec<u64> = (0..100).map(|_| list.push(wait.ticket())).collect();
            for number in &numbers[..99] {
                list.remove(*number);
            }
            assert!(list.waiters.len() <= 2);
            assert_eq!(list.len(), 1);
            list.remove(numbers[99]);
            assert!(list.waiters.is_empty());
        });
    }
}
