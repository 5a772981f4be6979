//! The one wait primitive: park, wake, deadline, interrupt.
//!
//! Everything that blocks is made of it. A waiter [begins](Wait::begin) a
//! wait, leaves [tickets](Ticket) where it can be woken, and [ends](Wait::end)
//! the wait by suspending. One atomic word per [`Strand`] decides who ends a
//! wait: a waker, the deadline or an interrupt, and only one of them. So a
//! waker that succeeded knows that what it hands over is taken, and an
//! interrupted waiter knows that it was handed nothing.

use std::error::Error;
use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::sync::panicking;
use crate::engine::{self, Interest, Source};

mod end;
mod interrupt;
mod list;
#[cfg(all(test, loom))]
pub(crate) mod models;
mod number;
mod strand;
mod track;
mod turns;
mod watch;

pub use end::Ending;
pub(crate) use end::{End, Outcome};
pub(crate) use interrupt::{Interrupt, Interrupted};
pub(crate) use list::{WaitList, Waited, wait_in};
pub(crate) use strand::{Share, Strand, with_strand};
pub(crate) use track::{Doing, Track, is_tracking, set_tracking, tracked};
pub use watch::Waitable;
pub(crate) use watch::{Board, Watch, Watcher, unwatch_in, watch_in};

use turns::Phase;

/// A greenlet that is unwinding cannot wait.
///
/// Destructors that run while a panic, a kill or a time-out unwinds a greenlet
/// must not suspend it: std counts panics per thread, and the other greenlets
/// of the hub would seem to panic too. Calls that would have to wait return
/// this instead.
///
/// # Examples
///
/// ```
/// use maypole_runtime::{lock::Mutex, spawn};
///
/// static TOTAL: Mutex<u32> = Mutex::new(0);
///
/// struct Counts;
/// impl Drop for Counts {
///     fn drop(&mut self) {
///         // Taken by somebody else, who would have to be waited for.
///         assert!(TOTAL.lock().is_err());
///     }
/// }
///
/// let _held = TOTAL.lock()?;
/// let fails = spawn(|| {
///     let _counts = Counts;
///     panic!("no");
/// });
/// fails.join();
/// # Ok::<(), maypole_runtime::Unwinding>(())
/// ```
#[doc(alias = "BlockingSwitchOutError")]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unwinding(());

impl fmt::Display for Unwinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a greenlet cannot wait while it unwinds")
    }
}

impl Error for Unwinding {}

impl From<Unwinding> for io::Error {
    fn from(error: Unwinding) -> Self {
        Self::other(error)
    }
}

/// How a wait ended. An interrupt ends it too, but by unwinding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ended {
    /// A ticket was used.
    Woken,
    /// The deadline passed.
    TimedOut,
}

/// The deadlines beyond this are none: no kernel call is given a time that it
/// could take for an invalid one.
const HORIZON: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// The instant `limit` from now, or `None` for "never" when that is too far.
pub(crate) fn deadline_after(limit: Duration) -> Option<Instant> {
    (limit <= HORIZON).then(|| Instant::now().checked_add(limit))?
}

/// A wait of the calling greenlet or thread.
#[derive(Debug)]
pub(crate) struct Wait<'a> {
    strand: &'a Arc<Strand>,
    turn: u64,
}

impl<'a> Wait<'a> {
    /// Begins a wait, so that tickets can be given out.
    ///
    /// Unwinds with a pending interrupt.
    ///
    /// # Errors
    ///
    /// If the greenlet is unwinding already.
    pub(crate) fn begin(strand: &'a Arc<Strand>) -> Result<Self, Unwinding> {
        refuse_while_unwinding(strand)?;
        strand.parker.prepare();
        let wait = Self {
            strand,
            turn: strand.turns.begin(),
        };
        // After the word says "waiting": whoever interrupts from here on sees
        // it and wakes us; whoever did before is seen here.
        strand.interrupts.deliver_one();
        Ok(wait)
    }

    /// A way to end this wait once, for somebody else.
    pub(crate) fn ticket(&self) -> Ticket {
        Ticket(Holder::Waiter {
            strand: self.strand.clone(),
            turn: self.turn,
        })
    }

    /// Suspends until a ticket is used or the deadline passes.
    ///
    /// Unwinds when interrupted: whoever left tickets takes them back in a
    /// destructor ([`wait_in`] does).
    ///
    /// # Errors
    ///
    /// On a plain thread that is interrupted while it panics: that interrupt
    /// cannot be delivered now, and tickets may have been passed over.
    #[inline]
    pub(crate) fn end(self, deadline: Option<Instant>) -> Result<Ended, Unwinding> {
        let strand = self.strand;
        loop {
            match strand.turns.phase(self.turn) {
                Phase::Waiting => {}
                Phase::Woken => return Ok(Ended::Woken),
                Phase::Interrupted => {
                    strand.interrupts.deliver_one();
                    return Err(Unwinding(()));
                }
            }
            if deadline.is_some_and(|at| at <= Instant::now()) {
                if strand.turns.end(self.turn, Phase::Woken) {
                    return Ok(Ended::TimedOut);
                }
                continue;
            }
            strand.parker.park(deadline);
        }
    }

    /// Says what the wait is for, to those who look.
    #[inline]
    pub(crate) fn is_for(&self, what: &'static str) {
        self.strand.does(Doing::Waiting(what));
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        // Ends a wait that was begun and not needed; no ticket is good any more.
        self.strand.turns.end(self.turn, Phase::Woken);
        self.strand.does(Doing::Running);
    }
}

