//! Listening for TCP connections.

use std::io;
use std::net::SocketAddr;

use rustix::net::SocketFlags;

use crate::descriptor::Descriptor;
use crate::engine::Interest;

use super::common::handle_traits;
use super::{TcpListenerBuilder, TcpStream, ToSocketAddrs};

/// A socket that accepts connections, with the methods of
/// [`std::net::TcpListener`].
///
/// Sets `SO_REUSEADDR`, as std does, and not `SO_REUSEPORT`: a port that is in
/// use is an error. [`builder`](Self::builder) has options.
///
/// # Examples
///
/// ```
/// use maypole_runtime::net::TcpListener;
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// assert_ne!(listener.local_addr()?.port(), 0);
/// assert!(TcpListener::bind(listener.local_addr()?).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpListener {
    socket: Descriptor<std::net::TcpListener>,
}

impl TcpListener {
    /// Binds to the first of the addresses that can be bound, and listens.
    ///
    /// Suspends the caller when there is a name to look up.
    ///
    /// # Errors
    ///
    /// The error of the last address tried, `AddrInUse` for a port in use; its
    /// text names the address.
    ///
    /// See the example of [`TcpListener`].
    pub fn bind(addr: impl ToSocketAddrs) -> io::Result<Self> {
        Self::builder().bind(addr)
    }

    /// Options: backlog, who may share the port, IPv6 alone.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::TcpListener;
    ///
    /// let listener = TcpListener::builder().backlog(64).bind("127.0.0.1:0")?;
    /// # drop(listener);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn builder() -> TcpListenerBuilder {
        TcpListenerBuilder::new()
    }

    pub(super) fn from_nonblocking(listener: std::net::TcpListener) -> Self {
        Self {
            socket: Descriptor::new(listener),
        }
    }

    /// Waits for a connection. Suspends only the caller; a kill or time-out
    /// interrupts it, and the connection stays in the kernel for the next call.
    ///
    /// # Errors
    ///
    /// The kernel's, as std's: out of descriptors, a connection that was reset
    /// before it was accepted. They come at once and may come again and again;
    /// a loop should pause before it goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{net::{TcpListener, TcpStream}, spawn};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let addr = listener.local_addr()?;
    /// let client = spawn(move || TcpStream::connect(addr));
    /// let (stream, peer) = listener.accept()?;
    /// assert_eq!(stream.peer_addr()?, peer);
    /// # client.get().unwrap()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.socket.io(Interest::Read, accept_now)
    }

    /// Waits until an accept may find a connection, and leaves it there. May
    /// return early.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept) when it waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let client = TcpStream::connect(listener.local_addr()?)?;
    /// listener.wait_accept()?; // first wait, then find a place for it
    /// assert!(listener.try_accept().is_ok());
    /// # drop(client);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "wait_read")]
    pub fn wait_accept(&self) -> io::Result<()> {
        self.socket.wait_read()
    }

    /// Accepts a connection if one is there now, and never suspends.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when none is there; else as [`accept`](Self::accept).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use maypole_runtime::net::TcpListener;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// assert_eq!(listener.try_accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.socket.try_read(accept_now)
    }

    /// An iterator over accepted connections; it never ends.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let clients = [(); 2].map(|()| TcpStream::connect(listener.local_addr().unwrap()));
    /// for stream in listener.incoming().take(2) {
    ///     assert!(stream?.peer_addr()?.ip().is_loopback());
    /// }
    /// # drop(clients);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// The address it is bound to.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// See the example of [`TcpListener`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().local_addr()
    }

    /// Stops listening, in all handles to the socket: greenlets and threads that
    /// wait in [`accept`](Self::accept) wake with an error of kind
    /// `InvalidInput`, and so do later ones. Connections that were not accepted
    /// are reset.
    ///
    /// # Errors
    ///
    /// The kernel's: `NotConnected` when it was shut down before.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{net::TcpListener, spawn};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let other = listener.try_clone()?;
    /// let waits = spawn(move || other.accept().is_err());
    /// listener.shutdown()?;
    /// assert!(waits.get().unwrap());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "close")]
    #[doc(alias = "cancel_wait")]
    pub fn shutdown(&self) -> io::Result<()> {
        Ok(rustix::net::shutdown(self, rustix::net::Shutdown::Both)?)
    }

    /// Another handle to the socket, with a descriptor of its own.
    ///
    /// # Errors
    ///
    /// The kernel's, when there are no more descriptors.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::TcpListener;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let other = listener.try_clone()?; // for a second accepting greenlet
    /// assert_eq!(listener.local_addr()?, other.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self::from_nonblocking(self.socket.get_ref().try_clone()?))
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
    /// use maypole_runtime::net::TcpListener;
    ///
    /// assert!(TcpListener::bind("127.0.0.1:0")?.take_error()?.is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.get_ref().take_error()
    }
}

handle_traits!(TcpListener, std::net::TcpListener);

/// The iterator of [`TcpListener::incoming`].
///
/// See the example of [`TcpListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

fn accept_now(listener: &std::net::TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    // One call makes it non-blocking and tells the peer. std's would take two
    // more.
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (socket, peer) = rustix::net::acceptfrom_with(listener, flags)?;
    let stream = TcpStream::from_nonblocking(socket.into());
    let peer = match peer.map(SocketAddr::try_from) {
        Some(Ok(peer)) => peer,
        _ => stream.peer_addr()?,
    };
    Ok((stream, peer))
}
