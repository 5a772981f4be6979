//! The engine: what switches greenlets, and the contract it keeps.
//!
//! Everything above stands on this page and nothing else, so that another
//! engine can take the place of the first. An engine offers:
//!
//! 1. **Spawn**: [`spawn`] runs a body on a stack of its own, or says why not.
//!    It never runs the body before the spawner suspends; bodies start in the
//!    order in which they were spawned (the `may` engine keeps to that only
//!    between two polls).
//! 2. **Identity**: [`with_current`] hands out what [`spawn`] was given for the
//!    greenlet that runs now, and nothing on a plain thread. [`with_own`] has a
//!    place for what that greenlet keeps for itself.
//! 3. **Parking**: [`Parker::park`] suspends its owner until [`Parker::unpark`],
//!    which any thread may call and which is remembered when it comes first.
//!    A park may also end early for no reason: callers check and park again.
//! 4. **Readiness**: [`Source::prepare`], then [`IoWait::suspend`], suspends
//!    until a descriptor may be ready, a deadline passes, or the owner's parker
//!    is unparked. One waiter per direction; a second gets an error.
//! 5. **Turns**: [`yield_now`] lets everything else that is ready run, and
//!    within one time slice lets I/O and timers in. [`tick`] is the cheap form
//!    for calls that were ready and did not suspend.
//! 6. **Time**: [`set_alarm`] rings an [`Alarm`] once, at or after an instant.
//! 7. **Pulse**: while a [`Watch`] is held, hubs tell when they run which
//!    greenlet.
//!
//! A greenlet runs on one thread at a time and, but for `may` with more than one
//! worker, always on the same one: that of its hub. Plain threads have parkers too: there, parking and
//! waiting block the thread.
//!
//! Nothing in this folder may suspend while a lock is held, and no user code
//! runs inside a lock.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::time::Timespec;

mod alarms;
mod current;
mod deadline;
mod inherited;
#[cfg(not(feature = "native"))]
mod may;
#[cfg(feature = "native")]
mod native;
mod overflow;
mod parker;
mod pulse;
mod settings;
mod slice;
mod source;
pub(crate) mod sync;
mod thread;

// The one engine of this build.
#[cfg(not(feature = "native"))]
use self::may as imp;
#[cfg(feature = "native")]
use self::native as imp;

pub(crate) use alarms::AlarmKey;
pub(crate) use current::{with_current, with_own};
pub(crate) use imp::{cancel_alarm, set_alarm, tick, yield_now};
pub(crate) use inherited::{duplicate_inherited, pass, take_passed};
pub(crate) use parker::Parker;
pub(crate) use pulse::{Pulse, Watch, own_beat};
pub use settings::Hub;
pub(crate) use settings::default_stack_size;
pub(crate) use source::{Interest, Source};

#[cfg(panic = "abort")]
compile_error!(
    "maypole ends greenlets by unwinding: build it with panic = \"unwind\" (the default)"
);

#[cfg(not(target_os = "linux"))]
compile_error!("maypole runs on Linux only: its engine stands on epoll, eventfd and timerfd");

/// On which hub a greenlet is to run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Placement {
    /// On the hub of the greenlet that spawns it; for a plain thread, the first.
    #[default]
    Here,
    /// On the hub with this number, counted from 0.
    On(usize),
    /// On the hub with the fewest greenlets.
    LeastLoaded,
}

/// What the layer above keeps for each greenlet. The engine carries it along
/// and asks it only for these things.
pub(crate) trait Local: Alarm + Any {
    /// The greenlet's number, for messages.
    fn id(&self) -> u64;

    /// The greenlet's name if it was given one, for messages.
    fn name(&self) -> Option<&str>;

    /// The greenlet's parker, for whoever has to wake it.
    fn parker(&self) -> &Parker;

    /// The greenlet has ended, and the engine lets go of this.
    fn ended(self: Arc<Self>);
}

/// Something that is told once when its time has come.
pub(crate) trait Alarm: Send + Sync {
    /// Called on a hub; must neither block nor panic.
    fn ring(self: Arc<Self>);
}

