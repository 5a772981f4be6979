//! Listening for TCP connections.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};

use crate::engine::{Interest, Source};
use crate::wait;

use super::stream::is_readable;
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
    source: Source<std::net::TcpListener>,
    // One more than the edges seen before the last call that found nothing; see
    // `Source::edges`. 0 when the last call found something.
    drained: AtomicU64,
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
            source: Source::new(listener),
            drained: AtomicU64::new(0),
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
        wait::checkpoint();
        loop {
            match self.accept_now() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                done => return done,
            }
            wait::ready(&self.source, Interest::Read, None)?;
        }
    }

    /// Waits until an accept may find a connection, and leaves it there. May
    /// return early.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept) when it waits.
    #[doc(alias = "wait_read")]
    pub fn wait_accept(&self) -> io::Result<()> {
        wait::checkpoint();
        let mark = self.drained.swap(0, Ordering::Relaxed);
        // After an accept that found nothing the kernel need not be asked again.
        let drained = mark != 0 && self.source.edges() == Some(mark - 1);
        if !drained && is_readable(self)? {
            return Ok(());
        }
        wait::ready(&self.source, Interest::Read, None)
    }

    /// Accepts a connection if one is there now, and never suspends.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when none is there; else as [`accept`](Self::accept).
    pub fn try_accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let edges = self.source.edges();
        let accepted = self.accept_now();
        if let (Err(error), Some(edges)) = (&accepted, edges)
            && error.kind() == io::ErrorKind::WouldBlock
        {
            self.drained.store(edges + 1, Ordering::Relaxed);
        }
        accepted
    }

    fn accept_now(&self) -> io::Result<(TcpStream, SocketAddr)> {
        // One call makes it non-blocking and tells the peer. std's would take
        // two more.
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (socket, peer) = rustix::net::acceptfrom_with(self.source.get_ref(), flags)?;
        let stream = TcpStream::from_nonblocking(socket.into());
        let peer = match peer.map(SocketAddr::try_from) {
            Some(Ok(peer)) => peer,
            _ => stream.peer_addr()?,
        };
        Ok((stream, peer))
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
        self.source.get_ref().local_addr()
    }

    /// Another handle to the socket, with a descriptor of its own.
    ///
    /// # Errors
    ///
    /// The kernel's, when there are no more descriptors.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self::from_nonblocking(self.source.get_ref().try_clone()?))
    }

    /// Takes the error that is pending on the socket.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.source.get_ref().take_error()
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.get_ref().as_fd()
    }
}

impl AsRawFd for TcpListener {
    fn as_raw_fd(&self) -> RawFd {
        self.source.get_ref().as_raw_fd()
    }
}

impl TryFrom<std::net::TcpListener> for TcpListener {
    type Error = io::Error;

    /// Takes over a listener of std's and makes it non-blocking.
    fn try_from(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self::from_nonblocking(listener))
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.get_ref().fmt(f)
    }
}

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
