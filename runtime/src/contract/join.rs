//! Many waiters: on one greenlet's end, and on one event.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

use super::support::{Counter, contract, on_hub, one_worker_only, settle, value_of};
use crate::{Event, sleep, spawn, yield_now};

const HALF: usize = 50;

/// Starts 100 waiters, greenlets and threads in turn, lets them begin their
/// wait, calls `wake`, and waits for all of them.
fn all_wake(wait: impl Fn() + Clone + Send + 'static, wake: impl FnOnce()) {
    let (begun, woken) = (Counter::default(), Counter::default());
    let waiter = || {
        let (wait, begun, woken) = (wait.clone(), begun.clone(), woken.clone());
        move || {
            begun.add();
            wait();
            woken.add();
        }
    };
    let mut greenlets = Vec::new();
    let mut threads = Vec::new();
    for _ in 0..HALF {
        greenlets.push(spawn(waiter()));
        threads.push(thread::spawn(waiter()));
    }
    begun.reaches(2 * HALF);
    settle();
    thread::sleep(Duration::from_millis(5)); // most threads wait by now, too
    assert_eq!(woken.get(), 0);
    wake();
    woken.reaches(2 * HALF);
    for greenlet in greenlets {
        value_of(greenlet.get());
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_hundred_waiters_on_one_join_all_wake() {
    contract(|| {
        let end = Event::new();
        let joined = spawn({
            let end = end.clone();
            move || {
                end.wait();
                7
            }
        });
        let handle = joined.handle().clone();
        all_wake(move || handle.join(), || end.set());
        assert_eq!(joined.get().unwrap(), 7);
    });
}

#[test]
fn a_hundred_waiters_on_the_join_of_one_that_is_killed_all_wake() {
    contract(|| {
        let joined = spawn(|| sleep(Duration::MAX));
        let handle = joined.handle().clone();
        all_wake(move || handle.join(), || joined.start_kill());
        assert!(joined.get().unwrap_err().is_killed());
    });
}

#[test]
fn a_hundred_waiters_on_one_event_all_wake() {
    contract(|| {
        let event = Event::new();
        let waited = event.clone();
        all_wake(move || assert!(waited.wait()), || event.set());
    });
}

#[test]
fn set_then_clear_wakes_all_who_wait() {
    on_hub(|| {
        let event = Event::new();
        let waiters: Vec<_> = (0..100)
            .map(|_| {
                let event = event.clone();
                spawn(move || event.wait())
            })
            .collect();
        settle();
        // With more workers one may not wait yet: it is woken by the next.
        while waiters.iter().any(|waiter| !waiter.is_finished()) {
            event.set();
            event.clear();
            assert!(!event.is_set());
            if !one_worker_only() {
                settle();
                assert!(waiters.iter().all(|waiter| waiter.is_finished()));
            }
            yield_now();
        }
        for waiter in waiters {
            assert!(value_of(waiter.get()));
        }
        assert!(!event.wait_timeout(Duration::from_millis(1)));
    });
}

#[test]
fn one_who_was_woken_takes_nobody_out_of_the_next_round() {
    on_hub(|| {
        let event = Event::new();
        let first = spawn({
            let event = event.clone();
            move || event.wait()
        });
        settle(); // it waits
        event.set();
        event.clear();
        let setter = spawn({
            let event = event.clone();
            move || {
                yield_now();
                event.set();
            }
        });
        // Waits before the first one has run, and so has left.
        assert!(event.wait());
        assert!(value_of(first.get()));
        value_of(setter.get());
    });
}

/// Has 100 greenlets wait one after the other, wakes them, and compares.
fn in_order(wait: impl Fn() + Clone + Send + 'static, wake: impl FnOnce()) {
    let order = Arc::new(Mutex::new(Vec::new()));
    let waiters: Vec<_> = (0..100)
        .map(|n| {
            let (wait, order) = (wait.clone(), order.clone());
            let waiter = spawn(move || {
                wait();
                order.lock().push(n);
            });
            // It has arrived before the next one is there: one whose slice is
            // spent on its way lets others go first.
            settle();
            waiter
        })
        .collect();
    wake();
    for waiter in waiters {
        value_of(waiter.get());
    }
    assert_eq!(*order.lock(), Vec::from_iter(0..100));
}

#[test]
fn an_event_wakes_in_the_order_of_arrival() {
    if one_worker_only() {
        return;
    }
    on_hub(|| {
        let event = Event::new();
        let waited = event.clone();
        in_order(move || assert!(waited.wait()), || event.set());
    });
}

#[test]
fn a_join_wakes_in_the_order_of_arrival() {
    if one_worker_only() {
        return;
    }
    on_hub(|| {
        let joined = spawn(|| sleep(Duration::MAX));
        let handle = joined.handle().clone();
        in_order(move || handle.join(), || joined.start_kill());
    });
}

#[test]
fn a_semaphore_serves_in_the_order_of_arrival() {
    if one_worker_only() {
        return;
    }
    on_hub(|| {
        let semaphore = crate::Semaphore::new(1);
        let held = semaphore.try_acquire().unwrap();
        let waited = semaphore.clone();
        in_order(move || drop(waited.acquire()), || drop(held));
        assert_eq!(semaphore.available(), 1);
    });
}

#[test]
fn some_leave_and_the_rest_wakes() {
    contract(|| {
        let event = Event::new();
        let waiters: Vec<_> = (0..100u64)
            .map(|n| {
                let event = event.clone();
                spawn(move || match n % 3 {
                    0 => event.wait(),
                    1 => event.wait_timeout(Duration::from_micros(n)),
                    _ => crate::with_timeout(Duration::from_micros(n), || event.wait())
                        .unwrap_or(false),
                })
            })
            .collect();
        for (n, waiter) in waiters.iter().enumerate() {
            if n % 3 != 0 {
                waiter.join();
            } else if n % 2 == 0 {
                waiter.kill();
            }
        }
        event.set();
        for (n, waiter) in waiters.into_iter().enumerate() {
            let woken = waiter.get();
            match n % 6 {
                0 => assert!(woken.unwrap_err().is_killed()),
                3 => assert!(woken.unwrap()),
                _ => assert!(!woken.unwrap()),
            }
        }
    });
}

#[test]
fn a_timed_join_tells_whether_it_has_ended() {
    contract(|| {
        let end = Event::new();
        let joined = spawn({
            let end = end.clone();
            move || end.wait()
        });
        assert!(!joined.join_timeout(Duration::from_millis(1)));
        assert!(!joined.join_timeout(Duration::ZERO));
        end.set();
        assert!(joined.join_timeout(Duration::MAX));
        assert!(joined.join_timeout(Duration::ZERO));
        joined.join();
        assert!(value_of(joined.get()));
    });
}

#[test]
fn links_of_one_all_run() {
    contract(|| {
        let linked = Counter::default();
        let greenlet = spawn(|| ());
        for _ in 0..100 {
            let linked = linked.clone();
            greenlet.link(move |_| {
                yield_now();
                linked.add();
            });
        }
        linked.reaches(100);
    });
}

#[test]
fn a_greenlet_cannot_join_itself() {
    contract(|| {
        let greenlet = spawn(|| crate::current().unwrap().join());
        assert!(greenlet.get().unwrap_err().is_panic());
    });
}
