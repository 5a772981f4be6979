//! Threads on demand, and the jobs that wait for them.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::engine::sync::{Condvar, Mutex};
use crate::greenlet::{Greenlet, spawn};
use crate::mapping::{Run, mapping_methods};
use crate::wait::{WaitList, Waited, checkpoint, deadline_after, wait_in};

use super::task::{Task, TaskError};

/// How long a thread without work lives: gevent's default. Starting one costs
/// some tens of microseconds.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// A pool of real threads, made on demand.
///
/// As many jobs are out at once as the pool has threads at most;
/// [`spawn`](Self::spawn) waits for its turn. Threads that have nothing to do
/// end after five seconds. Clones are the same pool; when the last one is
/// dropped, the threads finish the jobs that are out and end.
///
/// # Examples
///
/// ```
/// use maypole_runtime::threadpool::ThreadPool;
///
/// let pool = ThreadPool::new(2);
/// let task = pool.spawn(|| 6 * 7);
/// assert_eq!(task.get().unwrap(), 42);
/// assert_eq!(pool.map(1..=3, |n| n * n), [1, 4, 9]);
/// ```
#[doc(alias = "gevent.threadpool.ThreadPool")]
#[doc(alias = "ThreadPoolExecutor")]
#[derive(Clone)]
pub struct ThreadPool {
    handle: Arc<Handle>,
}

/// What clones share; its end ends the threads.
struct Handle {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    // Tells threads of work, and of less room for them.
    work: Condvar,
    idle_timeout: Duration,
}

type Job = Box<dyn FnOnce() + Send>;

struct State {
    jobs: VecDeque<Job>,
    size: usize,
    threads: usize,
    // Threads that wait for work, or were told of it and are on their way.
    idle: usize,
    // Jobs that wait or run, and those whose spawners were let in.
    out: usize,
    spawners: WaitList,
    joiners: WaitList,
    ended: bool,
}

thread_local! {
    // The pool whose thread this is; only ever compared.
    static MINE: Cell<*const Shared> = const { Cell::new(std::ptr::null()) };
}

