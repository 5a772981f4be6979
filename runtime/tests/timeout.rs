//! Behaviours of gevent's own test__timeout.py, written anew.

mod support;

use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use maypole_runtime::{
    Elapsed, Event, Group, Pool, Semaphore, Timeout, iwait, join_all, join_all_timeout, sleep,
    spawn, spawn_local, wait_timeout, with_timeout, yield_now,
};
use support::in_greenlet;

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(2);

/// Computes until `limit` has passed: nobody else runs meanwhile.
fn spin(limit: Duration) {
    let start = Instant::now();
    while start.elapsed() < limit {
        std::hint::spin_loop();
    }
}

#[test]
fn it_is_pending_from_its_start_to_its_end() {
    in_greenlet(|| {
        let timeout = Timeout::new(SHORT);
        assert!(!timeout.is_pending());
        timeout.start();
        assert!(timeout.is_pending());
        assert!(timeout.catch(|| sleep(LONG)).is_err());
        assert!(!timeout.is_pending());
        // And again, by a cancel this time.
        timeout.start();
        assert!(timeout.is_pending());
        timeout.cancel();
        timeout.cancel();
        assert!(!timeout.is_pending());
        sleep(SHORT * 2); // not interrupted
        assert_eq!(timeout.limit(), Some(SHORT));
    });
}

#[test]
fn it_cannot_be_started_while_it_is_pending() {
    in_greenlet(|| {
        let timeout = Timeout::start_new(LONG);
        assert!(catch_unwind(AssertUnwindSafe(|| timeout.start())).is_err());
        // Nor when its time has come and it has interrupted nothing yet: that
        // interrupt is on its way.
        let timeout = Timeout::start_new(Duration::from_micros(10));
        spin(SHORT);
        assert!(timeout.is_pending());
        assert!(catch_unwind(AssertUnwindSafe(|| timeout.start())).is_err());
        assert!(timeout.catch(|| sleep(LONG)).is_err());
        timeout.start();
    });
}

#[test]
fn it_is_known_by_its_catch_however_often_it_was_started() {
    in_greenlet(|| {
        let timeout = Timeout::start_new(LONG);
        let caught = timeout.catch(|| {
            timeout.cancel();
            assert!(!timeout.is_pending());
            timeout.start();
            timeout.cancel();
            let short = Timeout::start_new(SHORT);
            assert!(short.catch(|| sleep(LONG)).is_err());
            short.start();
            short.catch(|| sleep(LONG))
        });
        assert!(caught.unwrap().is_err());

        // Started inside, from nothing.
        let timeout = Timeout::new(SHORT);
        let caught = timeout.catch(|| {
            timeout.start();
            sleep(LONG);
        });
        assert!(caught.is_err());
        assert!(!timeout.is_pending());
    });
}

#[test]
fn it_may_come_and_be_swallowed_and_started_again() {
    in_greenlet(|| {
        let timeout = Timeout::start_new(SHORT);
        for _ in 0..3 {
            assert!(catch_unwind(AssertUnwindSafe(|| sleep(LONG))).is_err());
            assert!(!timeout.is_pending());
            timeout.start();
        }
        drop(timeout);
        sleep(SHORT * 2);
    });
}

#[test]
fn one_that_never_comes_is_never_pending() {
    in_greenlet(|| {
        for timeout in [Timeout::never(), Timeout::new(Duration::MAX)] {
            timeout.start();
            assert!(!timeout.is_pending());
            timeout.start(); // as often as one likes
            assert_eq!(timeout.catch(|| sleep(SHORT)), Ok(()));
            assert_eq!(timeout.limit(), None);
            timeout.cancel();
        }
    });
}

#[test]
fn zero_comes_at_the_next_blocking_call() {
    in_greenlet(|| {
        for _ in 0..50 {
            let calls = Cell::new(0);
            let caught = with_timeout(Duration::ZERO, || {
                calls.set(1);
                yield_now();
                calls.set(2);
            });
            assert!(caught.is_err());
            assert_eq!(calls.get(), 1);
        }
        let set = Event::new();
        set.set();
        assert!(with_timeout(Duration::ZERO, || set.wait()).is_err());
        // It interrupts nothing when there is none, nor later.
        assert_eq!(with_timeout(Duration::ZERO, || 7), Ok(7));
        let timeout = Timeout::start_new(Duration::ZERO);
        assert!(timeout.is_pending());
        timeout.cancel();
        sleep(SHORT);
    });
}

#[test]
fn each_is_caught_by_its_own() {
    in_greenlet(|| {
        let outer = Timeout::start_new(SHORT);
        let inner = Timeout::start_new(LONG);
        let caught = outer.catch(|| {
            let _ = inner.catch(|| sleep(LONG));
            unreachable!("the inner one has swallowed the outer one");
        });
        assert!(caught.is_err());
        assert!(!inner.is_pending(), "a catch cancels it however it ends");

        // The other way round, crossed: the outer catch is for the one that
        // started later.
        let first = Timeout::start_new(SHORT);
        let second = Timeout::start_new(LONG);
        assert!(
            second
                .catch(|| first.catch(|| sleep(LONG)).is_err())
                .unwrap()
        );
    });
}

