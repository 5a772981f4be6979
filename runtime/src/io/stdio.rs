//! The standard streams, without blocking the hub and without changing what
//! other processes share.
//!
//! Whether a descriptor blocks is a property of the open file, and the shell,
//! the parent and its other children have the same one: `O_NONBLOCK` on it would
//! make *their* reads and writes fail. So a pipe or a terminal is opened once
//! more, through `/proc/self/fd`, which makes an open file of our own; a socket
//! is asked call by call; all else, and what cannot be opened again, is read and
//! written on the thread pool.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::sync::OnceLock;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use crate::fs::File;
use crate::lock::Semaphore;

use super::{End, wait_read, wait_write};

/// One standard stream of the process.
struct Stream {
    way: OnceLock<Way>,
    // Whose turn it is; made with the first call.
    turn: OnceLock<Semaphore>,
}

/// How its bytes go.
enum Way {
    /// Opened again, non-blocking.
    Opened(End),
    /// A duplicate, asked with `MSG_DONTWAIT`.
    Socket(OwnedFd),
    /// On the thread pool.
    Pool(File),
}

static STDIN: Stream = Stream::new();
static STDOUT: Stream = Stream::new();
static STDERR: Stream = Stream::new();

impl Stream {
    const fn new() -> Self {
        Self {
            way: OnceLock::new(),
            turn: OnceLock::new(),
        }
    }

    fn way(&self, fd: BorrowedFd<'_>, reads: bool) -> io::Result<&Way> {
        if let Some(way) = self.way.get() {
            return Ok(way);
        }
        let way = Way::to(fd, reads)?;
        Ok(self.way.get_or_init(|| way))
    }

    fn turn(&self) -> &Semaphore {
        self.turn.get_or_init(|| Semaphore::new(1))
    }

    fn read(&self, fd: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
        let _turn = self.turn().acquire()?;
        match self.way(fd, true)? {
            Way::Opened(end) => end.read(buf),
            Way::Socket(socket) => loop {
                match rustix::net::recv(socket, &mut *buf, RecvFlags::DONTWAIT) {
                    Err(Errno::AGAIN) => wait_read(socket)?,
                    Err(Errno::INTR) => {}
                    done => break Ok(done?.1),
                }
            },
            Way::Pool(file) => (&*file).read(buf),
        }
    }

    fn write(&self, fd: BorrowedFd<'_>, buf: &[u8]) -> io::Result<usize> {
        let _turn = self.turn().acquire()?;
        self.way(fd, false)?.write(buf)
    }

    /// All of it, with nobody's bytes in between.
    fn write_all(&self, fd: BorrowedFd<'_>, mut buf: &[u8]) -> io::Result<()> {
        let _turn = self.turn().acquire()?;
        let way = self.way(fd, false)?;
        while !buf.is_empty() {
            match way.write(buf)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => buf = &buf[n..],
            }
        }
        Ok(())
    }
}

impl Way {
    fn to(fd: BorrowedFd<'_>, reads: bool) -> io::Result<Self> {
        let own = fd.try_clone_to_owned()?;
        let file = std::fs::File::from(own);
        let kind = file.metadata()?.file_type();
        if kind.is_socket() {
            return Ok(Self::Socket(file.into()));
        }
        if kind.is_fifo() || rustix::termios::isatty(fd) {
            let again = OpenOptions::new()
                .read(reads)
                .write(!reads)
                .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
                .open(format!("/proc/self/fd/{}", fd.as_raw_fd()));
            // Refused when it is another user's, or /proc is not mounted.
            if let Ok(again) = again {
                return Ok(Self::Opened(End::from_nonblocking(again.into())));
            }
        }
        Ok(Self::Pool(file.into()))
    }

    fn write(&self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Opened(end) => end.write(buf),
            Self::Socket(socket) => loop {
                let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
                match rustix::net::send(socket, buf, flags) {
                    Err(Errno::AGAIN) => wait_write(socket)?,
                    Err(Errno::INTR) => {}
                    done => break Ok(done?),
                }
            },
            Self::Pool(file) => (&*file).write(buf),
        }
    }
}

/// The standard input of the process; see [`stdin`].
///
/// See the example of [`stdin`].
#[derive(Clone, Copy)]
pub struct Stdin(());

/// The standard output of the process; see [`stdout`].
///
/// See the example of [`stdout`].
#[derive(Clone, Copy)]
pub struct Stdout(());

/// The standard error output of the process; see [`stderr`].
///
/// See the example of [`stderr`].
#[derive(Clone, Copy)]
pub struct Stderr(());

/// The standard input of the process, unbuffered.
///
/// Reading suspends only the calling greenlet; a kill or time-out interrupts it,
/// and what comes then is there for the next read. Those who read at the same
/// time take turns. Wrap it into a [`BufReader`](io::BufReader) for lines. What
/// [`std::io::stdin`] has in its buffer is not seen here: use one of them.
///
/// The flags of the descriptor stay as they are, because other processes share
/// them: a pipe or a terminal is opened once more, a socket is asked call by
/// call, and all else is read on the thread pool.
///
/// # Examples
///
/// ```no_run
/// use std::io::{BufRead, BufReader};
/// use maypole_runtime::io;
///
/// for line in BufReader::new(io::stdin()).lines() {
///     println!("{}", line?); // other greenlets run while it waits
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn stdin() -> Stdin {
    Stdin(())
}

/// The standard output of the process, unbuffered.
///
/// Writing suspends only the calling greenlet while whoever reads is slow; a
/// kill or time-out interrupts it. Those who write at the same time take turns,
/// and what one `write_all` or `writeln` writes stays together. It is not in
/// step with [`std::io::stdout`] and `println`, which have a buffer. The flags
/// of the descriptor stay as they are; see [`stdin`].
///
/// # Examples
///
/// ```
/// use std::io::Write;
/// use maypole_runtime::io;
///
/// writeln!(io::stdout(), "hello")?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn stdout() -> Stdout {
    Stdout(())
}

/// The standard error output of the process, unbuffered; as [`stdout`].
///
/// # Examples
///
/// ```
/// use std::io::Write;
/// use maypole_runtime::io;
///
/// writeln!(io::stderr(), "it went wrong")?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn stderr() -> Stderr {
    Stderr(())
}

macro_rules! standard {
    ($name:ident, $fd:ident) => {
        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                rustix::stdio::$fd()
            }
        }

        impl AsRawFd for $name {
            fn as_raw_fd(&self) -> RawFd {
                self.as_fd().as_raw_fd()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

standard!(Stdin, stdin);
standard!(Stdout, stdout);
standard!(Stderr, stderr);

macro_rules! writes {
    ($($name:ty => $stream:ident),*) => {$(
        impl Write for $name {
            fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                $stream.write(self.as_fd(), buf)
            }

            fn write_all(&mut self, buf: &[u8]) -> io::Result<()> {
                $stream.write_all(self.as_fd(), buf)
            }

            fn write_fmt(&mut self, args: fmt::Arguments<'_>) -> io::Result<()> {
                // In one piece, not one for each part of the text.
                match args.as_str() {
                    Some(text) => self.write_all(text.as_bytes()),
                    None => self.write_all(args.to_string().as_bytes()),
                }
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
    )*};
}

writes!(Stdout => STDOUT, &Stdout => STDOUT, Stderr => STDERR, &Stderr => STDERR);

impl Read for Stdin {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        STDIN.read(self.as_fd(), buf)
    }
}

impl Read for &Stdin {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        STDIN.read(self.as_fd(), buf)
    }
}