impl ThreadPool {
    /// A pool of up to `size` threads.
    ///
    /// # Panics
    ///
    /// If `size` is 0: it would never run anything.
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = maypole_runtime::threadpool::ThreadPool::new(4);
    /// assert_eq!((pool.size(), pool.threads()), (4, 0));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(size: usize) -> Self {
        Self::with_idle_timeout(size, IDLE_TIMEOUT)
    }

    /// A pool whose threads end when they have been without work for
    /// `idle_timeout`.
    ///
    /// # Panics
    ///
    /// If `size` is 0.
    ///
    /// See the example of [`ThreadPool`].
    #[doc(alias = "idle_task_timeout")]
    #[must_use]
    #[track_caller]
    pub fn with_idle_timeout(size: usize, idle_timeout: Duration) -> Self {
        assert!(size > 0, "a thread pool of size 0 would never run anything");
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                size,
                threads: 0,
                idle: 0,
                out: 0,
                spawners: WaitList::of("a thread of a pool"),
                joiners: WaitList::of("the end of a thread pool's jobs"),
                ended: false,
            }),
            work: Condvar::new(),
            idle_timeout,
        });
        Self {
            handle: Arc::new(Handle { shared }),
        }
    }

    /// Runs `body` on a thread of the pool, waiting for its turn while as many
    /// jobs are out as there may be threads.
    ///
    /// Suspends only the caller; a kill or a time-out interrupts it, and `body`
    /// does not run then. A greenlet that unwinds does not wait: its job goes
    /// beyond the limit.
    ///
    /// # Panics
    ///
    /// If the system gives no thread and none is there; see
    /// [`try_spawn`](Self::try_spawn). If the pool was [killed](Self::kill) the
    /// task ends at once.
    ///
    /// See the example of [`ThreadPool`].
    #[track_caller]
    pub fn spawn<T, F>(&self, body: F) -> Task<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // While unwinding there is no waiting: beyond the limit, then.
        self.enter(None);
        match self.start(body) {
            Ok(task) => task,
            Err(error) => panic!("cannot start a thread: {error}"),
        }
    }

    /// Runs `body` on a thread of the pool if its turn is now. Never suspends.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when as many jobs are out as there may be threads, and
    /// what the system says when it gives no thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use maypole_runtime::threadpool::ThreadPool;
    ///
    /// let pool = ThreadPool::new(1);
    /// let (stop, stopped) = mpsc::channel::<()>();
    /// let first = pool.try_spawn(move || stopped.recv())?;
    /// assert!(pool.try_spawn(|| ()).is_err()); // the one thread is busy
    /// drop(stop);
    /// first.join();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_spawn<T, F>(&self, body: F) -> io::Result<Task<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        if !self.shared().state.lock().enter_now() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.start(body)
    }

    /// As [`spawn`](Self::spawn), but waits for at most `limit`.
    ///
    /// # Errors
    ///
    /// `TimedOut` after the limit, and what the system says when it gives no
    /// thread.
    ///
    /// See the example of [`try_spawn`](Self::try_spawn).
    pub fn spawn_timeout<T, F>(&self, limit: Duration, body: F) -> io::Result<Task<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        if !self.enter(deadline_after(limit)) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.start(body)
    }

    /// Runs `body` on a thread of the pool and waits for it. On a thread of this
    /// pool it runs right there.
    ///
    /// Suspends only the caller. A kill or a time-out interrupts it; `body` runs
    /// on then, and its result is dropped.
    ///
    /// # Panics
    ///
    /// When `body` does, with its panic; when the pool was killed; and while the
    /// calling greenlet unwinds, if it would have to wait.
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = maypole_runtime::threadpool::ThreadPool::new(1);
    /// assert_eq!(pool.apply(|| 6 * 7), 42);
    /// ```
    pub fn apply<T, F>(&self, body: F) -> T
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        if self.is_own_thread() {
            return body();
        }
        match self.spawn(body).get().map_err(TaskError::into_panic) {
            Ok(value) => value,
            Err(Ok(payload)) => resume_unwind(payload),
            Err(Err(error)) => panic!("{error}"),
        }
    }

    /// Runs `body` on a thread of the pool, and does not wait, for its turn
    /// neither: a new greenlet does.
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = maypole_runtime::threadpool::ThreadPool::new(1);
    /// let answer = pool.apply_async(|| 6 * 7);
    /// assert_eq!(answer.get().unwrap(), 42);
    /// ```
    pub fn apply_async<T, F>(&self, body: F) -> Greenlet<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let this = self.clone();
        spawn(move || this.apply(body))
    }

    mapping_methods!("on threads of the pool", "threadpool::ThreadPool::new(2)");

    /// How many threads there are now.
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = maypole_runtime::threadpool::ThreadPool::new(4);
    /// pool.apply(|| ());
    /// assert_eq!(pool.threads(), 1); // made on demand
    /// ```
    #[must_use]
    pub fn threads(&self) -> usize {
        self.shared().state.lock().threads
    }

    /// How many threads there are at most.
    ///
    /// See the example of [`set_size`](Self::set_size).
    #[doc(alias = "maxsize")]
    #[must_use]
    pub fn size(&self) -> usize {
        self.shared().state.lock().size
    }

    /// Sets how many threads there are at most from now on. With fewer, threads
    /// end when their jobs do.
    ///
    /// # Panics
    ///
    /// If `size` is 0; see [`kill`](Self::kill).
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = maypole_runtime::threadpool::ThreadPool::new(4);
    /// pool.set_size(1);
    /// assert_eq!(pool.size(), 1);
    /// ```
    #[doc(alias = "adjust")]
    #[track_caller]
    pub fn set_size(&self, size: usize) {
        assert!(size > 0, "a thread pool of size 0 would never run anything");
        let mut state = self.shared().state.lock();
        state.size = size;
        state.let_in();
        drop(state);
        self.shared().work.notify_all();
    }

    /// How many jobs wait or run.
    ///
    /// See the example of [`join`](Self::join).
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared().state.lock().out
    }

    /// Whether no job waits or runs.
    ///
    /// See the example of [`join`](Self::join).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until no job waits or runs. Suspends only the caller; a kill or a
    /// time-out interrupts it. Returns at once while the caller unwinds.
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = maypole_runtime::threadpool::ThreadPool::new(1);
    /// let job = pool.spawn(|| ());
    /// pool.join();
    /// assert!(pool.is_empty() && pool.len() == 0);
    /// # drop(job);
    /// ```
    pub fn join(&self) {
        self.join_until(None);
    }

    /// As [`join`](Self::join), for at most `limit`; true when none is left.
    ///
    /// See the example of [`join`](Self::join).
    pub fn join_timeout(&self, limit: Duration) -> bool {
        self.join_until(deadline_after(limit))
    }

    /// Ends the pool: jobs that no thread has begun are dropped, and so is what
    /// is spawned from now on; their tasks are errors. What runs runs on, and is
    /// not waited for.
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = maypole_runtime::threadpool::ThreadPool::new(1);
    /// pool.kill();
    /// assert!(pool.spawn(|| ()).get().is_err());
    /// ```
    #[doc(alias = "shutdown")]
    pub fn kill(&self) {
        self.shared().end(true);
    }

    fn join_until(&self, deadline: Option<Instant>) -> bool {
        checkpoint();
        let ready = |state: &mut State| (state.out == 0).then_some(());
        match wait_in(
            &self.shared().state,
            |state| &mut state.joiners,
            deadline,
            ready,
        ) {
            Ok(waited) => waited != Waited::TimedOut,
            Err(_) => self.is_empty(),
        }
    }

    /// Whether the caller is a thread of this pool, which must not wait for it.
    pub(super) fn is_own_thread(&self) -> bool {
        std::ptr::eq(MINE.get(), Arc::as_ptr(self.shared()))
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    /// Waits for the turn of one more job. False after the deadline.
    fn enter(&self, deadline: Option<Instant>) -> bool {
        checkpoint();
        let ready = |state: &mut State| state.enter_now().then_some(());
        match wait_in(
            &self.shared().state,
            |state| &mut state.spawners,
            deadline,
            ready,
        ) {
            Ok(waited) => waited != Waited::TimedOut,
            Err(_) => {
                self.shared().state.lock().out += 1;
                true
            }
        }
    }

    /// Gives a job that was let in to a thread.
    fn start<T, F>(&self, body: F) -> io::Result<Task<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let shared = self.shared();
        let (task, mut report) = Task::new();
        let counted = Counted(Arc::downgrade(shared));
        let job = Box::new(move || {
            // Dropped in this order: the count goes down before the task ends.
            let counted = counted;
            report.is(catch_unwind(AssertUnwindSafe(body)));
            drop(counted);
            drop(report);
        });
        let starts = {
            let mut state = shared.state.lock();
            if state.ended {
                drop(state);
                drop(job);
                return Ok(task);
            }
            state.jobs.push_back(job);
            // Those who wait will come for as many.
            let starts = state.jobs.len() > state.idle && state.threads < state.size;
            if starts {
                state.threads += 1;
            }
            starts
        };
        if !starts {
            shared.work.notify_one();
            return Ok(task);
        }
        let theirs = shared.clone();
        let name = "maypole-thread".to_owned();
        let started = thread::Builder::new()
            .name(name)
            .spawn(move || theirs.work());
        let Err(error) = started else {
            return Ok(task);
        };
        let jobs = {
            let mut state = shared.state.lock();
            state.threads -= 1;
            if state.threads > 0 {
                return Ok(task); // the others come to it
            }
            std::mem::take(&mut state.jobs)
        };
        drop(jobs);
        Err(error)
    }
}

