//! Spawning, switching and parking, beside raw `may`, in one run.
//!
//! `cargo run --release --bin micro`, and once more with `--features native` for
//! the other engine. With a number it parks that many greenlets and says what
//! they take. Subjects take turns, each in a process of its own on core 0;
//! the table shows medians of five rounds.

use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;
const SUBJECTS: [&str; 2] = ["maypole", "may"];
const MEASURES: [(&str, &str); 4] = [
    ("spawn-join", "spawn + join, one at a time, ns"),
    ("spawn-1000", "spawn + join, 1000 live, ns"),
    ("switch", "switch by yield, 2 greenlets, ns"),
    ("parked", "resident bytes of a parked greenlet, of 20,000"),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.as_slice() {
        [] => {}
        [subject, measure] => {
            println!("{}", one(subject, measure));
            return ExitCode::SUCCESS;
        }
        [count] => {
            let parked = count.parse().unwrap_or(PARKED);
            println!(
                "{:.0} bytes each, {} mappings",
                maypole_parked(parked),
                mappings()
            );
            return ExitCode::SUCCESS;
        }
        _ => return ExitCode::FAILURE,
    }
    println!("| | maypole | raw may | maypole ÷ may |\n|---|--:|--:|--:|");
    for (measure, what) in MEASURES {
        let mut results = [const { Vec::new() }; 2];
        for _ in 0..ROUNDS {
            for (subject, results) in SUBJECTS.iter().zip(&mut results) {
                match in_process(subject, measure) {
                    Some(result) => results.push(result),
                    None => return ExitCode::FAILURE,
                }
            }
        }
        let [ours, theirs] = results.map(median);
        println!(
            "| {what} | {ours:.1} | {theirs:.1} | {:.2} |",
            ours / theirs
        );
    }
    ExitCode::SUCCESS
}

/// One measurement in a process of its own, which prints it.
fn in_process(subject: &str, measure: &str) -> Option<f64> {
    let exe = std::env::current_exe().ok()?;
    let output = Command::new(exe).args([subject, measure]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let result = text.trim().parse().ok();
    if result.is_none() {
        eprintln!(
            "{subject} {measure}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    result
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn one(subject: &str, measure: &str) -> f64 {
    let mut core = rustix::thread::CpuSet::new();
    core.set(0);
    // Pinned if that may be; noisier otherwise.
    let _ = rustix::thread::sched_setaffinity(None, &core);
    match (subject, measure) {
        ("maypole", "spawn-join") => maypole_spawn(1),
        ("maypole", "spawn-1000") => maypole_spawn(1000),
        ("maypole", "switch") => maypole_switch(),
        ("maypole", "parked") => maypole_parked(PARKED),
        ("may", "spawn-join") => may_spawn(1),
        ("may", "spawn-1000") => may_spawn(1000),
        ("may", "switch") => may_switch(),
        ("may", "parked") => may_parked(),
        _ => f64::NAN,
    }
}

const SPAWNS: usize = 200_000;
const SWITCHES: usize = 4_000_000;
const PARKED: usize = 20_000;

fn per(count: usize, time: Duration) -> f64 {
    time.as_nanos() as f64 / count as f64
}

fn maypole_spawn(live: usize) -> f64 {
    let timed = maypole::spawn(move || {
        let start = Instant::now();
        let mut greenlets = Vec::with_capacity(live);
        for _ in 0..SPAWNS / live {
            greenlets.extend((0..live).map(|n| maypole::spawn(move || black_box(n))));
            greenlets.drain(..).for_each(|greenlet| {
                black_box(greenlet.get().ok());
            });
        }
        per(SPAWNS, start.elapsed())
    });
    timed.get().unwrap_or(f64::NAN)
}

fn maypole_switch() -> f64 {
    let timed = maypole::spawn(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        let other = maypole::spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                maypole::yield_now();
            }
        });
        let start = Instant::now();
        for _ in 0..SWITCHES / 2 {
            maypole::yield_now();
        }
        let time = start.elapsed();
        stop.store(true, Ordering::Relaxed);
        other.join();
        per(SWITCHES, time)
    });
    timed.get().unwrap_or(f64::NAN)
}

fn maypole_parked(count: usize) -> f64 {
    maypole::spawn(|| ()).join();
    let never = maypole::Event::new();
    let before = resident();
    let parked: Vec<_> = (0..count)
        .map(|_| {
            let never = never.clone();
            maypole::spawn(move || never.wait())
        })
        .collect();
    // Behind all of them, so that they have parked when it is joined.
    maypole::spawn(|| ()).join();
    let each = (resident() - before) / parked.len() as f64;
    never.set();
    each
}

fn in_may<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    // As maypole sets it up.
    may::config()
        .set_workers(1)
        .set_stack_size(256 * 1024 / 8)
        .set_pool_capacity(16)
        .set_worker_pin(false);
    may::go!(|| ()).join().ok();
    may::config().set_pool_capacity(1024);
    may::go!(body).join().ok()
}

fn may_spawn(live: usize) -> f64 {
    let timed = in_may(move || {
        let start = Instant::now();
        let mut coroutines = Vec::with_capacity(live);
        for _ in 0..SPAWNS / live {
            coroutines.extend((0..live).map(|n| may::go!(move || black_box(n))));
            coroutines.drain(..).for_each(|coroutine| {
                black_box(coroutine.join().ok());
            });
        }
        per(SPAWNS, start.elapsed())
    });
    timed.unwrap_or(f64::NAN)
}

fn may_switch() -> f64 {
    let timed = in_may(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        let me = may::coroutine::current();
        let other = may::go!(move || {
            me.unpark();
            while !seen.load(Ordering::Relaxed) {
                may::coroutine::yield_now();
            }
        });
        // It starts after a poll, which yields alone would never bring.
        may::coroutine::park();
        let start = Instant::now();
        for _ in 0..SWITCHES / 2 {
            may::coroutine::yield_now();
        }
        let time = start.elapsed();
        stop.store(true, Ordering::Relaxed);
        other.join().ok();
        per(SWITCHES, time)
    });
    timed.unwrap_or(f64::NAN)
}

fn may_parked() -> f64 {
    let each = in_may(|| {
        let before = resident();
        let parked: Vec<_> = (0..PARKED)
            .map(|_| may::go!(may::coroutine::park))
            .collect();
        // Behind all of them, so that they have parked when it is joined.
        may::go!(|| ()).join().ok();
        let each = (resident() - before) / parked.len() as f64;
        parked.iter().for_each(|one| one.coroutine().unpark());
        each
    });
    each.unwrap_or(f64::NAN)
}

fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").map_or(0, |maps| maps.lines().count())
}

/// Resident memory of this process, in bytes.
fn resident() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split(' ').nth(1)?.parse::<f64>().ok());
    pages.unwrap_or(f64::NAN) * 4096.0
}
