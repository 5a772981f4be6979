//! The measurements on raw `may`, set up as maypole sets it up.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use may::coroutine::{self, JoinHandle, park, park_timeout, yield_now};
use may::sync::{Semphore, mpsc};

use super::figures::{NAP, Sleepers, latencies, per, resident, woken};
use super::measures::{
    HOLDERS, ITEMS, LATENCIES, PARKED, SETS, SLEEPERS_ON_MAY, SPAWNS, SWITCHES, TURNS, WAITERS,
};

pub(crate) fn measure(name: &str) -> Option<Vec<f64>> {
    may::config()
        .set_workers(1)
        .set_stack_size(256 * 1024 / 8)
        .set_pool_capacity(16)
        .set_worker_pin(false);
    may::go!(|| ()).join().ok();
    may::config().set_pool_capacity(1024);
    match name {
        "spawn-join" => in_coroutine(|| vec![spawned(1)]),
        "spawn-1000" => in_coroutine(|| vec![spawned(1000)]),
        "switch" => in_coroutine(|| vec![switch()]),
        "parked" => in_coroutine(|| vec![parked()]),
        "event" => in_coroutine(|| vec![event()]),
        "queue" => in_coroutine(|| vec![queue()]),
        "semaphore" => in_coroutine(|| vec![semaphore()]),
        "wake" => wake(),
        "timeout" => in_coroutine(timeout),
        "sleep" => in_coroutine(sleepers),
        _ => None, // to cancel a coroutine is unsafe; there are no pools
    }
}

fn in_coroutine(body: impl FnOnce() -> Vec<f64> + Send + 'static) -> Option<Vec<f64>> {
    may::go!(body).join().ok()
}

fn join_all(coroutines: Vec<JoinHandle<()>>) {
    for coroutine in coroutines {
        coroutine.join().ok();
    }
}

fn spawned(live: usize) -> f64 {
    let start = Instant::now();
    let mut coroutines = Vec::with_capacity(live);
    for _ in 0..SPAWNS / live {
        coroutines.extend((0..live).map(|n| may::go!(move || black_box(n))));
        coroutines.drain(..).for_each(|coroutine| {
            black_box(coroutine.join().ok());
        });
    }
    per(SPAWNS, start.elapsed())
}

fn switch() -> f64 {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = stop.clone();
    let me = coroutine::current();
    let other = may::go!(move || {
        me.unpark();
        while !seen.load(Ordering::Relaxed) {
            yield_now();
        }
    });
    // It starts after a poll, which yields alone would never bring.
    park();
    let start = Instant::now();
    for _ in 0..SWITCHES / 2 {
        yield_now();
    }
    let time = start.elapsed();
    stop.store(true, Ordering::Relaxed);
    other.join().ok();
    per(SWITCHES, time)
}

fn parked() -> f64 {
    let before = resident();
    let parked: Vec<_> = (0..PARKED).map(|_| may::go!(park)).collect();
    // Behind all of them, so that they have parked when it is joined.
    may::go!(|| ()).join().ok();
    let each = (resident() - before) / parked.len() as f64;
    parked.iter().for_each(|one| one.coroutine().unpark());
    each
}

/// It has no event: all are unparked, one by one.
fn event() -> f64 {
    let mut time = Duration::ZERO;
    for _ in 0..SETS {
        let waiters: Vec<_> = (0..WAITERS).map(|_| may::go!(park)).collect();
        may::go!(|| ()).join().ok();
        let start = Instant::now();
        waiters.iter().for_each(|one| one.coroutine().unpark());
        join_all(waiters);
        time += start.elapsed();
    }
    per(SETS * WAITERS, time)
}

/// It has no bounded queue for one receiver.
fn queue() -> f64 {
    let (put, get) = mpsc::channel();
    let start = Instant::now();
    let putter = may::go!(move || (0..ITEMS).all(|item| put.send(item).is_ok()));
    for _ in 0..ITEMS {
        black_box(get.recv().ok());
    }
    putter.join().ok();
    per(ITEMS, start.elapsed())
}

fn semaphore() -> f64 {
    let semaphore = Arc::new(Semphore::new(1));
    let start = Instant::now();
    let holders = (0..HOLDERS).map(|_| {
        let semaphore = semaphore.clone();
        may::go!(move || {
            for _ in 0..TURNS / HOLDERS {
                semaphore.wait();
                yield_now();
                semaphore.post();
            }
        })
    });
    join_all(holders.collect());
    per(TURNS, start.elapsed())
}

fn wake() -> Option<Vec<f64>> {
    let (tell, told) = channel();
    let waiter = may::go!(move || {
        for _ in 0..LATENCIES {
            park();
            let _ = tell.send(Instant::now());
        }
    });
    woken(&told, || waiter.coroutine().unpark())
}

fn timeout() -> Vec<f64> {
    let limit = Duration::from_millis(1);
    let late = (0..LATENCIES).map(|_| {
        let start = Instant::now();
        park_timeout(limit);
        start.elapsed().saturating_sub(limit)
    });
    latencies(late.collect()).unwrap_or_default()
}

fn sleepers() -> Vec<f64> {
    let mut figures = Sleepers::begin(SLEEPERS_ON_MAY);
    let sleepers: Vec<_> = (0..SLEEPERS_ON_MAY)
        .map(|_| may::go!(|| coroutine::sleep(NAP)))
        .collect();
    may::go!(|| ()).join().ok();
    figures.all_asleep();
    join_all(sleepers);
    figures.end()
}
