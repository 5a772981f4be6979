//! TCP connections.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::engine::{Interest, Source};
use crate::wait::{self, deadline_after};

use super::ToSocketAddrs;

/// A TCP connection, with the methods of [`std::net::TcpStream`].
///
/// Reading and writing suspend only the calling greenlet, or block the calling
/// thread; a kill or time-out interrupts them. One greenlet may read while
/// another writes, through `&TcpStream` too; when two wait to read (or two to
/// write), the second gets an error of kind `ResourceBusy`.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use maypole_runtime::{net::{TcpListener, TcpStream}, spawn};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let addr = listener.local_addr()?;
/// let server = spawn(move || {
///     let (mut stream, _) = listener.accept()?;
///     stream.write_all(b"hello")
/// });
/// let mut text = String::new();
/// TcpStream::connect(addr)?.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// server.get().unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpStream {
    source: Source<std::net::TcpStream>,
    read_timeout: Limit,
    write_timeout: Limit,
    // Not 0: the last read took all there was, and this less one is what
    // `Source::edges` counted before it.
    drained: AtomicU64,
}

impl TcpStream {
    /// Connects to the first of the addresses that accepts.
    ///
    /// Suspends the caller; names are looked up on a thread of their own.
    ///
    /// # Errors
    ///
    /// The error of the last address tried, or of the lookup.
    #[doc(alias = "create_connection")]
    pub fn connect(addr: impl ToSocketAddrs) -> io::Result<Self> {
        let mut last = None;
        for addr in addr.to_target()?.resolve()? {
            match connect_until(&addr, None) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::ErrorKind::InvalidInput.into()))
    }

    /// Connects to one address within `limit`.
    ///
    /// # Errors
    ///
    /// `TimedOut` when the time has passed, `InvalidInput` for a limit of zero,
    /// else the kernel's reason.
    pub fn connect_timeout(addr: &SocketAddr, limit: Duration) -> io::Result<Self> {
        if limit.is_zero() {
            return Err(zero_limit());
        }
        connect_until(addr, deadline_after(limit))
    }

    /// Takes over a connection that is non-blocking already.
    pub(super) fn from_nonblocking(stream: std::net::TcpStream) -> Self {
        Self {
            source: Source::new(stream),
            read_timeout: Limit::default(),
            write_timeout: Limit::default(),
            drained: AtomicU64::new(0),
        }
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// `NotConnected` when the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.std().peer_addr()
    }

    /// This side's address.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.std().local_addr()
    }

    /// Shuts down one or both directions. A greenlet that waits in it wakes.
    ///
    /// # Errors
    ///
    /// `NotConnected` when the connection is gone.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.std().shutdown(how)
    }

    /// Another handle to the connection, with a descriptor of its own.
    ///
    /// # Errors
    ///
    /// The kernel's, when there are no more descriptors.
    pub fn try_clone(&self) -> io::Result<Self> {
        // Both descriptors share the non-blocking flag.
        let clone = Self::from_nonblocking(self.std().try_clone()?);
        clone.read_timeout.set(self.read_timeout.get());
        clone.write_timeout.set(self.write_timeout.get());
        Ok(clone)
    }

    /// Limits how long one read may wait; `None` is for ever, the default.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a limit of zero.
    pub fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.read_timeout.try_set(limit)
    }

    /// Limits how long one write may wait; `None` is for ever, the default.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a limit of zero.
    pub fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.write_timeout.try_set(limit)
    }

    /// The limit on reads.
    ///
    /// # Errors
    ///
    /// None; std's signature.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.read_timeout.get())
    }

    /// The limit on writes.
    ///
    /// # Errors
    ///
    /// None; std's signature.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.write_timeout.get())
    }

    /// Receives without taking out of the socket; waits as a read does.
    ///
    /// # Errors
    ///
    /// As a read.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.io(Interest::Read, |stream| stream.peek(buf))
    }

    /// Sends small writes at once (`true`) or gathers them.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.std().set_nodelay(on)
    }

    /// Whether small writes are sent at once.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.std().nodelay()
    }

    /// Sets the time-to-live of packets.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.std().set_ttl(ttl)
    }

    /// The time-to-live of packets.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn ttl(&self) -> io::Result<u32> {
        self.std().ttl()
    }

    /// Takes the error that is pending on the socket.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.std().take_error()
    }

    /// Waits until a read may find something, without holding a buffer
    /// meanwhile; the read time-out applies. It may return early.
    ///
    /// # Errors
    ///
    /// As a read that waits.
    #[doc(alias = "wait_readable")]
    pub fn wait_read(&self) -> io::Result<()> {
        wait::checkpoint();
        // After a read that emptied the socket the kernel need not be asked.
        if !self.is_drained() && is_readable(self)? {
            return Ok(());
        }
        let deadline = self.read_timeout.deadline();
        wait::ready(&self.source, Interest::Read, deadline)?;
        if deadline.is_some_and(|at| at <= Instant::now()) && !is_readable(self)? {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }

    /// As [`wait_read`](Self::wait_read), and also ends when `stop` returns true:
    /// false when nothing is there to be read then. True may come too early.
    ///
    /// `stop` is asked before each wait. Who makes it true wakes a greenlet that
    /// waits already by a [nudge](crate::GreenletRef::nudge), and needs no list
    /// of what each one waits for. `stop` must not block.
    ///
    /// # Errors
    ///
    /// As a read that waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::{Arc, atomic::{AtomicBool, Ordering}};
    /// use maypole_runtime::{net::{TcpListener, TcpStream}, spawn};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let silent = TcpStream::connect(listener.local_addr()?)?;
    /// let closing = Arc::new(AtomicBool::new(false));
    /// let flag = closing.clone();
    /// let idle = spawn(move || silent.wait_read_unless(|| flag.load(Ordering::Relaxed)));
    /// closing.store(true, Ordering::Relaxed);
    /// idle.handle().nudge();
    /// assert!(!idle.get().unwrap()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wait_read_unless(&self, mut stop: impl FnMut() -> bool) -> io::Result<bool> {
        wait::checkpoint();
        // See `wait_read`.
        if !self.is_drained() && is_readable(self)? {
            return Ok(true);
        }
        let deadline = self.read_timeout.deadline();
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
            if news && !stopped || is_readable(self)? {
                return Ok(true);
            }
            if stopped {
                return Ok(false);
            }
        }
    }

    fn std(&self) -> &std::net::TcpStream {
        self.source.get_ref()
    }

    /// Tries `call` until it does not have to wait.
    fn io<T>(
        &self,
        interest: Interest,
        call: impl FnMut(&mut &std::net::TcpStream) -> io::Result<T>,
    ) -> io::Result<T> {
        self.io_until(interest, None, call)
    }

    /// The same with the deadline that a wait for the same call began with.
    fn io_until<T>(
        &self,
        interest: Interest,
        mut deadline: Option<Instant>,
        mut call: impl FnMut(&mut &std::net::TcpStream) -> io::Result<T>,
    ) -> io::Result<T> {
        // Before the call, never after: what it has read must not be lost.
        wait::checkpoint();
        let limit = match interest {
            Interest::Read => &self.read_timeout,
            Interest::Write => &self.write_timeout,
        };
        loop {
            match call(&mut self.std()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                done => return done,
            }
            if deadline.is_none() {
                deadline = limit.deadline();
            }
            wait::ready(&self.source, interest, deadline)?;
        }
    }

    /// A read whose `asked` bytes tell whether it has emptied the socket.
    fn read_with(
        &self,
        asked: usize,
        mut call: impl FnMut(&mut &std::net::TcpStream) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut deadline = None;
        if self.is_drained() && asked > 0 {
            deadline = self.read_timeout.deadline();
            wait::ready(&self.source, Interest::Read, deadline)?;
        }
        let mut edges = None;
        let n = self.io_until(Interest::Read, deadline, |stream| {
            edges = self.source.edges();
            call(stream)
        })?;
        if n < asked && n > 0 {
            let mark = edges.map_or(0, |edges| edges + 1);
            self.drained.store(mark, Ordering::Relaxed);
        }
        Ok(n)
    }

    /// Whether the last read took all there was, and no news has come to
    /// anybody since. Asked once: what follows is a wait or a read.
    fn is_drained(&self) -> bool {
        let mark = self.drained.swap(0, Ordering::Relaxed);
        mark != 0 && self.source.edges() == Some(mark - 1)
    }
}