/// The right to end one wait of one strand, or to tell one watcher.
#[derive(Debug)]
pub(crate) struct Ticket(Holder);

#[derive(Debug)]
enum Holder {
    Waiter { strand: Arc<Strand>, turn: u64 },
    Watcher(Watcher),
}

impl Ticket {
    /// A ticket for one who waits for many things. Only for lists whose waiters
    /// are handed nothing.
    pub(crate) fn watch(watcher: Watcher) -> Self {
        Self(Holder::Watcher(watcher))
    }

    /// Ends the wait. False when something else has ended it already.
    pub(crate) fn wake(&self) -> bool {
        match &self.0 {
            Holder::Waiter { strand, turn } => {
                let won = strand.turns.end(*turn, Phase::Woken);
                if won {
                    strand.parker.unpark();
                }
                won
            }
            Holder::Watcher(watcher) => {
                watcher.tell();
                true
            }
        }
    }
}

/// Suspends until `source` may be ready for `interest`.
///
/// Returns early at times: the caller tries its call again.
///
/// # Errors
///
/// `TimedOut` after the deadline, `ResourceBusy` when another greenlet waits in
/// this direction, and [`Unwinding`].
pub(crate) fn ready<T: AsFd>(
    source: &Source<T>,
    interest: Interest,
    deadline: Option<Instant>,
) -> io::Result<()> {
    ready_unless(source, interest, deadline, || false)
}

/// As [`ready`], but does not suspend when `stop` says so. Who makes it say so,
/// and then [nudges](Strand::nudge) the strand, finds it awake.
///
/// # Errors
///
/// As [`ready`].
pub(crate) fn ready_unless<T: AsFd>(
    source: &Source<T>,
    interest: Interest,
    deadline: Option<Instant>,
    stop: impl FnOnce() -> bool,
) -> io::Result<()> {
    with_strand(|strand| {
        refuse_while_unwinding(strand)?;
        let io = source.prepare(interest, &strand.parker)?;
        let wait = Wait {
            strand,
            turn: strand.turns.begin(),
        };
        strand.interrupts.deliver_one();
        // From `prepare` on a nudge is not lost; one from before is seen here.
        if stop() {
            return Ok(());
        }
        if deadline.is_some_and(|at| at <= Instant::now()) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        wait.is_for(match interest {
            Interest::Read => "input",
            Interest::Write => "room for output",
        });
        io.suspend(deadline)?;
        drop(wait);
        drop(io);
        strand.interrupts.deliver_one();
        Ok(())
    })
}

/// To be called before a call that may be ready at once and then never
/// suspends: delivers interrupts and, when the time slice is spent, lets others
/// run. Nothing happens while unwinding.
#[inline]
pub(crate) fn checkpoint() {
    if panicking() {
        return;
    }
    with_strand(|strand| strand.interrupts.deliver_one());
    engine::tick();
}

/// Lets every other ready greenlet run; see [`crate::yield_now`].
// Inlined, and no closure around the switch: a return that crosses a switch is
// mispredicted, so every call level between a user and a switch costs about 6 ns.
#[inline(always)]
pub(crate) fn yield_now() {
    let may_wait = with_strand(|strand| {
        let may_wait = refuse_while_unwinding(strand).is_ok();
        if may_wait {
            strand.interrupts.deliver_one();
        }
        may_wait
    });
    if may_wait {
        engine::yield_now();
        with_strand(|strand| strand.interrupts.deliver_one());
    }
}

/// Suspends until the deadline; returns at once while unwinding.
pub(crate) fn sleep_until(deadline: Option<Instant>) {
    if deadline.is_some_and(|at| at <= Instant::now()) {
        // So short that it has passed: others run all the same.
        return yield_now();
    }
    with_strand(|strand| {
        if let Ok(wait) = Wait::begin(strand) {
            wait.is_for("sleep");
            // Nobody holds a ticket: it ends by the deadline or an interrupt.
            let _ = wait.end(deadline);
        }
    });
}

/// For what waits in sleeps: an error while the calling greenlet unwinds.
///
/// # Errors
///
/// [`Unwinding`].
pub(crate) fn refuse_to_wait() -> Result<(), Unwinding> {
    with_strand(|strand| refuse_while_unwinding(strand))
}

/// Only greenlets refuse: a plain thread blocks nobody but itself.
#[inline]
fn refuse_while_unwinding(strand: &Strand) -> Result<(), Unwinding> {
    if panicking() && strand.parker.is_greenlet() {
        return Err(Unwinding(()));
    }
    Ok(())
}

impl Strand {
    /// Ends the strand's wait early, for no reason: it looks whether it has to
    /// wait on. Only `ready_unless` is sure to look again.
    pub(crate) fn nudge(&self) {
        // Either a wait that begins after this sees what the caller did before,
        // or it has begun, and its parker was prepared.
        self.turns.touch();
        self.parker.unpark();
    }

    /// Asks the strand to unwind at its current or next blocking call.
    pub(crate) fn interrupt(&self, interrupt: Interrupt) {
        // Added and announced in one step: an interrupt that ended a wait is
        // still there when the waiter looks for it.
        let ended = self
            .interrupts
            .add(interrupt, || self.turns.end_current(Phase::Interrupted));
        if ended {
            self.parker.unpark();
        }
    }
}
