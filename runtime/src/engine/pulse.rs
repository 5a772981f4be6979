//! What a hub is doing, for those who watch it from outside. The same for every
//! engine.
//!
//! Off unless somebody watches: a greenlet that resumes then looks at one flag.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;

use super::Local;

/// How many watch.
static WATCHERS: AtomicUsize = AtomicUsize::new(0);

/// The pulses of all threads that have run greenlets while somebody watched.
static PULSES: Mutex<Vec<&'static Pulse>> = Mutex::new(Vec::new());

thread_local! {
    // Leaked: a hub lives as long as the process.
    static PULSE: Cell<Option<&'static Pulse>> = const { Cell::new(None) };
}

/// The beat of one hub.
pub(crate) struct Pulse {
    thread: String,
    // Counts up whenever a greenlet begins or ceases to run; odd while one runs.
    beat: AtomicU64,
    runs: Mutex<Option<Arc<dyn Local>>>,
}

/// Has hubs beat, until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch(());

impl Watch {
    /// Begins to watch. A greenlet that runs now is seen when it next resumes.
    pub(crate) fn begin() -> Self {
        WATCHERS.fetch_add(1, Ordering::Relaxed);
        Self(())
    }

    /// All hubs that have been seen to beat.
    pub(crate) fn pulses(&self) -> Vec<&'static Pulse> {
        PULSES.lock().clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        WATCHERS.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pulse {
    /// The name of the hub's thread.
    pub(crate) fn thread(&self) -> &str {
        &self.thread
    }

    /// A number that changes whenever another greenlet runs, or none; odd while
    /// one does.
    pub(crate) fn beat(&self) -> u64 {
        self.beat.load(Ordering::Acquire)
    }

    /// Who runs now, if somebody does.
    pub(crate) fn runs(&self) -> Option<Arc<dyn Local>> {
        self.runs.lock().clone()
    }
}

/// The beat of the calling hub, for one of its greenlets.
pub(crate) fn own_beat() -> Option<u64> {
    PULSE.get().map(Pulse::beat)
}

/// Whether anybody watches.
#[inline]
pub(super) fn is_watched() -> bool {
    WATCHERS.load(Ordering::Relaxed) > 0
}

/// A greenlet of the calling hub begins to run, or goes on.
#[cold]
#[inline(never)] // touches thread-locals, see `current`
pub(super) fn enter(local: &Arc<dyn Local>) {
    let pulse = PULSE.get().unwrap_or_else(new);
    *pulse.runs.lock() = Some(local.clone());
    // It may be odd: watching began while this thread ran a greenlet.
    let beat = pulse.beat.load(Ordering::Relaxed);
    pulse.beat.store((beat + 1) | 1, Ordering::Release);
}

/// The greenlet that runs is about to suspend or has ended.
#[cold]
#[inline(never)] // touches thread-locals, see `current`
pub(super) fn leave() {
    let Some(pulse) = PULSE.get() else { return };
    let beat = pulse.beat.load(Ordering::Relaxed);
    pulse.beat.store((beat | 1) + 1, Ordering::Release);
    let gone = pulse.runs.lock().take();
    drop(gone);
}

fn new() -> &'static Pulse {
    let thread = thread::current();
    let pulse: &'static Pulse = Box::leak(Box::new(Pulse {
        thread: thread.name().unwrap_or("the hub").to_owned(),
        beat: AtomicU64::new(0),
        runs: Mutex::new(None),
    }));
    PULSE.set(Some(pulse));
    PULSES.lock().push(pulse);
    pulse
}
