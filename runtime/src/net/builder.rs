//! Options of a listening socket.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};

use super::{TcpListener, ToSocketAddrs};

/// Connections that the kernel holds until they are accepted. Its own maximum,
/// `net.core.somaxconn`, may be lower.
const BACKLOG: u32 = 1024;

/// Options of a [`TcpListener`], from [`TcpListener::builder`].
///
/// # Examples
///
/// ```
/// use maypole_runtime::net::TcpListener;
///
/// // Two sockets share a port; the kernel spreads the connections.
/// let shared = TcpListener::builder().reuse_port(true).backlog(64);
/// let first = shared.clone().bind("127.0.0.1:0")?;
/// let second = shared.bind(first.local_addr()?)?;
/// assert_eq!(first.local_addr()?, second.local_addr()?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is bound"]
pub struct TcpListenerBuilder {
    backlog: u32,
    reuse_addr: bool,
    reuse_port: bool,
    only_v6: Option<bool>,
}

impl TcpListenerBuilder {
    pub(super) fn new() -> Self {
        Self {
            backlog: BACKLOG,
            reuse_addr: true,
            reuse_port: false,
            only_v6: None,
        }
    }

    /// How many connections the kernel holds until they are accepted: 1024
    /// unless set, and never more than its own `net.core.somaxconn`.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::TcpListener;
    ///
    /// let listener = TcpListener::builder().backlog(16).bind("127.0.0.1:0")?;
    /// # drop(listener);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn backlog(mut self, connections: u32) -> Self {
        self.backlog = connections;
        self
    }

    /// Whether an address may be bound while old connections to it still wind
    /// down (`SO_REUSEADDR`); on unless set, as with std.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::TcpListener;
    ///
    /// // Strict: a server that has just ended keeps its port for a minute.
    /// let strict = TcpListener::builder().reuse_addr(false).bind("127.0.0.1:0")?;
    /// # drop(strict);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn reuse_addr(mut self, on: bool) -> Self {
        self.reuse_addr = on;
        self
    }

    /// Whether other sockets of the same user may listen on the same port
    /// (`SO_REUSEPORT`), provided that all of them set it; off unless set, so
    /// that a port in use is an error.
    ///
    /// See the example of [`TcpListenerBuilder`].
    pub fn reuse_port(mut self, on: bool) -> Self {
        self.reuse_port = on;
        self
    }

    /// Whether an IPv6 socket refuses IPv4 peers; the kernel's setting
    /// `net.ipv6.bindv6only` unless set. IPv4 addresses ignore it.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::TcpListener;
    ///
    /// // One socket for both families; `::1` may be missing on this machine.
    /// match TcpListener::builder().only_v6(false).bind("[::]:0") {
    ///     Ok(both) => assert!(both.local_addr()?.is_ipv6()),
    ///     Err(error) => eprintln!("{error}"),
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "v6only")]
    pub fn only_v6(mut self, on: bool) -> Self {
        self.only_v6 = Some(on);
        self
    }

    /// Binds to the first of the addresses that can be bound, and listens.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::bind`].
    ///
    /// See the example of [`TcpListenerBuilder`].
    pub fn bind(self, addr: impl ToSocketAddrs) -> io::Result<TcpListener> {
        let addrs = addr.to_target()?.resolve()?;
        let listener = first_bound(&addrs, |addr| self.bind_one(addr))?;
        Ok(TcpListener::from_nonblocking(listener.into()))
    }

    fn bind_one(&self, addr: &SocketAddr) -> io::Result<Socket> {
        let kind = Type::STREAM.nonblocking().cloexec();
        let socket = Socket::new_raw(Domain::for_address(*addr), kind, None)?;
        socket.set_reuse_address(self.reuse_addr)?;
        socket.set_reuse_port(self.reuse_port)?;
        if let Some(only_v6) = self.only_v6
            && addr.is_ipv6()
        {
            socket.set_only_v6(only_v6)?;
        }
        socket.bind(&(*addr).into())?;
        socket.listen(i32::try_from(self.backlog).unwrap_or(i32::MAX))?;
        Ok(socket)
    }
}

/// What the first address gives that can be bound. The error of the last one
/// names it.
pub(super) fn first_bound<T>(
    addrs: &[SocketAddr],
    bind: impl Fn(&SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = None;
    for addr in addrs {
        match bind(addr) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = Some(naming(&error, addr)),
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::InvalidInput.into()))
}

/// The error with the address in its text.
pub(super) fn naming(error: &io::Error, addr: &dyn std::fmt::Display) -> io::Error {
    io::Error::new(error.kind(), format!("{error}: {addr}"))
}
