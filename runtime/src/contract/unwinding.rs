//! A greenlet that unwinds does not wait: every call that would have to returns
//! what its documentation says, and the process goes on.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::support::{Counter, MUCH, OnDrop, begin, contract, listener, pair, value_of};
use crate::net::TcpStream;
use crate::{Event, Group, Pool, Semaphore, Timeout, sleep, spawn, with_timeout, yield_now};

/// How a greenlet comes to unwind.
#[derive(Clone, Copy)]
enum Cause {
    Panic,
    Kill,
    TimeOut,
}

/// Calls `call` in the destructor of a greenlet that unwinds, for each cause.
/// Meanwhile others watch that nobody but that one unwinds.
fn while_unwinding(call: impl Fn() + Send + Sync + 'static) {
    contract(|| {
        let call = Arc::new(call);
        let stop = Arc::new(AtomicBool::new(false));
        let watcher = spawn({
            let stop = stop.clone();
            move || {
                while !stop.load(Ordering::Relaxed) {
                    assert!(!thread::panicking());
                    yield_now();
                }
            }
        });
        for cause in [Cause::Panic, Cause::Kill, Cause::TimeOut] {
            let called = Counter::default();
            let (call, told) = (call.clone(), called.clone());
            let greenlet = begin(move || {
                let _guard = OnDrop(move || {
                    assert!(thread::panicking());
                    call();
                    assert!(thread::panicking(), "it has moved to another thread");
                    told.add();
                });
                match cause {
                    Cause::Panic => panic!("unwinds"),
                    Cause::Kill => sleep(Duration::MAX),
                    Cause::TimeOut => {
                        let timeout = Timeout::new(Duration::from_micros(10));
                        timeout.start();
                        sleep(Duration::MAX);
                    }
                }
            });
            if matches!(cause, Cause::Kill) {
                greenlet.start_kill();
            }
            let error = greenlet.get().unwrap_err();
            match cause {
                Cause::Panic => assert!(error.is_panic()),
                Cause::Kill => assert!(error.is_killed()),
                Cause::TimeOut => assert!(error.is_timeout()),
            }
            assert_eq!(called.get(), 1);
            // Others do not seem to panic, and can wait.
            let fine = spawn(|| {
                assert!(!thread::panicking());
                sleep(Duration::from_micros(10));
                assert!(!thread::panicking());
            });
            value_of(fine.get());
        }
        stop.store(true, Ordering::Relaxed);
        value_of(watcher.get());
    });
}

#[test]
fn a_read_is_an_error() {
    let (near, _far) = pair();
    while_unwinding(move || {
        near.set_read_timeout(None).unwrap();
        (&near).read(&mut [0]).unwrap_err();
        near.peek(&mut [0]).unwrap_err();
        near.wait_read().unwrap_err();
    });
}

#[test]
fn a_read_that_is_ready_works() {
    let (near, mut far) = pair();
    far.write_all(b"xxx").unwrap();
    while_unwinding(move || {
        assert_eq!(near.peek(&mut [0]).unwrap(), 1);
        assert_eq!((&near).read(&mut [0]).unwrap(), 1);
    });
}

#[test]
fn a_write_to_a_full_socket_is_an_error() {
    let (near, _far) = pair();
    while_unwinding(move || {
        (&near).write_all(&vec![0; MUCH]).unwrap_err();
    });
}

#[test]
fn an_accept_is_an_error() {
    let listener = listener();
    while_unwinding(move || {
        listener.accept().unwrap_err();
    });
}

#[test]
fn a_connect_is_an_error() {
    let listener = listener();
    let addr = listener.local_addr().unwrap();
    while_unwinding(move || {
        TcpStream::connect(addr).unwrap_err();
        TcpStream::connect_timeout(&addr, Duration::from_secs(1)).unwrap_err();
    });
}

#[test]
fn a_lookup_is_an_error_or_is_done() {
    while_unwinding(|| {
        TcpStream::connect("localhost:1").unwrap_err();
    });
}

