//! The pool that the library itself uses.

use std::io;
use std::panic::resume_unwind;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::wait;

use super::{TaskError, ThreadPool};

/// Threads of the default pool at most: gevent's number. They wait for the most
/// part, so it does not follow the number of cores.
const DEFAULT_SIZE: usize = 10;

static SIZE: AtomicUsize = AtomicUsize::new(DEFAULT_SIZE);
static POOL: OnceLock<ThreadPool> = OnceLock::new();

/// The pool that name resolution and [`run`] use: up to 10 threads, made on
/// demand, which end after five idle seconds.
///
/// # Examples
///
/// ```
/// use maypole_runtime::threadpool::default_pool;
///
/// let squares = default_pool().map(1..=3, |n| n * n);
/// assert_eq!(squares, [1, 4, 9]);
/// ```
#[doc(alias = "hub.threadpool")]
pub fn default_pool() -> &'static ThreadPool {
    POOL.get_or_init(|| ThreadPool::new(SIZE.load(Ordering::Relaxed)))
}

/// Runs `body` on a thread of the default pool and waits for it.
///
/// Suspends only the caller. A kill or a time-out interrupts it; `body` runs on
/// then, and its result is dropped. On a thread of the default pool it runs
/// right there.
///
/// # Panics
///
/// When `body` does, with its panic.
///
/// # Examples
///
/// ```
/// use maypole_runtime::{spawn, threadpool};
///
/// let sum = spawn(|| threadpool::run(|| (1..=1000).sum::<u64>()));
/// assert_eq!(sum.get().unwrap(), 500_500);
/// ```
pub fn run<T, F>(body: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    default_pool().apply(body)
}

/// [`run`] for calls of the system: what keeps it from running is an error.
///
/// # Errors
///
/// `body`'s; [`Unwinding`](crate::Unwinding); what the system says when it gives
/// no thread; and when the pool was killed.
pub(crate) fn run_io<T, F>(body: F) -> io::Result<T>
where
    F: FnOnce() -> io::Result<T> + Send + 'static,
    T: Send + 'static,
{
    wait::refuse_to_wait()?;
    let pool = default_pool();
    if pool.is_own_thread() {
        return body();
    }
    let task = pool.spawn_timeout(Duration::MAX, body)?;
    match task.get().map_err(TaskError::into_panic) {
        Ok(done) => done,
        Err(Ok(payload)) => resume_unwind(payload),
        Err(Err(error)) => Err(io::Error::other(error)),
    }
}

/// Sets how many threads the default pool has at most, before it is first used;
/// later see [`ThreadPool::set_size`].
///
/// # Errors
///
/// `InvalidInput` for 0, `AlreadyExists` when the pool is in use.
///
/// # Examples
///
/// ```
/// use maypole_runtime::threadpool::{default_pool, set_default_size};
///
/// set_default_size(2)?;
/// assert_eq!(default_pool().size(), 2);
/// assert!(set_default_size(4).is_err()); // it is in use
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn set_default_size(threads: usize) -> io::Result<()> {
    if threads == 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the default thread pool needs a thread",
        ));
    }
    if POOL.get().is_some() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "the default thread pool is in use; see ThreadPool::set_size",
        ));
    }
    SIZE.store(threads, Ordering::Relaxed);
    Ok(())
}
