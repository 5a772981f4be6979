//! What it costs to spawn a greenlet and wait for it.
//!
//! `cargo bench --bench spawn`. Raw `may` and others: `benches/compare`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use maypole::spawn;

criterion_group!(benches, spawn_and_join, spawn_many);
criterion_main!(benches);

/// One at a time: the stack and everything else is warm.
fn spawn_and_join(c: &mut Criterion) {
    c.bench_function("spawn and get, one at a time", |b| {
        b.iter_custom(|rounds| {
            in_greenlet(move || {
                for round in 0..rounds {
                    black_box(spawn(move || round).get().ok());
                }
            })
        });
    });
}

/// A thousand live at a time.
fn spawn_many(c: &mut Criterion) {
    const LIVE: u64 = 1000;
    c.bench_function("spawn and get, 1000 live", |b| {
        b.iter_custom(|rounds| {
            in_greenlet(move || {
                let mut live = Vec::with_capacity(LIVE as usize);
                let mut left = rounds;
                while left > 0 {
                    let now = left.min(LIVE);
                    live.extend((0..now).map(|round| spawn(move || round)));
                    for greenlet in live.drain(..) {
                        black_box(greenlet.get().ok());
                    }
                    left -= now;
                }
            })
        });
    });
}

/// The time that `body` takes in a greenlet, without getting there.
fn in_greenlet(body: impl FnOnce() + Send + 'static) -> Duration {
    let timed = spawn(move || {
        let start = Instant::now();
        body();
        start.elapsed()
    });
    timed.get().expect("the body does not fail")
}
