//! Waiting for several descriptors at once.
//!
//! A greenlet for each descriptor is simpler, and waits for as many. This is for
//! code that is written around `select` or `poll`, and for libraries that tell
//! which descriptors they wait for.
//!
//! ```
//! use std::io::Write;
//! use maypole_runtime::{net::UnixStream, select::select};
//!
//! let (one, _far) = UnixStream::pair()?;
//! let (two, mut far) = UnixStream::pair()?;
//! far.write_all(b"x")?;
//! let ready = select(&[&one, &two], &[&one])?;
//! assert_eq!((ready.readable, ready.writable), (vec![1], vec![0]));
//! # Ok::<(), std::io::Error>(())
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::BitOr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFlags, Timespec, epoll};
use rustix::io::Errno;

use crate::engine::{Interest, Source};
use crate::wait::{self, deadline_after};

/// What is asked of a descriptor, and what is found.
///
/// # Examples
///
/// ```
/// use maypole_runtime::select::Events;
///
/// let wanted = Events::READ | Events::WRITE;
/// assert!(wanted.contains(Events::READ));
/// assert!(!wanted.contains(Events::HANG_UP)); // told all the same
/// ```
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Events(PollFlags);

impl Events {
    /// Nothing, beside what is always told: [`HANG_UP`](Self::HANG_UP),
    /// [`ERROR`](Self::ERROR) and [`INVALID`](Self::INVALID).
    pub const NONE: Self = Self(PollFlags::empty());
    /// It can be read or accepted from; so it is at its end.
    #[doc(alias = "POLLIN")]
    pub const READ: Self = Self(PollFlags::IN);
    /// It can be written to.
    #[doc(alias = "POLLOUT")]
    pub const WRITE: Self = Self(PollFlags::OUT);
    /// Something urgent can be read.
    #[doc(alias = "POLLPRI")]
    pub const URGENT: Self = Self(PollFlags::PRI);
    /// The other side is gone.
    #[doc(alias = "POLLHUP")]
    pub const HANG_UP: Self = Self(PollFlags::HUP);
    /// An error is pending; for the writing end of a pipe, nobody reads.
    #[doc(alias = "POLLERR")]
    pub const ERROR: Self = Self(PollFlags::ERR);
    /// It is no open descriptor.
    #[doc(alias = "POLLNVAL")]
    pub const INVALID: Self = Self(PollFlags::NVAL);

    /// Whether all of `other` are among these.
    ///
    /// See the example of [`Events`].
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0.contains(other.0)
    }

    /// Whether there are none.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::select::Events;
    ///
    /// assert!(!Events::READ.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl BitOr for Events {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Self::READ, "READ"),
            (Self::WRITE, "WRITE"),
            (Self::URGENT, "URGENT"),
            (Self::HANG_UP, "HANG_UP"),
            (Self::ERROR, "ERROR"),
            (Self::INVALID, "INVALID"),
        ];
        let found = names.iter().filter(|(event, _)| self.contains(*event));
        let text: Vec<_> = found.map(|(_, name)| *name).collect();
        write!(f, "Events({})", text.join(" | "))
    }
}

/// A descriptor to [`poll`], what is wanted of it, and what was found.
///
/// See the example of [`poll`].
#[derive(Clone, Debug)]
pub struct PollFd<'a> {
    fd: BorrowedFd<'a>,
    wanted: Events,
    found: Events,
}

impl<'a> PollFd<'a> {
    /// Asks for `wanted` of `fd`.
    ///
    /// See the example of [`poll`].
    #[must_use]
    pub fn new(fd: &'a impl AsFd, wanted: Events) -> Self {
        Self {
            fd: fd.as_fd(),
            wanted,
            found: Events::NONE,
        }
    }

    /// What the last [`poll`] has found.
    ///
    /// See the example of [`poll`].
    #[doc(alias = "revents")]
    #[must_use]
    pub fn found(&self) -> Events {
        self.found
    }
}

/// Waits until something is found of at least one descriptor: of how many. What
/// was found is in [`PollFd::found`].
///
/// Suspends only the caller, and lets others run even if something is ready at
/// once; a kill or time-out interrupts it. The descriptors may be of any kind,
/// blocking or not, and others may wait for them too. A poll that has to wait
/// costs a few system calls for each descriptor.
///
/// # Errors
///
/// The kernel's, and [`Unwinding`](crate::Unwinding). A descriptor that is not
/// open is no error here: [`Events::INVALID`] is found of it.
///
/// # Examples
///
/// ```
/// use maypole_runtime::{net::UnixStream, select::{Events, PollFd, poll}};
///
/// let (near, far) = UnixStream::pair()?;
/// drop(far);
/// let mut fds = [PollFd::new(&near, Events::READ)];
/// assert_eq!(poll(&mut fds)?, 1);
/// assert!(fds[0].found().contains(Events::READ | Events::HANG_UP));
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "wait_readwrite")]
pub fn poll(fds: &mut [PollFd<'_>]) -> io::Result<usize> {
    poll_until(fds, None)
}

/// As [`poll`], for at most `limit`: 0 when nothing was found till then. A limit
/// of zero asks once.
///
/// # Errors
///
/// As [`poll`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_runtime::{net::UnixStream, select::{Events, PollFd, poll_timeout}};
///
/// let (near, _silent) = UnixStream::pair()?;
/// let mut fds = [PollFd::new(&near, Events::READ)];
/// assert_eq!(poll_timeout(&mut fds, Duration::from_millis(1))?, 0);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn poll_timeout(fds: &mut [PollFd<'_>], limit: Duration) -> io::Result<usize> {
    match poll_until(fds, deadline_after(limit)) {
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(0),
        done => done,
    }
}

