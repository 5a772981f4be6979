//! Other programs: starting them, talking to them, waiting for their end.
//!
//! [`Command`] and [`Child`] have the shape of std's, but every wait suspends
//! only the greenlet that makes it: for output, for room in a pipe, for the end.
//! The end of a child is seen through its pidfd (Linux 5.3), so no handler of
//! SIGCHLD is needed and none gets in the way.
//!
//! ```
//! use std::process::Stdio;
//! use maypole_runtime::process::Command;
//!
//! let listing = Command::new("ls").arg("/").output()?;
//! assert!(listing.status.success());
//!
//! let mut cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
//! assert_eq!(cat.communicate(b"meow")?.stdout, b"meow");
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # What still stops the hub
//!
//! [`Command::spawn`] returns when the new program runs or could not be
//! started: until then the calling thread stands still, and its greenlets with
//! it. That takes about half a millisecond, more where programs come from a slow
//! file system, or where a user or group is set and the process has much memory
//! (std then copies its page tables). A `Command` is `Send`: where that counts,
//! spawn from a thread of your own; the [`Child`] can be sent back.
//!
//! # Without a shell
//!
//! Arguments are passed on as they are. For gevent's `shell=True`, write
//! `Command::new("sh").arg("-c").arg(script)`.

mod child;
mod command;
mod communicate;
mod stdio;

pub use child::{Child, ChildRef};
pub use command::Command;
pub use communicate::PartialOutput;
pub use std::process::{ExitStatus, Output, Stdio};
pub use stdio::{ChildStderr, ChildStdin, ChildStdout};
