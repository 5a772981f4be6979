//! Listening sockets of any kind, and their options.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use maypole_runtime::net::{TcpListener, UnixListener, listen_fds};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, listen, sockopt};

use crate::Addr;
use crate::addr::{ListenAddr, Resolvable};
use crate::socket::Socket;
use crate::unix_path::UnixPath;

/// Connections that the kernel holds until they are accepted. Its own maximum,
/// `net.core.somaxconn`, may be lower.
const BACKLOG: u32 = 1024;

/// A socket that a server accepts from, and what it takes to open it again.
///
/// Most servers have one, which [`StreamServer::bind`](crate::StreamServer::bind)
/// makes; [`Builder::listener`](crate::Builder::listener) takes more.
///
/// # Examples
///
/// ```
/// use maypole_server::{Listener, StreamServer};
///
/// let folder = tempfile::tempdir()?;
/// let server = StreamServer::builder()
///     .listener(Listener::bind("127.0.0.1:0")?)
///     .listener(Listener::bind_unix(folder.path().join("socket"))?)
///     .serve(|_stream, peer| {
///         println!("from {peer}");
///         Ok(())
///     })?;
/// assert_eq!(server.local_addrs().len(), 2);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Listener {
    open: Open,
    again: Again,
}

/// A socket that accepts connections.
#[derive(Debug)]
enum Open {
    Tcp(TcpListener),
    // The file goes first: who binds next is to find no file, or its own.
    Unix {
        _file: Option<UnixPath>,
        listener: UnixListener,
    },
}

/// How to open a socket like one that was closed.
#[derive(Clone, Debug)]
pub(crate) enum Again {
    Tcp(std::net::SocketAddr, ListenOptions),
    Unix(PathBuf, ListenOptions),
    /// It was given, and cannot be made.
    Never,
}

impl Listener {
    /// Listens at an address; see [`ListenAddr`] for the forms it may have, and
    /// [`ListenOptions`] for options.
    ///
    /// Names are looked up on a thread of their own; the caller is suspended
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// The error of the last address tried, `AddrInUse` for a port in use; its
    /// text names the address.
    ///
    /// See the example of [`Listener`].
    pub fn bind(addr: impl ListenAddr) -> io::Result<Self> {
        ListenOptions::new().bind(addr)
    }

    /// Listens at a path; see [`ListenOptions::bind_unix`].
    ///
    /// # Errors
    ///
    /// As [`ListenOptions::bind_unix`].
    ///
    /// See the example of [`Listener`].
    pub fn bind_unix(path: impl AsRef<Path>) -> io::Result<Self> {
        ListenOptions::new().bind_unix(path)
    }

    /// The sockets that systemd has opened for this process, in the order of the
    /// unit's file; see [`listen_fds`].
    ///
    /// # Errors
    ///
    /// As [`listen_fds`]; `InvalidInput` when there is none, or one that does not
    /// listen for streams.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_server::{Listener, StreamServer};
    ///
    /// let mut listeners = Listener::inherited().unwrap_or_default();
    /// if listeners.is_empty() {
    ///     listeners.push(Listener::bind("127.0.0.1:0")?); // not started by systemd
    /// }
    /// let server = StreamServer::builder().listeners(listeners).serve(|_stream, _peer| Ok(()))?;
    /// # drop(server);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "LISTEN_FDS")]
    pub fn inherited() -> io::Result<Vec<Self>> {
        let sockets = listen_fds()?;
        if sockets.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "no socket was inherited: LISTEN_FDS and LISTEN_PID name none for this process",
            ));
        }
        sockets.into_iter().map(Self::try_from).collect()
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_server::Listener;
    ///
    /// let listener = Listener::bind("127.0.0.1:0")?;
    /// assert_ne!(listener.local_addr()?.inet().unwrap().port(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local_addr(&self) -> io::Result<Addr> {
        Ok(match &self.open {
            Open::Tcp(listener) => listener.local_addr()?.into(),
            Open::Unix { listener, .. } => listener.local_addr()?.into(),
        })
    }

    pub(crate) fn try_accept(&self) -> io::Result<(Socket, Addr)> {
        Ok(match &self.open {
            Open::Tcp(listener) => {
                let (stream, peer) = listener.try_accept()?;
                (Socket::Tcp(stream), peer.into())
            }
            Open::Unix { listener, .. } => {
                let (stream, peer) = listener.try_accept()?;
                (Socket::Unix(stream), peer.into())
            }
        })
    }

    pub(crate) fn wait_accept(&self) -> io::Result<()> {
        match &self.open {
            Open::Tcp(listener) => listener.wait_accept(),
            Open::Unix { listener, .. } => listener.wait_accept(),
        }
    }

    pub(crate) fn again(&self) -> Again {
        self.again.clone()
    }

    fn given(open: Open) -> Self {
        let again = Again::Never;
        Self { open, again }
    }
}