#[test]
fn a_sleep_returns_at_once() {
    while_unwinding(|| {
        sleep(Duration::MAX);
        sleep(Duration::from_secs(3600));
        sleep(Duration::from_nanos(1));
        sleep(Duration::ZERO);
        yield_now();
    });
}

#[test]
fn a_join_returns_at_once_and_a_get_is_an_error() {
    let sleeper = Arc::new(spawn(|| sleep(Duration::MAX)));
    while_unwinding({
        let sleeper = sleeper.clone();
        move || {
            sleeper.join();
            assert!(!sleeper.join_timeout(Duration::MAX));
            assert!(!sleeper.is_finished());
            let other = spawn(|| sleep(Duration::from_micros(1)));
            // With more workers it may have ended by now.
            assert!(other.get().err().is_none_or(|error| error.is_unwinding()));
        }
    });
    sleeper.kill();
}

#[test]
fn a_kill_does_not_wait() {
    contract(|| {
        let stubborn = begin(
            || {
                while std::panic::catch_unwind(|| sleep(Duration::MAX)).is_err() {}
            },
        );
        let handle = stubborn.handle().clone();
        while_unwinding(move || {
            handle.kill();
            assert!(!handle.kill_timeout(Duration::MAX));
        });
        assert!(!stubborn.is_finished());
    });
}

#[test]
fn a_kill_is_delivered_all_the_same() {
    contract(|| {
        let ended = Counter::default();
        let (told, none) = (ended.clone(), Semaphore::new(0));
        while_unwinding(move || {
            let (guard, none) = (told.on_drop(), none.clone());
            let victim = spawn(move || {
                let _guard = guard;
                none.acquire().map(drop)
            });
            victim.kill();
        });
        ended.reaches(3);
    });
}

#[test]
fn an_event_says_no() {
    let (never, set) = (Event::new(), Event::new());
    set.set();
    while_unwinding(move || {
        assert!(!never.wait());
        assert!(!never.wait_timeout(Duration::MAX));
        assert!(set.wait());
        assert!(set.wait_timeout(Duration::ZERO));
    });
}

#[test]
fn a_semaphore_is_an_error() {
    let (none, free) = (Semaphore::new(0), Semaphore::new(1));
    let counted = free.clone();
    while_unwinding(move || {
        none.acquire().unwrap_err();
        assert!(none.acquire_timeout(Duration::MAX).is_none());
        drop(free.acquire().unwrap());
    });
    assert_eq!(counted.available(), 1);
}

#[test]
fn a_pool_lends_a_slot_beyond_its_limit() {
    let pool = Pool::new(1);
    let held = pool.try_acquire();
    let ran = Counter::default();
    let (lends, told) = (pool.clone(), ran.clone());
    while_unwinding(move || {
        assert!(lends.acquire_timeout(Duration::MAX).is_none());
        let told = told.clone();
        drop(lends.spawn(move || {
            told.add();
        }));
    });
    ran.reaches(3);
    assert!(pool.is_full());
    drop(held);
    pool.join();
    assert_eq!(pool.free_slots(), 1);
}

#[test]
fn a_group_does_not_wait() {
    let group = Group::new();
    let member = group.spawn(|| sleep(Duration::MAX));
    let waited = group.clone();
    while_unwinding(move || {
        waited.join();
        assert!(!waited.join_timeout(Duration::MAX));
    });
    while_unwinding(move || {
        group.kill();
        group.kill_timeout(Duration::MAX);
    });
    assert!(member.get().unwrap_err().is_killed());
}

#[test]
fn a_time_out_runs_its_body() {
    while_unwinding(|| {
        assert_eq!(with_timeout(Duration::MAX, || 7), Ok(7));
        let asleep = with_timeout(Duration::ZERO, || sleep(Duration::MAX));
        assert!(
            asleep.is_ok(),
            "it cannot be interrupted, and does not wait"
        );
    });
}

#[test]
fn a_spawn_works() {
    let ran = Counter::default();
    let told = ran.clone();
    while_unwinding(move || {
        let told = told.clone();
        drop(spawn(move || {
            assert!(!thread::panicking());
            yield_now();
            told.add();
        }));
    });
    ran.reaches(3);
}
