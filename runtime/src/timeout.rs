//! Limits on the time that any piece of code may take.

use std::error::Error;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::engine::{Alarm, AlarmKey, cancel_alarm, set_alarm};
use crate::wait::{Interrupt, Interrupted, Strand, deadline_after, with_strand};

/// Runs `body` in the calling greenlet and interrupts it after `limit`.
///
/// Whatever blocking call of this crate `body` is in then, it unwinds from
/// there: destructors run, and `with_timeout` returns `Err`. Code that makes no
/// blocking call is not interrupted. A time-out of an outer `with_timeout`
/// passes through this one. Works on plain threads too.
///
/// # Errors
///
/// [`Elapsed`] when the limit passed and `body` was interrupted. A `body` that
/// ends in time, or never blocks, keeps its value however late it is.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_runtime::{sleep, with_timeout};
///
/// let mut steps = Vec::new();
/// let slow = with_timeout(Duration::from_millis(5), || {
///     steps.push("begun"); // borrows freely
///     sleep(Duration::MAX);
/// });
/// assert!(slow.is_err());
/// assert_eq!(steps, ["begun"]);
/// assert_eq!(with_timeout(Duration::from_secs(60), || 1), Ok(1));
/// ```
#[doc(alias = "gevent.with_timeout")]
pub fn with_timeout<T>(limit: Duration, body: impl FnOnce() -> T) -> Result<T, Elapsed> {
    Timeout::start_new(limit).catch(body)
}

/// The time allowed has passed.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_runtime::{sleep, with_timeout};
///
/// let fetch = || -> std::io::Result<u8> {
///     Ok(with_timeout(Duration::from_millis(1), || {
///         sleep(Duration::MAX);
///         1
///     })?) // an error of kind `TimedOut`
/// };
/// assert_eq!(fetch().unwrap_err().kind(), std::io::ErrorKind::TimedOut);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time allowed has passed")
    }
}

impl Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(error: Elapsed) -> Self {
        Self::new(io::ErrorKind::TimedOut, error)
    }
}

/// A time-out as a value: started, cancelled and caught by hand.
///
/// While it is pending, it interrupts the greenlet that started it once its
/// time has come: the current or next blocking call unwinds, up to the
/// [`catch`](Self::catch) of this very time-out. One that nobody catches ends
/// the greenlet, see [`GreenletError::is_timeout`](crate::GreenletError::is_timeout).
/// Dropping it cancels it.
///
/// [`with_timeout`] is the short form for the usual case.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_runtime::{Timeout, sleep};
///
/// let timeout = Timeout::new(Duration::from_millis(5));
/// timeout.start();
/// assert!(timeout.is_pending());
/// assert!(timeout.catch(|| sleep(Duration::MAX)).is_err());
/// assert!(!timeout.is_pending());
/// ```
#[doc(alias = "gevent.Timeout")]
pub struct Timeout {
    // Whose interrupt an interrupt is; the same at each start.
    number: u64,
    limit: Duration,
    started: Mutex<Option<Started>>,
    // Belongs to one hub: its greenlets may share it, and each start counts for
    // the greenlet that calls it.
    not_send: PhantomData<*const ()>,
}

struct Started {
    fuse: Arc<Fuse>,
    // `None` when there is nothing to wait for.
    alarm: Option<AlarmKey>,
}

