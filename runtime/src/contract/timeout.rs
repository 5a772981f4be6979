//! Time-outs around code: they borrow, they interrupt, and they know their own.

use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::support::{Counter, MUCH, contract, on_hub, pair, settle, value_of};
use crate::{Event, Pool, Semaphore, Timeout, current, sleep, spawn, with_timeout, yield_now};

const SHORT: Duration = Duration::from_millis(2);
const LONG: Duration = Duration::from_secs(3600);

/// Runs a test's body in a greenlet, and then on a plain thread.
fn everywhere(body: impl Fn() + Clone + Send + 'static) {
    on_hub(body.clone());
    contract(body);
}

#[test]
fn borrows_its_surroundings() {
    everywhere(|| {
        let mut steps = Vec::new();
        let text = String::from("borrowed");
        let slow = with_timeout(SHORT, || {
            steps.push(text.as_str());
            sleep(Duration::MAX);
            steps.push("not reached");
        });
        assert!(slow.is_err());
        assert_eq!(steps, ["borrowed"]);
        assert_eq!(with_timeout(LONG, || steps.len()), Ok(1));
    });
}

#[test]
fn interrupts_every_blocking_call() {
    everywhere(|| {
        let sleeper = spawn(|| sleep(Duration::MAX));
        let (near, _far) = pair();
        let none = Semaphore::new(0);
        let never = Event::new();
        let pool = Pool::new(1);
        let _slot = pool.try_acquire();
        let listener = super::support::listener();
        let much = vec![0; MUCH];
        assert!(with_timeout(SHORT, || sleeper.join()).is_err());
        assert!(with_timeout(SHORT, || (&near).read(&mut [0]).is_ok()).is_err());
        assert!(with_timeout(SHORT, || (&near).write_all(&much).is_ok()).is_err());
        assert!(with_timeout(SHORT, || listener.accept().is_ok()).is_err());
        assert!(with_timeout(SHORT, || none.acquire().is_ok()).is_err());
        assert!(with_timeout(SHORT, || never.wait()).is_err());
        assert!(with_timeout(SHORT, || drop(pool.acquire())).is_err());
        assert!(
            with_timeout(SHORT, || loop {
                yield_now()
            })
            .is_err()
        );
        assert!(with_timeout(SHORT, || sleep(LONG)).is_err());
        assert_eq!(none.available(), 0);
        assert!(!sleeper.is_finished());
        sleeper.kill();
    });
}

#[test]
fn runs_destructors() {
    everywhere(|| {
        let dropped = Counter::default();
        let guard = dropped.on_drop();
        with_timeout(SHORT, move || {
            let _guard = guard;
            sleep(Duration::MAX);
        })
        .unwrap_err();
        assert_eq!(dropped.get(), 1);
    });
}

#[test]
fn the_inner_one_comes_first() {
    everywhere(|| {
        let outer = with_timeout(LONG, || {
            let inner = with_timeout(SHORT, || sleep(Duration::MAX));
            assert!(inner.is_err());
            sleep(SHORT); // the outer one is not meant
            7
        });
        assert_eq!(outer, Ok(7));
    });
}

#[test]
fn the_outer_one_passes_through_the_inner() {
    everywhere(|| {
        let after = Counter::default();
        let outer = with_timeout(SHORT, || {
            let inner = with_timeout(LONG, || sleep(Duration::MAX));
            after.add();
            inner.is_err()
        });
        assert!(outer.is_err());
        assert_eq!(after.get(), 0, "the inner one has swallowed the outer one");
    });
}

#[test]
fn the_outer_one_passes_through_many() {
    fn nest(depth: usize) {
        if depth == 0 {
            sleep(Duration::MAX);
        } else {
            let _ = with_timeout(LONG, || nest(depth - 1));
            unreachable!("an inner one has swallowed the outer one");
        }
    }
    everywhere(|| {
        for _ in 0..20 {
            assert!(with_timeout(SHORT, || nest(20)).is_err());
        }
    });
}

#[test]
fn both_due_at_once_are_told_apart() {
    everywhere(|| {
        for _ in 0..200 {
            let limit = Duration::from_micros(100);
            let inner_ended = Counter::default();
            let outer = with_timeout(limit, || {
                let inner = with_timeout(limit, || sleep(Duration::MAX));
                // The inner one came first; the outer one is due as well.
                assert!(inner.is_err());
                inner_ended.add();
                sleep(Duration::MAX);
            });
            assert!(outer.is_err());
            assert!(inner_ended.get() <= 1);
        }
    });
}

