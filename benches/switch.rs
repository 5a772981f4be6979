//! What it costs to switch between greenlets.
//!
//! `cargo bench --bench switch`. Each figure is for one switch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use maypole::{Event, Semaphore, spawn, yield_now};

criterion_group!(benches, by_yield, by_event, by_semaphore);
criterion_main!(benches);

/// Two greenlets that only yield.
fn by_yield(c: &mut Criterion) {
    c.bench_function("switch by yield_now, 2 greenlets", |b| {
        b.iter_custom(|switches| {
            let stop = Arc::new(AtomicBool::new(false));
            let stopped = stop.clone();
            timed(switches, move |rounds| {
                let other = spawn(move || {
                    while !stopped.load(Ordering::Relaxed) {
                        yield_now();
                    }
                });
                for _ in 0..rounds {
                    yield_now();
                }
                stop.store(true, Ordering::Relaxed);
                other.join();
            })
        });
    });
}

/// Two greenlets that wake each other by events.
fn by_event(c: &mut Criterion) {
    c.bench_function("switch by Event", |b| {
        b.iter_custom(|switches| {
            timed(switches, |rounds| {
                let (ping, pong) = (Event::new(), Event::new());
                let (heard, answer) = (ping.clone(), pong.clone());
                let other = spawn(move || {
                    for _ in 0..rounds {
                        heard.wait();
                        heard.clear();
                        answer.set();
                    }
                });
                for _ in 0..rounds {
                    ping.set();
                    pong.wait();
                    pong.clear();
                }
                other.join();
            })
        });
    });
}

/// Two greenlets that take turns through a semaphore of one permit.
fn by_semaphore(c: &mut Criterion) {
    c.bench_function("switch by Semaphore", |b| {
        b.iter_custom(|switches| {
            timed(switches, |rounds| {
                let turns = Semaphore::new(1);
                let theirs = turns.clone();
                let other = spawn(move || take_turns(&theirs, rounds));
                take_turns(&turns, rounds);
                other.join();
            })
        });
    });
}

fn take_turns(turns: &Semaphore, rounds: u64) {
    for _ in 0..rounds {
        let turn = turns.acquire();
        yield_now(); // the other one comes to wait for its turn
        drop(turn);
    }
}

/// The time that `switches` switches take: `body` makes two in each round.
fn timed(switches: u64, body: impl FnOnce(u64) + Send + 'static) -> Duration {
    let timed = spawn(move || {
        let start = Instant::now();
        body(switches.div_ceil(2));
        start.elapsed()
    });
    timed.get().expect("the body does not fail")
}
