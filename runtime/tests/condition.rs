//! Behaviours of the part about conditions of gevent's own lock_tests.py, written
//! anew, and what a kill or a time-out does to a waiter.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use maypole_runtime::lock::{Condition, Mutex};
use maypole_runtime::{Greenlet, sleep, spawn, with_timeout, yield_now};
use support::in_greenlet;
use support::line::let_them_wait;

const LONG: Duration = Duration::from_secs(600);

/// So short that nothing can come in time.
const SOON: Duration = Duration::from_millis(2);

/// A value and the condition that says that it has changed.
struct Shared<T> {
    value: Mutex<T>,
    changed: Condition,
}

fn shared<T>(value: T) -> Arc<Shared<T>> {
    Arc::new(Shared {
        value: Mutex::new(value),
        changed: Condition::new(),
    })
}

/// Greenlets that wait to be notified, in this order, and then note their
/// numbers.
fn in_line(shared: &Arc<Shared<Vec<u32>>>, numbers: std::ops::Range<u32>) -> Vec<Greenlet<()>> {
    numbers
        .map(|number| {
            let shared = shared.clone();
            let one = spawn(move || {
                let guard = shared.value.lock().unwrap();
                shared.changed.wait(guard).unwrap().push(number);
            });
            let_them_wait();
            one
        })
        .collect()
}

#[test]
fn as_many_are_notified_as_is_said_in_turn() {
    in_greenlet(|| {
        let shared = shared(Vec::new());
        shared.changed.notify_one(); // nobody waits: it is not kept
        let line = in_line(&shared, 0..5);
        assert!(!shared.value.is_locked());
        shared.changed.notify_one();
        let_them_wait();
        assert_eq!(*shared.value.lock().unwrap(), [0]);
        shared.changed.notify_one();
        shared.changed.notify_one();
        let_them_wait();
        assert_eq!(*shared.value.lock().unwrap(), [0, 1, 2]);
        shared.changed.notify_all();
        for one in line {
            one.get().unwrap();
        }
        assert_eq!(*shared.value.lock().unwrap(), [0, 1, 2, 3, 4]);
    });
}

#[test]
fn who_is_notified_waits_for_the_mutex() {
    in_greenlet(|| {
        let shared = shared(Vec::new());
        let line = in_line(&shared, 0..3);
        let guard = shared.value.lock().unwrap();
        shared.changed.notify_all();
        let_them_wait();
        assert!(line.iter().all(|one| !one.is_finished()));
        assert!(guard.is_empty());
        drop(guard);
        for one in line {
            one.get().unwrap();
        }
        assert_eq!(*shared.value.lock().unwrap(), [0, 1, 2]);
    });
}

#[test]
fn waiting_has_a_limit() {
    in_greenlet(|| {
        let shared = shared(false);
        let guard = shared.value.lock().unwrap();
        let (guard, notified) = shared.changed.wait_timeout(guard, SOON).unwrap();
        assert!(!notified && shared.value.is_locked());
        let theirs = shared.clone();
        let other = spawn(move || {
            *theirs.value.lock().unwrap() = true;
            theirs.changed.notify_one();
        });
        let (guard, notified) = shared.changed.wait_timeout(guard, LONG).unwrap();
        assert!(notified && *guard);
        other.get().unwrap();
    });
}

#[test]
fn waiting_for_a_change_looks_first_and_again() {
    in_greenlet(|| {
        let shared = shared(3);
        let wait = |limit, blocked: fn(&mut i32) -> bool| {
            let guard = shared.value.lock().unwrap();
            let waited = shared.changed.wait_timeout_while(guard, limit, blocked);
            let (value, came) = waited.unwrap();
            (*value, came)
        };
        assert_eq!(wait(LONG, |value| *value != 3), (3, true), "at once");
        assert_eq!(wait(SOON, |value| *value != 4), (3, false));
        let theirs = shared.clone();
        let counter = spawn(move || {
            for _ in 0..5 {
                *theirs.value.lock().unwrap() += 1;
                theirs.changed.notify_one();
                yield_now();
            }
        });
        let (value, came) = wait(LONG, |value| *value < 6);
        assert!(value >= 6 && came);
        let guard = shared.value.lock().unwrap();
        let guard = shared.changed.wait_while(guard, |value| *value < 8);
        assert_eq!(*guard.unwrap(), 8);
        counter.get().unwrap();
    });
}