impl State {
    fn enter_now(&mut self) -> bool {
        let may = self.out < self.size || self.ended;
        if may {
            self.out += 1;
        }
        may
    }

    fn let_in(&mut self) {
        while (self.out < self.size || self.ended) && self.spawners.wake_one() {
            self.out += 1;
        }
    }
}

impl Shared {
    /// What a thread does.
    fn work(self: Arc<Self>) {
        MINE.set(Arc::as_ptr(&self));
        let mut state = self.state.lock();
        loop {
            if state.threads > state.size {
                break;
            }
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                job();
                state = self.state.lock();
                continue;
            }
            if state.ended {
                break;
            }
            state.idle += 1;
            let late = self
                .work
                .wait_for(&mut state, self.idle_timeout)
                .timed_out();
            state.idle -= 1;
            if late && state.jobs.is_empty() {
                break;
            }
        }
        state.threads -= 1;
        // It may have been told of a job as it went.
        if !state.jobs.is_empty() && state.threads > 0 {
            self.work.notify_one();
        }
    }

    fn end(&self, drops_jobs: bool) {
        let jobs = {
            let mut state = self.state.lock();
            state.ended = true;
            state.let_in();
            if drops_jobs {
                std::mem::take(&mut state.jobs)
            } else {
                VecDeque::new()
            }
        };
        self.work.notify_all();
        drop(jobs);
    }
}

/// One job that is out, until this is dropped.
struct Counted(Weak<Shared>);

impl Drop for Counted {
    fn drop(&mut self) {
        let Some(shared) = self.0.upgrade() else {
            return;
        };
        let mut state = shared.state.lock();
        state.out -= 1;
        state.let_in();
        if state.out == 0 {
            state.joiners.take_all().wake();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.end(false);
    }
}

impl Run for ThreadPool {
    fn run(&self, job: impl FnOnce() + Send + 'static) {
        drop(self.spawn(job));
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared().state.lock();
        f.debug_struct("ThreadPool")
            .field("threads", &state.threads)
            .field("size", &state.size)
            .field("len", &state.out)
            .finish_non_exhaustive()
    }
}
