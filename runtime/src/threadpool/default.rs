//! The pool that the library itself uses.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::ThreadPool;

/// Threads of the default pool at most: gevent's number. They wait for the most
/// part, so it does not follow the number of cores.
const DEFAULT_SIZE: usize = 10;

static SIZE: AtomicUsize = AtomicUsize::new(DEFAULT_SIZE);
static POOL: OnceLock<ThreadPool> = OnceLock::new();

/// The pool that name resolution and [`run`] use: up to 10 threads, made on
/// demand, which end after five idle seconds.
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

/// Sets how many threads the default pool has at most, before it is first used;
/// later see [`ThreadPool::set_size`].
///
/// # Errors
///
/// `InvalidInput` for 0, `AlreadyExists` when the pool is in use.
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