impl Timeout {
    /// A time-out of `limit`, not yet started. [`Duration::MAX`], or more than a
    /// hundred years, never comes; zero comes at the next blocking call.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::Timeout;
    ///
    /// let timeout = Timeout::new(Duration::from_secs(5));
    /// assert!(!timeout.is_pending()); // not started
    /// ```
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            limit,
            started: Mutex::new(None),
            not_send: PhantomData,
        }
    }

    /// A time-out that never comes: it may be started, and is never pending.
    ///
    /// # Examples
    ///
    /// ```
    /// let timeout = maypole_runtime::Timeout::never();
    /// timeout.start();
    /// assert!(!timeout.is_pending());
    /// ```
    #[doc(alias = "Timeout(None)")]
    #[must_use]
    pub fn never() -> Self {
        Self::new(Duration::MAX)
    }

    /// A time-out of `limit`, started.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::{Timeout, sleep};
    ///
    /// let timeout = Timeout::start_new(Duration::from_secs(60));
    /// sleep(Duration::from_millis(1));
    /// timeout.cancel();
    /// ```
    pub fn start_new(limit: Duration) -> Self {
        let timeout = Self::new(limit);
        timeout.start();
        timeout
    }

    /// Starts the time for the calling greenlet. After it has come or was
    /// cancelled it may be started again.
    ///
    /// # Panics
    ///
    /// When it [is pending](Self::is_pending) already.
    ///
    /// See the example of [`Timeout`].
    pub fn start(&self) {
        assert!(!self.is_pending(), "the time-out is already started");
        let Some(at) = deadline_after(self.limit) else {
            return; // never
        };
        let fuse = Arc::new(Fuse {
            number: self.number,
            strand: with_strand(Arc::clone),
            state: Mutex::new(State::Burning),
        });
        let alarm = if self.limit.is_zero() {
            // Its time has come: no alarm could be quicker.
            fuse.clone().ring();
            None
        } else {
            Some(set_alarm(at, fuse.clone()))
        };
        *self.started.lock() = Some(Started { fuse, alarm });
    }

    /// Stops the time: from here on it interrupts nothing, until it is started
    /// again. Does nothing when it is not started.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::{Timeout, sleep};
    ///
    /// let timeout = Timeout::start_new(Duration::from_millis(5));
    /// timeout.cancel();
    /// sleep(Duration::from_millis(10)); // is not interrupted
    /// ```
    #[doc(alias = "close")]
    pub fn cancel(&self) {
        let started = self.started.lock().take();
        if let Some(started) = started {
            if let Some(alarm) = started.alarm {
                cancel_alarm(alarm);
            }
            started.fuse.put_out();
        }
    }

    /// Whether it is started and has not yet interrupted its greenlet. Its time
    /// may have come: a greenlet that makes no blocking call is not interrupted.
    ///
    /// See the example of [`Timeout`].
    #[doc(alias = "pending")]
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.started
            .lock()
            .as_ref()
            .is_some_and(|started| started.fuse.is_pending())
    }

    /// The time allowed, as given; `None` when it never comes.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::Timeout;
    ///
    /// assert_eq!(Timeout::new(Duration::from_secs(5)).limit(), Some(Duration::from_secs(5)));
    /// assert_eq!(Timeout::never().limit(), None);
    /// ```
    #[doc(alias = "seconds")]
    #[must_use]
    pub fn limit(&self) -> Option<Duration> {
        deadline_after(self.limit).map(|_| self.limit)
    }

    /// Runs `body` and catches this time-out if it comes meanwhile. Cancels it
    /// at the end, however `body` ends. `body` may cancel it and start it again.
    ///
    /// Without a [`start`](Self::start), before or inside, it only runs `body`.
    /// So it does when the greenlets of a hub share a time-out and another one
    /// has started it: that one is left to its starter.
    ///
    /// # Errors
    ///
    /// [`Elapsed`] when this time-out interrupted `body`. Every other unwinding
    /// passes through: panics, kills, and other time-outs.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::{Timeout, sleep};
    ///
    /// // Not five milliseconds for all steps, but for each.
    /// let timeout = Timeout::start_new(Duration::from_millis(5));
    /// let mut steps = 0;
    /// let stuck = timeout.catch(|| {
    ///     for length in [1, 1, 1000] {
    ///         sleep(Duration::from_millis(length));
    ///         steps += 1;
    ///         timeout.cancel();
    ///         timeout.start();
    ///     }
    /// });
    /// assert!(stuck.is_err());
    /// # assert!(steps < 3);
    /// ```
    pub fn catch<T>(&self, body: impl FnOnce() -> T) -> Result<T, Elapsed> {
        let ended = catch_unwind(AssertUnwindSafe(body));
        if self.is_mine() {
            self.cancel();
        }
        match ended {
            Ok(value) => Ok(value),
            Err(payload) => match payload.downcast_ref::<Interrupted>() {
                Some(Interrupted(Interrupt::Timeout(which))) if *which == self.number => {
                    Err(Elapsed(()))
                }
                _ => resume_unwind(payload),
            },
        }
    }

    /// Whether the calling greenlet has started it.
    fn is_mine(&self) -> bool {
        let started = self.started.lock();
        started
            .as_ref()
            .is_some_and(|started| with_strand(|strand| Arc::ptr_eq(strand, &started.fuse.strand)))
    }
}

impl Drop for Timeout {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl fmt::Debug for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout")
            .field("limit", &self.limit())
            .field("pending", &self.is_pending())
            .finish()
    }
}

/// What the alarm sets off, once, unless it was put out before.
struct Fuse {
    number: u64,
    strand: Arc<Strand>,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum State {
    Burning,
    /// The strand has been interrupted; delivered or not.
    Fired,
    PutOut,
}

impl Fuse {
    /// Whether it will interrupt the strand, or has and is not delivered.
    fn is_pending(&self) -> bool {
        match *self.state.lock() {
            State::Burning => true,
            State::Fired => (self.strand.interrupts).contains(Interrupt::Timeout(self.number)),
            State::PutOut => false,
        }
    }

    /// Makes sure that no interrupt of ours is delivered any more.
    fn put_out(&self) {
        let mut state = self.state.lock();
        if std::mem::replace(&mut *state, State::PutOut) == State::Fired {
            // Not delivered yet, perhaps.
            self.strand
                .interrupts
                .remove(Interrupt::Timeout(self.number));
        }
    }
}

impl Alarm for Fuse {
    fn ring(self: Arc<Self>) {
        // Held across the interrupt: one that is put out meanwhile would not
        // find it to remove.
        let mut state = self.state.lock();
        if *state == State::Burning {
            *state = State::Fired;
            self.strand.interrupt(Interrupt::Timeout(self.number));
        }
    }
}