/// Runs `wait` under an outer time-out, which must come through.
fn passes_through<T>(what: &str, wait: impl FnOnce() -> T) {
    let outer = with_timeout(SHORT, || -> () {
        wait();
        panic!("{what} has swallowed a time-out");
    });
    assert!(outer.is_err());
}

#[test]
fn no_wait_with_a_limit_of_its_own_swallows_an_outer_one() {
    in_greenlet(|| {
        let sleeper = spawn(|| sleep(LONG));
        let event = Event::new();
        let none = Semaphore::new(0);
        let (group, pool) = (Group::new(), Pool::new(1));
        let members = [group.spawn(|| sleep(LONG)), pool.spawn(|| sleep(LONG))];
        passes_through("join", || sleeper.join_timeout(LONG));
        passes_through("join_all", || join_all([&sleeper]));
        passes_through("join_all_timeout", || join_all_timeout([&sleeper], LONG));
        passes_through("iwait", || iwait([&event]).next());
        passes_through("wait", || wait_timeout([&event], LONG));
        passes_through("event", || event.wait_timeout(LONG));
        passes_through("semaphore", || none.acquire_timeout(LONG));
        passes_through("group", || group.join_timeout(LONG));
        passes_through("pool", || pool.acquire_timeout(LONG));
        passes_through("scope", || spawn(|| sleep(LONG)).scope(|_| ()));
        let waiter = spawn(|| sleep(LONG));
        let handle = waiter.handle().clone();
        passes_through("get", || waiter.get());
        assert!(!handle.is_finished());
        handle.kill();
        sleeper.kill();
        members.iter().for_each(|member| member.kill());
    });
}

#[test]
fn a_default_takes_the_place_of_a_value_that_is_late() {
    in_greenlet(|| {
        let late = with_timeout(SHORT, || {
            sleep(LONG);
            1
        });
        assert_eq!(late.unwrap_or(7), 7);
        let error: io::Error = late.unwrap_err().into();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        // Only for its own: an outer one is not turned into the inner default.
        let outer = with_timeout(SHORT, || with_timeout(LONG, || sleep(LONG)).unwrap_or(()));
        assert!(outer.is_err());
    });
}

#[test]
fn a_body_that_ends_in_time_leaves_nothing_behind() {
    in_greenlet(|| {
        for limit in [SHORT, Duration::from_micros(50)] {
            let _ = with_timeout(limit, || spin(Duration::from_micros(60)));
        }
        sleep(SHORT * 2);
        let early = || -> Result<(), Elapsed> {
            with_timeout(LONG, || ())?;
            with_timeout(SHORT, || sleep(LONG))
        };
        assert!(early().is_err());
    });
}

#[test]
fn shared_by_greenlets_it_counts_for_the_one_that_starts_it() {
    in_greenlet(|| {
        for limit in [SHORT, LONG] {
            let shared = Rc::new(Timeout::new(limit));
            let (started, go) = (Event::new(), Event::new());
            let starter = {
                let (shared, started, go) = (shared.clone(), started.clone(), go.clone());
                spawn_local(move || {
                    shared.start();
                    started.set();
                    shared.catch(|| go.wait()).is_err()
                })
            };
            started.wait();
            // Neither takes the other's time-out nor ends it.
            assert_eq!(shared.catch(|| 7), Ok(7));
            if limit == LONG {
                assert!(shared.is_pending());
                go.set();
            }
            assert_eq!(starter.get().unwrap(), limit == SHORT);
        }
    });
}

#[test]
fn shared_by_greenlets_a_new_start_is_not_ended_by_the_old_catch() {
    in_greenlet(|| {
        let shared = Rc::new(Timeout::new(SHORT));
        let (come, restarted) = (Event::new(), Event::new());
        let first = {
            let (shared, come, restarted) = (shared.clone(), come.clone(), restarted.clone());
            spawn_local(move || {
                shared.start();
                shared.catch(|| {
                    assert!(catch_unwind(AssertUnwindSafe(|| sleep(LONG))).is_err());
                    come.set();
                    restarted.wait();
                })
            })
        };
        let second = spawn_local(move || {
            come.wait();
            shared.start();
            restarted.set();
            shared.catch(|| sleep(LONG)).is_err()
        });
        assert_eq!(first.get().unwrap(), Ok(()));
        assert!(second.get().unwrap());
    });
}

#[test]
fn works_on_plain_threads() {
    support::set_up();
    let timeout = Timeout::start_new(SHORT);
    assert!(timeout.catch(|| sleep(LONG)).is_err());
    assert!(with_timeout(Duration::ZERO, yield_now).is_err());
    assert_eq!(with_timeout(SHORT, || with_timeout(LONG, || 7)), Ok(Ok(7)));
    timeout.start();
    drop(timeout);
    sleep(SHORT * 2);
}
