//! What every non-blocking descriptor shares: try a call, wait while it would
//! block, within a limit.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::engine::{Interest, Source};
use crate::wait::{self, deadline_after};

/// A non-blocking descriptor whose calls suspend only their caller.
pub(crate) struct Descriptor<T> {
    source: Source<T>,
    read_limit: Limit,
    write_limit: Limit,
    // Not 0: the last read took all there was, and this less one is what
    // `Source::edges` counted before it.
    drained: AtomicU64,
}

impl<T: AsFd> Descriptor<T> {
    /// Wraps a descriptor that is non-blocking already.
    pub(crate) fn new(inner: T) -> Self {
        Self {
            source: Source::new(inner),
            read_limit: Limit::default(),
            write_limit: Limit::default(),
            drained: AtomicU64::new(0),
        }
    }

    /// The descriptor's owner.
    pub(crate) fn get_ref(&self) -> &T {
        self.source.get_ref()
    }

    /// Takes the descriptor out; it stays non-blocking.
    pub(crate) fn into_inner(self) -> T {
        self.source.into_inner()
    }

    /// How long one read may wait.
    pub(crate) fn read_limit(&self) -> &Limit {
        &self.read_limit
    }

    /// How long one write may wait.
    pub(crate) fn write_limit(&self) -> &Limit {
        &self.write_limit
    }

    /// A clone of the descriptor, with the same limits. Both share the
    /// non-blocking flag.
    pub(crate) fn clone_as(&self, inner: T) -> Self {
        let clone = Self::new(inner);
        clone.read_limit.set(self.read_limit.get());
        clone.write_limit.set(self.write_limit.get());
        clone
    }

    /// Tries `call` until it does not have to wait.
    pub(crate) fn io<R>(
        &self,
        interest: Interest,
        call: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.io_until(interest, None, call)
    }

    /// The same, waiting until `deadline` if there is one; else the limit of
    /// the direction counts from the first wait.
    pub(crate) fn io_until<R>(
        &self,
        interest: Interest,
        deadline: Option<Instant>,
        call: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.attempt(interest, deadline, call, |_| Ok(()))
    }

    /// Receives or accepts where the kernel has no word for "shut down": then
    /// a non-blocking call finds nothing, for ever, and only `poll` tells.
    ///
    /// After a shutdown it is an error of kind `ConnectionAborted`.
    pub(crate) fn receive<R>(&self, call: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.attempt(Interest::Read, None, call, |waited| {
            // Asked only when an event may have been an end.
            if (waited || self.source.edges().is_none()) && is_shut_down(self.get_ref())? {
                return Err(io::Error::new(
                    io::ErrorKind::ConnectionAborted,
                    "the socket was shut down for reading",
                ));
            }
            Ok(())
        })
    }

    /// Tries `call`, and while it would block asks `may_wait`, which is told
    /// whether there was a wait before, and waits.
    #[inline]
    fn attempt<R>(
        &self,
        interest: Interest,
        mut deadline: Option<Instant>,
        mut call: impl FnMut(&T) -> io::Result<R>,
        may_wait: impl Fn(bool) -> io::Result<()>,
    ) -> io::Result<R> {
        // Before the call, never after: what it has read must not be lost.
        wait::checkpoint();
        let limit = match interest {
            Interest::Read => &self.read_limit,
            Interest::Write => &self.write_limit,
        };
        let mut waited = false;
        loop {
            match call(self.get_ref()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                done => return done,
            }
            may_wait(waited)?;
            if deadline.is_none() {
                deadline = limit.deadline();
            }
            wait::ready(&self.source, interest, deadline)?;
            waited = true;
        }
    }

    /// A read whose `asked` bytes tell whether it has emptied the descriptor.
    /// Only for streams of bytes whose reads stop short for no other reason.
    pub(crate) fn read_to_empty(
        &self,
        asked: usize,
        mut call: impl FnMut(&T) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut deadline = None;
        if self.is_drained() && asked > 0 {
            deadline = self.read_limit.deadline();
            wait::ready(&self.source, Interest::Read, deadline)?;
        }
        let mut edges = None;
        let n = self.io_until(Interest::Read, deadline, |inner| {
            edges = self.source.edges();
            call(inner)
        })?;
        if n < asked && n > 0 {
            let mark = edges.map_or(0, |edges| edges + 1);
            self.drained.store(mark, Ordering::Relaxed);
        }
        Ok(n)
    }