#[test]
fn of_zero_interrupts_the_first_wait() {
    everywhere(|| {
        assert!(with_timeout(Duration::ZERO, || sleep(Duration::MAX)).is_err());
        assert_eq!(with_timeout(Duration::ZERO, || 7), Ok(7));
        sleep(SHORT);
    });
}

#[test]
fn of_the_longest_time_never_comes() {
    everywhere(|| {
        for limit in [Duration::MAX, Duration::MAX / 2, LONG * 24 * 365 * 99] {
            let done = with_timeout(limit, || {
                sleep(SHORT);
                7
            });
            assert_eq!(done, Ok(7));
        }
    });
}

#[test]
fn nothing_is_pending_after_a_body_in_time() {
    everywhere(|| {
        for n in 0..200u64 {
            // Ends about when the time-out comes, a little before or after.
            let limit = Duration::from_micros(100);
            let _ = with_timeout(limit, || sleep(Duration::from_micros(n)));
            let late = catch_unwind(AssertUnwindSafe(|| {
                sleep(Duration::from_micros(50));
                yield_now();
            }));
            assert!(late.is_ok(), "interrupted after the end");
        }
        sleep(SHORT);
    });
}

#[test]
fn a_body_that_never_blocks_keeps_its_value_however_late() {
    everywhere(|| {
        let late = with_timeout(Duration::from_micros(50), || {
            let start = Instant::now();
            while start.elapsed() < SHORT {
                std::hint::spin_loop();
            }
            7
        });
        assert_eq!(late, Ok(7));
        sleep(SHORT); // and it does not come afterwards
    });
}

#[test]
fn uncaught_it_ends_the_greenlet() {
    contract(|| {
        let dropped = Counter::default();
        let guard = dropped.on_drop();
        let greenlet = spawn(move || {
            let _guard = guard;
            let timeout = Timeout::new(SHORT);
            timeout.start();
            sleep(Duration::MAX);
        });
        let error = greenlet.get().unwrap_err();
        assert!(error.is_timeout());
        assert!(!error.is_killed() && !error.is_panic());
        assert_eq!(dropped.get(), 1);
    });
}

#[test]
fn a_kill_passes_through() {
    contract(|| {
        let after = Counter::default();
        let victim = spawn({
            let after = after.clone();
            move || {
                let _ = with_timeout(LONG, || sleep(Duration::MAX));
                after.add();
            }
        });
        settle();
        victim.kill();
        assert!(victim.get().unwrap_err().is_killed());
        assert_eq!(after.get(), 0);
    });
}

#[test]
fn a_panic_passes_through() {
    everywhere(|| {
        let body = || with_timeout(LONG, || panic!("through"));
        let payload = catch_unwind(AssertUnwindSafe(body)).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"through"));
        sleep(SHORT);
    });
}

#[test]
fn a_kill_and_a_time_out_are_both_delivered() {
    contract(|| {
        let timed_out = Counter::default();
        let victim = spawn({
            let timed_out = timed_out.clone();
            move || {
                let first = with_timeout(Duration::from_micros(1), || {
                    let start = Instant::now();
                    while start.elapsed() < SHORT {
                        std::hint::spin_loop();
                    }
                    current().unwrap().start_kill();
                    yield_now();
                });
                // Whichever came first, the other one comes next.
                assert!(first.is_err());
                timed_out.add();
                sleep(Duration::MAX);
            }
        });
        assert!(victim.get().unwrap_err().is_killed());
        assert!(timed_out.get() <= 1);
    });
}

#[test]
fn as_a_value_it_is_started_cancelled_and_started_again() {
    everywhere(|| {
        let timeout = Timeout::new(SHORT);
        assert!(!timeout.is_pending());
        timeout.start();
        assert!(timeout.is_pending());
        timeout.cancel();
        assert!(!timeout.is_pending());
        sleep(SHORT * 2); // not interrupted
        timeout.start();
        assert!(timeout.catch(|| sleep(Duration::MAX)).is_err());
        assert!(!timeout.is_pending());
        assert_eq!(timeout.catch(|| 7), Ok(7));
        timeout.start();
        drop(timeout);
        sleep(SHORT * 2); // not interrupted
    });
}

#[test]
fn works_in_many_greenlets_at_once() {
    contract(|| {
        let greenlets: Vec<_> = (0..1000u64)
            .map(|n| {
                spawn(move || {
                    let limit = Duration::from_micros(100 * (n % 50));
                    with_timeout(limit, || sleep(Duration::MAX)).unwrap_err();
                    with_timeout(LONG, || sleep(limit)).unwrap();
                })
            })
            .collect();
        for greenlet in greenlets {
            value_of(greenlet.get());
        }
    });
}
