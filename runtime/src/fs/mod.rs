//! Files, under std's names, on the thread pool.
//!
//! The kernel has no way to wait for a file on a disk: reading one blocks the
//! thread. So each call here runs on a thread of the
//! [default pool](crate::threadpool::default_pool), and suspends only its
//! caller. A kill or a time-out interrupts the caller; the call runs on then.
//! It costs some 20 microseconds: read and write large pieces, through a
//! [`BufReader`](std::io::BufReader) or [`BufWriter`](std::io::BufWriter).
//! Jobs of that pool use std's files: they block nobody else. Pipes and sockets need no threads: see [`io`](crate::io) and
//! [`net`](crate::net).
//!
//! ```
//! use maypole_runtime::fs;
//!
//! let hosts = fs::read_to_string("/etc/hosts")?; // others run meanwhile
//! # drop(hosts);
//! # Ok::<(), std::io::Error>(())
//! ```

mod calls;
mod dir;
mod file;
mod options;

pub use calls::{
    canonicalize, copy, create_dir, create_dir_all, exists, hard_link, metadata, read, read_link,
    read_to_string, remove_dir, remove_dir_all, remove_file, rename, set_permissions,
    symlink_metadata, write,
};
pub use dir::{ReadDir, read_dir};
pub use file::File;
pub use options::OpenOptions;
