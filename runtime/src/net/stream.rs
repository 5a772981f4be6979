//! TCP connections.

use std::io::{self, IoSliceMut, Read};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::descriptor::{Descriptor, zero_limit};
use crate::engine::Interest;
use crate::wait::deadline_after;

use super::ToSocketAddrs;
use super::builder::naming;
use super::common::{handle_traits, stream_traits, time_limits};
use super::send::send_methods;

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
#[doc(alias = "socket")]
pub struct TcpStream {
    socket: Descriptor<std::net::TcpStream>,
}

impl TcpStream {
    /// Connects to the first of the addresses that accepts.
    ///
    /// Suspends the caller; names are looked up as by
    /// [`lookup_host`](super::lookup_host). An address that does not answer
    /// takes the kernel two minutes: see
    /// [`connect_timeout`](Self::connect_timeout) and, for all of it together,
    /// [`with_timeout`](crate::with_timeout).
    ///
    /// # Errors
    ///
    /// The error of the last address tried, or of the lookup.
    ///
    /// See the example of [`TcpStream`].
    #[doc(alias = "create_connection")]
    pub fn connect(addr: impl ToSocketAddrs) -> io::Result<Self> {
        connect_first(addr, None)
    }

    /// As [`connect`](Self::connect), from an address of this machine: port 0
    /// lets the kernel pick one.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect); also when `source` is none of this
    /// machine's addresses, in use, or of another family.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let source = "127.0.0.2:0".parse().unwrap();
    /// let stream = TcpStream::connect_from(source, listener.local_addr()?)?;
    /// assert_eq!(stream.local_addr()?.ip(), source.ip());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "source_address")]
    pub fn connect_from(source: SocketAddr, addr: impl ToSocketAddrs) -> io::Result<Self> {
        connect_first(addr, Some(&source))
    }

    /// Connects to one address within `limit`. Suspends only the caller; a kill or
    /// time-out interrupts it.
    ///
    /// # Errors
    ///
    /// `TimedOut` when the time has passed, `InvalidInput` for a limit of zero,
    /// else the kernel's reason.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect_timeout(&listener.local_addr()?, Duration::from_secs(5))?;
    /// # drop(stream);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect_timeout(addr: &SocketAddr, limit: Duration) -> io::Result<Self> {
        if limit.is_zero() {
            return Err(zero_limit());
        }
        connect_until(addr, None, deadline_after(limit))
    }

    /// Takes over a connection that is non-blocking already.
    pub(super) fn from_nonblocking(stream: std::net::TcpStream) -> Self {
        Self {
            socket: Descriptor::new(stream),
        }
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// `NotConnected` when the connection is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.std().peer_addr()
    }

    /// This side's address.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// let (_, peer) = listener.accept()?;
    /// assert_eq!(stream.local_addr()?, peer);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.std().local_addr()
    }

    /// Shuts down one or both directions. A greenlet that waits in it wakes. Never
    /// suspends.
    ///
    /// # Errors
    ///
    /// `NotConnected` when the connection is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use std::net::Shutdown;
    /// use maypole_runtime::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let mut client = TcpStream::connect(listener.local_addr()?)?;
    /// let (mut stream, _) = listener.accept()?;
    /// client.write_all(b"that is all")?;
    /// client.shutdown(Shutdown::Write)?; // and can still read
    /// let mut text = String::new();
    /// stream.read_to_string(&mut text)?;
    /// assert_eq!(text, "that is all");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.std().shutdown(how)
    }

    /// Another handle to the connection, with a descriptor of its own.
    ///
    /// # Errors
    ///
    /// The kernel's, when there are no more descriptors.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use maypole_runtime::{net::{TcpListener, TcpStream}, spawn};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let mut reads = TcpStream::connect(listener.local_addr()?)?;
    /// let mut writes = reads.try_clone()?; // for another greenlet
    /// let (mut peer, _) = listener.accept()?;
    /// let writer = spawn(move || writes.write_all(b"ping"));
    /// peer.write_all(b"pong")?;
    /// let mut buf = [0; 4];
    /// reads.read_exact(&mut buf)?;
    /// assert_eq!(&buf, b"pong");
    /// # writer.get().unwrap()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_clone(&self) -> io::Result<Self> {
        let clone = self.std().try_clone()?;
        Ok(Self {
            socket: self.socket.clone_as(clone),
        })
    }

    time_limits!();

    send_methods!();

    /// Receives without taking out of the socket; waits as a read does, and is
    /// interrupted as one.
    ///
    /// # Errors
    ///
    /// As a read.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use maypole_runtime::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let mut client = TcpStream::connect(listener.local_addr()?)?;
    /// let (mut stream, _) = listener.accept()?;
    /// client.write_all(b"x")?;
    /// let mut buf = [0; 8];
    /// assert_eq!(stream.peek(&mut buf)?, 1);
    /// assert_eq!(stream.read(&mut buf)?, 1); // it was still there
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.io(Interest::Read, |stream| stream.peek(buf))
    }

    /// Sends small writes at once (`true`) or gathers them.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// See the example of [`nodelay`](Self::nodelay).
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.std().set_nodelay(on)
    }

    /// Whether small writes are sent at once.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// stream.set_nodelay(true)?;
    /// assert!(stream.nodelay()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn nodelay(&self) -> io::Result<bool> {
        self.std().nodelay()
    }

    /// Sets the time-to-live of packets.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// See the example of [`ttl`](Self::ttl).
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.std().set_ttl(ttl)
    }

    /// The time-to-live of packets.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// stream.set_ttl(32)?;
    /// assert_eq!(stream.ttl()?, 32);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        self.std().ttl()
    }

    /// Takes the error that is pending on the socket. Never suspends.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// assert!(stream.take_error()?.is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.std().take_error()
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
    pub fn wait_read_unless(&self, stop: impl FnMut() -> bool) -> io::Result<bool> {
        self.socket.wait_read_unless(stop)
    }

    /// Suspends until there may be news for a reader; may return early.
    pub(super) fn input_event(&self, deadline: Option<Instant>) -> io::Result<()> {
        self.socket.ready(Interest::Read, deadline)
    }

    fn std(&self) -> &std::net::TcpStream {
        self.socket.get_ref()
    }

    fn receive(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket
            .read_to_empty(buf.len(), |mut stream| stream.read(buf))
    }

    fn receive_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let asked = bufs.iter().map(|buf| buf.len()).sum();
        self.socket
            .read_to_empty(asked, |mut stream| stream.read_vectored(bufs))
    }
}

stream_traits!(TcpStream);
handle_traits!(TcpStream, std::net::TcpStream);

fn connect_first(addr: impl ToSocketAddrs, source: Option<&SocketAddr>) -> io::Result<TcpStream> {
    let mut last = None;
    for addr in addr.to_target()?.resolve()? {
        match connect_until(&addr, source, None) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::InvalidInput.into()))
}

fn connect_until(
    addr: &SocketAddr,
    source: Option<&SocketAddr>,
    deadline: Option<Instant>,
) -> io::Result<TcpStream> {
    let family = match addr {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket: OwnedFd = socket_with(family, SocketType::STREAM, flags, None)?;
    if let Some(source) = source {
        rustix::net::bind(&socket, source).map_err(|error| naming(&error.into(), source))?;
    }
    let begun = rustix::net::connect(&socket, addr);
    let stream = TcpStream::from_nonblocking(socket.into());
    match begun {
        Ok(()) => return Ok(stream),
        // Interrupted by a signal, it goes on by itself all the same.
        Err(rustix::io::Errno::INPROGRESS | rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    loop {
        stream.socket.ready(Interest::Write, deadline)?;
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