#[test]
fn a_waiter_that_is_killed_or_late_takes_no_notification_along() {
    in_greenlet(|| {
        let shared = shared(Vec::new());
        let mut line = in_line(&shared, 0..3);
        line.remove(0).kill();
        shared.changed.notify_one();
        line.remove(0).get().unwrap();
        assert_eq!(*shared.value.lock().unwrap(), [1]);

        let theirs = shared.clone();
        let late = spawn(move || {
            let guard = theirs.value.lock().unwrap();
            theirs.changed.wait_timeout(guard, SOON).unwrap().1
        });
        let mut more = in_line(&shared, 3..4);
        assert!(!late.get().unwrap());
        shared.changed.notify_one();
        line.remove(0).get().unwrap();
        shared.changed.notify_one();
        more.remove(0).get().unwrap();
        assert_eq!(*shared.value.lock().unwrap(), [1, 2, 3]);
    });
}

#[test]
fn a_kill_between_notification_and_mutex_passes_it_on() {
    in_greenlet(|| {
        let shared = shared(Vec::new());
        let mut line = in_line(&shared, 0..2);
        let guard = shared.value.lock().unwrap();
        shared.changed.notify_one();
        let_them_wait(); // the first waits for the mutex now
        line[0].kill();
        drop(guard);
        line.remove(1).get().unwrap();
        assert_eq!(*shared.value.lock().unwrap(), [1]);
    });
}

#[test]
fn a_kill_and_a_notification_at_once_lose_neither() {
    in_greenlet(|| {
        for kill_first in [true, false] {
            let shared = shared(Vec::new());
            let mut line = in_line(&shared, 0..2);
            if kill_first {
                line[0].start_kill();
            }
            shared.changed.notify_one();
            line[0].start_kill();
            let_them_wait();
            assert_eq!(shared.value.lock().unwrap().len(), 1);
            if line[1].is_finished() {
                assert!(line.remove(0).get().unwrap_err().is_killed());
            } else {
                line.remove(0).get().unwrap();
                shared.changed.notify_one();
                line.remove(0).get().unwrap();
            }
        }
    });
}

#[test]
fn an_interrupted_waiter_has_no_guard_and_the_mutex_is_free() {
    in_greenlet(|| {
        let shared = shared(0);
        let guard = shared.value.lock().unwrap();
        assert!(with_timeout(SOON, || drop(shared.changed.wait(guard))).is_err());
        assert!(!shared.value.is_locked());
        *shared.value.lock().unwrap() = 1;

        let theirs = shared.clone();
        let killed = spawn(move || {
            let guard = theirs.value.lock().unwrap();
            *theirs.changed.wait(guard).unwrap() = 2;
        });
        let_them_wait();
        killed.kill();
        assert_eq!(*shared.value.try_lock().unwrap(), 1);
    });
}

#[test]
fn a_greenlet_that_unwinds_is_refused() {
    struct Waits(Arc<Shared<Option<bool>>>);
    impl Drop for Waits {
        fn drop(&mut self) {
            let guard = self.0.value.lock().unwrap();
            let refused = self.0.changed.wait(guard).is_err();
            *self.0.value.lock().unwrap() = Some(refused);
        }
    }
    in_greenlet(|| {
        let shared = shared(None);
        let waits = Waits(shared.clone());
        let killed = spawn(move || {
            let _waits = waits;
            sleep(LONG);
        });
        let_them_wait();
        killed.kill();
        assert_eq!(*shared.value.lock().unwrap(), Some(true));
    });
}

#[test]
fn threads_and_greenlets_hand_over_through_a_condition() {
    support::set_up();
    const EACH: usize = 300;
    let shared = shared((VecDeque::new(), 0));
    let take = || {
        let shared = shared.clone();
        move || {
            for _ in 0..EACH {
                let guard = shared.value.lock().unwrap();
                let wait = shared
                    .changed
                    .wait_while(guard, |(items, _)| items.is_empty());
                let mut guard = wait.unwrap();
                let item: usize = guard.0.pop_front().unwrap();
                guard.1 += item;
            }
        }
    };
    let give = || {
        let shared = shared.clone();
        move || {
            for item in 0..EACH {
                shared.value.lock().unwrap().0.push_back(item);
                shared.changed.notify_one();
            }
        }
    };
    let greenlets = [spawn(take()), spawn(give()), spawn(take()), spawn(give())];
    let threads = [
        thread::spawn(take()),
        thread::spawn(give()),
        thread::spawn(take()),
        thread::spawn(give()),
    ];
    greenlets.into_iter().for_each(|one| one.get().unwrap());
    threads.into_iter().for_each(|one| one.join().unwrap());
    let left = shared.value.lock().unwrap();
    assert!(left.0.is_empty());
    assert_eq!(left.1, 4 * EACH * (EACH - 1) / 2);
}
