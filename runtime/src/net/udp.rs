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
    pub fn connect(&self, addr: impl ToSocketAddrs) -> io::Result<()> {
        let addrs = addr.to_target()?.resolve()?;
        self.std().connect(&addrs[..])
    }

    /// Waits for a datagram: its length and where it is from. What does not fit
    /// into `buf` is lost.
    ///
    /// # Errors
    ///
    /// `TimedOut` after the read time-out, `ResourceBusy` when another greenlet
    /// waits to receive, `ConnectionAborted` after a [shutdown](Self::shutdown),
    /// else the kernel's.
    #[doc(alias = "recvfrom")]
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.receive(|socket| socket.recv_from(buf))
    }

    /// Receives a datagram if one is there now, and never suspends.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when none is there; else as [`recv_from`](Self::recv_from).
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.try_read(|socket| socket.recv_from(buf))
    }

    /// As [`recv_from`](Self::recv_from), and leaves the datagram there.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from).
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.receive(|socket| socket.peek_from(buf))
    }

    /// Waits for a datagram from the connected peer: its length.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from); `ConnectionRefused` when what was sent
    /// before found nobody.
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.receive(|socket| socket.recv(buf))
    }

    /// As [`recv`](Self::recv), and leaves the datagram there.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.receive(|socket| socket.peek(buf))
    }

    /// Sends a datagram to the first of the addresses, waiting while the socket
    /// holds as many as it may.
    ///
    /// # Errors
    ///
    /// `TimedOut` after the write time-out, `ResourceBusy` when another greenlet
    /// waits to send, else the kernel's or the lookup's.
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
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket.io(Interest::Write, |socket| socket.send(buf))
    }

    /// The connected peer's address.
    ///
    /// # Errors
    ///
    /// `NotConnected` when there is none.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.std().peer_addr()
    }

    /// The address it is bound to.
    ///
    /// # Errors
    ///
    /// The kernel's.
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
    pub fn try_clone(&self) -> io::Result<Self> {
        let clone = self.std().try_clone()?;
        Ok(Self {
            socket: self.socket.clone_as(clone),
        })
    }

    /// Takes the error that is pending on the socket.
    ///
    /// # Errors
    ///
    /// The kernel's.
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
    pub fn join_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.std().join_multicast_v4(group, interface)
    }

    /// Joins a group on the interface with this index; the kernel picks one for 0.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.std().join_multicast_v6(group, interface)
    }

    /// Leaves a group that it has joined on this interface.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn leave_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.std().leave_multicast_v4(group, interface)
    }

    /// Leaves a group that it has joined on this interface.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.std().leave_multicast_v6(group, interface)
    }

    fn std(&self) -> &std::net::UdpSocket {
        self.socket.get_ref()
    }
}

handle_traits!(UdpSocket, std::net::UdpSocket);
