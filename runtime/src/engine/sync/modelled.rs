//! Locks for loom's threads, with the signatures of parking_lot's.
//!
//! loom's own can neither be made in a constant nor be let go while another
//! thread unwinds: they are std's inside, which are poisoned then, as loom's
//! threads are coroutines of one thread.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use loom::thread::{self, Thread};

/// How often a thread is made to wait where it could go on, at most, in one run
/// of a model. `LOOM_MAX_PREEMPTIONS` says otherwise.
const PREEMPTIONS: usize = 3;

/// Runs `model` in every order of its threads' steps.
pub(crate) fn explore(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(PREEMPTIONS);
    builder.check(model);
}

/// Never: std would count the panics of all of loom's threads. No model waits
/// while it unwinds.
pub(crate) fn panicking() -> bool {
    false
}

/// A point where other threads may take steps, and after which a thread sees all
/// that was done before others passed it. What follows, up to the next such
/// point, is one step.
#[derive(Default)]
struct Point(OnceLock<loom::sync::Mutex<()>>);

impl Point {
    const fn new() -> Self {
        Self(OnceLock::new())
    }

    fn pass(&self) {
        // Let go in the same step: nobody ever finds it locked, and an unwinding
        // thread does not poison it. An atomic could not be made by one thread
        // and used by another without a point before.
        drop(self.0.get_or_init(loom::sync::Mutex::default).lock());
    }
}

#[derive(Default)]
pub(crate) struct Mutex<T: ?Sized> {
    point: Point,
    gate: parking_lot::Mutex<Gate>,
    // Locked by who has the gate, and nobody else.
    value: parking_lot::Mutex<T>,
}

#[derive(Default)]
struct Gate {
    closed: bool,
    waiting: Vec<Thread>,
}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self {
            point: Point::new(),
            gate: parking_lot::Mutex::new(Gate {
                closed: false,
                waiting: Vec::new(),
            }),
            value: parking_lot::Mutex::new(value),
        }
    }
}

impl<T: ?Sized> Mutex<T> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        loop {
            self.point.pass();
            {
                let mut gate = self.gate.lock();
                if !std::mem::replace(&mut gate.closed, true) {
                    break;
                }
                gate.waiting.push(thread::current());
            }
            thread::park();
        }
        MutexGuard {
            value: Some(self.value.try_lock().expect("the gate lets one in")),
            mutex: self,
        }
    }

    fn unlock(&self) {
        self.point.pass();
        let waiting = {
            let mut gate = self.gate.lock();
            gate.closed = false;
            std::mem::take(&mut gate.waiting)
        };
        // All of them, so that each comes first in some run.
        for thread in waiting {
            thread.unpark();
        }
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T: ?Sized> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").finish_non_exhaustive()
    }
}

pub(crate) struct MutexGuard<'a, T: ?Sized> {
    // Empty only while it lets go, and while its condition variable waits.
    value: Option<parking_lot::MutexGuard<'a, T>>,
    mutex: &'a Mutex<T>,
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("it does not wait")
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("it does not wait")
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        self.value = None;
        self.mutex.unlock();
    }
}

#[derive(Default)]
pub(crate) struct Condvar {
    point: Point,
    told: parking_lot::Mutex<Told>,
}

#[derive(Default)]
struct Told {
    next: u64,
    waiting: Vec<(u64, Thread)>,
}

impl Condvar {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let number = {
            let mut told = self.told.lock();
            let number = told.next;
            told.next += 1;
            told.waiting.push((number, thread::current()));
            number
        };
        guard.value = None;
        guard.mutex.unlock();
        let waits = || {
            let told = self.told.lock();
            told.waiting.iter().any(|(other, _)| *other == number)
        };
        while waits() {
            thread::park();
        }
        let held = guard.mutex.lock();
        // Held by `guard` again.
        let mut held = std::mem::ManuallyDrop::new(held);
        guard.value = held.value.take();
    }

    /// loom has no clock: this one never times out.
    pub(crate) fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _: Instant) -> Never {
        self.wait(guard);
        Never
    }

    /// Nor does this one.
    pub(crate) fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, _: Duration) -> Never {
        self.wait(guard);
        Never
    }

    pub(crate) fn notify_one(&self) {
        self.notify(1);
    }

    pub(crate) fn notify_all(&self) {
        self.notify(usize::MAX);
    }

    fn notify(&self, most: usize) {
        self.point.pass();
        let waiting: Vec<_> = {
            let mut told = self.told.lock();
            let most = most.min(told.waiting.len());
            told.waiting.drain(..most).collect()
        };
        for (_, thread) in waiting {
            thread.unpark();
        }
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}

pub(crate) struct Never;

impl Never {
    pub(crate) fn timed_out(&self) -> bool {
        false
    }
}
