//! Times, memory and medians.

use std::fs;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

use super::measures::LATENCIES;

/// Before each wake, so that the hub has gone to sleep.
const IDLE: Duration = Duration::from_micros(500);

/// Nanoseconds of one of `count`.
pub(crate) fn per(count: usize, time: Duration) -> f64 {
    time.as_nanos() as f64 / count as f64
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    quantile(values.collect(), 0.5)
}

fn quantile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    values.get((last as f64 * share).round() as usize).copied()
}

/// Median and 99th percentile, in microseconds.
pub(crate) fn latencies(late: Vec<Duration>) -> Option<Vec<f64>> {
    let micros: Vec<f64> = late.iter().map(|one| one.as_secs_f64() * 1e6).collect();
    Some(vec![
        quantile(micros.clone(), 0.5)?,
        quantile(micros, 0.99)?,
    ])
}

/// Runs on this core if that may be; what is started later does too.
pub(crate) fn pin(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    // Noisier otherwise.
    let _ = sched_setaffinity(None, &cores);
}

/// Calls `wake` again and again from this thread, on a core of its own, and looks
/// how long after each the woken one says the time.
pub(crate) fn woken(told: &Receiver<Instant>, mut wake: impl FnMut()) -> Option<Vec<f64>> {
    pin(1);
    let mut late = Vec::with_capacity(LATENCIES);
    for _ in 0..LATENCIES {
        thread::sleep(IDLE);
        let start = Instant::now();
        wake();
        late.push(told.recv().ok()?.saturating_duration_since(start));
    }
    latencies(late)
}

/// What many that sleep take.
pub(crate) struct Sleepers {
    count: usize,
    start: Instant,
    cpu: Duration,
    resident: f64,
    asleep: f64,
}

/// How long each sleeps.
pub(crate) const NAP: Duration = Duration::from_secs(1);

impl Sleepers {
    /// Before they are spawned.
    pub(crate) fn begin(count: usize) -> Self {
        Self {
            count,
            start: Instant::now(),
            cpu: cpu(),
            resident: resident(),
            asleep: 0.0,
        }
    }

    /// When all of them sleep.
    pub(crate) fn all_asleep(&mut self) {
        self.asleep = resident();
    }

    /// When all of them have ended: the rows of the measure.
    pub(crate) fn end(self) -> Vec<f64> {
        let late = self.start.elapsed().saturating_sub(NAP);
        vec![
            per(self.count, cpu().saturating_sub(self.cpu)),
            late.as_secs_f64() * 1e3,
            (self.asleep - self.resident) / self.count as f64,
            self.count as f64,
        ]
    }
}

/// CPU time of the process.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.try_into().unwrap_or(0),
        time.tv_nsec.try_into().unwrap_or(0),
    )
}

pub(crate) fn mappings() -> usize {
    fs::read_to_string("/proc/self/maps").map_or(0, |maps| maps.lines().count())
}

/// Resident memory of this process, in bytes.
pub(crate) fn resident() -> f64 {
    let pages = fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split(' ').nth(1)?.parse::<f64>().ok());
    pages.unwrap_or(f64::NAN) * 4096.0
}
