//! Datagrams within the machine.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use crate::descriptor::{Descriptor, is_writable};
use crate::engine::Interest;
use crate::wait::{self, deadline_after};

use super::super::builder::naming;
use super::super::common::{handle_traits, time_limits};
use super::{pauses, shown};

/// A socket for datagrams within the machine, with the methods of
/// [`std::os::unix::net::UnixDatagram`].
///
/// Datagrams arrive whole, in order, and none is lost: who sends waits while the
/// receiver has no room. Waiting suspends only the calling greenlet, or blocks
/// the calling thread; a kill or time-out interrupts it. When two wait to
/// receive (or two to send), the second gets an error of kind `ResourceBusy`.
///
/// # Examples
///
/// ```
/// use maypole_runtime::{net::UnixDatagram, spawn};
///
/// let (near, far) = UnixDatagram::pair()?;
/// let sender = spawn(move || far.send(b"hello"));
/// let mut buf = [0; 8];
/// assert_eq!(near.recv(&mut buf)?, 5);
/// sender.get().unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixDatagram {
    socket: Descriptor<std::os::unix::net::UnixDatagram>,
}

impl UnixDatagram {
    /// Makes a socket at `path`. The file stays when it is dropped.
    ///
    /// # Errors
    ///
    /// `AddrInUse` when there is such a file, else the kernel's. The text names
    /// the path.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::UnixDatagram;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("socket");
    /// let socket = UnixDatagram::bind(&path)?;
    /// UnixDatagram::unbound()?.send_to(b"hello", &path)?;
    /// let mut buf = [0; 8];
    /// assert_eq!(socket.recv(&mut buf)?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::bind_addr(&SocketAddr::from_pathname(path)?)
    }

    /// Binds to an address, which may be an abstract one.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::os::linux::net::SocketAddrExt;
    /// use std::os::unix::net::SocketAddr;
    /// use maypole_runtime::net::UnixDatagram;
    ///
    /// let name = format!("maypole-example-{}", std::process::id());
    /// let addr = SocketAddr::from_abstract_name(name)?; // leaves no file
    /// let socket = UnixDatagram::bind_addr(&addr)?;
    /// UnixDatagram::unbound()?.send_to_addr(b"hello", &addr)?;
    /// let (length, from) = socket.recv_from(&mut [0; 8])?;
    /// assert!(length == 5 && from.is_unnamed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind_addr(addr: &SocketAddr) -> io::Result<Self> {
        std::os::unix::net::UnixDatagram::bind_addr(addr)
            .map_err(|error| naming(&error, &shown(addr)))?
            .try_into()
    }

    /// A socket without an address: it can send, and be connected.
    ///
    /// # Errors
    ///
    /// The kernel's, when there are no more descriptors.
    ///
    /// See the example of [`bind`](Self::bind).
    pub fn unbound() -> io::Result<Self> {
        std::os::unix::net::UnixDatagram::unbound()?.try_into()
    }

    /// Two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// The kernel's, when there are no more descriptors.
    ///
    /// See the example of [`UnixDatagram`].
    #[doc(alias = "socketpair")]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = std::os::unix::net::UnixDatagram::pair()?;
        Ok((one.try_into()?, other.try_into()?))
    }

    fn from_nonblocking(socket: std::os::unix::net::UnixDatagram) -> Self {
        Self {
            socket: Descriptor::new(socket),
        }
    }

    /// Sets the peer to which [`send`](Self::send) sends, and from which alone
    /// datagrams are received from now on. Does not wait.
    ///
    /// # Errors
    ///
    /// The kernel's: `NotFound`, `ConnectionRefused`.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::UnixDatagram;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("socket");
    /// let socket = UnixDatagram::bind(&path)?;
    /// let client = UnixDatagram::unbound()?;
    /// client.connect(&path)?;
    /// client.send(b"hello")?;
    /// assert_eq!(socket.recv(&mut [0; 8])?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.std().connect(path)
    }

    /// The same with an address, which may be an abstract one.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// See the example of [`connect`](Self::connect).
    pub fn connect_addr(&self, addr: &SocketAddr) -> io::Result<()> {
        self.std().connect_addr(addr)
    }

    /// Waits for a datagram: its length and where it is from. What does not fit
    /// into `buf` is lost. Suspends only the caller; a kill or time-out interrupts
    /// it, and the datagram stays for the next call.
    ///
    /// # Errors
    ///
    /// `TimedOut` after the read time-out, `ResourceBusy` when another greenlet
    /// waits to receive, `ConnectionAborted` after a shutdown, else the kernel's.
    ///
    /// See the example of [`bind_addr`](Self::bind_addr).
    #[doc(alias = "recvfrom")]
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.receive(|socket| socket.recv_from(buf))
    }

    /// Receives a datagram if one is there now, and never suspends.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when none is there; else as [`recv_from`](Self::recv_from).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use maypole_runtime::net::UnixDatagram;
    ///
    /// let (near, _far) = UnixDatagram::pair()?;
    /// let nothing = near.try_recv_from(&mut [0; 8]).unwrap_err();
    /// assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.try_read(|socket| socket.recv_from(buf))
    }

    /// Waits for a datagram: its length.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from).
    ///
    /// See the example of [`UnixDatagram`].
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.receive(|socket| socket.recv(buf))
    }

    /// Sends a datagram to the socket at `path`, waiting while it has no room.
    /// Suspends only the caller; a kill or time-out interrupts it, and nothing is
    /// sent then.
    ///
    /// The kernel does not tell when a socket has room to which this one is not
    /// connected, so it is asked again and again, with pauses of up to 32 ms.
    /// [`connect`](Self::connect) and [`send`](Self::send) wait without.
    ///
    /// # Errors
    ///
    /// `TimedOut` after the write time-out, `ResourceBusy` when another greenlet
    /// waits to send, else the kernel's: `NotFound`, `ConnectionRefused`.
    ///
    /// See the example of [`bind`](Self::bind).
    #[doc(alias = "sendto")]
    pub fn send_to(&self, buf: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        self.send_to_addr(buf, &SocketAddr::from_pathname(path)?)
    }

    /// The same with an address, which may be an abstract one.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to).
    ///
    /// See the example of [`bind_addr`](Self::bind_addr).
    pub fn send_to_addr(&self, buf: &[u8], addr: &SocketAddr) -> io::Result<usize> {
        wait::checkpoint();
        let mut pauses = pauses();
        let deadline = self.socket.write_limit().get().and_then(deadline_after);
        loop {
            match self.std().send_to_addr(buf, addr) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                done => return done,
            }
            if is_writable(self.std())? {
                // It is the other side that has none.
                wait::refuse_to_wait()?;
                let again = deadline_after(pauses.next().unwrap_or_default());
                if deadline.is_some_and(|at| at <= Instant::now()) {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                wait::sleep_until(deadline.map_or(again, |at| again.min(Some(at))));
            } else {
                self.socket.ready(Interest::Write, deadline)?;
            }
        }
    }

    /// Sends a datagram to the connected peer, waiting while it has no room.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to).
    ///
    /// See the example of [`UnixDatagram`].
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket.io(Interest::Write, |socket| socket.send(buf))
    }

    /// The connected peer's address.
    ///
    /// # Errors
    ///
    /// `NotConnected` when there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::UnixDatagram;
    ///
    /// let (near, _far) = UnixDatagram::pair()?;
    /// assert!(near.peer_addr()?.is_unnamed());
    /// assert!(UnixDatagram::unbound()?.peer_addr().is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.std().peer_addr()
    }

    /// The address it is bound to.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::UnixDatagram;
    ///
    /// assert!(UnixDatagram::unbound()?.local_addr()?.is_unnamed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.std().local_addr()
    }

    /// Shuts down one or both directions. A greenlet that waits in it wakes with
    /// an error: `ConnectionAborted` who receives, `BrokenPipe` who sends.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use std::net::Shutdown;
    /// use maypole_runtime::net::UnixDatagram;
    ///
    /// let (near, _far) = UnixDatagram::pair()?;
    /// near.shutdown(Shutdown::Both)?;
    /// assert_eq!(near.send(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.std().shutdown(how)
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
    /// use maypole_runtime::net::UnixDatagram;
    ///
    /// let (near, far) = UnixDatagram::pair()?;
    /// near.try_clone()?.send(b"hello")?;
    /// assert_eq!(far.recv(&mut [0; 8])?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_clone(&self) -> io::Result<Self> {
        let clone = self.std().try_clone()?;
        Ok(Self {
            socket: self.socket.clone_as(clone),
        })
    }

    time_limits!();

    /// Takes the error that is pending on the socket. Never suspends.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::UnixDatagram;
    ///
    /// assert!(UnixDatagram::unbound()?.take_error()?.is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.std().take_error()
    }

    fn std(&self) -> &std::os::unix::net::UnixDatagram {
        self.socket.get_ref()
    }
}

handle_traits!(UnixDatagram, std::os::unix::net::UnixDatagram);
