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
//! it. So no kill and no time-out comes between the start and the [`Child`]. It
//! takes 0.2 to 1 ms, on a machine with nothing to spare the time until the new
//! process had its turn. Where [`Command::uid`] or [`Command::gid`] is set std
//! copies the page tables of this process first: 60 ms were seen at 512 MiB.
//! A `Command` is `Send` and so is its `Child`: where that counts, spawn on a
//! thread of your own.
//!
//! # Without a shell
//!
//! Arguments are passed on as they are. For gevent's `shell=True`, write
//! `Command::new("sh").arg("-c").arg(script)`.

mod child;
mod command;
mod communicate;
mod passed;
mod stdio;

pub use child::{Child, ChildRef};
pub use command::Command;
pub use communicate::PartialOutput;
pub use passed::passed_fds;
pub use std::process::{ExitStatus, Output, Stdio};
pub use stdio::{ChildStderr, ChildStdin, ChildStdout};