impl Again {
    /// Opens it. Never suspends.
    pub(crate) fn open(&self) -> io::Result<Listener> {
        match self {
            Self::Tcp(addr, options) => options.bind(*addr),
            Self::Unix(path, options) => options.bind_unix(path),
            Self::Never => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the server was given its socket, which is closed now: it cannot start again",
            )),
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::given(Open::Tcp(listener))
    }
}

impl From<UnixListener> for Listener {
    /// Whoever has made its file removes it.
    fn from(listener: UnixListener) -> Self {
        let _file = None;
        Self::given(Open::Unix { _file, listener })
    }
}

impl TryFrom<OwnedFd> for Listener {
    type Error = io::Error;

    /// Takes over a listening socket of whatever kind.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for what is no socket, does not listen, or is of a kind
    /// that is not served; the text says which.
    fn try_from(socket: OwnedFd) -> io::Result<Self> {
        let refused = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        let family = match sockopt::socket_domain(&socket) {
            Err(Errno::NOTSOCK) => return refused("the descriptor is no socket"),
            family => family?,
        };
        if sockopt::socket_type(&socket)? != SocketType::STREAM {
            return refused("the socket is not one of streams");
        }
        if !sockopt::socket_acceptconn(&socket)? {
            return refused("the socket does not listen");
        }
        match family {
            AddressFamily::INET | AddressFamily::INET6 => {
                Ok(TcpListener::try_from(std::net::TcpListener::from(socket))?.into())
            }
            AddressFamily::UNIX => {
                let listener = std::os::unix::net::UnixListener::from(socket);
                Ok(UnixListener::try_from(listener)?.into())
            }
            _ => refused("the socket is neither one of IP nor of Unix"),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        match &self.open {
            Open::Tcp(listener) => listener.as_fd(),
            Open::Unix { listener, .. } => listener.as_fd(),
        }
    }
}

/// Options of a [`Listener`].
///
/// # Examples
///
/// ```
/// use maypole_server::ListenOptions;
///
/// // Several processes of the same user may listen on the port.
/// let shared = ListenOptions::new().reuse_port(true).backlog(256);
/// let first = shared.bind("127.0.0.1:0")?;
/// let second = shared.bind(first.local_addr()?.inet().unwrap())?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "it does nothing until it is bound"]
pub struct ListenOptions {
    backlog: u32,
    reuse_addr: bool,
    reuse_port: bool,
    only_v6: Option<bool>,
    mode: Option<u32>,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self {
            backlog: BACKLOG,
            reuse_addr: true,
            reuse_port: false,
            only_v6: None,
            mode: None,
        }
    }
}

impl ListenOptions {
    /// The defaults.
    ///
    /// See the example of [`ListenOptions`].
    pub fn new() -> Self {
        Self::default()
    }

    /// How many connections the kernel holds until they are accepted: 1024
    /// unless set, and never more than its own `net.core.somaxconn`.
    ///
    /// See the example of [`ListenOptions`].
    pub fn backlog(mut self, connections: u32) -> Self {
        self.backlog = connections;
        self
    }