/// Why a greenlet could not be spawned.
#[derive(Debug)]
pub(crate) enum SpawnError {
    /// As many greenlets live as the process's memory mappings allow.
    Limit {
        /// How many may live at once.
        limit: usize,
    },
    /// The stack could not be mapped.
    Stack,
    /// A body that is not `Send` was to be spawned from a plain thread.
    NoGreenlet,
    /// There is no hub with this number.
    NoHub {
        /// The number asked for.
        hub: usize,
    },
}

impl std::error::Error for SpawnError {}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit { limit } => write!(
                f,
                "too many greenlets: {limit} live, which is what the kernel setting \
                 vm.max_map_count allows; raise it to have more"
            ),
            Self::Stack => f.write_str(
                "no memory for a greenlet's stack; the kernel setting vm.max_map_count \
                 and the process's memory limits bound how many there can be",
            ),
            Self::NoGreenlet => {
                f.write_str("a plain thread has no hub: only greenlets spawn what is not Send")
            }
            Self::NoHub { hub } => write!(
                f,
                "there is no hub {hub}: hubs are counted from 0, and Hub::threads sets how many \
                 there are"
            ),
        }
    }
}

/// Bytes that a body may capture and still be moved to its stack as it is; a
/// larger one is boxed. `corosensei` takes a kilobyte, which has to hold what the
/// engine adds too.
const LARGEST_INLINE: usize = 512;

/// Runs `body` as a greenlet on a stack of `stack_size` bytes, after the
/// greenlets that are ready now.
///
/// # Errors
///
/// If as many greenlets live as the hub allows, or the stack cannot be mapped.
pub(crate) fn spawn<L: Local, F: FnOnce(&Arc<L>) + Send + 'static>(
    placement: Placement,
    stack_size: usize,
    local: Arc<L>,
    body: F,
) -> Result<(), SpawnError> {
    if size_of::<F>() <= LARGEST_INLINE {
        return imp::spawn(placement, stack_size, local, body);
    }
    let body = Box::new(body);
    imp::spawn(placement, stack_size, local, move |local: &Arc<L>| {
        body(local);
    })
}

/// As [`spawn`], on the caller's hub, with a body that need not be `Send`.
///
/// # Errors
///
/// As [`spawn`], and on a plain thread, which has no hub.
pub(crate) fn spawn_local<L: Local>(
    stack_size: usize,
    local: Arc<L>,
    body: impl FnOnce(&Arc<L>) + 'static,
) -> Result<(), SpawnError> {
    struct Stays<F>(F);
    // SAFETY: the body never leaves this thread. It is spawned on the hub of the
    // greenlet that calls, whose thread this is; greenlets stay on their hub's
    // thread, and the body is run and dropped by the greenlet alone. (On `may`
    // with more workers they do not stay: the contract of `Hub::workers` puts
    // that on its caller.)
    unsafe impl<F> Send for Stays<F> {}
    impl<F> Stays<F> {
        // A method, so that a closure captures the whole and not its field.
        fn run<L>(self, local: &Arc<L>)
        where
            F: FnOnce(&Arc<L>),
        {
            (self.0)(local);
        }
    }

    if !current::is_greenlet() {
        return Err(SpawnError::NoGreenlet);
    }
    let body = Stays(body);
    spawn(Placement::Here, stack_size, local, move |local: &Arc<L>| {
        body.run(local);
    })
}

/// What is left until `deadline` as a kernel time; `None` waits for ever.
fn time_left(deadline: Option<Instant>) -> Option<Timespec> {
    Some(timespec(
        deadline?.saturating_duration_since(Instant::now()),
    ))
}

/// A duration as a kernel time.
fn timespec(duration: Duration) -> Timespec {
    Timespec {
        // A deadline is at most `wait`'s horizon away, which fits.
        tv_sec: duration.as_secs().min(i64::MAX as u64) as i64,
        tv_nsec: duration.subsec_nanos().into(),
    }
}
