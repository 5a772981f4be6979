//! Behaviours of gevent's own test__lock.py and lock_tests.py, written anew:
//! mutexes, reentrant locks, and locks for readers and writers. Conditions:
//! `condition.rs`.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use maypole_runtime::lock::{Mutex, ReentrantLock, RwLock};
use maypole_runtime::{catch_panic, sleep, spawn, with_timeout, yield_now};
use support::in_greenlet;
use support::line::{end_of_line, in_line, let_them_wait, seen_while_unwinding};

const LONG: Duration = Duration::from_secs(600);

/// So short that nothing can come in time.
const SOON: Duration = Duration::from_millis(2);

#[test]
fn one_has_a_mutex_at_a_time_across_blocking_calls() {
    in_greenlet(|| {
        let mutex = Arc::new(Mutex::new(0));
        let inside = Arc::new(AtomicUsize::new(0));
        let adders: Vec<_> = (0..10)
            .map(|_| {
                let (mutex, inside) = (mutex.clone(), inside.clone());
                spawn(move || {
                    for _ in 0..10 {
                        let mut value = mutex.lock().unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        yield_now();
                        *value += 1;
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        for adder in adders {
            adder.get().unwrap();
        }
        assert_eq!(*mutex.try_lock().unwrap(), 100);
        assert_eq!(Arc::into_inner(mutex).unwrap().into_inner(), 100);
    });
}

#[test]
fn a_mutex_is_handed_over_in_turn() {
    in_greenlet(|| {
        let mutex = Arc::new(Mutex::new(()));
        let guard = mutex.lock().unwrap();
        let theirs = mutex.clone();
        let (line, log) = in_line(move |number, log| {
            let _guard = theirs.lock().unwrap();
            log.note(number);
            yield_now();
        });
        drop(guard);
        assert!(
            mutex.is_locked() && mutex.try_lock().is_none(),
            "no overtaking"
        );
        assert_eq!(end_of_line(line, &log), [0, 1, 2, 3, 4]);
        assert!(!mutex.is_locked());
    });
}

#[test]
fn a_killed_or_late_waiter_leaves_the_line_of_a_mutex() {
    in_greenlet(|| {
        let mutex = Arc::new(Mutex::new(0));
        let guard = mutex.lock().unwrap();
        let [first, second, third] = [(); 3].map(|()| mutex.clone());
        let killed = spawn(move || *first.lock().unwrap() = 1);
        let late = spawn(move || second.lock_timeout(SOON).is_none());
        let patient = spawn(move || *third.lock().unwrap() = 3);
        let_them_wait();
        killed.kill();
        assert!(late.get().unwrap());
        assert!(with_timeout(SOON, || mutex.lock().is_ok()).is_err());
        assert_eq!(*guard, 0);
        drop(guard);
        patient.get().unwrap();
        assert_eq!(*mutex.lock().unwrap(), 3);
    });
}

#[test]
fn who_is_killed_or_panics_gives_a_mutex_back() {
    in_greenlet(|| {
        let mutex = Arc::new(Mutex::new(1));
        let [first, second] = [(); 2].map(|()| mutex.clone());
        let killed = spawn(move || {
            let mut value = first.lock().unwrap();
            *value = 2;
            sleep(LONG);
        });
        let_them_wait();
        assert!(mutex.is_locked());
        let panics = spawn(move || {
            let mut value = second.lock().unwrap();
            *value += 1;
            panic!("with a lock");
        });
        let_them_wait();
        killed.kill();
        assert!(panics.get().unwrap_err().is_panic());
        assert_eq!(*mutex.lock().unwrap(), 3, "not poisoned");
        let in_vain = catch_panic(|| {
            let _guard = mutex.lock().unwrap();
            panic!("again");
        });
        assert!(in_vain.is_err() && !mutex.is_locked());
    });
}

#[test]
fn who_unwinds_gets_a_free_lock_and_waits_for_none() {
    in_greenlet(|| {
        let mutex = Arc::new(Mutex::new(()));
        let theirs = mutex.clone();
        assert!(seen_while_unwinding(move || theirs.lock().is_ok()));
        let (theirs, guard) = (mutex.clone(), mutex.lock().unwrap());
        assert!(seen_while_unwinding(move || theirs.lock().is_err()
            && theirs.lock_timeout(LONG).is_none()
            && theirs.try_lock().is_none()));
        drop(guard);

        let lock = Arc::new(RwLock::new(()));
        let (theirs, guard) = (lock.clone(), lock.read().unwrap());
        assert!(seen_while_unwinding(move || theirs.write().is_err()
            && theirs.read().is_ok()
            && theirs.write_timeout(LONG).is_none()));
        drop(guard);
        let (theirs, guard) = (lock.clone(), lock.write().unwrap());
        assert!(seen_while_unwinding(
            move || theirs.read().is_err() && theirs.read_timeout(LONG).is_none()
        ));
        drop(guard);
        assert!(lock.try_write().is_some());

        let lock = Arc::new(ReentrantLock::new(()));
        let (theirs, guard) = (lock.clone(), lock.lock().unwrap());
        assert!(seen_while_unwinding(move || theirs.lock().is_err()));
        drop(guard);
        assert!(seen_while_unwinding(move || lock.lock().is_ok()));
    });
}

#[test]
fn the_owner_takes_a_reentrant_lock_again() {
    in_greenlet(|| {
        let lock = Arc::new(ReentrantLock::new(Cell::new(0)));
        assert!(!lock.is_locked() && !lock.is_mine());
        let guards = [(); 3].map(|()| lock.lock().unwrap());
        let fourth = lock.try_lock().unwrap();
        let fifth = lock.lock_timeout(SOON).unwrap();
        fifth.set(5);
        assert_eq!(guards[0].get(), 5);
        assert!(lock.is_mine());
        let theirs = lock.clone();
        let other = spawn(move || {
            // The same thread, and not the owner.
            assert!(theirs.try_lock().is_none());
            assert!(theirs.lock_timeout(Duration::ZERO).is_none());
            assert!(theirs.is_locked() && !theirs.is_mine());
            theirs.lock().unwrap().set(6);
        });
        let_them_wait();
        drop((fourth, fifth));
        let_them_wait();
        assert!(lock.is_mine() && !other.is_finished());
        drop(guards);
        assert!(!lock.is_mine());
        other.get().unwrap();
        assert_eq!(lock.lock().unwrap().get(), 6);
        assert!(!lock.is_locked());
        assert_eq!(Arc::into_inner(lock).unwrap().into_inner().get(), 6);
    });
}

#[test]
fn a_reentrant_lock_is_handed_over_in_turn_and_kills_take_nothing_along() {
    in_greenlet(|| {
        let lock = Arc::new(ReentrantLock::new(()));
        let guard = lock.lock().unwrap();
        let theirs = lock.clone();
        let (mut line, log) = in_line(move |number, log| {
            let _outer = theirs.lock().unwrap();
            log.note(number);
            yield_now();
            let _inner = theirs.lock().unwrap();
        });
        line[2].kill();
        drop(guard);
        assert!(lock.try_lock().is_none(), "no overtaking");
        assert!(line.remove(2).get().unwrap_err().is_killed());
        assert_eq!(end_of_line(line, &log), [0, 1, 3, 4]);

        let theirs = lock.clone();
        let killed = spawn(move || {
            let _both = (theirs.lock().unwrap(), theirs.lock().unwrap());
            sleep(LONG);
        });
        let_them_wait();
        assert!(lock.is_locked());
        killed.kill();
        assert!(lock.try_lock().is_some());
    });
}

#[test]
fn many_read_and_one_writes() {
    in_greenlet(|| {
        let lock = Arc::new(RwLock::new(1));
        let readers = [(); 3].map(|()| lock.read().unwrap());
        assert!(lock.try_read().is_some() && lock.try_write().is_none());
        assert!(lock.write_timeout(SOON).is_none());
        assert!(lock.try_read().is_some(), "nobody waits to write any more");
        drop(readers);
        let mut writer = lock.try_write().unwrap();
        assert!(lock.try_read().is_none() && lock.try_write().is_none());
        assert!(lock.read_timeout(SOON).is_none());
        *writer += 1;
        drop(writer);
        assert_eq!(*lock.read().unwrap(), 2);
        assert_eq!(Arc::into_inner(lock).unwrap().into_inner(), 2);
    });
}

#[test]
fn readers_and_writers_take_turns() {
    in_greenlet(|| {
        let lock = Arc::new(RwLock::new(()));
        let reading = lock.read().unwrap();
        let theirs = lock.clone();
        // Writers 0, 2 and 4; readers 1 and 3.
        let (line, log) = in_line(move |number, log| {
            if number % 2 == 0 {
                let _guard = theirs.write().unwrap();
                log.note(number);
                yield_now();
            } else {
                let _guard = theirs.read().unwrap();
                log.note(number);
                yield_now();
            }
        });
        assert!(lock.try_read().is_none(), "somebody waits to write");
        drop(reading);
        // All readers that wait go after the first writer.
        assert_eq!(end_of_line(line, &log), [0, 1, 3, 2, 4]);
        assert!(lock.try_write().is_some());
    });
}

#[test]
fn a_writer_that_gives_up_lets_readers_in() {
    in_greenlet(|| {
        let lock = Arc::new(RwLock::new(()));
        let reading = lock.read().unwrap();
        let [first, second, third] = [(); 3].map(|()| lock.clone());
        let late = spawn(move || first.write_timeout(SOON).is_none());
        let killed = spawn(move || drop(second.write()));
        let_them_wait();
        let reader = spawn(move || drop(third.read().unwrap()));
        let_them_wait();
        assert!(!reader.is_finished());
        assert!(late.get().unwrap());
        assert!(!reader.is_finished(), "one more waits to write");
        killed.kill();
        reader.get().unwrap();
        assert!(lock.try_read().is_some());
        drop(reading);
        assert!(lock.try_write().is_some());
    });
}

#[test]
fn who_is_killed_gives_a_lock_to_read_or_write_back() {
    in_greenlet(|| {
        let lock = Arc::new(RwLock::new(()));
        let [first, second] = [(); 2].map(|()| lock.clone());
        let reads = spawn(move || {
            let _guard = first.read().unwrap();
            sleep(LONG);
        });
        let_them_wait();
        let writes = spawn(move || {
            let _guard = second.write().unwrap();
            sleep(LONG);
        });
        let_them_wait();
        reads.kill();
        let_them_wait();
        assert!(lock.try_read().is_none());
        writes.kill();
        assert!(lock.try_write().is_some());
        assert!(
            with_timeout(SOON, || {
                let _reading = lock.read().unwrap();
                drop(lock.write());
            })
            .is_err()
        );
        assert!(lock.try_write().is_some());
    });
}

#[test]
fn locks_show_what_they_hold() {
    in_greenlet(|| {
        let mutex = Mutex::from(1);
        assert_eq!(format!("{mutex:?}"), "Mutex { value: 1 }");
        let guard = mutex.lock().unwrap();
        assert_eq!(
            format!("{mutex:?} {guard:?}"),
            "Mutex { value: <locked> } 1"
        );
        let lock = RwLock::from(2);
        let guard = lock.write().unwrap();
        assert_eq!(
            format!("{lock:?} {guard:?}"),
            "RwLock { value: <locked> } 2"
        );
        let lock = ReentrantLock::from(3);
        let guard = lock.lock().unwrap();
        assert_eq!(
            format!("{lock:?} {guard:?}"),
            "ReentrantLock { value: 3 } 3"
        );
    });
}

#[test]
fn threads_and_greenlets_share_locks() {
    support::set_up();
    const EACH: usize = 200;
    let mutex = Arc::new(Mutex::new(0));
    let lock = Arc::new(RwLock::new((0, 0)));
    let reentrant = Arc::new(ReentrantLock::new(Cell::new(0)));
    let work = || {
        let (mutex, lock, reentrant) = (mutex.clone(), lock.clone(), reentrant.clone());
        move || {
            for _ in 0..EACH {
                *mutex.lock().unwrap() += 1;
                {
                    let mut both = lock.write().unwrap();
                    both.0 += 1;
                    yield_now();
                    both.1 += 1;
                }
                let both = lock.read().unwrap();
                assert_eq!(both.0, both.1);
                drop(both);
                let outer = reentrant.lock().unwrap();
                outer.set(outer.get() + 1);
                yield_now();
                let inner = reentrant.lock().unwrap();
                inner.set(inner.get() + 1);
            }
        }
    };
    let greenlets: Vec<_> = (0..3).map(|_| spawn(work())).collect();
    let threads: Vec<_> = (0..3).map(|_| thread::spawn(work())).collect();
    greenlets.into_iter().for_each(|one| one.get().unwrap());
    threads.into_iter().for_each(|one| one.join().unwrap());
    assert_eq!(*mutex.lock().unwrap(), 6 * EACH);
    assert_eq!(*lock.read().unwrap(), (6 * EACH, 6 * EACH));
    assert_eq!(reentrant.lock().unwrap().get(), 12 * EACH);
}
