//! Locks for greenlets and threads.

mod semaphore;

pub use semaphore::{Permit, Semaphore};
