//! Behaviours of the part about Event of gevent's own test__event.py, and of
//! lock_tests.py, written anew. AsyncResult: `async_result.rs`.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::thread;
use std::time::Duration;

use maypole_runtime::{Event, Greenlet, iwait, spawn, wait, wait_timeout, with_timeout, yield_now};
use support::line::{let_them_wait, seen_while_unwinding};
use support::{Log, in_greenlet, until};

const LONG: Duration = Duration::from_secs(600);

/// So short that nothing can come in time.
const SOON: Duration = Duration::from_millis(2);

/// Greenlets that wait, in this order, and then note their numbers.
fn in_line(event: &Event, log: &Log<u32>, numbers: std::ops::Range<u32>) -> Vec<Greenlet<()>> {
    numbers
        .map(|number| {
            let (event, log) = (event.clone(), log.clone());
            let one = spawn(move || {
                assert!(event.wait());
                log.note(number);
            });
            let_them_wait();
            one
        })
        .collect()
}

#[test]
fn it_stays_set_until_it_is_cleared() {
    in_greenlet(|| {
        let event = Event::new();
        assert!(!event.is_set());
        event.set();
        event.set(); // once more changes nothing
        assert!(event.is_set() && event.wait() && event.wait());
        assert!(event.wait_timeout(Duration::ZERO) && event.wait_timeout(LONG));
        event.clear();
        event.clear();
        assert!(!event.is_set() && !event.wait_timeout(SOON));
        assert!(!Event::default().is_set());
    });
}

#[test]
fn all_who_wait_are_woken_in_turn() {
    in_greenlet(|| {
        let (event, log) = (Event::new(), Log::new());
        let line = in_line(&event, &log, 0..10);
        assert!(log.take().is_empty());
        event.set();
        wait(line);
        assert_eq!(log.take(), Vec::from_iter(0..10));
    });
}

#[test]
fn setting_and_clearing_at_once_is_a_broadcast() {
    in_greenlet(|| {
        let (event, log) = (Event::new(), Log::new());
        for round in 0..3 {
            let line = in_line(&event, &log, 0..5);
            event.set();
            event.clear();
            assert!(!event.is_set());
            wait(line);
            assert_eq!(log.take(), [0, 1, 2, 3, 4], "round {round}");
        }
        assert!(!event.wait_timeout(SOON), "who comes later waits");
    });
}

#[test]
fn who_waits_again_waits_for_the_next_time() {
    in_greenlet(|| {
        let (event, log) = (Event::new(), Log::new());
        let (theirs, notes) = (event.clone(), log.clone());
        let waiter = spawn(move || {
            for round in 0..3 {
                assert!(theirs.wait());
                notes.note(round);
            }
        });
        for round in 0..3 {
            let_them_wait();
            assert!(log.take().is_empty());
            event.set();
            event.clear();
            let_them_wait();
            assert_eq!(log.take(), [round]);
        }
        waiter.get().unwrap();
    });
}

#[test]
fn one_that_is_woken_may_clear_set_and_wait() {
    in_greenlet(|| {
        let (event, log) = (Event::new(), Log::new());
        let (theirs, notes) = (event.clone(), log.clone());
        let first = spawn(move || {
            theirs.wait();
            theirs.clear(); // those behind were woken all the same
            notes.note(100);
            assert!(!theirs.wait_timeout(SOON));
        });
        let_them_wait();
        let line = in_line(&event, &log, 0..2);
        event.set();
        wait(line);
        first.get().unwrap();
        assert_eq!(log.take(), [100, 0, 1]);
        assert!(!event.is_set());
    });
}

#[test]
fn a_killed_or_late_waiter_leaves_the_others_alone() {
    in_greenlet(|| {
        let (event, log) = (Event::new(), Log::new());
        let mut line = in_line(&event, &log, 0..3);
        let theirs = event.clone();
        let late = spawn(move || theirs.wait_timeout(SOON));
        let_them_wait();
        line.remove(1).kill();
        assert!(!late.get().unwrap());
        event.set();
        wait(line);
        assert_eq!(log.take(), [0, 2]);
    });
}

