//! What a worker's greenlets can say to its master, and what it knows.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use maypole_runtime::queue::Queue;
use maypole_runtime::{AsyncResult, catch_panic};
use parking_lot::Mutex;

use super::super::Figures;
use super::super::link::Link;
use super::super::message::Hello;
use super::super::message::{Stop, ToMaster};

/// How long the sum of all figures is waited for. The master waits a quarter of
/// it for workers that do not answer.
const TOTAL_LIMIT: Duration = Duration::from_secs(4);

type Function = Arc<dyn Fn() + Send + Sync>;
type Tell = Arc<dyn Fn() -> Figures + Send + Sync>;

/// A worker, for its greenlets and other threads: cheap to clone, from
/// [`Worker::handle`](super::super::Worker::handle).
///
/// # Examples
///
/// A worker that is replaced after a thousand clients:
///
/// ```no_run
/// use std::io::{self, Write};
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use maypole_server::StreamServer;
/// use maypole_server::arbiter::Worker;
///
/// fn work(worker: &mut Worker) -> io::Result<()> {
///     let listeners = worker.listeners()?.into_iter();
///     let builder = listeners.fold(StreamServer::builder(), |all, one| all.listener(one));
///     let (handle, served) = (worker.handle(), AtomicU32::new(0));
///     let server = builder.serve(move |mut stream, _peer| {
///         if served.fetch_add(1, Ordering::Relaxed) == 1000 {
///             handle.retire()?;
///         }
///         stream.write_all(b"hello\n")
///     })?;
///     worker.serve(&server)
/// }
/// ```
#[derive(Clone)]
pub struct WorkerHandle(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) link: Link,
    pub(super) number: usize,
    pub(super) age: u64,
    pub(super) started: Instant,
    pub(super) orders: Queue<Order>,
    /// Whether somebody takes the orders.
    pub(super) hears: AtomicBool,
    pub(super) ready: AtomicBool,
    /// How long it has when the master is gone, in milliseconds.
    pub(super) grace: AtomicU64,
    tell: Mutex<Option<Tell>>,
    reopen: Mutex<Vec<Function>>,
    totals: Mutex<BTreeMap<u64, AsyncResult<Figures>>>,
    next: AtomicU64,
}

/// What the one who serves is to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Order {
    /// The master says so, or is gone.
    Stop(Stop),
    /// Somebody says so by a signal. The second one like it is for at once.
    Signal(Stop),
    Reopen,
    /// The server has stopped.
    Stopped,
}

impl Shared {
    pub(super) fn new(link: Link, hello: &Hello, grace: Duration) -> Self {
        Self {
            link,
            number: hello.number,
            age: hello.age,
            started: Instant::now(),
            orders: Queue::unbounded(),
            hears: AtomicBool::new(false),
            ready: AtomicBool::new(false),
            grace: AtomicU64::new(millis(grace)),
            tell: Mutex::default(),
            reopen: Mutex::default(),
            totals: Mutex::default(),
            next: AtomicU64::new(1),
        }
    }

    pub(super) fn order(&self, order: Order) {
        let _ = self.orders.try_put(order); // it is never full and never closed
    }

    pub(super) fn set_grace(&self, grace: Duration) {
        self.grace.store(millis(grace), Ordering::Relaxed);
    }

    pub(super) fn set_figures(&self, tell: impl Fn() -> Figures + Send + Sync + 'static) {
        *self.tell.lock() = Some(Arc::new(tell));
    }

    pub(super) fn figures(&self) -> Figures {
        let tell = self.tell.lock().clone();
        // A panic of theirs was reported; it must not look like a blocked hub.
        tell.and_then(|tell| catch_panic(|| tell()).ok())
            .unwrap_or_default()
    }

    pub(super) fn add_reopen(&self, then: impl Fn() + Send + Sync + 'static) {
        self.reopen.lock().push(Arc::new(then));
    }

    pub(super) fn reopen(&self) {
        let all = self.reopen.lock().clone();
        for then in all {
            let _ = catch_panic(|| then());
        }
    }

    /// The sum that was asked for has come.
    pub(super) fn total(&self, token: u64, figures: Figures) {
        let waiting = self.totals.lock().remove(&token);
        if let Some(waiting) = waiting {
            let _ = waiting.set(figures); // set once: it was on the list
        }
    }
}

impl WorkerHandle {
    /// Its place, from 1 on: that of its predecessor and its successor too.
    #[must_use]
    pub fn number(&self) -> usize {
        self.0.number
    }

    /// How many workers the master has started, this one included.
    #[must_use]
    pub fn age(&self) -> u64 {
        self.0.age
    }

    /// Asks the master to replace this worker. It serves on until its successor
    /// is ready; then it is told to finish what runs, and ends. What asks for it
    /// again and again asks once.
    ///
    /// Suspends the caller, for seconds at the very most.
    ///
    /// # Errors
    ///
    /// When the master is gone.
    #[doc(alias = "max_requests")]
    pub fn retire(&self) -> io::Result<()> {
        self.0.link.send(&ToMaster::Retire)
    }

    /// The sum of the figures of all workers, asked for now, with the counters of
    /// those that have ended, and the master's own.
    ///
    /// Suspends the caller for as long as the slowest worker takes to answer, and
    /// no longer than a second: then that one's last figures count.
    ///
    /// # Errors
    ///
    /// When the master is gone or does not answer.
    pub fn total_figures(&self) -> io::Result<Figures> {
        let token = self.0.next.fetch_add(1, Ordering::Relaxed);
        let wanted = AsyncResult::new();
        self.0.totals.lock().insert(token, wanted.clone());
        let forget = Forget(&self.0, token);
        self.0.link.send(&ToMaster::WantsTotal(token))?;
        let total = wanted.wait_timeout(TOTAL_LIMIT).cloned();
        drop(forget);
        total.ok_or_else(|| io::Error::new(io::ErrorKind::TimedOut, "the master does not answer"))
    }
}

/// A sum that is waited for, for as long as this lives.
struct Forget<'a>(&'a Shared, u64);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.totals.lock().remove(&self.1);
    }
}

impl fmt::Debug for WorkerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerHandle")
            .field("number", &self.number())
            .field("age", &self.age())
            .finish_non_exhaustive()
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
