//! The connection as a handler sees it.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use crate::Addr;
use crate::drain::Drain;
use crate::idle::Seat;
use crate::socket::Socket;
#[cfg(feature = "tls")]
use crate::tls::TlsStream;

/// A connection that a server has accepted: plain, or TLS inside.
///
/// The handler owns it: dropping it closes the connection, moving it into
/// another greenlet keeps the connection open. Reading and writing suspend only
/// the calling greenlet.
///
/// # Examples
///
/// ```
/// use std::io::{self, BufRead, BufReader, Write};
/// use maypole_server::{Stream, StreamServer};
///
/// fn shout(stream: Stream) -> io::Result<()> {
///     let mut reader = BufReader::new(stream);
///     let mut line = String::new();
///     reader.read_line(&mut line)?;
///     reader.get_mut().write_all(line.to_uppercase().as_bytes())
/// }
///
/// let server = StreamServer::bind("127.0.0.1:0", |stream, _peer| shout(stream))?;
/// server.start()?;
/// let mut client = std::net::TcpStream::connect(server.local_addr())?;
/// client.write_all(b"hello\n")?;
/// assert_eq!(io::read_to_string(&mut client)?, "HELLO\n");
/// # Ok::<(), io::Error>(())
/// ```
#[derive(Debug)]
pub struct Stream(
    // Boxed: it is moved through several functions to its handler, and each would
    // keep room for it on the stack below the handler.
    Box<Inner>,
);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    drain: Drain,
    seat: Option<Seat>,
}

#[derive(Debug)]
enum Kind {
    Plain(Socket),
    #[cfg(feature = "tls")]
    Tls(TlsStream<Socket>),
}

impl Stream {
    pub(crate) fn plain(socket: Socket, drain: Drain) -> Self {
        Self::new(Kind::Plain(socket), drain)
    }

    fn new(kind: Kind, drain: Drain) -> Self {
        Self(Box::new(Inner {
            kind,
            drain,
            seat: None,
        }))
    }

    /// The same connection after a handshake.
    #[cfg(feature = "tls")]
    pub(crate) fn secured<E>(
        self,
        handshake: impl FnOnce(Socket) -> Result<TlsStream<Socket>, E>,
    ) -> Result<Self, E> {
        let Inner { kind, drain, seat } = *self.0;
        let kind = match kind {
            Kind::Plain(socket) => Kind::Tls(handshake(socket)?),
            secure @ Kind::Tls(_) => secure,
        };
        Ok(Self(Box::new(Inner { kind, drain, seat })))
    }

    /// Among those that make room when a client finds no place.
    pub(crate) fn take_seat(&mut self, seat: Option<Seat>) {
        self.0.seat = seat;
    }

    /// The connection underneath. With TLS, reading or writing it directly
    /// breaks the stream.
    ///
    /// See the example of [`Socket`].
    #[must_use]
    pub fn get_ref(&self) -> &Socket {
        match &self.0.kind {
            Kind::Plain(stream) => stream,
            #[cfg(feature = "tls")]
            Kind::Tls(stream) => stream.get_ref(),
        }
    }

    /// Whether the connection is encrypted.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_server::Stream;
    ///
    /// fn scheme(stream: &Stream) -> &'static str {
    ///     if stream.is_tls() { "https" } else { "http" }
    /// }
    /// ```
    #[must_use]
    pub fn is_tls(&self) -> bool {
        match &self.0.kind {
            Kind::Plain(_) => false,
            #[cfg(feature = "tls")]
            Kind::Tls(_) => true,
        }
    }