#[test]
fn a_timeout_of_the_greenlet_passes_through() {
    in_greenlet(|| {
        let event = Event::new();
        assert!(with_timeout(SOON, || event.wait()).is_err());
        assert!(with_timeout(SOON, || event.wait_timeout(LONG)).is_err());
        assert!(!with_timeout(LONG, || event.wait_timeout(SOON)).unwrap());
        assert!(with_timeout(SOON, || wait([&event]).len()).is_err());
        event.set();
        assert!(with_timeout(SOON, || event.wait()).unwrap());
    });
}

#[test]
fn who_unwinds_is_refused_a_wait() {
    in_greenlet(|| {
        let event = Event::new();
        let theirs = event.clone();
        assert!(seen_while_unwinding(move || {
            !theirs.wait() && !theirs.wait_timeout(LONG)
        }));
        event.set();
        assert!(seen_while_unwinding(move || event.wait()));
    });
}

#[test]
fn one_can_wait_for_many() {
    in_greenlet(|| {
        let events = [(); 4].map(|()| Event::new());
        assert!(wait_timeout(&events, SOON).is_empty());
        events[2].set();
        assert_eq!(wait_timeout(&events, SOON).len(), 1);
        let theirs = events.clone();
        let setter = spawn(move || {
            for which in [3, 0, 1] {
                theirs[which].set();
                theirs[which].clear(); // it has come for who waits now
                yield_now();
            }
        });
        let mut all = iwait(&events);
        assert!(std::ptr::eq(all.next().unwrap(), &events[2]));
        for which in [3, 0, 1] {
            assert!(std::ptr::eq(all.next().unwrap(), &events[which]));
        }
        assert!(all.next().is_none());
        setter.get().unwrap();
    });
}

#[test]
fn many_waiters_come_and_go() {
    in_greenlet(|| {
        const MANY: usize = 1000;
        let event = Event::new();
        let wait_for = |limit| {
            let event = event.clone();
            spawn(move || event.wait_timeout(limit))
        };
        let late: Vec<_> = (0..MANY).map(|_| wait_for(SOON)).collect();
        assert!(late.into_iter().all(|one| !one.get().unwrap()));
        let woken: Vec<_> = (0..MANY).map(|_| wait_for(LONG)).collect();
        let_them_wait();
        event.set();
        assert!(woken.into_iter().all(|one| one.get().unwrap()));
    });
}

#[test]
fn threads_and_greenlets_wake_each_other() {
    support::set_up();
    for _ in 0..100 {
        let (there, back) = (Event::new(), Event::new());
        let (go, done) = (there.clone(), back.clone());
        let greenlet = spawn(move || {
            assert!(go.wait());
            done.set();
        });
        let (go, done) = (there.clone(), back.clone());
        let thread = thread::spawn(move || {
            assert!(done.wait_timeout(support::PATIENCE));
            go.is_set()
        });
        there.set();
        assert!(back.wait_timeout(support::PATIENCE));
        assert!(thread.join().unwrap());
        greenlet.get().unwrap();
    }
}

#[test]
fn a_thread_that_sets_and_clears_wakes_all_who_wait() {
    support::set_up();
    for _ in 0..50 {
        let (event, log) = (Event::new(), Log::new());
        let waiters: Vec<_> = (0..5)
            .map(|number| {
                let (event, log) = (event.clone(), log.clone());
                spawn(move || {
                    log.note(number);
                    while !event.wait_timeout(LONG) {}
                })
            })
            .collect();
        // Each is woken by one of the times that come after it began to wait.
        until(|| {
            event.set();
            event.clear();
            waiters.iter().all(Greenlet::is_finished)
        });
        assert_eq!(log.take().len(), 5);
    }
}
