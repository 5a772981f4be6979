//! The measurements on maypole, on the engine that this program was built with.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use maypole::pool::Pool;
use maypole::queue::Queue;
use maypole::{Event, Greenlet, Semaphore, sleep, spawn, with_timeout, yield_now};

use super::figures::{NAP, Sleepers, latencies, per, resident, woken};
use super::measures::{
    CAPACITY, HOLDERS, ITEMS, LATENCIES, PARKED, POOL, SETS, SLEEPERS, SLEEPERS_ON_MAY, SPAWNS,
    SWITCHES, TURNS, WAITERS,
};

pub(crate) fn measure(name: &str) -> Option<Vec<f64>> {
    spawn(|| ()).join(); // the hub is there, on this core
    match name {
        "spawn-join" => in_greenlet(|| spawned(1)),
        "spawn-1000" => in_greenlet(|| spawned(1000)),
        "switch" => in_greenlet(switch),
        "parked" => Some(vec![parked(PARKED)]),
        "event" => in_greenlet(event),
        "queue" => in_greenlet(queue),
        "semaphore" => in_greenlet(semaphore),
        "pool" => in_greenlet(pool),
        "wake" => wake(),
        "kill" => kill(),
        "timeout" => spawn(timeout).get().ok()?,
        "sleep" => spawn(sleepers).get().ok(),
        _ => None,
    }
}

fn in_greenlet(body: impl FnOnce() -> f64 + Send + 'static) -> Option<Vec<f64>> {
    Some(vec![spawn(body).get().ok()?])
}

fn spawned(live: usize) -> f64 {
    let start = Instant::now();
    let mut greenlets = Vec::with_capacity(live);
    for _ in 0..SPAWNS / live {
        greenlets.extend((0..live).map(|n| spawn(move || black_box(n))));
        greenlets.drain(..).for_each(|greenlet| {
            black_box(greenlet.get().ok());
        });
    }
    per(SPAWNS, start.elapsed())
}

fn switch() -> f64 {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = stop.clone();
    let other = spawn(move || {
        while !seen.load(Ordering::Relaxed) {
            yield_now();
        }
    });
    let start = Instant::now();
    for _ in 0..SWITCHES / 2 {
        yield_now();
    }
    let time = start.elapsed();
    stop.store(true, Ordering::Relaxed);
    other.join();
    per(SWITCHES, time)
}

/// Resident bytes of each of so many.
pub(crate) fn parked(count: usize) -> f64 {
    spawn(|| ()).join();
    let never = Event::new();
    let before = resident();
    let parked: Vec<_> = (0..count)
        .map(|_| {
            let never = never.clone();
            spawn(move || never.wait())
        })
        .collect();
    // Behind all of them, so that they have parked when it is joined.
    spawn(|| ()).join();
    let each = (resident() - before) / parked.len() as f64;
    never.set();
    each
}

fn event() -> f64 {
    let event = Event::new();
    let mut time = Duration::ZERO;
    for _ in 0..SETS {
        let waiters: Vec<Greenlet<bool>> = (0..WAITERS)
            .map(|_| {
                let event = event.clone();
                spawn(move || event.wait())
            })
            .collect();
        spawn(|| ()).join();
        let start = Instant::now();
        event.set();
        waiters.iter().for_each(Greenlet::join);
        time += start.elapsed();
        event.clear();
    }
    per(SETS * WAITERS, time)
}

fn queue() -> f64 {
    let queue = Queue::new(CAPACITY);
    let items = queue.clone();
    let start = Instant::now();
    let putter = spawn(move || (0..ITEMS).all(|item| items.put(item).is_ok()));
    for _ in 0..ITEMS {
        black_box(queue.get().ok());
    }
    putter.join();
    per(ITEMS, start.elapsed())
}

fn semaphore() -> f64 {
    let semaphore = Semaphore::new(1);
    let start = Instant::now();
    let holders: Vec<_> = (0..HOLDERS)
        .map(|_| {
            let semaphore = semaphore.clone();
            spawn(move || {
                for _ in 0..TURNS / HOLDERS {
                    let _permit = semaphore.acquire();
                    yield_now();
                }
            })
        })
        .collect();
    holders.iter().for_each(Greenlet::join);
    per(TURNS, start.elapsed())
}

fn pool() -> f64 {
    let pool = Pool::new(POOL);
    let start = Instant::now();
    for n in 0..SPAWNS {
        drop(pool.spawn(move || black_box(n)));
    }
    pool.join();
    per(SPAWNS, start.elapsed())
}

fn wake() -> Option<Vec<f64>> {
    let (tell, told) = channel();
    let event = Event::new();
    let waiting = event.clone();
    let waiter = spawn(move || {
        for _ in 0..LATENCIES {
            waiting.wait();
            let _ = tell.send(Instant::now());
            waiting.clear();
        }
    });
    let figures = woken(&told, || event.set());
    waiter.join();
    figures
}

/// Tells when it is dropped.
struct Teller(Sender<Instant>);

impl Drop for Teller {
    fn drop(&mut self) {
        let _ = self.0.send(Instant::now());
    }
}

fn kill() -> Option<Vec<f64>> {
    let (tell, told) = channel();
    let victims: Vec<_> = (0..LATENCIES)
        .map(|_| {
            let teller = Teller(tell.clone());
            spawn(move || {
                let _teller = teller;
                sleep(Duration::MAX);
            })
        })
        .collect();
    spawn(|| ()).join(); // all of them sleep
    let mut victims = victims.iter();
    woken(&told, || {
        victims.next().map(Greenlet::start_kill);
    })
}

fn timeout() -> Option<Vec<f64>> {
    let limit = Duration::from_millis(1);
    let late = (0..LATENCIES).map(|_| {
        let start = Instant::now();
        let _ = with_timeout(limit, || sleep(Duration::MAX));
        start.elapsed().saturating_sub(limit)
    });
    latencies(late.collect())
}

fn sleepers() -> Vec<f64> {
    let count = if cfg!(feature = "native") {
        SLEEPERS
    } else {
        SLEEPERS_ON_MAY
    };
    let mut figures = Sleepers::begin(count);
    let sleepers: Vec<_> = (0..count).map(|_| spawn(|| sleep(NAP))).collect();
    spawn(|| ()).join();
    figures.all_asleep();
    sleepers.iter().for_each(Greenlet::join);
    figures.end()
}
