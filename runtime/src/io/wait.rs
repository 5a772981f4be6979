//! Waiting for a descriptor that is somebody else's.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use crate::descriptor::poll_now;
use crate::engine::Interest;
use crate::select::any_of;
use crate::wait::{self, deadline_after};

/// Waits until `fd` can be read, or accepted from, without blocking; its end and
/// its errors count.
///
/// Suspends only the caller; a kill or time-out interrupts it. The descriptor
/// may be of any kind and need not be non-blocking: that of a C library, an
/// inotify, a device. Regular files are always ready. Greenlets that wait for
/// the same descriptor all wake, and its flags stay as they are. A wait takes
/// some six system calls: the types of [`net`](crate::net) have a `wait_read` of
/// their own, which takes one or none.
///
/// A descriptor that is borrowed cannot be closed meanwhile. To end the wait of
/// another greenlet, [kill](crate::Greenlet::kill) it, or shut a socket down.
///
/// # Errors
///
/// The kernel's, and [`Unwinding`](crate::Unwinding).
///
/// # Examples
///
/// ```
/// use std::io::Write;
/// use maypole_runtime::{io, spawn};
///
/// let (reader, mut writer) = std::io::pipe()?; // blocking ones
/// let waiting = spawn(move || io::wait_read(&reader));
/// writer.write_all(b"x")?;
/// waiting.get().unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wait_read(fd: impl AsFd) -> io::Result<()> {
    wait_until(fd.as_fd(), Interest::Read, None)
}

/// As [`wait_read`], for at most `limit`.
///
/// # Errors
///
/// `TimedOut` after the limit; else as [`wait_read`].
///
/// # Examples
///
/// ```
/// use std::io::ErrorKind;
/// use std::time::Duration;
/// use maypole_runtime::io;
///
/// let (reader, _writer) = std::io::pipe()?;
/// let late = io::wait_read_timeout(&reader, Duration::from_millis(1)).unwrap_err();
/// assert_eq!(late.kind(), ErrorKind::TimedOut);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wait_read_timeout(fd: impl AsFd, limit: Duration) -> io::Result<()> {
    wait_until(fd.as_fd(), Interest::Read, deadline_after(limit))
}

/// Waits until `fd` can be written to without blocking; errors count.
///
/// All else is as with [`wait_read`].
///
/// # Errors
///
/// As [`wait_read`].
///
/// # Examples
///
/// ```
/// let (_reader, writer) = std::io::pipe()?;
/// maypole_runtime::io::wait_write(&writer)?; // there is room
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wait_write(fd: impl AsFd) -> io::Result<()> {
    wait_until(fd.as_fd(), Interest::Write, None)
}

/// As [`wait_write`], for at most `limit`.
///
/// # Errors
///
/// `TimedOut` after the limit; else as [`wait_read`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_runtime::io;
///
/// let (_reader, writer) = std::io::pipe()?;
/// io::wait_write_timeout(&writer, Duration::from_secs(5))?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wait_write_timeout(fd: impl AsFd, limit: Duration) -> io::Result<()> {
    wait_until(fd.as_fd(), Interest::Write, deadline_after(limit))
}

fn wait_until(fd: BorrowedFd<'_>, interest: Interest, deadline: Option<Instant>) -> io::Result<()> {
    wait::checkpoint();
    let wanted = match interest {
        Interest::Read => PollFlags::IN | PollFlags::RDHUP,
        Interest::Write => PollFlags::OUT,
    };
    if is_ready(fd, wanted)? {
        return Ok(());
    }
    let any = any_of(&[(fd, wanted)])?;
    loop {
        wait::ready(&any, Interest::Read, deadline)?;
        if is_ready(fd, wanted)? {
            return Ok(());
        }
    }
}

fn is_ready(fd: BorrowedFd<'_>, wanted: PollFlags) -> io::Result<bool> {
    let found = poll_now(&fd, wanted)?;
    if found.contains(PollFlags::NVAL) {
        return Err(rustix::io::Errno::BADF.into());
    }
    Ok(!found.is_empty())
}
