//! A result that is set once and that many can wait for.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::engine::sync::Mutex;
use crate::greenlet::{Greenlet, LinkId};
use crate::wait::{
    Unwinding, WaitList, Waitable, Waited, Watch, Watcher, checkpoint, deadline_after, unwatch_in,
    wait_in, watch_in,
};

/// A value, or an error in its place, that is set once and that any number can
/// wait for.
///
/// All who wait are woken when it is set, in the order in which they came, and
/// all see the same value: it stays in the result, and [`get`](Self::get) lends
/// it. Clones share the result. Works between greenlets and threads.
///
/// The result of a greenlet, which only one can take, becomes one that all can
/// see by [`Greenlet::link_to`], or by `AsyncResult::from`.
///
/// # Examples
///
/// ```
/// use maypole_runtime::{AsyncResult, spawn};
///
/// let answer = AsyncResult::new();
/// let readers: Vec<_> = (0..2)
///     .map(|_| {
///         let answer = answer.clone();
///         spawn(move || *answer.get().unwrap())
///     })
///     .collect();
/// answer.set(42).unwrap();
/// assert_eq!(answer.set(43), Err(43)); // only once
/// for reader in readers {
///     assert_eq!(reader.get().unwrap(), 42);
/// }
/// ```
#[doc(alias = "gevent.event.AsyncResult")]
#[doc(alias = "Future")]
pub struct AsyncResult<T> {
    inner: Arc<Inner<T>>,
}

struct Inner<T> {
    // Set with the lock of `waiters` held.
    outcome: OnceLock<Result<T, SharedError>>,
    waiters: Mutex<WaitList>,
}

type SharedError = Arc<dyn Error + Send + Sync>;

impl<T> AsyncResult<T> {
    /// A result that is not set.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!maypole_runtime::AsyncResult::<u8>::new().is_set());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the value and wakes all who wait. Never blocks.
    ///
    /// # Errors
    ///
    /// The value, if a value or an error was set before.
    ///
    /// # Examples
    ///
    /// ```
    /// let result = maypole_runtime::AsyncResult::new();
    /// assert_eq!(result.set("first"), Ok(()));
    /// assert_eq!(result.set("second"), Err("second"));
    /// assert_eq!(result.value(), Some(&"first"));
    /// ```
    #[doc(alias = "set_result")]
    pub fn set(&self, value: T) -> Result<(), T> {
        match self.set_outcome(Ok(value)) {
            Err(Ok(value)) => Err(value),
            _ => Ok(()),
        }
    }

    /// Sets an error in place of the value: all who get it get the error. True
    /// unless a value or an error was set before; then this one is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::AsyncResult;
    ///
    /// let page = AsyncResult::<String>::new();
    /// assert!(page.set_error("no such host"));
    /// assert_eq!(page.get().unwrap_err().to_string(), "no such host");
    /// ```
    #[doc(alias = "set_exception")]
    pub fn set_error(&self, error: impl Into<Box<dyn Error + Send + Sync>>) -> bool {
        self.set_outcome(Err(error.into().into())).is_ok()
    }

    fn set_outcome(&self, outcome: Result<T, SharedError>) -> Result<(), Result<T, SharedError>> {
        let waiters = {
            let mut waiters = self.inner.waiters.lock();
            self.inner.outcome.set(outcome)?;
            waiters.take_all()
        };
        waiters.wake();
        Ok(())
    }

    /// Waits for the value, and lends it.
    ///
    /// Suspends only the caller; a kill or time-out interrupts it, and leaves
    /// the result as it is.
    ///
    /// # Errors
    ///
    /// [`AsyncResultError::Failed`] when an error was set;
    /// [`AsyncResultError::Unwinding`] when it is not set and the calling
    /// greenlet unwinds, so that it cannot wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{AsyncResult, spawn};
    ///
    /// let page = AsyncResult::new();
    /// let theirs = page.clone();
    /// let _detached = spawn(move || theirs.set("<html>".to_owned()));
    /// assert_eq!(page.get().unwrap(), "<html>");
    /// ```
    #[doc(alias = "result")]
    pub fn get(&self) -> Result<&T, AsyncResultError> {
        self.get_until(None)
    }

    /// The value, if it is set now. Never suspends.
    ///
    /// # Errors
    ///
    /// [`AsyncResultError::Failed`] when an error was set;
    /// [`AsyncResultError::NotSet`] when nothing was.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{AsyncResult, AsyncResultError};
    ///
    /// let result = AsyncResult::new();
    /// assert!(matches!(result.try_get(), Err(AsyncResultError::NotSet)));
    /// result.set(1).unwrap();
    /// assert_eq!(*result.try_get().unwrap(), 1);
    /// ```
    #[doc(alias = "get_nowait")]
    pub fn try_get(&self) -> Result<&T, AsyncResultError> {
        match self.inner.outcome.get() {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => Err(AsyncResultError::Failed(error.clone())),
            None => Err(AsyncResultError::NotSet),
        }
    }