/// Which descriptors [`select`] has found ready: their places in the lists.
///
/// See the example of [`select()`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Selected {
    /// Those that can be read or accepted from, their ends and errors included.
    pub readable: Vec<usize>,
    /// Those that can be written to, errors included.
    pub writable: Vec<usize>,
}

impl Selected {
    /// Whether none is ready.
    ///
    /// See the example of [`select_timeout`].
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.readable.is_empty() && self.writable.is_empty()
    }
}

/// Waits until a descriptor of `read` can be read or one of `write` can be
/// written to.
///
/// All else is as with [`poll`]. gevent ignores the list of exceptional
/// conditions; here there is none.
///
/// # Errors
///
/// As [`poll`], and `EBADF` for a descriptor that is not open.
///
/// # Examples
///
/// ```
/// use std::io::Write;
/// use maypole_runtime::{net::UnixStream, select::select};
///
/// let (near, mut far) = UnixStream::pair()?;
/// let (other, _silent) = UnixStream::pair()?;
/// far.write_all(b"x")?;
/// let ready = select(&[&other, &near], &[])?;
/// assert_eq!(ready.readable, [1]); // their places in the list
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "selectors")]
pub fn select(read: &[&dyn AsFd], write: &[&dyn AsFd]) -> io::Result<Selected> {
    select_with(read, write, poll)
}

/// As [`select`], for at most `limit`: none when the time has passed.
///
/// # Errors
///
/// As [`select`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_runtime::{net::UnixStream, select::select_timeout};
///
/// let (near, _silent) = UnixStream::pair()?;
/// assert!(select_timeout(&[&near], &[], Duration::from_millis(1))?.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn select_timeout(
    read: &[&dyn AsFd],
    write: &[&dyn AsFd],
    limit: Duration,
) -> io::Result<Selected> {
    select_with(read, write, |fds| poll_timeout(fds, limit))
}

fn select_with(
    read: &[&dyn AsFd],
    write: &[&dyn AsFd],
    poll: impl FnOnce(&mut [PollFd<'_>]) -> io::Result<usize>,
) -> io::Result<Selected> {
    let readers = read.iter().map(|fd| PollFd::new(fd, Events::READ));
    let writers = write.iter().map(|fd| PollFd::new(fd, Events::WRITE));
    let mut fds: Vec<_> = readers.chain(writers).collect();
    poll(&mut fds)?;
    let mut selected = Selected::default();
    for (at, fd) in fds.iter().enumerate() {
        if fd.found.contains(Events::INVALID) {
            return Err(Errno::BADF.into());
        }
        if fd.found.is_empty() {
            continue;
        }
        match at.checked_sub(read.len()) {
            None => selected.readable.push(at),
            Some(at) => selected.writable.push(at),
        }
    }
    Ok(selected)
}

fn poll_until(fds: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<usize> {
    wait::yield_now();
    let found = look(fds)?;
    if found > 0 {
        return Ok(found);
    }
    let wanted: Vec<_> = fds.iter().map(|fd| (fd.fd, fd.wanted.0)).collect();
    let any = any_of(&wanted)?;
    loop {
        wait::ready(&any, Interest::Read, deadline)?;
        let found = look(fds)?;
        if found > 0 {
            return Ok(found);
        }
    }
}

/// Asks the kernel what is ready now.
fn look(fds: &mut [PollFd<'_>]) -> io::Result<usize> {
    let mut asked: Vec<_> = fds
        .iter()
        .map(|fd| rustix::event::PollFd::from_borrowed_fd(fd.fd, fd.wanted.0))
        .collect();
    let found = loop {
        match rustix::event::poll(&mut asked, Some(&Timespec::default())) {
            Err(Errno::INTR) => {}
            done => break done?,
        }
    };
    for (fd, asked) in fds.iter_mut().zip(&asked) {
        fd.found = Events(asked.revents());
    }
    Ok(found)
}

/// Something to wait for that can be read when one of these is ready: an epoll
/// of its own, in that of the hub. The descriptors themselves are not made known
/// to the hub, which may know them already, and which on `may` would make them
/// non-blocking, for all who share them.
pub(crate) fn any_of(fds: &[(BorrowedFd<'_>, PollFlags)]) -> io::Result<Source<OwnedFd>> {
    let mut wanted: BTreeMap<RawFd, (BorrowedFd<'_>, PollFlags)> = BTreeMap::new();
    for &(fd, flags) in fds {
        let entry = wanted
            .entry(fd.as_raw_fd())
            .or_insert((fd, PollFlags::empty()));
        entry.1 |= flags;
    }
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    for (fd, wanted) in wanted.into_values() {
        // The numbers are the same. rustix has them as u16, or on libc as i16.
        let flags = epoll::EventFlags::from_bits_truncate(wanted.bits() as u32);
        match epoll::add(&epoll, fd, epoll::EventData::new_u64(0), flags) {
            // A file, which is always ready for what one could want of it.
            Ok(()) | Err(Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Source::new(epoll))
}