    /// Tries `call` once and never waits. `WouldBlock` is remembered, for the
    /// sake of [`wait_read`](Self::wait_read).
    pub(crate) fn try_read<R>(&self, call: impl FnOnce(&T) -> io::Result<R>) -> io::Result<R> {
        let edges = self.source.edges();
        let done = call(self.get_ref());
        if let (Err(error), Some(edges)) = (&done, edges)
            && error.kind() == io::ErrorKind::WouldBlock
        {
            self.drained.store(edges + 1, Ordering::Relaxed);
        }
        done
    }

    /// Waits until a read may find something; may return early.
    pub(crate) fn wait_read(&self) -> io::Result<()> {
        wait::checkpoint();
        // After a read that emptied it the kernel need not be asked.
        if !self.is_drained() && is_readable(self.get_ref())? {
            return Ok(());
        }
        let deadline = self.read_limit.deadline();
        wait::ready(&self.source, Interest::Read, deadline)?;
        if deadline.is_some_and(|at| at <= Instant::now()) && !is_readable(self.get_ref())? {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }

    /// As [`wait_read`](Self::wait_read), and also ends when `stop`, asked before
    /// each wait, returns true: false when nothing is there to be read then.
    pub(crate) fn wait_read_unless(&self, mut stop: impl FnMut() -> bool) -> io::Result<bool> {
        wait::checkpoint();
        // See `wait_read`.
        if !self.is_drained() && is_readable(self.get_ref())? {
            return Ok(true);
        }
        let deadline = self.read_limit.deadline();
        loop {
            let before = self.source.edges().unwrap_or(0);
            let mut stopped = false;
            wait::ready_unless(&self.source, Interest::Read, deadline, || {
                stopped = stop();
                stopped
            })?;
            // News are something to read. Without any, the wait ended for
            // another reason: a nudge, the deadline, or none.
            let news = self.source.edges() != Some(before);
            if news && !stopped || is_readable(self.get_ref())? {
                return Ok(true);
            }
            if stopped {
                return Ok(false);
            }
        }
    }

    /// Suspends until `interest` may be ready, as [`wait::ready`].
    pub(crate) fn ready(&self, interest: Interest, deadline: Option<Instant>) -> io::Result<()> {
        wait::ready(&self.source, interest, deadline)
    }

    /// Whether the last read took all there was, and no news has come to
    /// anybody since. Asked once: what follows is a wait or a read.
    fn is_drained(&self) -> bool {
        let mark = self.drained.swap(0, Ordering::Relaxed);
        mark != 0 && self.source.edges() == Some(mark - 1)
    }
}

impl<T: AsFd> AsFd for Descriptor<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.get_ref().as_fd()
    }
}

impl<T: AsFd> fmt::Debug for Descriptor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Descriptor")
            .field(&self.as_fd().as_raw_fd())
            .finish()
    }
}

/// A limit on waiting that is shared by those who use the descriptor.
#[derive(Debug, Default)]
pub(crate) struct Limit {
    // Nanoseconds; 0 is none.
    nanos: AtomicU64,
}

impl Limit {
    /// Sets it; zero is an error, as with std.
    pub(crate) fn try_set(&self, limit: Option<Duration>) -> io::Result<()> {
        if limit.is_some_and(|limit| limit.is_zero()) {
            return Err(zero_limit());
        }
        self.set(limit);
        Ok(())
    }

    fn set(&self, limit: Option<Duration>) {
        let nanos = limit.map_or(0, |limit| {
            u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX)
        });
        self.nanos.store(nanos, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> Option<Duration> {
        match self.nanos.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        deadline_after(self.get()?)
    }
}

/// A limit that std's functions refuse.
pub(crate) fn zero_limit() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "a time-out of zero would expire at once",
    )
}

/// Whether there is something to read or accept now, the end included.
fn is_readable(fd: &impl AsFd) -> io::Result<bool> {
    Ok(!poll_now(fd, PollFlags::IN | PollFlags::RDHUP)?.is_empty())
}

/// Whether nothing will come any more.
fn is_shut_down(fd: &impl AsFd) -> io::Result<bool> {
    let ends = PollFlags::RDHUP | PollFlags::HUP;
    Ok(poll_now(fd, ends)?.intersects(ends))
}

/// Whether there is room to write now.
pub(crate) fn is_writable(fd: &impl AsFd) -> io::Result<bool> {
    Ok(!poll_now(fd, PollFlags::OUT)?.is_empty())
}

/// Which of these events, and of those that are always told, there are now.
pub(crate) fn poll_now(fd: &impl AsFd, events: PollFlags) -> io::Result<PollFlags> {
    let mut fds = [PollFd::new(fd, events)];
    match poll(&mut fds, Some(&Timespec::default())) {
        Ok(_) => Ok(fds[0].revents()),
        Err(rustix::io::Errno::INTR) => Ok(PollFlags::empty()),
        Err(error) => Err(error.into()),
    }
}