    /// As [`get`](Self::get), but waits for at most `limit`.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and [`AsyncResultError::NotSet`] after the limit.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::{AsyncResult, AsyncResultError};
    ///
    /// let never = AsyncResult::<u8>::new();
    /// let late = never.get_timeout(Duration::from_millis(1));
    /// assert!(matches!(late, Err(AsyncResultError::NotSet)));
    /// ```
    #[doc(alias = "get(timeout)")]
    pub fn get_timeout(&self, limit: Duration) -> Result<&T, AsyncResultError> {
        self.get_until(deadline_after(limit))
    }

    fn get_until(&self, deadline: Option<Instant>) -> Result<&T, AsyncResultError> {
        self.wait_until(deadline)?;
        self.try_get()
    }

    /// Waits until it is set, and lends the value. `None` when an error was set;
    /// and when it is not set and the calling greenlet unwinds, so that it
    /// cannot wait.
    ///
    /// Suspends only the caller; a kill or time-out interrupts it.
    ///
    /// # Examples
    ///
    /// ```
    /// let result = maypole_runtime::AsyncResult::<u8>::new();
    /// result.set_error("no such host");
    /// assert_eq!(result.wait(), None);
    /// assert!(result.error().is_some());
    /// ```
    pub fn wait(&self) -> Option<&T> {
        self.get_until(None).ok()
    }

    /// As [`wait`](Self::wait), but for at most `limit`: `None` after it too.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let never = maypole_runtime::AsyncResult::<u8>::new();
    /// assert_eq!(never.wait_timeout(Duration::from_millis(1)), None);
    /// ```
    #[doc(alias = "wait(timeout)")]
    pub fn wait_timeout(&self, limit: Duration) -> Option<&T> {
        self.get_until(deadline_after(limit)).ok()
    }

    fn wait_until(&self, deadline: Option<Instant>) -> Result<(), Unwinding> {
        checkpoint();
        if self.is_set() {
            return Ok(());
        }
        let ready = |_: &mut WaitList| self.is_set().then_some(());
        let waited = wait_in(&self.inner.waiters, |waiters| waiters, deadline, ready)?;
        debug_assert!(waited == Waited::TimedOut || self.is_set());
        Ok(())
    }

    /// Whether a value or an error is set.
    ///
    /// # Examples
    ///
    /// ```
    /// let result = maypole_runtime::AsyncResult::<u8>::new();
    /// result.set_error("an error is a result too");
    /// assert!(result.is_set());
    /// ```
    #[doc(alias = "ready")]
    #[doc(alias = "done")]
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.inner.outcome.get().is_some()
    }

    /// Whether a value is set.
    ///
    /// # Examples
    ///
    /// ```
    /// let (good, bad) = (maypole_runtime::AsyncResult::new(), maypole_runtime::AsyncResult::<u8>::new());
    /// good.set(1).unwrap();
    /// bad.set_error("no");
    /// assert!(good.is_successful() && !bad.is_successful());
    /// ```
    #[doc(alias = "successful")]
    #[must_use]
    pub fn is_successful(&self) -> bool {
        self.value().is_some()
    }

    /// The value, if one is set.
    ///
    /// # Examples
    ///
    /// ```
    /// let result = maypole_runtime::AsyncResult::new();
    /// assert_eq!(result.value(), None);
    /// result.set(1).unwrap();
    /// assert_eq!(result.value(), Some(&1));
    /// ```
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        self.inner.outcome.get()?.as_ref().ok()
    }

    /// The error, if one is set.
    ///
    /// # Examples
    ///
    /// ```
    /// let result = maypole_runtime::AsyncResult::<u8>::new();
    /// result.set_error(std::io::Error::from(std::io::ErrorKind::NotFound));
    /// let error = result.error().unwrap();
    /// assert!(error.is::<std::io::Error>());
    /// ```
    #[doc(alias = "exception")]
    #[must_use]
    pub fn error(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        let error = self.inner.outcome.get()?.as_ref().err()?;
        Some(&**error)
    }

    /// The value by itself, for who holds the only clone.
    ///
    /// # Errors
    ///
    /// The result, if there are other clones or no value is set.
    ///
    /// # Examples
    ///
    /// ```
    /// let result = maypole_runtime::AsyncResult::new();
    /// result.set(String::from("mine")).unwrap();
    /// let other = result.clone();
    /// let result = result.try_into_value().unwrap_err(); // there is a clone
    /// drop(other);
    /// assert_eq!(result.try_into_value().unwrap(), "mine");
    /// ```
    pub fn try_into_value(self) -> Result<T, Self> {
        if !self.is_successful() {
            return Err(self);
        }
        let inner = Arc::try_unwrap(self.inner).map_err(|inner| Self { inner })?;
        match inner.outcome.into_inner() {
            Some(Ok(value)) => Ok(value),
            _ => unreachable!("the value that was there stays there"),
        }
    }
}

