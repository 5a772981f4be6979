//! A server of datagrams: UDP, or within the machine.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::net::SocketAddr as UnixSocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use maypole_runtime::net::{UdpSocket, UnixDatagram};
use maypole_runtime::{Group, Pool};
use rustix::net::SocketType;

use crate::Addr;
use crate::addr::{ListenAddr, Resolvable};
use crate::counters::{Counters, Counts};
use crate::life::{Intake, Life, LifeOptions, Reopen};
use crate::pause::Delays;
use crate::receive::{DatagramSocket, Datagrams, Handle, ReceiveLoop, Receiving};
use crate::spawn::{Spawn, WhenFull};
use crate::unix_path::UnixPath;

/// The longest datagram that is received whole; gevent's. Room for all that goes
/// through a network unsplit, and more.
const BUFFER_SIZE: usize = 8192;

/// Datagrams received before others get a turn; gevent's.
const MAX_ACCEPT: usize = 100;

/// A server that runs a function for each datagram, in a greenlet of its own.
///
/// The function is given the server's socket, through which it replies, the
/// datagram and where that came from. An error that it returns, and a panic, are
/// reported through `log` as those of a [`StreamServer`](crate::StreamServer)'s
/// handlers are. While the pool is full nothing is received, and the kernel drops
/// what its buffer does not hold.
///
/// Its life is that of a `StreamServer`. The socket stays open until the last
/// handler has ended, so that all can reply. Clones share the server; when the
/// last is dropped it receives no more.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_server::DatagramServer;
///
/// let server = DatagramServer::bind("127.0.0.1:0", |socket, data, peer| {
///     socket.send_to(data, peer).map(drop)
/// })?;
/// server.start()?;
///
/// let client = std::net::UdpSocket::bind("127.0.0.1:0")?;
/// client.send_to(b"ping", server.local_addr())?;
/// let mut answer = [0; 8];
/// let (len, from) = client.recv_from(&mut answer)?;
/// assert_eq!((&answer[..len], from), (&b"ping"[..], server.local_addr()));
/// server.stop(Duration::from_secs(1));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct DatagramServer {
    life: Life,
    shared: Arc<Shared>,
}

struct Shared {
    addr: Addr,
    counts: Arc<Counts>,
}

impl DatagramServer {
    /// Binds a server with the default options; see [`DatagramBuilder::bind`].
    ///
    /// # Errors
    ///
    /// As [`DatagramBuilder::bind`].
    ///
    /// See the example of [`DatagramServer`].
    pub fn bind<F>(addr: impl ListenAddr, handler: F) -> io::Result<Self>
    where
        F: Fn(&DatagramSocket<UdpSocket>, &[u8], SocketAddr) -> io::Result<()>
            + Send
            + Sync
            + 'static,
    {
        Self::builder().bind(addr, handler)
    }

    /// Options of a server.
    ///
    /// See the example of [`DatagramBuilder`].
    pub fn builder() -> DatagramBuilder {
        DatagramBuilder::default()
    }

