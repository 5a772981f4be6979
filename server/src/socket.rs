//! A connected socket of any kind.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::ops::RangeBounds;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use maypole_runtime::net::{TcpStream, UnixStream};

use crate::Addr;

/// The connection under a [`Stream`](crate::Stream). One greenlet may read from
/// `&Socket` while another writes.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_server::StreamServer;
///
/// let server = StreamServer::bind("127.0.0.1:0", |stream, _peer| {
///     let socket = stream.get_ref();
///     socket.set_read_timeout(Some(Duration::from_secs(5)))?;
///     if let Some(tcp) = socket.as_tcp() {
///         tcp.set_ttl(32)?;
///     }
///     Ok(())
/// })?;
/// # drop(server);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Socket {
    /// A TCP connection.
    Tcp(TcpStream),
    /// A connection within the machine.
    Unix(UnixStream),
}

/// Calls the same method of either.
macro_rules! either {
    ($socket:expr, $inner:ident => $call:expr) => {
        match $socket {
            Socket::Tcp($inner) => $call,
            Socket::Unix($inner) => $call,
        }
    };
}

impl Socket {
    /// The TCP connection, if it is one.
    ///
    /// See the example of [`Socket`].
    #[must_use]
    pub fn as_tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(stream) => Some(stream),
            Self::Unix(_) => None,
        }
    }

    /// The Unix connection, if it is one.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_server::StreamServer;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("socket");
    /// let server = StreamServer::builder().bind_unix(path, |stream, _peer| {
    ///     assert!(stream.get_ref().as_unix().is_some());
    ///     Ok(())
    /// })?;
    /// # drop(server);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn as_unix(&self) -> Option<&UnixStream> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(stream) => Some(stream),
        }
    }

    /// See [`TcpStream::set_linger`]. A Unix socket has nothing to linger for.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.as_tcp().map_or(Ok(()), |tcp| tcp.set_linger(linger))
    }

    /// See [`TcpStream::is_hung_up`].
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn is_hung_up(&self) -> io::Result<bool> {
        either!(self, stream => stream.is_hung_up())
    }

    /// See [`TcpStream::wait_hung_up`].
    ///
    /// # Errors
    ///
    /// `ResourceBusy` when another greenlet waits to read here; the kernel's.
    pub fn wait_hung_up(&self, limit: Duration) -> io::Result<bool> {
        either!(self, stream => stream.wait_hung_up(limit))
    }

    /// The client's address.
    ///
    /// # Errors
    ///
    /// `NotConnected` when the connection is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_server::StreamServer;
    ///
    /// let server = StreamServer::bind("127.0.0.1:0", |stream, _peer| {
    ///     let socket = stream.get_ref();
    ///     println!("{} came to {}", socket.peer_addr()?, socket.local_addr()?);
    ///     Ok(())
    /// })?;
    /// # drop(server);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peer_addr(&self) -> io::Result<Addr> {
        either!(self, stream => Ok(stream.peer_addr()?.into()))
    }

    /// The server's address.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// See the example of [`peer_addr`](Self::peer_addr).
    pub fn local_addr(&self) -> io::Result<Addr> {
        either!(self, stream => Ok(stream.local_addr()?.into()))
    }

    /// Limits how long one read may wait; `None` is for ever, the default.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a limit of zero.
    ///
    /// See the example of [`Socket`].
    pub fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        either!(self, stream => stream.set_read_timeout(limit))
    }

    /// Limits how long one write may wait; `None` is for ever, the default.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a limit of zero.
    ///
    /// See the example of [`Socket`].
    pub fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        either!(self, stream => stream.set_write_timeout(limit))
    }

    /// The limit on reads.
    ///
    /// # Errors
    ///
    /// None; std's signature.
    ///
    /// See the example of [`TcpStream::read_timeout`].
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        either!(self, stream => stream.read_timeout())
    }

    /// The limit on writes.
    ///
    /// # Errors
    ///
    /// None; std's signature.
    ///
    /// See the example of [`TcpStream::read_timeout`].
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        either!(self, stream => stream.write_timeout())
    }

    /// Shuts down one or both directions. A greenlet that waits in it wakes.
    ///
    /// # Errors
    ///
    /// `NotConnected` when the connection is gone.
    ///
    /// See the example of [`TcpStream::shutdown`].
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        either!(self, stream => stream.shutdown(how))
    }

    /// Another handle to the connection, with a descriptor of its own.
    ///
    /// # Errors
    ///
    /// The kernel's, when there are no more descriptors.
    ///
    /// See the example of [`Stream::try_clone`](crate::Stream::try_clone).
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(stream) => Self::Tcp(stream.try_clone()?),
            Self::Unix(stream) => Self::Unix(stream.try_clone()?),
        })
    }

    /// See [`TcpStream::send_file`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_file(&self, file: impl AsFd, range: impl RangeBounds<u64>) -> io::Result<u64> {
        either!(self, inner => inner.send_file(file, range))
    }

    pub(crate) fn wait_read(&self) -> io::Result<()> {
        either!(self, stream => stream.wait_read())
    }

    pub(crate) fn wait_read_unless(&self, stop: impl FnMut() -> bool) -> io::Result<bool> {
        either!(self, stream => stream.wait_read_unless(stop))
    }
}

impl Read for &Socket {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        either!(self, stream => (&mut &*stream).read(buf))
    }

    #[inline]
    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        either!(self, stream => (&mut &*stream).read_vectored(bufs))
    }
}

impl Write for &Socket {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        either!(self, stream => (&mut &*stream).write(buf))
    }

    #[inline]
    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        either!(self, stream => (&mut &*stream).write_vectored(bufs))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        either!(self, stream => stream.as_fd())
    }
}
