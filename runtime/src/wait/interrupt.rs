//! Interrupts: what makes a greenlet unwind out of a blocking call.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::atomic::Ordering;

use crate::engine::sync::{AtomicBool, Mutex, panicking};

/// Why a strand is to unwind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Interrupt {
    /// Somebody killed the greenlet.
    Kill,
    /// The time-out with this number has expired.
    Timeout(u64),
}

/// The payload that unwinds; private, so nobody else can make one. Not a panic:
/// no hook is called and nothing is printed.
#[derive(Debug)]
pub(crate) struct Interrupted(pub(crate) Interrupt);

/// Interrupts of one strand that wait for its next blocking call. Each is
/// delivered once, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Interrupts {
    // Whether `waiting` holds any: the look that every blocking call takes. A
    // waiter begins its wait, then looks; who interrupts sets it, then ends the
    // wait. `Turns` sees to it that they do not miss each other.
    any: AtomicBool,
    waiting: Mutex<VecDeque<Interrupt>>,
}

impl Interrupts {
    /// Adds one, unless the same already waits: a second kill before the first
    /// was delivered is the same kill. Calls `announce` before anybody can take
    /// it out again.
    pub(crate) fn add<R>(&self, interrupt: Interrupt, announce: impl FnOnce() -> R) -> R {
        let mut waiting = self.waiting.lock();
        if !waiting.contains(&interrupt) {
            waiting.push_back(interrupt);
        }
        self.any.store(true, Ordering::Release);
        announce()
    }

    /// Takes one back before it is delivered.
    pub(crate) fn remove(&self, interrupt: Interrupt) {
        let mut waiting = self.waiting.lock();
        waiting.retain(|other| *other != interrupt);
        self.any.store(!waiting.is_empty(), Ordering::Release);
    }

    /// As new, for another strand.
    pub(super) fn reset(&mut self) {
        if self.any.load(Ordering::Relaxed) {
            self.any.store(false, Ordering::Relaxed);
            self.waiting.lock().clear();
        }
    }

    /// Whether this one waits to be delivered.
    pub(crate) fn contains(&self, interrupt: Interrupt) -> bool {
        self.any.load(Ordering::SeqCst) && self.waiting.lock().contains(&interrupt)
    }

    /// Takes a kill that came before the greenlet's first run.
    pub(crate) fn take_kill(&self) -> bool {
        if !self.any.load(Ordering::Acquire) {
            return false;
        }
        let killed = self.waiting.lock().contains(&Interrupt::Kill);
        if killed {
            self.remove(Interrupt::Kill);
        }
        killed
    }

    /// Unwinds with the first interrupt that waits, if one does. Only for the
    /// strand itself. A strand that unwinds already goes on with that.
    #[inline]
    pub(crate) fn deliver_one(&self) {
        if self.any.load(Ordering::Acquire) {
            self.deliver();
        }
    }

    #[cold]
    fn deliver(&self) {
        if panicking() {
            return;
        }
        let first = {
            let mut waiting = self.waiting.lock();
            let first = waiting.pop_front();
            self.any.store(!waiting.is_empty(), Ordering::Release);
            first
        };
        if let Some(interrupt) = first {
            resume_unwind(Box::new(Interrupted(interrupt)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn delivered(interrupts: &Interrupts) -> Option<Interrupt> {
        catch_unwind(AssertUnwindSafe(|| interrupts.deliver_one()))
            .err()
            .map(|payload| payload.downcast::<Interrupted>().unwrap().0)
    }

    #[test]
    fn each_is_delivered_once_and_in_order() {
        let interrupts = Interrupts::default();
        interrupts.add(Interrupt::Timeout(7), || ());
        interrupts.add(Interrupt::Kill, || ());
        interrupts.add(Interrupt::Kill, || ());
        assert_eq!(delivered(&interrupts), Some(Interrupt::Timeout(7)));
        assert_eq!(delivered(&interrupts), Some(Interrupt::Kill));
        assert_eq!(delivered(&interrupts), None);
        interrupts.add(Interrupt::Kill, || ());
        assert_eq!(delivered(&interrupts), Some(Interrupt::Kill));
    }

    #[test]
    fn one_that_is_taken_back_is_not_delivered() {
        let interrupts = Interrupts::default();
        interrupts.add(Interrupt::Timeout(1), || ());
        interrupts.add(Interrupt::Timeout(2), || ());
        interrupts.remove(Interrupt::Timeout(1));
        assert_eq!(delivered(&interrupts), Some(Interrupt::Timeout(2)));
        assert_eq!(delivered(&interrupts), None);
    }
}
