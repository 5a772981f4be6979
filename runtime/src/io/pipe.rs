//! Pipes that suspend only who waits for them.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::io::ioctl_fionbio;

use crate::descriptor::Descriptor;
use crate::engine::Interest;

/// One end of a pipe, non-blocking.
pub(crate) struct End(Descriptor<OwnedFd>);

impl End {
    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        ioctl_fionbio(&fd, true)?;
        Ok(Self::from_nonblocking(fd))
    }

    /// Of a descriptor that is non-blocking already.
    pub(crate) fn from_nonblocking(fd: OwnedFd) -> Self {
        Self(Descriptor::new(fd))
    }

    pub(crate) fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0
            .io(Interest::Read, |fd| Ok(rustix::io::read(fd, &mut *buf)?))
    }

    pub(crate) fn write(&self, buf: &[u8]) -> io::Result<usize> {
        self.0
            .io(Interest::Write, |fd| Ok(rustix::io::write(fd, buf)?))
    }

    /// A descriptor for others, who expect one that blocks.
    pub(crate) fn into_blocking(self) -> OwnedFd {
        let fd = self.0.into_inner();
        // Cannot fail: it is a descriptor, and it has the flag.
        let _ = ioctl_fionbio(&fd, false);
        fd
    }
}

impl AsFd for End {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The reading end of a pipe.
///
/// Reading suspends only the calling greenlet until something comes or all who
/// have the other end have closed it; a kill or time-out interrupts it, and what
/// comes then stays in the pipe. When two wait to read, the second gets an error
/// of kind `ResourceBusy`.
///
/// See the example of [`pipe`].
#[doc(alias = "FileObject")]
#[doc(alias = "FileObjectPosix")]
pub struct PipeReader(End);

/// The writing end of a pipe.
///
/// Writing suspends only the calling greenlet while the pipe is full; a kill or
/// time-out interrupts it. When nobody reads any more, a write fails with
/// `BrokenPipe`. When two wait to write, the second gets an error of kind
/// `ResourceBusy`.
///
/// See the example of [`pipe`].
#[doc(alias = "FileObject")]
#[doc(alias = "FileObjectPosix")]
pub struct PipeWriter(End);

/// A new pipe: what is written to the one end can be read from the other.
///
/// # Errors
///
/// The kernel's, when there are no more descriptors.
///
/// # Examples
///
/// See the [module](crate::io).
#[doc(alias = "make_nonblocking")]
#[doc(alias = "nb_read")]
pub fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    Ok((reader.try_into()?, writer.try_into()?))
}

macro_rules! end_of_pipe {
    ($name:ident, $std:ty) => {
        impl TryFrom<OwnedFd> for $name {
            type Error = io::Error;

            /// Takes over a pipe, a terminal or another descriptor of the kind,
            /// and makes it non-blocking: for all who share it, in other
            /// processes too.
            fn try_from(fd: OwnedFd) -> io::Result<Self> {
                End::new(fd).map(Self)
            }
        }

        impl TryFrom<$std> for $name {
            type Error = io::Error;

            /// Takes over an end of std's and makes it non-blocking.
            fn try_from(end: $std) -> io::Result<Self> {
                OwnedFd::from(end).try_into()
            }
        }

        impl From<$name> for OwnedFd {
            /// The descriptor, blocking again.
            fn from(end: $name) -> Self {
                end.0.into_blocking()
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

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name))
                    .field(&self.as_raw_fd())
                    .finish()
            }
        }
    };
}

end_of_pipe!(PipeReader, io::PipeReader);
end_of_pipe!(PipeWriter, io::PipeWriter);

impl Read for PipeReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Read for &PipeReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Write for PipeWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for &PipeWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
