//! One thread: a greenlet never leaves the hub's thread. Holds with one worker
//! only; with more, that is what `Hub::workers` is unsafe for.

use std::io::{Read, Write};
use std::sync::OnceLock;
use std::thread::{self, ThreadId};
use std::time::Duration;

use super::support::{Counter, contract, on_hub, one_worker_only, our_pair, value_of};
use crate::{Event, Semaphore, sleep, spawn, with_timeout, yield_now};

const TIMES: usize = 10_000;

/// Does `suspend` many times and looks at the thread after each.
fn stays(mut suspend: impl FnMut(usize)) {
    static HUB: OnceLock<ThreadId> = OnceLock::new();
    let home = *HUB.get_or_init(|| thread::current().id());
    for n in 0..TIMES {
        assert_eq!(thread::current().id(), home, "moved at suspension {n}");
        suspend(n);
    }
    assert_eq!(thread::current().id(), home);
}

#[test]
fn unchanged_by_yield() {
    if one_worker_only() {
        return;
    }
    on_hub(|| stays(|_| yield_now()));
}

#[test]
fn unchanged_by_sleep() {
    if one_worker_only() {
        return;
    }
    on_hub(|| stays(|_| sleep(Duration::from_micros(20))));
}

#[test]
fn unchanged_by_io() {
    if one_worker_only() {
        return;
    }
    on_hub(|| {
        let (mut near, mut far) = our_pair();
        let echo = spawn(move || {
            let mut byte = [0];
            stays(|_| {
                far.read_exact(&mut byte).unwrap();
                far.write_all(&byte).unwrap();
            });
        });
        let mut byte = [0];
        stays(|n| {
            near.write_all(&[n as u8]).unwrap();
            near.read_exact(&mut byte).unwrap(); // the echo has to run first
            assert_eq!(byte, [n as u8]);
        });
        value_of(echo.get());
    });
}

#[test]
fn unchanged_by_join() {
    if one_worker_only() {
        return;
    }
    on_hub(|| stays(|n| assert_eq!(spawn(move || n).get().unwrap(), n)));
}

#[test]
fn unchanged_by_a_lock() {
    if one_worker_only() {
        return;
    }
    on_hub(|| {
        let lock = Semaphore::new(1);
        let contenders: Vec<_> = (0..3)
            .map(|_| {
                let lock = lock.clone();
                spawn(move || {
                    stays(|_| {
                        let permit = lock.acquire().unwrap();
                        yield_now(); // the others queue up meanwhile
                        drop(permit);
                    });
                })
            })
            .collect();
        for contender in contenders {
            value_of(contender.get());
        }
    });
}

#[test]
fn unchanged_by_a_time_out() {
    if one_worker_only() {
        return;
    }
    on_hub(|| {
        stays(|_| {
            with_timeout(Duration::from_nanos(1), || sleep(Duration::MAX)).unwrap_err();
        });
    });
}

#[test]
fn unchanged_by_the_time_out_of_a_read() {
    if one_worker_only() {
        return;
    }
    on_hub(|| {
        let (mut near, _far) = our_pair();
        near.set_read_timeout(Some(Duration::from_micros(20)))
            .unwrap();
        stays(|_| {
            near.read(&mut [0]).unwrap_err();
        });
    });
}

#[test]
fn unchanged_by_a_wake_from_another_thread() {
    if one_worker_only() {
        return;
    }
    contract(|| {
        let (ping, pong) = (Event::new(), Event::new());
        let greenlet = spawn({
            let (ping, pong) = (ping.clone(), pong.clone());
            move || {
                stays(|_| {
                    ping.wait();
                    ping.clear();
                    pong.set();
                });
            }
        });
        for _ in 0..TIMES {
            ping.set();
            pong.wait();
            pong.clear();
        }
        value_of(greenlet.get());
    });
}

#[test]
fn unchanged_by_a_kill_that_is_caught() {
    if one_worker_only() {
        return;
    }
    contract(|| {
        let begun = Counter::default();
        let greenlet = spawn({
            let begun = begun.clone();
            move || {
                stays(|_| {
                    begun.add();
                    let body = std::panic::AssertUnwindSafe(|| sleep(Duration::MAX));
                    std::panic::catch_unwind(body).unwrap_err();
                });
            }
        });
        let handle = greenlet.handle().clone();
        let killer = spawn(move || {
            for n in 1..=TIMES {
                while begun.get() < n {
                    yield_now();
                }
                handle.start_kill();
            }
        });
        value_of(killer.get());
        value_of(greenlet.get());
    });
}
