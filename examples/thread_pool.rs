//! Calls that would block the hub, on real threads: three at a time.
//!
//! Run it: `cargo run --release --example thread_pool`
//! Try it: more threads, as in `cargo run --release --example thread_pool -- 4`

use std::thread;
use std::time::{Duration, Instant};

use maypole::threadpool::ThreadPool;

/// Stands for a call that knows nothing of greenlets: a driver, a library in C.
#[allow(clippy::disallowed_methods, reason = "it runs on a thread of the pool")]
fn blocking_call(number: u32) -> u32 {
    thread::sleep(Duration::from_millis(500));
    number * number
}

fn main() {
    let threads = std::env::args().nth(1);
    let Some(threads @ 1..) = threads.map_or(Some(3), |text| text.parse().ok()) else {
        eprintln!("usage: thread_pool [THREADS], as in thread_pool 4");
        std::process::exit(2);
    };
    let pool = ThreadPool::new(threads);

    let begun = Instant::now();
    let ticking = maypole::spawn(|| {
        let mut ticks = 0;
        loop {
            maypole::sleep(Duration::from_millis(50)); // the hub is free meanwhile
            ticks += 1;
            println!("tick {ticks}");
        }
    });
    let squares = maypole::spawn(move || pool.map(1..=4, blocking_call));
    println!("squares: {:?}", squares.get().expect("no call panics"));
    ticking.kill();
    println!(
        "4 calls of 0.5 s on {threads} threads took {:.1?}",
        begun.elapsed()
    );
}