impl Read for TcpStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(bufs)
    }
}

impl Read for &TcpStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_with(buf.len(), |stream| stream.read(buf))
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let asked = bufs.iter().map(|buf| buf.len()).sum();
        self.read_with(asked, |stream| stream.read_vectored(bufs))
    }
}

impl Write for TcpStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for &TcpStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.io(Interest::Write, |stream| stream.write(buf))
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.io(Interest::Write, |stream| stream.write_vectored(bufs))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.std().as_fd()
    }
}

impl AsRawFd for TcpStream {
    fn as_raw_fd(&self) -> RawFd {
        self.std().as_raw_fd()
    }
}

impl TryFrom<std::net::TcpStream> for TcpStream {
    type Error = io::Error;

    /// Takes over a connection of std's and makes it non-blocking.
    fn try_from(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self::from_nonblocking(stream))
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.std().fmt(f)
    }
}

/// A limit on waiting that is shared by those who use the socket.
#[derive(Debug, Default)]
struct Limit {
    // Nanoseconds; 0 is none.
    nanos: AtomicU64,
}

impl Limit {
    fn try_set(&self, limit: Option<Duration>) -> io::Result<()> {
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

    fn get(&self) -> Option<Duration> {
        match self.nanos.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        deadline_after(self.get()?)
    }
}

/// Whether there is something to read or accept now, the end included.
pub(super) fn is_readable(socket: &impl AsFd) -> io::Result<bool> {
    let mut fds = [PollFd::new(socket, PollFlags::IN | PollFlags::RDHUP)];
    let now = Timespec::default();
    match poll(&mut fds, Some(&now)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn zero_limit() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "a time-out of zero would expire at once",
    )
}

fn connect_until(addr: &SocketAddr, deadline: Option<Instant>) -> io::Result<TcpStream> {
    let family = match addr {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket: OwnedFd = socket_with(family, SocketType::STREAM, flags, None)?;
    let begun = rustix::net::connect(&socket, addr);
    let stream = TcpStream::from_nonblocking(socket.into());
    match begun {
        Ok(()) => return Ok(stream),
        // Interrupted by a signal, it goes on by itself all the same.
        Err(rustix::io::Errno::INPROGRESS | rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    loop {
        wait::ready(&stream.source, Interest::Write, deadline)?;
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        // A wake-up may come early; connected is who has a peer.
        match stream.peer_addr() {
            Ok(_) => return Ok(stream),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
            Err(error) => return Err(error),
        }
    }
}
