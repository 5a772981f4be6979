//! The measurements on tokio's one-threaded runtime.

use std::future::pending;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{sleep, timeout};

use super::figures::{NAP, Sleepers, latencies, per, resident, woken};
use super::measures::{
    CAPACITY, HOLDERS, ITEMS, LATENCIES, PARKED, POOL, SETS, SLEEPERS, SPAWNS, SWITCHES, TURNS,
    WAITERS,
};

pub(crate) fn measure(name: &str) -> Option<Vec<f64>> {
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    match name {
        "spawn-join" => one(&runtime, spawned(1)),
        "spawn-1000" => one(&runtime, spawned(1000)),
        "switch" => one(&runtime, switch()),
        "parked" => one(&runtime, parked()),
        "event" => one(&runtime, event()),
        "queue" => one(&runtime, queue()),
        "semaphore" => one(&runtime, semaphore()),
        "pool" => one(&runtime, pool()),
        "wake" => wake(runtime),
        "kill" => kill(runtime),
        "timeout" => runtime.block_on(runtime.spawn(late())).ok()?,
        "sleep" => runtime.block_on(runtime.spawn(sleepers())).ok(),
        _ => None,
    }
}

/// In a task, since the future that `block_on` drives is none.
fn one(runtime: &Runtime, figure: impl Future<Output = f64> + Send + 'static) -> Option<Vec<f64>> {
    Some(vec![runtime.block_on(runtime.spawn(figure)).ok()?])
}

async fn join_all(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        task.await.ok();
    }
}

async fn spawned(live: usize) -> f64 {
    let start = Instant::now();
    let mut tasks = Vec::with_capacity(live);
    for _ in 0..SPAWNS / live {
        tasks.extend((0..live).map(|n| tokio::spawn(async move { black_box(n) })));
        for task in tasks.drain(..) {
            black_box(task.await.ok());
        }
    }
    per(SPAWNS, start.elapsed())
}

async fn switch() -> f64 {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = stop.clone();
    let other = tokio::spawn(async move {
        while !seen.load(Ordering::Relaxed) {
            yield_now().await;
        }
    });
    let start = Instant::now();
    for _ in 0..SWITCHES / 2 {
        yield_now().await;
    }
    let time = start.elapsed();
    stop.store(true, Ordering::Relaxed);
    other.await.ok();
    per(SWITCHES, time)
}

async fn parked() -> f64 {
    let before = resident();
    let parked: Vec<_> = (0..PARKED).map(|_| tokio::spawn(pending::<()>())).collect();
    tokio::spawn(async {}).await.ok();
    (resident() - before) / parked.len() as f64
}

async fn event() -> f64 {
    let event = Arc::new(Notify::new());
    let mut time = Duration::ZERO;
    for _ in 0..SETS {
        let waiters = (0..WAITERS).map(|_| {
            let event = event.clone();
            tokio::spawn(async move { event.notified().await })
        });
        let waiters = waiters.collect();
        tokio::spawn(async {}).await.ok();
        let start = Instant::now();
        event.notify_waiters();
        join_all(waiters).await;
        time += start.elapsed();
    }
    per(SETS * WAITERS, time)
}

async fn queue() -> f64 {
    let (put, mut get) = mpsc::channel(CAPACITY);
    let start = Instant::now();
    let putter = tokio::spawn(async move {
        for item in 0..ITEMS {
            put.send(item).await.ok();
        }
    });
    for _ in 0..ITEMS {
        black_box(get.recv().await);
    }
    putter.await.ok();
    per(ITEMS, start.elapsed())
}

async fn semaphore() -> f64 {
    let semaphore = Arc::new(Semaphore::new(1));
    let start = Instant::now();
    let holders = (0..HOLDERS).map(|_| {
        let semaphore = semaphore.clone();
        tokio::spawn(async move {
            for _ in 0..TURNS / HOLDERS {
                let _permit = semaphore.acquire().await;
                yield_now().await;
            }
        })
    });
    join_all(holders.collect()).await;
    per(TURNS, start.elapsed())
}

/// It has no pools: a semaphore counts the tasks.
async fn pool() -> f64 {
    let pool = Arc::new(Semaphore::new(POOL));
    let start = Instant::now();
    for n in 0..SPAWNS {
        let place = pool.clone().acquire_owned().await;
        tokio::spawn(async move {
            black_box(n);
            drop(place);
        });
    }
    let all = pool.acquire_many(POOL as u32).await;
    let time = start.elapsed();
    drop(all);
    per(SPAWNS, time)
}

fn wake(runtime: Runtime) -> Option<Vec<f64>> {
    let (tell, told) = channel();
    let notify = Arc::new(Notify::new());
    let waiting = notify.clone();
    thread::spawn(move || {
        runtime.block_on(async {
            for _ in 0..LATENCIES {
                waiting.notified().await;
                let _ = tell.send(Instant::now());
            }
        });
    });
    woken(&told, || notify.notify_one())
}

/// Tells when it is dropped.
struct Teller(Sender<Instant>);

impl Drop for Teller {
    fn drop(&mut self) {
        let _ = self.0.send(Instant::now());
    }
}

fn kill(runtime: Runtime) -> Option<Vec<f64>> {
    let (tell, told) = channel();
    let victims: Vec<_> = (0..LATENCIES)
        .map(|_| {
            let teller = Teller(tell.clone());
            runtime.spawn(async move {
                let _teller = teller;
                pending::<()>().await;
            })
        })
        .collect();
    thread::spawn(move || runtime.block_on(pending::<()>()));
    let mut victims = victims.iter();
    woken(&told, || {
        victims.next().map(JoinHandle::abort);
    })
}

async fn late() -> Option<Vec<f64>> {
    let limit = Duration::from_millis(1);
    let mut late = Vec::with_capacity(LATENCIES);
    for _ in 0..LATENCIES {
        let start = Instant::now();
        let _ = timeout(limit, pending::<()>()).await;
        late.push(start.elapsed().saturating_sub(limit));
    }
    latencies(late)
}

async fn sleepers() -> Vec<f64> {
    let mut figures = Sleepers::begin(SLEEPERS);
    let sleepers = (0..SLEEPERS).map(|_| tokio::spawn(sleep(NAP))).collect();
    tokio::spawn(async {}).await.ok();
    figures.all_asleep();
    join_all(sleepers).await;
    figures.end()
}