    /// The client's address.
    ///
    /// # Errors
    ///
    /// `NotConnected` when the connection is gone, `Unsupported` for one within
    /// the machine: see [`peer`](Self::peer).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Write;
    /// use maypole_server::StreamServer;
    ///
    /// let server = StreamServer::bind("127.0.0.1:0", |mut stream, peer| {
    ///     assert_eq!(stream.peer_addr()?, peer);
    ///     let here = stream.local_addr()?;
    ///     write!(stream, "{} {here}", stream.peer()?)
    /// })?;
    /// server.start()?;
    /// let client = std::net::TcpStream::connect(server.local_addr())?;
    /// let expected = format!("{} {}", client.local_addr()?, server.local_addr());
    /// assert_eq!(std::io::read_to_string(client)?, expected);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        inet(self.peer()?)
    }

    /// The server's address.
    ///
    /// # Errors
    ///
    /// The kernel's, `Unsupported` for a connection within the machine.
    ///
    /// See the example of [`peer_addr`](Self::peer_addr).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        inet(self.get_ref().local_addr()?)
    }

    /// The client's address, of whatever kind.
    ///
    /// # Errors
    ///
    /// `NotConnected` when the connection is gone.
    ///
    /// See the example of [`peer_addr`](Self::peer_addr).
    pub fn peer(&self) -> io::Result<Addr> {
        self.get_ref().peer_addr()
    }

    /// Limits how long one read may wait; `None` is for ever, the default.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a limit of zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{ErrorKind, Read, Write};
    /// use std::time::Duration;
    /// use maypole_server::StreamServer;
    ///
    /// let server = StreamServer::bind("127.0.0.1:0", |mut stream, _peer| {
    ///     stream.set_read_timeout(Some(Duration::from_millis(1)))?;
    ///     match stream.read(&mut [0]) {
    ///         Err(late) if late.kind() == ErrorKind::TimedOut => stream.write_all(b"too slow"),
    ///         _ => Ok(()),
    ///     }
    /// })?;
    /// server.start()?;
    /// let silent = std::net::TcpStream::connect(server.local_addr())?;
    /// assert_eq!(std::io::read_to_string(silent)?, "too slow");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.get_ref().set_read_timeout(limit)
    }

    /// Limits how long one write may wait; `None` is for ever, the default.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a limit of zero.
    ///
    /// See the example of [`set_read_timeout`](Self::set_read_timeout).
    pub fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.get_ref().set_write_timeout(limit)
    }

    /// Shuts down one or both directions of the connection. With TLS, the end
    /// of writing is told to the client first.
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
    /// use maypole_server::StreamServer;
    ///
    /// let server = StreamServer::bind("127.0.0.1:0", |mut stream, _peer| {
    ///     stream.write_all(b"bye")?;
    ///     stream.shutdown(Shutdown::Write)?;
    ///     stream.read_to_end(&mut Vec::new()).map(drop) // until the client is done
    /// })?;
    /// server.start()?;
    /// let client = std::net::TcpStream::connect(server.local_addr())?;
    /// assert_eq!(std::io::read_to_string(&client)?, "bye");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "unwrap")]
    pub fn shutdown(&mut self, how: Shutdown) -> io::Result<()> {
        match &mut self.0.kind {
            Kind::Plain(stream) => stream.shutdown(how),
            #[cfg(feature = "tls")]
            Kind::Tls(stream) => {
                if how != Shutdown::Read {
                    stream.shutdown()?;
                }
                stream.get_ref().shutdown(how)
            }
        }
    }

    /// Waits until a read may find something, without holding a buffer
    /// meanwhile; the read time-out applies. It may return early. Suspends only the
    /// caller; a kill or time-out interrupts it.
    ///
    /// # Errors
    ///
    /// As a read that waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use maypole_server::StreamServer;
    ///
    /// let server = StreamServer::bind("127.0.0.1:0", |mut stream, _peer| {
    ///     stream.wait_read()?; // an idle client costs no buffer
    ///     let mut buf = vec![0; 4096];
    ///     let n = stream.read(&mut buf)?;
    ///     stream.write_all(&buf[..n])
    /// })?;
    /// server.start()?;
    /// let mut client = std::net::TcpStream::connect(server.local_addr())?;
    /// client.write_all(b"ping")?;
    /// assert_eq!(std::io::read_to_string(client)?, "ping");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wait_read(&self) -> io::Result<()> {
        match &self.0.kind {
            Kind::Plain(stream) => stream.wait_read(),
            #[cfg(feature = "tls")]
            Kind::Tls(stream) if stream.has_input() => Ok(()),
            #[cfg(feature = "tls")]
            Kind::Tls(stream) => stream.get_ref().wait_read(),
        }
    }

    /// Whether the server stops: it accepts no more, and gives its handlers some
    /// time to end by themselves. A protocol of many requests ends after the one
    /// at hand. Costs one look at a flag.
    ///
    /// Also when this connection is to make room: as many run as may, another
    /// client waits, and this one had been waiting for longest for a request that
    /// was not its first.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{self, BufRead, BufReader, Write};
    /// use maypole_server::Stream;
    ///
    /// fn serve(stream: Stream) -> io::Result<()> {
    ///     let mut reader = BufReader::new(stream);
    ///     let mut line = String::new();
    ///     while !reader.get_ref().is_draining() && reader.read_line(&mut line)? > 0 {
    ///         reader.get_mut().write_all(line.as_bytes())?;
    ///         line.clear();
    ///     }
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.drain.has_begun() || self.0.seat.as_ref().is_some_and(Seat::leaves)
    }

    /// Whether the server stops: as [`is_draining`](Self::is_draining), but not for
    /// a connection that is only to make room.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_server::StreamServer;
    ///
    /// let server = StreamServer::bind("127.0.0.1:0", |stream, _peer| {
    ///     while !stream.is_stopping() {
    ///         maypole_runtime::sleep(Duration::from_millis(1));
    ///     }
    ///     Ok(())
    /// })?;
    /// server.start()?;
    /// let client = std::net::TcpStream::connect(server.local_addr())?;
    /// server.stop(Duration::from_secs(60)); // does not take that long
    /// # drop(client);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.0.drain.has_begun()
    }

    /// Waits for the next request: until a read may find something (true), or
    /// until the server [drains](Self::is_draining) and nothing has come (false).
    /// The read time-out applies; true may come too early. Suspends only the
    /// caller; a kill or time-out interrupts it.
    ///
    /// Holds no buffer while it waits. A greenlet of the server's that waits here
    /// is woken when draining begins; for one that the stream was moved to, only
    /// the next call notices.
    ///
    /// # Errors
    ///
    /// As a read that waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{self, Read, Write};
    /// use std::time::Duration;
    /// use maypole_server::StreamServer;
    ///
    /// let server = StreamServer::bind("127.0.0.1:0", |mut stream, _peer| {
    ///     let mut request = [0; 16];
    ///     while stream.wait_request()? {
    ///         let n = stream.read(&mut request)?;
    ///         if n == 0 {
    ///             return Ok(());
    ///         }
    ///         stream.write_all(&request[..n])?;
    ///     }
    ///     stream.write_all(b"bye")
    /// })?;
    /// server.start()?;
    /// let mut idle = std::net::TcpStream::connect(server.local_addr())?;
    /// # while server.active() == 0 { std::thread::yield_now() }
    /// server.stop(Duration::from_secs(60)); // does not take that long
    /// assert_eq!(io::read_to_string(&mut idle)?, "bye");
    /// # Ok::<(), io::Error>(())
    /// ```
    pub fn wait_request(&self) -> io::Result<bool> {
        let resting = self.0.seat.as_ref().map(Seat::rest);
        let stop = || self.is_draining();
        let waited = match &self.0.kind {
            Kind::Plain(stream) => stream.wait_read_unless(stop),
            #[cfg(feature = "tls")]
            Kind::Tls(stream) if stream.has_input() => Ok(true),
            #[cfg(feature = "tls")]
            Kind::Tls(stream) => stream.get_ref().wait_read_unless(stop),
        };
        if let (Some(resting), Ok(true)) = (resting, &waited) {
            resting.rise();
        }
        waited
    }

    /// Another handle to the connection, for a greenlet that reads while this
    /// one writes. Of two that read at once, the second gets an error of kind
    /// `ResourceBusy`.
    ///
    /// A plain one has a descriptor and time-outs of its own; without TLS,
    /// [`get_ref`](Self::get_ref) gives the same for less. With TLS the handles
    /// share one state, the descriptor and the time-outs.
    ///
    /// # Errors
    ///
    /// The kernel's, when there are no more descriptors.
    ///
    /// See the example of [`StreamServer`](crate::StreamServer).
    pub fn try_clone(&self) -> io::Result<Self> {
        match &self.0.kind {
            Kind::Plain(stream) => Ok(Self::plain(stream.try_clone()?, self.0.drain.clone())),
            #[cfg(feature = "tls")]
            Kind::Tls(stream) => {
                let stream = Kind::Tls(stream.clone_handle());
                Ok(Self::new(stream, self.0.drain.clone()))
            }
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.0.kind {
            Kind::Plain(stream) => (&*stream).read(buf),
            #[cfg(feature = "tls")]
            Kind::Tls(stream) => stream.read(buf),
        }
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match &mut self.0.kind {
            Kind::Plain(stream) => (&*stream).read_vectored(bufs),
            #[cfg(feature = "tls")]
            Kind::Tls(stream) => stream.read_vectored(bufs),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match &mut self.0.kind {
            Kind::Plain(stream) => (&*stream).write(buf),
            #[cfg(feature = "tls")]
            Kind::Tls(stream) => stream.write(buf),
        }
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        match &mut self.0.kind {
            Kind::Plain(stream) => (&*stream).write_vectored(bufs),
            #[cfg(feature = "tls")]
            Kind::Tls(stream) => stream.write_vectored(bufs),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0.kind {
            Kind::Plain(stream) => (&*stream).flush(),
            #[cfg(feature = "tls")]
            Kind::Tls(stream) => stream.flush(),
        }
    }
}

fn inet(addr: Addr) -> io::Result<SocketAddr> {
    addr.inet().ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::Unsupported,
            "a connection within the machine has no IP address",
        )
    })
}
