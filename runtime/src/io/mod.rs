//! Waiting for any descriptor, pipes, and the standard streams, under std's and
//! gevent's names.
//!
//! ```
//! use std::io::{Read, Write};
//! use maypole_runtime::{io, spawn};
//!
//! let (mut reader, mut writer) = io::pipe()?;
//! let greeter = spawn(move || writer.write_all(b"hello"));
//! let mut text = String::new();
//! reader.read_to_string(&mut text)?;
//! assert_eq!(text, "hello");
//! greeter.get().unwrap()?;
//! # Ok::<(), std::io::Error>(())
//! ```

mod pipe;
mod stdio;
mod wait;

pub(crate) use pipe::End;
pub use pipe::{PipeReader, PipeWriter, pipe};
pub use stdio::{Stderr, Stdin, Stdout, stderr, stdin, stdout};
pub use wait::{wait_read, wait_read_timeout, wait_write, wait_write_timeout};
