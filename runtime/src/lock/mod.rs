//! Locks for greenlets and threads.
//!
//! [`Mutex`], [`RwLock`] and [`ReentrantLock`] hold a value and lend it to one
//! owner at a time, with std's names; [`Condition`] waits for a change of what a
//! [`Mutex`] holds. [`Semaphore`] and [`BoundedSemaphore`] count.
//!
//! A lock of std that is held across a blocking call stops the hub when another
//! greenlet wants it. With these only the greenlet waits that wants it.
//!
//! - **In turn**: waiters are served in the order of their arrival, and nobody
//!   who comes later overtakes them.
//! - **No poisoning**: a greenlet that panics or is killed gives its locks back
//!   while it unwinds, and the next owner gets them as if nothing had happened.
//! - **Interrupts**: a waiter that is killed or timed out leaves the line and
//!   takes nothing along.
//! - **Unwinding**: a greenlet that unwinds cannot wait ([`Unwinding`] says why).
//!   A lock that is free is had all the same; one that is taken is an error.
//!   This is why locking returns a `Result`, as it does in std.
//!
//! [`Unwinding`]: crate::Unwinding
//!
//! ```
//! use std::sync::Arc;
//! use maypole_runtime::lock::Mutex;
//! use maypole_runtime::{join_all, spawn, yield_now};
//!
//! let total = Arc::new(Mutex::new(0));
//! let adders: Vec<_> = (1..=10)
//!     .map(|n| {
//!         let total = total.clone();
//!         spawn(move || {
//!             let mut total = total.lock().unwrap();
//!             let before = *total;
//!             yield_now(); // the others wait meanwhile
//!             *total = before + n;
//!         })
//!     })
//!     .collect();
//! join_all(adders);
//! assert_eq!(*total.lock().unwrap(), 55);
//! ```

mod bounded;
mod condition;
#[cfg(all(test, loom))]
mod models;
mod mutex;
mod raw;
mod reentrant;
mod rwlock;
mod semaphore;

pub use bounded::{BoundedSemaphore, OverRelease};
pub use condition::Condition;
pub use mutex::{Mutex, MutexGuard};
pub use reentrant::{ReentrantLock, ReentrantLockGuard};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use semaphore::{Permit, Semaphore};
