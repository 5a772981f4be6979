//! The hub: set-up of `may`, and what there is one of.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use may::coroutine;

use super::super::settings::{Place, Places, page_size, time_slice};
use super::super::{Hub, SpawnError, current, default_stack_size, overflow};
use super::clock::Clock;
use super::turn::Bench;

/// Stacks mapped when the hub starts. Small, so that starting is cheap.
const STACKS_AT_START: usize = 16;

/// Stacks of ended greenlets that are kept for reuse.
const STACKS_KEPT: usize = 1024;

static WORKERS: AtomicUsize = AtomicUsize::new(1);
static HUB: OnceLock<&'static HubState> = OnceLock::new();

impl Hub {
    /// Lets `workers` threads run greenlets instead of one. Measured to be
    /// slower than one for servers; more processes on one port are the better
    /// way to more cores.
    ///
    /// # Safety
    ///
    /// With more than one worker a greenlet may resume on another thread after
    /// any blocking call. No code that runs in a greenlet may then hold a
    /// reference into a thread-local, or any value that is not `Send`, across
    /// a blocking call; and the compiler itself may keep the address of a
    /// thread-local across one. All code of the program that runs in
    /// greenlets, libraries included, has to keep to this.
    ///
    /// `may` itself has a window with more than one worker: it touches a
    /// coroutine's data after it has let others wake it, and a greenlet that
    /// another worker wakes and runs to its end at that moment is gone. No care
    /// of the caller's closes it. It was found by reading; the stress tests with
    /// two workers crashed once in some eighty runs, which it would explain.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for 0; `AlreadyExists` when the hub runs.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::Hub;
    ///
    /// // SAFETY: nothing that runs in a greenlet keeps what belongs to a thread
    /// // across a blocking call.
    /// unsafe { Hub::workers(1) }?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub unsafe fn workers(workers: usize) -> io::Result<()> {
        if workers == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a hub needs at least one worker",
            ));
        }
        Self::set(&WORKERS, workers)
    }
}

/// What there is one of, from the hub's start to the end of the process.
pub(super) struct HubState {
    pub(super) clock: Clock,
    pub(super) bench: Bench,
    pub(super) stack_words: usize,
    pub(super) page_size: usize,
    pub(super) time_slice: Duration,
    places: Places,
}

impl HubState {
    /// Counts one more live greenlet, until the place is dropped.
    pub(super) fn take_place(&'static self) -> Result<Place, SpawnError> {
        self.places.take()
    }
}

/// Whether the hub runs, so that its settings are made.
pub(in super::super) fn is_started() -> bool {
    HUB.get().is_some()
}

/// There is one hub.
pub(crate) fn hub_count() -> usize {
    1
}

/// More hubs than one are the other engine's.
pub(in super::super) fn refuse_threads(threads: usize) -> io::Result<()> {
    match threads {
        1 => Ok(()),
        _ => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "the `may` engine has one hub; build with the feature `native` for more",
        )),
    }
}

/// The hub, started at the first call.
///
/// # Panics
///
/// If the kernel gives no epoll, eventfd or timerfd to run a hub with.
#[inline]
pub(super) fn hub() -> &'static HubState {
    HUB.get_or_init(start)
}

#[cold]
fn start() -> &'static HubState {
    let stack_words = default_stack_size() / size_of::<usize>();
    let previous = overflow::previous();
    let config = may::config();
    config
        .set_workers(workers())
        .set_stack_size(stack_words)
        .set_pool_capacity(STACKS_AT_START)
        .set_worker_pin(false);
    let (clock, bench) = match Clock::new().and_then(|clock| Ok((clock, Bench::new()?))) {
        Ok(made) => made,
        Err(error) => panic!("the hub cannot start: {error}"),
    };
    let hub: &'static HubState = Box::leak(Box::new(HubState {
        clock,
        bench,
        stack_words,
        page_size: page_size(),
        time_slice: time_slice(),
        places: Places::by_mappings(STACKS_KEPT),
    }));
    serve(|| hub.clock.serve());
    serve(|| hub.bench.serve());
    config.set_pool_capacity(STACKS_KEPT);
    overflow::install(current::visit, previous);
    hub
}

/// Starts one of the hub's own coroutines.
fn serve(body: impl FnOnce() + Send + 'static) {
    let run = move || {
        overflow::ensure_signal_stack();
        body();
    };
    // SAFETY: as in `spawn`: these two touch thread-locals only in functions
    // that do not suspend, and need little stack.
    drop(unsafe { coroutine::spawn(run) });
}

#[cfg(not(test))]
fn workers() -> usize {
    WORKERS.load(Ordering::Relaxed)
}

/// The contract tests run with two workers too, chosen from outside.
#[cfg(test)]
fn workers() -> usize {
    std::env::var("MAYPOLE_CONTRACT_WORKERS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| WORKERS.load(Ordering::Relaxed))
}
