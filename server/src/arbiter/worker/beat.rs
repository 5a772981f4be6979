//! Telling the master that all hubs run.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use maypole_runtime::inspect::Monitor;
use maypole_runtime::{Builder, Greenlet, Hub, sleep};

use super::super::Options;
use super::super::message::ToMaster;
use super::handle::Shared;

/// Beats that a hub may be late before it counts as blocked: its greenlet sleeps
/// one, and waits for its turn.
const LATE: u32 = 3;

/// Greenlets that beat, until it is dropped, and the monitor that says who blocks
/// them.
pub(super) struct Beat {
    greenlets: Vec<Greenlet<()>>,
    _monitor: Option<Monitor>,
}

/// When each hub has last run its greenlet, in milliseconds from the start.
struct Pulses {
    start: Instant,
    last: Vec<AtomicU64>,
}

impl Beat {
    /// Starts a greenlet on each hub, which has run once when this returns.
    pub(super) fn start(shared: &Arc<Shared>, options: &Options) -> io::Result<Self> {
        let period = options.beat();
        let hubs = Hub::count();
        let pulses = Arc::new(Pulses {
            start: Instant::now(),
            last: (0..hubs).map(|_| AtomicU64::new(0)).collect(),
        });
        let mut beat = Self {
            greenlets: Vec::new(),
            _monitor: monitor(shared, options.timeout)?,
        };
        for hub in 0..hubs {
            let (shared, pulses) = (shared.clone(), pulses.clone());
            let builder = Builder::new().name("maypole-beat").hub(hub);
            beat.greenlets.push(builder.spawn(move || {
                loop {
                    pulses.touch(hub);
                    if hub == 0 && pulses.all_run(period) {
                        // An error shows where the master is heard.
                        let _ = shared.link.send(&ToMaster::Beat(shared.figures()));
                    }
                    sleep(period);
                }
            })?);
        }
        Ok(beat)
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        for greenlet in &self.greenlets {
            greenlet.start_kill();
        }
    }
}

impl Pulses {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn touch(&self, hub: usize) {
        self.last[hub].store(self.now(), Ordering::Relaxed);
    }

    fn all_run(&self, period: Duration) -> bool {
        let late = u64::try_from((period * LATE).as_millis()).unwrap_or(u64::MAX);
        let since = self.now().saturating_sub(late);
        self.last
            .iter()
            .all(|last| last.load(Ordering::Relaxed) >= since)
    }
}

/// Reports who blocks a hub, in time before the worker is aborted for it.
fn monitor(shared: &Arc<Shared>, timeout: Duration) -> io::Result<Option<Monitor>> {
    if timeout.is_zero() {
        return Ok(None);
    }
    let shared = shared.clone();
    let monitor = Monitor::builder()
        .max_blocking_time(timeout / 2)
        .on_blocked(move |blocked| {
            log::error!("worker {}: {blocked}", shared.number);
            let _ = shared.link.send(&ToMaster::Blocked(blocked.to_string()));
        })
        .start()?;
    Ok(Some(monitor))
}
