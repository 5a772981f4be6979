//! What a thread pool makes of a job.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::event::Event;

/// A job of a [`ThreadPool`](super::ThreadPool), and the right to its result.
///
/// Greenlets and threads may wait for it. Dropping it lets the job run by itself.
///
/// See the example of [`Task::get`].
#[must_use = "dropping it loses the result"]
pub struct Task<T> {
    state: Arc<State<T>>,
}

struct State<T> {
    ended: Event,
    outcome: Mutex<Option<Outcome<T>>>,
}

/// No payload when it never ran.
type Outcome<T> = Result<T, Option<Box<dyn Any + Send>>>;

impl<T> Task<T> {
    /// A task, and the side of it that reports.
    pub(super) fn new() -> (Self, Report<T>) {
        let state = Arc::new(State {
            ended: Event::new(),
            outcome: Mutex::new(None),
        });
        let report = Report {
            state: state.clone(),
            outcome: Err(None),
        };
        (Self { state }, report)
    }

    /// Waits until the job has ended and takes what it returned.
    ///
    /// Suspends only the caller; a kill or a time-out interrupts it.
    ///
    /// # Errors
    ///
    /// If the job panicked, or its pool was ended before it began; and while the
    /// calling greenlet unwinds, if it would have to wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::threadpool::ThreadPool;
    ///
    /// let task = ThreadPool::new(1).spawn(|| 6 * 7);
    /// assert_eq!(task.get().unwrap(), 42);
    /// ```
    #[doc(alias = "AsyncResult.get")]
    pub fn get(self) -> Result<T, TaskError> {
        self.state.ended.wait();
        let outcome = self.state.outcome.lock().take();
        match outcome {
            Some(Ok(value)) => Ok(value),
            Some(Err(Some(payload))) => Err(TaskError(Reason::Panicked(Mutex::new(payload)))),
            Some(Err(None)) => Err(TaskError(Reason::Dropped)),
            // It still runs: the wait was refused.
            None => Err(TaskError(Reason::Unwinding)),
        }
    }

    /// Waits until the job has ended, in whatever way. Suspends only the caller; a
    /// kill or a time-out interrupts it. While the caller unwinds it returns at
    /// once.
    ///
    /// # Examples
    ///
    /// ```
    /// let task = maypole_runtime::threadpool::ThreadPool::new(1).spawn(|| ());
    /// task.join();
    /// assert!(task.is_finished());
    /// ```
    pub fn join(&self) {
        self.state.ended.wait();
    }

    /// Waits until the job has ended or `limit` has passed; true when it has
    /// ended. Otherwise as [`join`](Self::join).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{sync::mpsc, time::Duration};
    /// use maypole_runtime::threadpool::ThreadPool;
    ///
    /// let (go, told) = mpsc::channel();
    /// let job = ThreadPool::new(1).spawn(move || told.recv());
    /// assert!(!job.join_timeout(Duration::from_millis(1)));
    /// go.send(())?; // now it ends
    /// assert!(job.join_timeout(Duration::from_secs(60)));
    /// # Ok::<(), mpsc::SendError<()>>(())
    /// ```
    pub fn join_timeout(&self, limit: Duration) -> bool {
        self.state.ended.wait_timeout(limit)
    }

    /// Whether the job has ended.
    ///
    /// See the example of [`join`](Self::join).
    #[doc(alias = "ready")]
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.state.ended.is_set()
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

/// The thread's side of a task. Dropping it ends the task.
pub(super) struct Report<T> {
    state: Arc<State<T>>,
    outcome: Outcome<T>,
}

impl<T> Report<T> {
    pub(super) fn is(&mut self, outcome: std::thread::Result<T>) {
        self.outcome = outcome.map_err(Some);
    }
}

impl<T> Drop for Report<T> {
    fn drop(&mut self) {
        let outcome = std::mem::replace(&mut self.outcome, Err(None));
        let before = self.state.outcome.lock().replace(outcome);
        self.state.ended.set();
        drop(before);
    }
}

/// Why [`Task::get`] has no value.
///
/// See the example of [`TaskError::is_panic`].
pub struct TaskError(Reason);

enum Reason {
    // In a lock because a payload need not be `Sync`, and an error should be.
    Panicked(Mutex<Box<dyn Any + Send>>),
    Dropped,
    Unwinding,
}

impl TaskError {
    /// The job panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = maypole_runtime::threadpool::ThreadPool::new(1);
    /// let error = pool.spawn(|| panic!("no")).get().unwrap_err();
    /// assert!(error.is_panic());
    /// ```
    #[must_use]
    pub fn is_panic(&self) -> bool {
        matches!(self.0, Reason::Panicked(_))
    }

    /// The job never ran: its pool was ended first.
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = maypole_runtime::threadpool::ThreadPool::new(1);
    /// pool.kill();
    /// let error = pool.spawn(|| ()).get().unwrap_err();
    /// assert!(error.is_dropped());
    /// ```
    #[must_use]
    pub fn is_dropped(&self) -> bool {
        matches!(self.0, Reason::Dropped)
    }

    /// The panic's payload, for [`std::panic::resume_unwind`].
    ///
    /// # Errors
    ///
    /// The error itself if the job did not panic.
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = maypole_runtime::threadpool::ThreadPool::new(1);
    /// let error = pool.spawn(|| panic!("no")).get().unwrap_err();
    /// let payload = error.into_panic().unwrap();
    /// assert_eq!(payload.downcast_ref(), Some(&"no"));
    /// ```
    pub fn into_panic(self) -> Result<Box<dyn Any + Send>, Self> {
        match self.0 {
            Reason::Panicked(payload) => Ok(payload.into_inner()),
            reason => Err(Self(reason)),
        }
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Reason::Panicked(_) => "the job panicked",
            Reason::Dropped => "the job never ran: its thread pool was ended first",
            Reason::Unwinding => "cannot wait for a job while unwinding",
        })
    }
}

impl fmt::Debug for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TaskError")
            .field(&format_args!("{self}"))
            .finish()
    }
}

impl Error for TaskError {}

const _: fn() = || {
    fn assert_shareable<T: Send + Sync>() {}
    assert_shareable::<TaskError>();
};
