//! The hub: set-up of `may`, and what there is one of.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use may::coroutine;

use super::super::{SpawnError, current, overflow};
use super::clock::Clock;
use super::turn::Bench;

/// Settings of the hub, the thread on which all greenlets run.
///
/// The hub starts by itself at the first spawn. Its settings count when they
/// are made before that; afterwards they are refused.
///
/// ```
/// use maypole_runtime::Hub;
///
/// Hub::set_stack_size(128 * 1024)?;
/// let twice = maypole_runtime::spawn(|| 2 + 2);
/// assert_eq!(twice.get().unwrap(), 4);
/// assert!(Hub::set_stack_size(64 * 1024).is_err()); // too late
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Hub {
    _private: (),
}

/// Stack of a greenlet unless its builder says otherwise. Handlers with TLS and
/// formatting were seen to need up to 20 KiB; memory is used as it is touched,
/// so the rest costs address space only.
const DEFAULT_STACK_SIZE: usize = 256 * 1024;

/// Smallest stack that can be asked for: a panic with its message fits.
const MIN_STACK_SIZE: usize = 16 * 1024;

/// How long greenlets may keep waking each other before I/O and timers get
/// their turn. A poll costs about a microsecond, so this costs a thousandth.
const DEFAULT_TIME_SLICE: Duration = Duration::from_millis(1);

/// Stacks mapped when the hub starts. Small, so that starting is cheap.
const STACKS_AT_START: usize = 16;

/// Stacks of ended greenlets that are kept for reuse.
const STACKS_KEPT: usize = 1024;

/// Memory mappings left for all that is not a greenlet's stack: libraries,
/// threads, the allocator's arenas.
const MAPPINGS_LEFT: usize = 2048;

/// Each stack is two mappings: its memory, and its guard page.
const MAPPINGS_PER_STACK: usize = 2;

/// `vm.max_map_count` where it cannot be read: the kernel's default.
const USUAL_MAX_MAP_COUNT: usize = 65_530;

static STACK_SIZE: AtomicUsize = AtomicUsize::new(DEFAULT_STACK_SIZE);
static TIME_SLICE: AtomicU64 = AtomicU64::new(DEFAULT_TIME_SLICE.as_nanos() as u64);
static WORKERS: AtomicUsize = AtomicUsize::new(1);
static HUB: OnceLock<&'static HubState> = OnceLock::new();

impl Hub {
    /// Sets the stack size of greenlets, in bytes, for those whose
    /// [`Builder`](crate::Builder) does not say otherwise. The default is
    /// 256 KiB; only what is touched takes memory.
    ///
    /// # Errors
    ///
    /// `InvalidInput` below 16 KiB; `AlreadyExists` when the hub runs.
    pub fn set_stack_size(bytes: usize) -> io::Result<()> {
        if bytes < MIN_STACK_SIZE {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("a stack of {bytes} bytes is below the least of {MIN_STACK_SIZE}"),
            ));
        }
        Self::set(&STACK_SIZE, bytes.next_multiple_of(page_size()))
    }

    /// Sets how long greenlets that are always ready may run before the hub
    /// looks at I/O and timers. The default is 1 ms.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` when the hub runs.
    pub fn set_time_slice(slice: Duration) -> io::Result<()> {
        Self::refuse_when_started()?;
        let nanos = u64::try_from(slice.as_nanos()).unwrap_or(u64::MAX);
        TIME_SLICE.store(nanos, Ordering::Relaxed);
        Ok(())
    }

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
    /// # Errors
    ///
    /// `InvalidInput` for 0; `AlreadyExists` when the hub runs.
    pub unsafe fn workers(workers: usize) -> io::Result<()> {
        if workers == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a hub needs at least one worker",
            ));
        }
        Self::set(&WORKERS, workers)
    }

    fn set(setting: &AtomicUsize, value: usize) -> io::Result<()> {
        Self::refuse_when_started()?;
        setting.store(value, Ordering::Relaxed);
        Ok(())
    }

    fn refuse_when_started() -> io::Result<()> {
        match HUB.get() {
            None => Ok(()),
            Some(_) => Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "the hub already runs; its settings are made before the first spawn",
            )),
        }
    }
}

/// What there is one of, from the hub's start to the end of the process.
pub(super) struct HubState {
    pub(super) clock: Clock,
    pub(super) bench: Bench,
    pub(super) stack_words: usize,
    pub(super) page_size: usize,
    pub(super) time_slice: Duration,
    live: AtomicUsize,
    limit: usize,
}

impl HubState {
    /// Counts one more live greenlet, until the place is dropped.
    pub(super) fn take_place(&'static self) -> Result<Place, SpawnError> {
        // Counted first: a thread that spawns at the same time sees it.
        let place = Place(self);
        if self.live.fetch_add(1, Ordering::Relaxed) >= self.limit {
            drop(place);
            return Err(SpawnError::Limit { limit: self.limit });
        }
        Ok(place)
    }
}

/// One live greenlet's share of the limit.
pub(super) struct Place(&'static HubState);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The stack size of greenlets that do not ask for another, in bytes.
pub(crate) fn default_stack_size() -> usize {
    STACK_SIZE.load(Ordering::Relaxed)
}

fn page_size() -> usize {
    // Not rustix's: it reads the process's start-up data by itself, which fails
    // under valgrind.
    // SAFETY: sysconf only reads.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
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
        time_slice: Duration::from_nanos(TIME_SLICE.load(Ordering::Relaxed)),
        live: AtomicUsize::new(0),
        limit: limit_of(max_map_count()),
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

/// How many greenlets may live when the process may have `mappings` mappings.
fn limit_of(mappings: usize) -> usize {
    let stacks = mappings.saturating_sub(MAPPINGS_LEFT) / MAPPINGS_PER_STACK;
    // Kept stacks may all be mapped beside the live ones.
    stacks.saturating_sub(STACKS_KEPT).max(1)
}

fn max_map_count() -> usize {
    std::fs::read_to_string("/proc/sys/vm/max_map_count")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(USUAL_MAX_MAP_COUNT)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_leaves_room_for_other_mappings() {
        assert_eq!(limit_of(65_530), (65_530 - 2048) / 2 - 1024);
        assert_eq!(limit_of(100), 1);
    }

    #[test]
    fn settings_are_checked() {
        let error = Hub::set_stack_size(1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
