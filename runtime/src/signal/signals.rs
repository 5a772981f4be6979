//! Waiting for signals.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::sync::Mutex;
use crate::wait::{self, Unwinding, WaitList, Waited, deadline_after, wait_in};

use super::Signal;
use super::number::Set;
use super::registry::{Listener, Subscription};

/// Waits until one of `signals` comes, and returns which.
///
/// What comes before the call and after it has its usual effect, so a second
/// Ctrl-C ends a program that waits for the first in this way. For one that must
/// not, make [`Signals`] early and keep them. Suspends only the caller; a kill or
/// time-out interrupts it.
///
/// # Errors
///
/// As [`Signals::new`], and [`Unwinding`] while the calling greenlet unwinds.
///
/// # Examples
///
/// ```no_run
/// use maypole_runtime::signal::{self, Signal};
///
/// let which = signal::wait(&[Signal::INT, Signal::TERM])?;
/// println!("ended by {which}");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wait(signals: &[Signal]) -> io::Result<Signal> {
    Ok(Signals::new(signals)?.wait()?)
}

/// Signals to wait for, kept from their usual effect as long as this lives.
///
/// A signal that comes while nobody waits is kept until somebody does; several
/// of the same kind count as one. Each goes to one waiter; other [`Signals`] and
/// [handlers](super::handler()) get it too. Clones share what has come. As an
/// iterator it waits for each next one, without end.
///
/// # Examples
///
/// ```no_run
/// use maypole_runtime::{signal::{Signal, Signals}, spawn};
///
/// let signals = Signals::new(&[Signal::HUP, Signal::TERM])?;
/// spawn(move || {
///     for signal in signals {
///         match signal {
///             Signal::HUP => { /* read the settings again */ }
///             _ => break, // a second SIGTERM ends the process
///         }
///     }
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Signals {
    inbox: Arc<Inbox>,
    subscription: Arc<Subscription>,
}

#[derive(Default)]
struct Inbox {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    arrived: Set,
    waiters: WaitList,
}

impl Signals {
    /// Keeps `signals` from their usual effect, to be waited for. Never blocks;
    /// starts the hub.
    ///
    /// # Errors
    ///
    /// As [`handler`](super::handler()), and `InvalidInput` when none is named.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::signal::{Signal, Signals};
    ///
    /// let signals = Signals::new(&[Signal::USR1])?; // does not end the process any more
    /// # let me = rustix::process::getpid();
    /// # rustix::process::kill_process(me, rustix::process::Signal::USR1)?;
    /// assert_eq!(signals.wait()?, Signal::USR1); // after `kill -USR1`
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(signals: &[Signal]) -> io::Result<Self> {
        let inbox = Arc::<Inbox>::default();
        let signals = signals.iter().copied().collect();
        let subscription = Subscription::new(signals, inbox.clone())?;
        Ok(Self {
            inbox,
            subscription: Arc::new(subscription),
        })
    }

    /// Waits until one of the signals has come, and takes it.
    ///
    /// Suspends only the caller; a kill or time-out interrupts it and loses no
    /// signal.
    ///
    /// # Errors
    ///
    /// [`Unwinding`] when it would have to wait while the calling greenlet
    /// unwinds.
    ///
    /// See the example of [`new`](Self::new).
    pub fn wait(&self) -> Result<Signal, Unwinding> {
        loop {
            // Without a deadline it ends with a signal or an error.
            if let Some(signal) = self.wait_until(None)? {
                return Ok(signal);
            }
        }
    }

    /// Takes a signal that has come already. Never blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::signal::{Signal, Signals};
    ///
    /// assert_eq!(Signals::new(&[Signal::USR1])?.try_wait(), None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn try_wait(&self) -> Option<Signal> {
        self.inbox.state.lock().arrived.take_first()
    }

    /// Waits for at most `limit`. `None` when the time has passed, or when it
    /// would have to wait while the calling greenlet unwinds.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::signal::{Signal, Signals};
    ///
    /// let signals = Signals::new(&[Signal::USR1])?;
    /// assert_eq!(signals.wait_timeout(Duration::from_millis(1)), None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn wait_timeout(&self, limit: Duration) -> Option<Signal> {
        self.wait_until(deadline_after(limit)).unwrap_or(None)
    }

    fn wait_until(&self, deadline: Option<Instant>) -> Result<Option<Signal>, Unwinding> {
        wait::checkpoint();
        if let Some(signal) = self.try_wait() {
            return Ok(Some(signal));
        }
        loop {
            let ready = |state: &mut State| state.arrived.take_first();
            let waited = wait_in(
                &self.inbox.state,
                |state| &mut state.waiters,
                deadline,
                ready,
            )?;
            match waited {
                Waited::Ready(signal) => return Ok(Some(signal)),
                Waited::TimedOut => return Ok(None),
                // It has come; look for it, unless somebody was faster.
                Waited::Woken => {
                    if let Some(signal) = self.try_wait() {
                        return Ok(Some(signal));
                    }
                }
            }
        }
    }
}

impl Listener for Inbox {
    fn tell(self: Arc<Self>, signal: Signal) {
        let mut state = self.state.lock();
        state.arrived.insert(signal);
        state.waiters.wake_one();
    }
}

impl Iterator for Signals {
    type Item = Signal;

    /// As [`wait`](Self::wait); `None` only while the caller unwinds.
    fn next(&mut self) -> Option<Signal> {
        self.wait().ok()
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signals: Vec<Signal> = self.subscription.signals().iter().collect();
        f.debug_struct("Signals")
            .field("signals", &signals)
            .finish_non_exhaustive()
    }
}
