//! Listening for TCP connections.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};

use crate::descriptor::Descriptor;
use crate::engine::Interest;

use super::common::handle_traits;
use super::{TcpStream, ToSocketAddrs};

/// Connections that the kernel holds until they are accepted. Its own maximum,
/// `net.core.somaxconn`, may be lower.
const BACKLOG: i32 = 1024;

/// A socket that accepts connections, with the methods of
/// [`std::net::TcpListener`].
///
/// Sets `SO_REUSEADDR`, as std does, and not `SO_REUSEPORT`: a port that is in
/// use is an error.
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
    /// Names are looked up on a thread of their own; the caller is suspended
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// The error of the last address tried, `AddrInUse` for a port in use; its
    /// text names the address.
    pub fn bind(addr: impl ToSocketAddrs) -> io::Result<Self> {
        let mut last = None;
        for addr in addr.to_target()?.resolve()? {
            match bind_one(&addr) {
                Ok(listener) => return Ok(Self::from_nonblocking(listener)),
                Err(error) => {
                    last = Some(io::Error::new(error.kind(), format!("{error}: {addr}")));
                }
            }
        }
        Err(last.unwrap_or_else(|| io::ErrorKind::InvalidInput.into()))
    }

    fn from_nonblocking(listener: std::net::TcpListener) -> Self {
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
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.socket.io(Interest::Read, accept_now)
    }

    /// Waits until an accept may find a connection, and leaves it there. May
    /// return early.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept) when it waits.
    #[doc(alias = "wait_read")]
    pub fn wait_accept(&self) -> io::Result<()> {
        self.socket.wait_read()
    }

    /// Accepts a connection if one is there now, and never suspends.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when none is there; else as [`accept`](Self::accept).
    pub fn try_accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.socket.try_read(accept_now)
    }

    /// An iterator over accepted connections; it never ends.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// The address it is bound to.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().local_addr()
    }

    /// Another handle to the socket, with a descriptor of its own.
    ///
    /// # Errors
    ///
    /// The kernel's, when there are no more descriptors.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self::from_nonblocking(self.socket.get_ref().try_clone()?))
    }

    /// Takes the error that is pending on the socket.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.get_ref().take_error()
    }
}

handle_traits!(TcpListener, std::net::TcpListener);

/// The iterator of [`TcpListener::incoming`].
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

fn bind_one(addr: &SocketAddr) -> io::Result<std::net::TcpListener> {
    let family = match addr {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket: OwnedFd = socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, addr)?;
    listen(&socket, BACKLOG)?;
    Ok(socket.into())
}