    /// The address it receives at, with the port that was chosen for port 0.
    ///
    /// # Panics
    ///
    /// When it is a Unix socket; [`addr`](Self::addr) knows that.
    ///
    /// See the example of [`DatagramServer`].
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        match self.addr().inet() {
            Some(addr) => addr,
            None => panic!("a server of a Unix socket has no IP address; use addr"),
        }
    }

    /// The address it receives at, of whatever kind.
    ///
    /// See the example of [`DatagramBuilder::bind_unix`].
    #[must_use]
    pub fn addr(&self) -> &Addr {
        &self.shared.addr
    }

    /// See [`StreamServer::start`](crate::StreamServer::start).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn start(&self) -> io::Result<()> {
        self.life.start()
    }

    /// Whether it is started and not stopped.
    ///
    /// See the example of [`StreamServer::start`](crate::StreamServer::start).
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.life.is_started()
    }

    /// Whether it receives no more, for good or until it starts again.
    ///
    /// See the example of [`StreamServer::start`](crate::StreamServer::start).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.life.is_closed()
    }

    /// Receives again after [`stop_accepting`](Self::stop_accepting).
    ///
    /// # Errors
    ///
    /// `NotConnected` when the server is not started; when no more greenlets can
    /// be had.
    ///
    /// See the example of [`stop_accepting`](Self::stop_accepting).
    pub fn start_accepting(&self) -> io::Result<()> {
        self.life.start_accepting()
    }

    /// Pauses: datagrams wait in the kernel's buffer, as far as that holds them.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_server::DatagramServer;
    ///
    /// let server = DatagramServer::bind("127.0.0.1:0", |_socket, _data, _peer| Ok(()))?;
    /// server.start()?;
    /// server.stop_accepting();
    /// let client = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// client.send_to(b"waits", server.local_addr())?;
    /// server.start_accepting()?;
    /// while server.counters().accepted == 0 {
    ///     std::thread::yield_now();
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stop_accepting(&self) {
        self.life.stop_accepting();
    }

    /// How many handlers run.
    ///
    /// See the example of [`StreamServer::active`](crate::StreamServer::active).
    #[must_use]
    pub fn active(&self) -> usize {
        self.shared.counts.active()
    }

    /// What the server has done so far, in numbers.
    ///
    /// See the example of [`stop_accepting`](Self::stop_accepting).
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.counts.snapshot()
    }

    /// See [`StreamServer::close`](crate::StreamServer::close).
    pub fn close(&self) {
        self.life.close();
    }

    /// See [`StreamServer::stop`](crate::StreamServer::stop).
    pub fn stop(&self, limit: Duration) {
        self.life.stop(limit);
    }

    /// See [`StreamServer::serve_forever`](crate::StreamServer::serve_forever).
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start), and of a socket that has failed for good.
    pub fn serve_forever(&self) -> io::Result<()> {
        self.life.serve_forever()
    }
}

impl fmt::Debug for DatagramServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramServer")
            .field("addr", &self.shared.addr)
            .field("started", &self.is_started())
            .field("active", &self.active())
            .finish()
    }
}

/// Options of a [`DatagramServer`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_runtime::Pool;
/// use maypole_server::{DatagramServer, WhenFull};
///
/// let server = DatagramServer::builder()
///     .pool(Pool::new(100))
///     .when_full(WhenFull::Refuse) // old questions need no answer
///     .buffer_size(1500)
///     .handle_signals(false)
///     .stop_timeout(Duration::from_secs(5))
///     .bind("127.0.0.1:0", |socket, data, peer| socket.send_to(data, peer).map(drop))?;
/// # drop(server);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `bind`"]
pub struct DatagramBuilder {
    spawn: Spawn,
    buffer_size: usize,
    mode: Option<u32>,
    life: LifeOptions,
    mistake: Option<&'static str>,
}

impl Default for DatagramBuilder {
    fn default() -> Self {
        Self {
            spawn: Spawn::default(),
            buffer_size: BUFFER_SIZE,
            mode: None,
            life: LifeOptions::default(),
            mistake: None,
        }
    }
}

impl DatagramBuilder {
    /// Runs the handlers in a pool: while it is full nothing is received.
    ///
    /// See the example of [`DatagramBuilder`].
    #[doc(alias = "spawn=pool")]
    pub fn pool(mut self, pool: Pool) -> Self {
        self.spawn.set_pool(pool);
        self
    }

