//! Datagrams.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};

use crate::descriptor::Descriptor;
use crate::engine::Interest;

use super::ToSocketAddrs;
use super::builder::first_bound;
use super::common::{handle_traits, time_limits};

/// A UDP socket, with the methods of [`std::net::UdpSocket`].
///
/// Receiving and sending suspend only the calling greenlet, or block the calling
/// thread; a kill or time-out interrupts them, and a datagram that came stays in
/// the socket. One greenlet may receive while another sends; when two wait to
/// receive (or two to send), the second gets an error of kind `ResourceBusy`.
///
/// # Examples
///
/// ```
/// use maypole_runtime::{net::UdpSocket, spawn};
///
/// let echo = UdpSocket::bind("127.0.0.1:0")?;
/// let addr = echo.local_addr()?;
/// let server = spawn(move || {
///     let mut buf = [0; 1500];
///     let (n, peer) = echo.recv_from(&mut buf)?;
///     echo.send_to(&buf[..n], peer)
/// });
/// let client = UdpSocket::bind("127.0.0.1:0")?;
/// client.connect(addr)?;
/// client.send(b"ping")?;
/// let mut buf = [0; 8];
/// assert_eq!(client.recv(&mut buf)?, 4);
/// server.get().unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UdpSocket {
    socket: Descriptor<std::net::UdpSocket>,
}

