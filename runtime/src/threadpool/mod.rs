//! Real threads for what would block a hub: files, name resolution, code of
//! others that waits, long computations.
//!
//! ```
//! use maypole_runtime::threadpool;
//!
//! // Other greenlets run meanwhile.
//! let hosts = threadpool::run(|| std::fs::read_to_string("/etc/hosts"));
//! # drop(hosts);
//! ```

mod default;
mod pool;
mod task;

pub(crate) use default::run_io;
pub use default::{default_pool, run, set_default_size};
pub use pool::ThreadPool;
pub use task::{Task, TaskError};