    /// Whether datagrams wait in the kernel's buffer while the pool is full, which
    /// is the default, or are received and dropped.
    ///
    /// See the example of [`DatagramBuilder`].
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.spawn.set_when_full(when_full);
        self
    }

    /// The longest datagram that is received whole, 8192 bytes by default, as in
    /// gevent; the rest of a longer one is lost. Zero is an error of `bind`.
    ///
    /// See the example of [`DatagramBuilder`].
    pub fn buffer_size(mut self, bytes: usize) -> Self {
        if bytes == 0 {
            self.mistake = Some("a buffer of size 0 would receive nothing");
        }
        self.buffer_size = bytes;
        self
    }

    /// The permissions of a Unix socket's file; see
    /// [`ListenOptions::unix_mode`](crate::ListenOptions::unix_mode).
    ///
    /// See the example of [`bind_unix`](Self::bind_unix).
    pub fn unix_mode(mut self, mode: u32) -> Self {
        self.mode = Some(mode);
        self
    }

    /// See [`Builder::handle_signals`](crate::Builder::handle_signals).
    pub fn handle_signals(mut self, on: bool) -> Self {
        self.life.handle_signals = on;
        self
    }

    /// See [`Builder::stop_timeout`](crate::Builder::stop_timeout).
    pub fn stop_timeout(mut self, limit: Duration) -> Self {
        self.life.stop_timeout = limit;
        self
    }

    /// Binds to `addr`, in any form that [`ListenAddr`] has; `handler` will be
    /// called for each datagram.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::bind`]; `InvalidInput` for an option that cannot be.
    ///
    /// See the example of [`DatagramBuilder`].
    pub fn bind<F>(self, addr: impl ListenAddr, handler: F) -> io::Result<DatagramServer>
    where
        F: Fn(&DatagramSocket<UdpSocket>, &[u8], SocketAddr) -> io::Result<()>
            + Send
            + Sync
            + 'static,
    {
        self.check()?;
        let socket = UdpSocket::bind(Resolvable::new(&addr)?)?;
        let addr = socket.local_addr()?;
        let again = move || Ok((UdpSocket::bind(addr)?, None));
        self.build((socket, None), addr.into(), again, Arc::new(handler))
    }

    /// Binds to the path of a Unix socket, with the rules of
    /// [`ListenOptions::bind_unix`](crate::ListenOptions::bind_unix). Handlers can
    /// reply to clients that have bound their own sockets.
    ///
    /// # Errors
    ///
    /// As there; `InvalidInput` for an option that cannot be.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::os::unix::net::UnixDatagram;
    /// use maypole_server::DatagramServer;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("socket");
    /// let server = DatagramServer::builder()
    ///     .unix_mode(0o600)
    ///     .bind_unix(&path, |socket, data, from| socket.send_to_addr(data, &from).map(drop))?;
    /// server.start()?;
    /// assert_eq!(server.addr().path(), Some(path.as_path()));
    ///
    /// let client = UnixDatagram::bind(folder.path().join("client"))?;
    /// client.send_to(b"ping", &path)?;
    /// assert_eq!(client.recv(&mut [0; 8])?, 4);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind_unix<F>(self, path: impl AsRef<Path>, handler: F) -> io::Result<DatagramServer>
    where
        F: Fn(&DatagramSocket<UnixDatagram>, &[u8], UnixSocketAddr) -> io::Result<()>
            + Send
            + Sync
            + 'static,
    {
        self.check()?;
        let (path, mode): (PathBuf, _) = (path.as_ref().to_owned(), self.mode);
        let open = move || {
            let (socket, file) = UnixPath::bind(&path, SocketType::DGRAM, mode)?;
            let socket = std::os::unix::net::UnixDatagram::from(socket);
            Ok((UnixDatagram::try_from(socket)?, Some(file)))
        };
        let opened = open()?;
        let addr = opened.0.local_addr()?;
        self.build(opened, addr.into(), open, Arc::new(handler))
    }

    fn check(&self) -> io::Result<()> {
        match self.mistake {
            None => Ok(()),
            Some(mistake) => Err(io::Error::new(io::ErrorKind::InvalidInput, mistake)),
        }
    }

    fn build<S: Datagrams>(
        self,
        opened: (S, Option<UnixPath>),
        addr: Addr,
        again: impl Fn() -> io::Result<(S, Option<UnixPath>)> + Send + Sync + 'static,
        handle: Handle<S>,
    ) -> io::Result<DatagramServer> {
        let label = addr.to_string();
        let counts = Arc::<Counts>::default();
        let handlers = Group::new();
        let receiving = Arc::new(Receiving {
            label: label.clone(),
            spawn: self.spawn,
            handlers: handlers.clone(),
            counts: counts.clone(),
            handle,
            buffer_size: self.buffer_size,
            max_accept: MAX_ACCEPT,
            delays: Delays::default(),
        });
        let sockets = vec![intake(opened, &receiving)];
        let reopen: Reopen = Box::new(move || Ok(vec![intake(again()?, &receiving)]));
        let life = Life::new(label, handlers, self.life, sockets, reopen);
        let shared = Arc::new(Shared { addr, counts });
        Ok(DatagramServer { life, shared })
    }
}

fn intake<S: Datagrams>(
    (socket, file): (S, Option<UnixPath>),
    receiving: &Arc<Receiving<S>>,
) -> Arc<dyn Intake> {
    Arc::new(ReceiveLoop {
        _file: file,
        socket: Arc::new(DatagramSocket::new(socket)),
        receiving: receiving.clone(),
    })
}