/// Options that are std's, with std's names.
macro_rules! options {
    ($($(#[$doc:meta])+ $set:ident, $get:ident: $kind:ty;)+) => {$(
        $(#[$doc])+
        ///
        /// # Errors
        ///
        /// The kernel's.
        pub fn $set(&self, value: $kind) -> io::Result<()> {
            self.std().$set(value)
        }

        #[doc = concat!("What [`", stringify!($set), "`](Self::", stringify!($set), ") has set.")]
        ///
        /// # Errors
        ///
        /// The kernel's.
        pub fn $get(&self) -> io::Result<$kind> {
            self.std().$get()
        }
    )+};
}

impl UdpSocket {
    /// Binds to the first of the addresses that can be bound.
    ///
    /// Suspends the caller when there is a name to look up.
    ///
    /// # Errors
    ///
    /// The error of the last address tried, `AddrInUse` for a port in use; its
    /// text names the address.
    ///
    /// See the example of [`UdpSocket`].
    pub fn bind(addr: impl ToSocketAddrs) -> io::Result<Self> {
        let addrs = addr.to_target()?.resolve()?;
        first_bound(&addrs, |addr| std::net::UdpSocket::bind(addr))?.try_into()
    }

    fn from_nonblocking(socket: std::net::UdpSocket) -> Self {
        Self {
            socket: Descriptor::new(socket),
        }
    }

    /// Sets the peer to which [`send`](Self::send) sends, and from which alone
    /// datagrams are received from now on. With more addresses, the first that
    /// the kernel takes.
    ///
    /// Suspends the caller when there is a name to look up.
    ///
    /// # Errors
    ///
    /// The error of the last address tried, or of the lookup.
    ///
    /// See the example of [`UdpSocket`].
    pub fn connect(&self, addr: impl ToSocketAddrs) -> io::Result<()> {
        let addrs = addr.to_target()?.resolve()?;
        self.std().connect(&addrs[..])
    }

    /// Waits for a datagram: its length and where it is from. What does not fit
    /// into `buf` is lost. Suspends only the caller; a kill or time-out interrupts
    /// it, and the datagram stays for the next call.
    ///
    /// # Errors
    ///
    /// `TimedOut` after the read time-out, `ResourceBusy` when another greenlet
    /// waits to receive, `ConnectionAborted` after a [shutdown](Self::shutdown),
    /// else the kernel's.
    ///
    /// See the example of [`UdpSocket`].
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
    /// use maypole_runtime::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// let nothing = socket.try_recv_from(&mut [0; 8]).unwrap_err();
    /// assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.try_read(|socket| socket.recv_from(buf))
    }

    /// As [`recv_from`](Self::recv_from), and leaves the datagram there.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from).
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// socket.send_to(b"x", socket.local_addr()?)?;
    /// let mut buf = [0; 8];
    /// assert_eq!(socket.peek_from(&mut buf)?, socket.recv_from(&mut buf)?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.receive(|socket| socket.peek_from(buf))
    }

    /// Waits for a datagram from the connected peer: its length.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from); `ConnectionRefused` when what was sent
    /// before found nobody.
    ///
    /// See the example of [`UdpSocket`].
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.receive(|socket| socket.recv(buf))
    }

    /// As [`recv`](Self::recv), and leaves the datagram there.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// socket.connect(socket.local_addr()?)?;
    /// socket.send(b"x")?;
    /// let mut buf = [0; 8];
    /// assert_eq!((socket.peek(&mut buf)?, socket.recv(&mut buf)?), (1, 1));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.receive(|socket| socket.peek(buf))
    }

    /// Sends a datagram to the first of the addresses, waiting while the socket
    /// holds as many as it may. Suspends only the caller, also when there is a name
    /// to look up; a kill or time-out interrupts it, and nothing is sent then.
    ///
    /// # Errors
    ///
    /// `TimedOut` after the write time-out, `ResourceBusy` when another greenlet
    /// waits to send, else the kernel's or the lookup's.
    ///
    /// See the example of [`UdpSocket`].
    #[doc(alias = "sendto")]
    pub fn send_to(&self, buf: &[u8], addr: impl ToSocketAddrs) -> io::Result<usize> {
        let addrs = addr.to_target()?.resolve()?;
        let Some(addr) = addrs.first() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        self.socket
            .io(Interest::Write, |socket| socket.send_to(buf, addr))
    }

    /// Sends a datagram to the connected peer, waiting while the socket holds as
    /// many as it may.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to).
    ///
    /// See the example of [`UdpSocket`].
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
    /// use maypole_runtime::net::UdpSocket;
    ///
    /// let (one, other) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    /// assert!(one.peer_addr().is_err());
    /// one.connect(other.local_addr()?)?;
    /// assert_eq!(one.peer_addr()?, other.local_addr()?);
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
    /// use maypole_runtime::net::UdpSocket;
    ///
    /// assert_ne!(UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.std().local_addr()
    }

    /// Shuts down one or both directions, in all handles to the socket, connected
    /// or not. Who waits to receive wakes with an error of kind
    /// `ConnectionAborted`; who sends gets `BrokenPipe`.
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
    /// use maypole_runtime::{net::UdpSocket, spawn};
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// let other = socket.try_clone()?;
    /// let waits = spawn(move || other.recv_from(&mut [0; 8]).unwrap_err().kind());
    /// socket.shutdown(Shutdown::Both)?;
    /// assert_eq!(waits.get().unwrap(), ErrorKind::ConnectionAborted);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "close")]
    #[doc(alias = "cancel_wait")]
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let how = match how {
            Shutdown::Read => rustix::net::Shutdown::Read,
            Shutdown::Write => rustix::net::Shutdown::Write,
            Shutdown::Both => rustix::net::Shutdown::Both,
        };
        match rustix::net::shutdown(self, how) {
            // Said of a socket without a peer, after it was shut down.
            Ok(()) | Err(rustix::io::Errno::NOTCONN) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Another handle to the socket, with a descriptor of its own.
    ///
    /// # Errors
    ///
    /// The kernel's, when there are no more descriptors.
    ///
    /// See the example of [`shutdown`](Self::shutdown).
    pub fn try_clone(&self) -> io::Result<Self> {
        let clone = self.std().try_clone()?;
        Ok(Self {
            socket: self.socket.clone_as(clone),
        })
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
    /// use maypole_runtime::net::UdpSocket;
    ///
    /// assert!(UdpSocket::bind("127.0.0.1:0")?.take_error()?.is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.std().take_error()
    }

    time_limits!();

    options! {
        /// Whether it may send to broadcast addresses.
        set_broadcast, broadcast: bool;
        /// Sets the time-to-live of datagrams.
        set_ttl, ttl: u32;
        /// Whether what it sends to an IPv4 group comes back to this machine.
        set_multicast_loop_v4, multicast_loop_v4: bool;
        /// Sets the time-to-live of datagrams to IPv4 groups.
        set_multicast_ttl_v4, multicast_ttl_v4: u32;
        /// Whether what it sends to an IPv6 group comes back to this machine.
        set_multicast_loop_v6, multicast_loop_v6: bool;
    }

    /// Joins a group on the interface with this address; the kernel picks one for
    /// `UNSPECIFIED`.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::net::Ipv4Addr;
    /// use maypole_runtime::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("0.0.0.0:0")?;
    /// let group = Ipv4Addr::new(224, 0, 0, 251);
    /// // A machine without a network may refuse.
    /// if socket.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED).is_ok() {
    ///     socket.leave_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED)?;
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn join_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.std().join_multicast_v4(group, interface)
    }

    /// Joins a group on the interface with this index; the kernel picks one for 0.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::net::Ipv6Addr;
    /// use maypole_runtime::net::UdpSocket;
    ///
    /// let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
    /// // A machine without IPv6 may refuse either.
    /// if let Ok(socket) = UdpSocket::bind("[::]:0")
    ///     && socket.join_multicast_v6(&group, 0).is_ok()
    /// {
    ///     socket.leave_multicast_v6(&group, 0)?;
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.std().join_multicast_v6(group, interface)
    }

    /// Leaves a group that it has joined on this interface.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// See the example of [`join_multicast_v4`](Self::join_multicast_v4).
    pub fn leave_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.std().leave_multicast_v4(group, interface)
    }

    /// Leaves a group that it has joined on this interface.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// See the example of [`join_multicast_v6`](Self::join_multicast_v6).
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.std().leave_multicast_v6(group, interface)
    }

    fn std(&self) -> &std::net::UdpSocket {
        self.socket.get_ref()
    }
}

handle_traits!(UdpSocket, std::net::UdpSocket);