    /// Whether an address may be bound while old connections to it still wind
    /// down (`SO_REUSEADDR`); on unless set.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_server::ListenOptions;
    ///
    /// let strict = ListenOptions::new().reuse_addr(false).bind("127.0.0.1:0")?;
    /// # drop(strict);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn reuse_addr(mut self, on: bool) -> Self {
        self.reuse_addr = on;
        self
    }

    /// Whether other processes of the same user may listen on the same port
    /// (`SO_REUSEPORT`), provided that all of them set it; off unless set, so
    /// that a port in use is an error.
    ///
    /// See the example of [`ListenOptions`].
    pub fn reuse_port(mut self, on: bool) -> Self {
        self.reuse_port = on;
        self
    }

    /// Whether an IPv6 socket refuses IPv4 clients; the kernel's setting
    /// `net.ipv6.bindv6only` unless set.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_server::ListenOptions;
    ///
    /// // `bind` fails where there is no IPv6.
    /// if let Ok(six) = ListenOptions::new().only_v6(true).bind("[::1]:0") {
    ///     assert!(six.local_addr()?.inet().unwrap().is_ipv6());
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn only_v6(mut self, on: bool) -> Self {
        self.only_v6 = Some(on);
        self
    }

    /// The permissions of a Unix socket's file, as `0o660`: who may write to it
    /// may connect. Unless set, what the process's umask leaves of `0o777`. The
    /// socket listens only after they are set.
    ///
    /// See the example of [`bind_unix`](Self::bind_unix).
    pub fn unix_mode(mut self, mode: u32) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Listens at an address; see [`Listener::bind`].
    ///
    /// # Errors
    ///
    /// As [`Listener::bind`].
    ///
    /// See the example of [`ListenOptions`].
    pub fn bind(&self, addr: impl ListenAddr) -> io::Result<Listener> {
        let mut builder = TcpListener::builder()
            .backlog(self.backlog)
            .reuse_addr(self.reuse_addr)
            .reuse_port(self.reuse_port);
        if let Some(only_v6) = self.only_v6 {
            builder = builder.only_v6(only_v6);
        }
        let listener = builder.bind(Resolvable::new(&addr)?)?;
        let again = Again::Tcp(listener.local_addr()?, self.clone());
        let open = Open::Tcp(listener);
        Ok(Listener { open, again })
    }

    /// Listens at a path. The socket's file is removed when the listener closes,
    /// unless somebody has put another in its place. One that was left behind,
    /// and that nobody listens on, is replaced; any other file is left alone.
    ///
    /// # Errors
    ///
    /// `AddrInUse` when somebody listens there, `AlreadyExists` for a file that is
    /// no socket; else the kernel's. The text names the path.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::os::unix::fs::PermissionsExt;
    /// use maypole_server::ListenOptions;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("socket");
    /// let listener = ListenOptions::new().unix_mode(0o660).bind_unix(&path)?;
    /// assert_eq!(std::fs::metadata(&path)?.permissions().mode() & 0o777, 0o660);
    /// drop(listener);
    /// assert!(!path.exists());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind_unix(&self, path: impl AsRef<Path>) -> io::Result<Listener> {
        let path = path.as_ref();
        let (socket, file) = UnixPath::bind(path, SocketType::STREAM, self.mode)?;
        listen(&socket, self.backlog.try_into().unwrap_or(i32::MAX))?;
        let listener = std::os::unix::net::UnixListener::from(socket).try_into()?;
        let again = Again::Unix(path.to_owned(), self.clone());
        let open = Open::Unix {
            _file: Some(file),
            listener,
        };
        Ok(Listener { open, again })
    }
}

impl fmt::Debug for ListenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenOptions")
            .field("backlog", &self.backlog)
            .field("reuse_addr", &self.reuse_addr)
            .field("reuse_port", &self.reuse_port)
            .field("only_v6", &self.only_v6)
            .field("unix_mode", &self.mode.map(|mode| format!("{mode:o}")))
            .finish()
    }
}
