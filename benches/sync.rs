//! What the primitives cost that greenlets meet at.
//!
//! `cargo bench --bench sync`; `--features native` for the other engine. Each
//! figure is for what its name says: one item, one permit, one greenlet woken.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use maypole::lock::Mutex;
use maypole::queue::{Channel, Queue};
use maypole::{AsyncResult, Event, Greenlet, Semaphore, pool::Pool, spawn, yield_now};

criterion_group!(benches, queues, locks, wakes, pools);
criterion_main!(benches);

/// How many wait for one thing at a time.
const MANY: u64 = 1000;

/// Items through queues: without waiting, and from one greenlet to another.
fn queues(c: &mut Criterion) {
    bench(c, "queue: put and get, nobody waits", |rounds| {
        let queue = Queue::new(16);
        for item in 0..rounds {
            let _ = queue.put(item);
            let _ = black_box(queue.get());
        }
    });
    for (name, capacity) in [("1", 1), ("100", 100)] {
        let name = format!("queue: to another greenlet, room for {name}");
        bench(c, &name, move |rounds| {
            let queue = Queue::new(capacity);
            let theirs = queue.clone();
            let getter = spawn(move || theirs.into_iter().count());
            for item in 0..rounds {
                let _ = queue.put(item);
            }
            queue.close();
            getter.join();
        });
    }
    bench(c, "channel: to another greenlet", |rounds| {
        let channel = Channel::new();
        let theirs = channel.clone();
        let getter = spawn(move || theirs.iter().count());
        for item in 0..rounds {
            let _ = channel.put(item);
        }
        channel.close();
        getter.join();
    });
}

/// Locks that are free, and those that two greenlets hand to each other.
fn locks(c: &mut Criterion) {
    bench(c, "semaphore: acquire and release, free", |rounds| {
        let semaphore = Semaphore::new(1);
        for _ in 0..rounds {
            drop(black_box(semaphore.acquire()));
        }
    });
    bench(c, "mutex: lock and unlock, free", |rounds| {
        let mutex = Mutex::new(0_u64);
        for _ in 0..rounds {
            if let Ok(mut value) = mutex.lock() {
                *value += 1;
            }
        }
        black_box(mutex);
    });
    bench(c, "mutex: handed over", |rounds| {
        let mutex = Arc::new(Mutex::new(0_u64));
        let take_turns = |mutex: Arc<Mutex<u64>>, turns| {
            move || {
                for _ in 0..turns {
                    if let Ok(mut value) = mutex.lock() {
                        *value += 1;
                        yield_now(); // the other one comes to wait
                    }
                }
            }
        };
        let other = spawn(take_turns(mutex.clone(), rounds / 2));
        take_turns(mutex, rounds.div_ceil(2))();
        other.join();
    });
}

/// All who wait for one thing, woken at once.
fn wakes(c: &mut Criterion) {
    bench(c, "event: wait and wake, 1000 wait", |rounds| {
        in_thousands(rounds, |waiting| {
            let event = Event::new();
            let waiters: Vec<Greenlet<bool>> = (0..waiting)
                .map(|_| {
                    let event = event.clone();
                    spawn(move || event.wait())
                })
                .collect();
            yield_now(); // they come to wait
            event.set();
            waiters.iter().for_each(Greenlet::join);
        });
    });
    bench(c, "event: only the wake, 1000 wait", |rounds| {
        // The same thousand wait again and again.
        let (go, again) = (Event::new(), rounds.div_ceil(MANY));
        let waiters: Vec<Greenlet<()>> = (0..MANY)
            .map(|_| {
                let go = go.clone();
                spawn(move || {
                    for _ in 0..again {
                        go.wait();
                    }
                })
            })
            .collect();
        yield_now();
        for _ in 0..again {
            go.set();
            go.clear();
            yield_now(); // they run, and wait again
        }
        go.set();
        waiters.iter().for_each(Greenlet::join);
    });
    bench(c, "async result: wait and wake, 1000 wait", |rounds| {
        in_thousands(rounds, |waiting| {
            let result = AsyncResult::new();
            let waiters: Vec<Greenlet<Option<u64>>> = (0..waiting)
                .map(|_| {
                    let result = result.clone();
                    spawn(move || result.wait().copied())
                })
                .collect();
            yield_now();
            let _ = result.set(waiting);
            waiters.iter().for_each(Greenlet::join);
        });
    });
}

/// Greenlets through a pool.
fn pools(c: &mut Criterion) {
    bench(c, "pool: spawn, 100 at a time", |rounds| {
        let pool = Pool::new(100);
        for round in 0..rounds {
            drop(pool.spawn(move || black_box(round)));
        }
        pool.join();
    });
    bench(c, "pool: map, 100 at a time", |rounds| {
        let pool = Pool::new(100);
        black_box(pool.map(0..rounds, |round| round));
    });
}

fn in_thousands(rounds: u64, round: impl Fn(u64)) {
    let mut left = rounds;
    while left > 0 {
        let now = left.min(MANY);
        round(now);
        left -= now;
    }
}

/// Measures `body`, which does its work so many times, in a greenlet and without
/// getting there.
fn bench(c: &mut Criterion, name: &str, body: impl Fn(u64) + Clone + Send + 'static) {
    c.bench_function(name, |b| {
        b.iter_custom(|rounds| {
            let body = body.clone();
            let timed = spawn(move || -> Duration {
                let start = Instant::now();
                body(rounds);
                start.elapsed()
            });
            timed.get().expect("the body does not fail")
        });
    });
}