impl<T: Send + Sync + 'static> Greenlet<T> {
    /// Sets `result` once this greenlet has ended: to the value that it
    /// returns, or to its [`GreenletError`](crate::GreenletError). Nothing
    /// happens if `result` is set by then.
    ///
    /// The greenlet is detached, as if it was dropped. It is a
    /// [link](Self::link): when it is taken back, `result` is left alone.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{AsyncResult, GreenletError, spawn};
    ///
    /// let (good, bad) = (AsyncResult::new(), AsyncResult::<u8>::new());
    /// spawn(|| 6 * 7).link_to(&good);
    /// spawn(|| panic!("no")).link_to(&bad);
    /// assert_eq!(*good.get().unwrap(), 42);
    /// bad.wait();
    /// let error = bad.error().and_then(|error| error.downcast_ref::<GreenletError>());
    /// assert!(error.unwrap().is_panic());
    /// ```
    #[doc(alias = "link")]
    pub fn link_to(self, result: &AsyncResult<T>) -> LinkId {
        let (handle, result) = (self.handle().clone(), result.clone());
        handle.link(move |_| {
            // It has ended, so this does not wait.
            match self.get() {
                Ok(value) => drop(result.set(value)),
                Err(error) => drop(result.set_error(error)),
            }
        })
    }
}

/// See [`Greenlet::link_to`].
impl<T: Send + Sync + 'static> From<Greenlet<T>> for AsyncResult<T> {
    fn from(greenlet: Greenlet<T>) -> Self {
        let result = Self::new();
        greenlet.link_to(&result);
        result
    }
}

/// It comes when it is set.
impl<T> Waitable for AsyncResult<T> {}

impl<T> Watch for AsyncResult<T> {
    fn watch(&self, watcher: Watcher) -> Result<u64, Watcher> {
        watch_in(
            &self.inner.waiters,
            |waiters| waiters,
            watcher,
            |_| self.is_set(),
        )
    }

    fn unwatch(&self, place: u64) {
        unwatch_in(&self.inner.waiters, |waiters| waiters, place);
    }
}

impl<T> Clone for AsyncResult<T> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

impl<T> Default for AsyncResult<T> {
    fn default() -> Self {
        Self {
            inner: Arc::new(Inner {
                outcome: OnceLock::new(),
                waiters: Mutex::new(WaitList::of("a result")),
            }),
        }
    }
}

// Values need not be `Debug`.
impl<T> fmt::Debug for AsyncResult<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncResult")
            .field("set", &self.is_set())
            .field("error", &self.error())
            .finish_non_exhaustive()
    }
}

/// Why an [`AsyncResult`] has no value.
///
/// See the example of [`AsyncResult::try_get`].
#[derive(Clone, Debug)]
pub enum AsyncResultError {
    /// It was not set, or not in time.
    NotSet,
    /// This error was set. It is what is displayed.
    Failed(Arc<dyn Error + Send + Sync>),
    /// It was not set, and the greenlet unwinds and cannot wait for it.
    Unwinding,
}

impl AsyncResultError {
    /// The error that was set.
    ///
    /// # Examples
    ///
    /// ```
    /// let result = maypole_runtime::AsyncResult::<u8>::new();
    /// result.set_error("no such host");
    /// let error = result.get().unwrap_err();
    /// assert_eq!(error.failure().unwrap().to_string(), "no such host");
    /// ```
    #[must_use]
    pub fn failure(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        match self {
            Self::Failed(error) => Some(&**error),
            Self::NotSet | Self::Unwinding => None,
        }
    }
}

impl From<Unwinding> for AsyncResultError {
    fn from(_: Unwinding) -> Self {
        Self::Unwinding
    }
}

impl fmt::Display for AsyncResultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSet => f.write_str("the result is not set"),
            Self::Failed(error) => error.fmt(f),
            Self::Unwinding => f.write_str("a greenlet cannot wait for a result while it unwinds"),
        }
    }
}

impl Error for AsyncResultError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failure()?.source()
    }
}
