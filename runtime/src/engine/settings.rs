//! Settings of the hub, and the limit on greenlets. The same for every engine.

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::SpawnError;
use super::imp::{hub_count, is_started, refuse_threads};

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
#[doc(alias = "get_hub")]
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

/// Memory mappings left for all that is not a greenlet's stack: libraries,
/// threads, the allocator's arenas.
const MAPPINGS_LEFT: usize = 2048;

/// A stack that is guarded by a mapping is two: its memory, and its guard.
const MAPPINGS_PER_STACK: usize = 2;

/// `vm.max_map_count` where it cannot be read: the kernel's default.
const USUAL_MAX_MAP_COUNT: usize = 65_530;

static STACK_SIZE: AtomicUsize = AtomicUsize::new(DEFAULT_STACK_SIZE);
static THREADS: AtomicUsize = AtomicUsize::new(1);
static TIME_SLICE: AtomicU64 = AtomicU64::new(DEFAULT_TIME_SLICE.as_nanos() as u64);

impl Hub {
    /// Sets the stack size of greenlets, in bytes, for those whose
    /// [`Builder`](crate::Builder) does not say otherwise. The default is
    /// 256 KiB; only what is touched takes memory.
    ///
    /// # Errors
    ///
    /// `InvalidInput` below 16 KiB, and for more than there are addresses;
    /// `AlreadyExists` when the hub runs.
    ///
    /// See the example of [`Hub`].
    pub fn set_stack_size(bytes: usize) -> io::Result<()> {
        if bytes < MIN_STACK_SIZE {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("a stack of {bytes} bytes is below the least of {MIN_STACK_SIZE}"),
            ));
        }
        let Some(bytes) = bytes.checked_next_multiple_of(page_size()) else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("a stack of {bytes} bytes is more than there are addresses"),
            ));
        };
        Self::set(&STACK_SIZE, bytes)
    }

    /// Sets how long greenlets that are always ready may run before the hub
    /// looks at I/O and timers. The default is 1 ms.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` when the hub runs.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::Hub;
    ///
    /// Hub::set_time_slice(Duration::from_millis(2))?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "getswitchinterval")]
    pub fn set_time_slice(slice: Duration) -> io::Result<()> {
        Self::refuse_when_started()?;
        let nanos = u64::try_from(slice.as_nanos()).unwrap_or(u64::MAX);
        TIME_SLICE.store(nanos, Ordering::Relaxed);
        Ok(())
    }

    /// Lets `threads` hubs run greenlets, each on a thread of its own. The
    /// default is one.
    ///
    /// A greenlet never leaves the hub that it was spawned on, so thread-locals,
    /// `Rc`s and lock guards behave as with one. Greenlets of different hubs run
    /// at the same time, though: code between two blocking calls is atomic only
    /// for those of one hub. [`spawn`](crate::spawn) stays on the caller's hub;
    /// [`Builder::hub`](crate::Builder::hub) and
    /// [`Builder::least_loaded`](crate::Builder::least_loaded) choose another.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for 0; `AlreadyExists` when the hub runs; `Unsupported`
    /// for more than one on the `may` engine.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::Hub;
    ///
    /// match Hub::threads(2) {
    ///     Ok(()) => assert_eq!(Hub::count(), 2),
    ///     Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::Unsupported), // on `may`
    /// }
    /// ```
    pub fn threads(threads: usize) -> io::Result<()> {
        if threads == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "greenlets need at least one hub",
            ));
        }
        refuse_threads(threads)?;
        Self::set(&THREADS, threads)
    }

    /// How many hubs there are, each on a thread of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(maypole_runtime::Hub::count() >= 1);
    /// ```
    #[must_use]
    pub fn count() -> usize {
        hub_count()
    }

    pub(super) fn set(setting: &AtomicUsize, value: usize) -> io::Result<()> {
        Self::refuse_when_started()?;
        setting.store(value, Ordering::Relaxed);
        Ok(())
    }

    fn refuse_when_started() -> io::Result<()> {
        if !is_started() {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "the hub already runs; its settings are made before the first spawn",
        ))
    }
}

/// The stack size of greenlets that do not ask for another, in bytes.
pub(crate) fn default_stack_size() -> usize {
    STACK_SIZE.load(Ordering::Relaxed)
}

/// The number of hubs that was set.
#[cfg(feature = "native")]
pub(super) fn threads() -> usize {
    // The contract tests also run with several, chosen from outside.
    #[cfg(test)]
    if let Some(threads) = std::env::var("MAYPOLE_CONTRACT_HUBS")
        .ok()
        .and_then(|text| text.parse().ok())
    {
        return threads;
    }
    THREADS.load(Ordering::Relaxed)
}

/// The time slice that was set.
pub(super) fn time_slice() -> Duration {
    Duration::from_nanos(TIME_SLICE.load(Ordering::Relaxed))
}

/// The kernel's page size.
pub(super) fn page_size() -> usize {
    // Not rustix's: it reads the process's start-up data by itself, which fails
    // under valgrind.
    // SAFETY: sysconf only reads.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

/// How many greenlets live, and how many may.
#[derive(Debug)]
pub(super) struct Places {
    live: AtomicUsize,
    limit: usize,
}

impl Places {
    /// As many as there may be anyhow.
    #[cfg(feature = "native")]
    pub(super) fn unlimited() -> Self {
        Self::new(usize::MAX)
    }

    /// As many as `vm.max_map_count` allows, when each stack has a guard mapping
    /// and `kept` unused stacks may be mapped beside the live ones.
    pub(super) fn by_mappings(kept: usize) -> Self {
        Self::new(limit_of(max_map_count(), kept))
    }

    fn new(limit: usize) -> Self {
        Self {
            live: AtomicUsize::new(0),
            limit,
        }
    }

    /// Counts one more live greenlet, until the place is dropped.
    pub(super) fn take(&'static self) -> Result<Place, SpawnError> {
        let place = Place(self);
        if self.limit == usize::MAX {
            return Ok(place);
        }
        // Counted first: a thread that spawns at the same time sees it.
        if self.live.fetch_add(1, Ordering::Relaxed) >= self.limit {
            drop(place);
            return Err(SpawnError::Limit { limit: self.limit });
        }
        Ok(place)
    }
}

/// One live greenlet's share of the limit.
#[derive(Debug)]
pub(super) struct Place(&'static Places);

impl Drop for Place {
    fn drop(&mut self) {
        if self.0.limit != usize::MAX {
            self.0.live.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn limit_of(mappings: usize, kept: usize) -> usize {
    let stacks = mappings.saturating_sub(MAPPINGS_LEFT) / MAPPINGS_PER_STACK;
    stacks.saturating_sub(kept).max(1)
}

fn max_map_count() -> usize {
    std::fs::read_to_string("/proc/sys/vm/max_map_count")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(USUAL_MAX_MAP_COUNT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_leaves_room_for_other_mappings() {
        assert_eq!(limit_of(65_530, 1024), (65_530 - 2048) / 2 - 1024);
        assert_eq!(limit_of(100, 1024), 1);
    }

    #[test]
    fn settings_are_checked() {
        for bytes in [1, usize::MAX] {
            let error = Hub::set_stack_size(bytes).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }
}
