//! Queues between greenlets and threads.
//!
//! [`Queue`] serves items in the order in which they came, [`LifoQueue`] the
//! last first, [`PriorityQueue`] the least first. With a capacity, putting waits
//! for room. [`Channel`] has none: a put and a get meet.
//!
//! All of them serve waiters in the order of their arrival: an item that is
//! there for a waiting greenlet is not given to another that comes later. A
//! getter that is killed or runs out of time takes no item with it. They are
//! cheap to clone, and clones are the same queue.
//!
//! ```
//! use maypole_runtime::queue::Queue;
//! use maypole_runtime::spawn;
//!
//! let jobs = Queue::new(10);
//! let worker = {
//!     let jobs = jobs.clone();
//!     spawn(move || jobs.into_iter().sum::<u32>())
//! };
//! for job in 1..=100 {
//!     jobs.put(job).unwrap(); // waits while ten are queued
//! }
//! jobs.close();
//! assert_eq!(worker.get().unwrap(), 5050);
//! ```

mod base;
mod channel;
mod error;
mod iter;
#[cfg(all(test, loom))]
mod models;
mod order;
mod peek;
mod state;
mod tasks;

pub use base::{BaseQueue, LifoQueue, PriorityQueue, Queue};
pub use channel::Channel;
pub use error::{GetError, PutError};
pub use iter::{IntoIter, Iter};
pub use order::{Fifo, Lifo, Order, Priority};
