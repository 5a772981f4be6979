//! Our ends of the pipes to a child.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::process::Stdio;

use crate::io::End;

/// The writing end of the pipe to a child's standard input.
///
/// Writing suspends only the calling greenlet while the pipe is full; a kill or
/// time-out interrupts it. Dropping it is the end of the child's input. When the
/// child reads no more, a write fails with `BrokenPipe`.
///
/// # Examples
///
/// ```
/// use std::{io::{Read, Write}, process::Stdio};
/// use maypole_runtime::process::Command;
///
/// let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
/// child.stdin.take().unwrap().write_all(b"hello")?; // and closes it
/// let mut text = String::new();
/// child.stdout.take().unwrap().read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// # child.wait()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct ChildStdin(End);

/// The reading end of the pipe from a child's standard output.
///
/// Reading suspends only the calling greenlet until something comes or all who
/// have the other end have closed it, children of the child too; a kill or
/// time-out interrupts it.
///
/// See the example of [`ChildStdin`].
pub struct ChildStdout(End);

/// The reading end of the pipe from a child's standard error; see
/// [`ChildStdout`].
///
/// See the example of [`ChildStdin`].
pub struct ChildStderr(End);

macro_rules! end_of_pipe {
    ($name:ident, $std:ty) => {
        impl $name {
            pub(super) fn new(pipe: $std) -> io::Result<Self> {
                End::new(pipe.into()).map(Self)
            }
        }

        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.0.as_fd()
            }
        }

        impl AsRawFd for $name {
            fn as_raw_fd(&self) -> RawFd {
                self.as_fd().as_raw_fd()
            }
        }

        impl From<$name> for OwnedFd {
            /// The descriptor, blocking again.
            fn from(end: $name) -> Self {
                end.0.into_blocking()
            }
        }

        impl From<$name> for Stdio {
            /// For another child to use as its own.
            fn from(end: $name) -> Self {
                Self::from(OwnedFd::from(end))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name))
                    .field(&self.as_raw_fd())
                    .finish()
            }
        }
    };
}

end_of_pipe!(ChildStdin, std::process::ChildStdin);
end_of_pipe!(ChildStdout, std::process::ChildStdout);
end_of_pipe!(ChildStderr, std::process::ChildStderr);

macro_rules! reads {
    ($($name:ty),*) => {$(
        impl Read for $name {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.0.read(buf)
            }
        }

        impl Read for &$name {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.0.read(buf)
            }
        }
    )*};
}

reads!(ChildStdout, ChildStderr);

impl Write for ChildStdin {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for &ChildStdin {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
