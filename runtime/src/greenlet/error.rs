//! Why a greenlet has no result.

use std::any::Any;
use std::error::Error;
use std::fmt;

use parking_lot::Mutex;

/// Why [`Greenlet::get`](super::Greenlet::get) has no value.
///
/// # Examples
///
/// ```
/// let fails = maypole_runtime::spawn(|| panic!("out of luck"));
/// let error = fails.get().unwrap_err();
/// assert_eq!(error.to_string(), "greenlet panicked: out of luck");
/// ```
pub struct GreenletError {
    reason: Reason,
}

enum Reason {
    Killed,
    TimedOut,
    // In a lock because a payload need not be `Sync`, and an error should be.
    Panicked(Mutex<Box<dyn Any + Send>>),
    Unwinding,
}

impl GreenletError {
    pub(crate) fn killed() -> Self {
        Self {
            reason: Reason::Killed,
        }
    }

    pub(super) fn timed_out() -> Self {
        Self {
            reason: Reason::TimedOut,
        }
    }

    pub(crate) fn panicked(payload: Box<dyn Any + Send>) -> Self {
        Self {
            reason: Reason::Panicked(Mutex::new(payload)),
        }
    }

    pub(super) fn unwinding() -> Self {
        Self {
            reason: Reason::Unwinding,
        }
    }

    /// The greenlet was killed, before or while it ran.
    ///
    /// # Examples
    ///
    /// ```
    /// let sleeper = maypole_runtime::spawn(|| maypole_runtime::sleep(std::time::Duration::MAX));
    /// sleeper.kill();
    /// assert!(sleeper.get().unwrap_err().is_killed());
    /// ```
    #[doc(alias = "GreenletExit")]
    #[must_use]
    pub fn is_killed(&self) -> bool {
        matches!(self.reason, Reason::Killed)
    }

    /// A [`Timeout`](crate::Timeout) that nobody caught unwound the greenlet.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::{Timeout, sleep, spawn};
    ///
    /// let late = spawn(|| {
    ///     let _timeout = Timeout::start_new(Duration::from_millis(1));
    ///     sleep(Duration::MAX); // nobody catches it
    /// });
    /// assert!(late.get().unwrap_err().is_timeout());
    /// ```
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.reason, Reason::TimedOut)
    }

    /// The greenlet panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// let fails = maypole_runtime::spawn(|| panic!("no"));
    /// assert!(fails.get().unwrap_err().is_panic());
    /// ```
    #[must_use]
    pub fn is_panic(&self) -> bool {
        matches!(self.reason, Reason::Panicked(_))
    }

    /// The greenlet still runs: the caller is unwinding and could not wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::{sleep, spawn};
    ///
    /// struct Asks;
    /// impl Drop for Asks {
    ///     fn drop(&mut self) {
    ///         let slow = spawn(|| sleep(Duration::from_millis(1)));
    ///         assert!(slow.get().unwrap_err().is_unwinding()); // and does not wait
    ///     }
    /// }
    ///
    /// let fails = spawn(|| {
    ///     let _asks = Asks;
    ///     panic!("no");
    /// });
    /// assert!(fails.get().unwrap_err().is_panic());
    /// ```
    #[must_use]
    pub fn is_unwinding(&self) -> bool {
        matches!(self.reason, Reason::Unwinding)
    }

    /// The panic's payload, for [`std::panic::resume_unwind`].
    ///
    /// # Errors
    ///
    /// The error itself if the greenlet did not panic.
    ///
    /// # Examples
    ///
    /// ```
    /// let fails = maypole_runtime::spawn(|| panic!("no"));
    /// let payload = fails.get().unwrap_err().into_panic().unwrap();
    /// assert_eq!(payload.downcast_ref(), Some(&"no"));
    /// ```
    pub fn into_panic(self) -> Result<Box<dyn Any + Send>, Self> {
        match self.reason {
            Reason::Panicked(payload) => Ok(payload.into_inner()),
            reason => Err(Self { reason }),
        }
    }

    /// The message of the panic, if it had one.
    fn message(&self) -> Option<String> {
        match &self.reason {
            Reason::Panicked(payload) => message_of(&**payload.lock()).map(str::to_owned),
            _ => None,
        }
    }
}

/// The message of a panic, if it had one.
pub(super) fn message_of(payload: &(dyn Any + Send)) -> Option<&str> {
    match payload.downcast_ref::<&'static str>() {
        Some(text) => Some(text),
        None => payload.downcast_ref::<String>().map(String::as_str),
    }
}

impl fmt::Display for GreenletError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.reason, self.message()) {
            (Reason::Killed, _) => f.write_str("greenlet was killed"),
            (Reason::TimedOut, _) => f.write_str("greenlet was ended by a time-out"),
            (Reason::Unwinding, _) => f.write_str("cannot wait for a greenlet while unwinding"),
            (Reason::Panicked(_), Some(message)) => write!(f, "greenlet panicked: {message}"),
            (Reason::Panicked(_), None) => f.write_str("greenlet panicked"),
        }
    }
}

impl fmt::Debug for GreenletError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GreenletError")
            .field(&format_args!("{self}"))
            .finish()
    }
}

impl Error for GreenletError {}

const _: fn() = || {
    fn assert_shareable<T: Send + Sync>() {}
    assert_shareable::<GreenletError>();
};
