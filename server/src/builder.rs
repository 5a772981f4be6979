//! Options of a stream server.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use maypole_runtime::net::TcpListener;
use maypole_runtime::{GreenletRef, Group, Pool};

use crate::Addr;
use crate::accept::{AcceptLoop, Accepting};
use crate::addr::ListenAddr;
use crate::counters::Counts;
use crate::life::{Intake, Life, LifeOptions, Reopen};
use crate::listener::{Again, ListenOptions, Listener};
use crate::network::Network;
use crate::pause::Delays;
#[cfg(feature = "tls")]
use crate::serve::greet;
use crate::serve::serve;
use crate::spawn::{Body, Spawn, WhenFull};
use crate::stream::Stream;
use crate::stream_server::StreamServer;
#[cfg(feature = "tls")]
use crate::tls::TlsConfig;

/// Connections accepted before others get a turn; gevent's.
const MAX_ACCEPT: usize = 100;

/// Handshakes at once, beside a pool. Silent clients must come at 200 a second to
/// keep it full, and cost some 60 MB then.
#[cfg(feature = "tls")]
const MAX_HANDSHAKES: usize = 2048;

/// Options of a [`StreamServer`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_server::{StreamServer, WhenFull};
///
/// let server = StreamServer::builder()
///     .pool_size(10_000)
///     .max_connections(20_000)
///     .when_full(WhenFull::Refuse)
///     .backlog(256)
///     .reuse_port(true) // several processes share the port,
///     .max_accept(1) //     and its connections
///     .accept_delays(Duration::from_millis(5), Duration::from_secs(1))
///     .handle_signals(false)
///     .stop_timeout(Duration::from_secs(30))
///     .bind("127.0.0.1:0", |_stream, _peer| Ok(()))?;
/// assert!(!server.is_started());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `bind`"]
pub struct Builder {
    listeners: Vec<Listener>,
    // For those that the builder binds itself.
    listening: ListenOptions,
    spawn: Spawn,
    max_accept: usize,
    delays: Delays,
    life: LifeOptions,
    proxies: Vec<Network>,
    // What was asked for and cannot be.
    mistake: Option<&'static str>,
    #[cfg(feature = "tls")]
    tls: Option<TlsConfig>,
    #[cfg(feature = "tls")]
    max_handshakes: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            listeners: Vec::new(),
            listening: ListenOptions::default(),
            spawn: Spawn::default(),
            max_accept: MAX_ACCEPT,
            delays: Delays::default(),
            life: LifeOptions::default(),
            proxies: Vec::new(),
            mistake: None,
            #[cfg(feature = "tls")]
            tls: None,
            #[cfg(feature = "tls")]
            max_handshakes: MAX_HANDSHAKES,
        }
    }
}

impl Builder {
    /// Runs the handlers in a pool: while it is full nothing is accepted, and
    /// clients wait in the kernel's backlog. Others may use the pool too; only this
    /// server's connections are asked to make room for its clients, and a place
    /// goes to who has waited longest, whoever made it. Without a pool there is no
    /// limit but that on greenlets.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::Pool;
    /// use maypole_server::StreamServer;
    ///
    /// let shared = Pool::new(10_000);
    /// let one = StreamServer::builder().pool(shared.clone()).bind("127.0.0.1:0", |_, _| Ok(()))?;
    /// let other = StreamServer::builder().pool(shared).bind("127.0.0.1:0", |_, _| Ok(()))?;
    /// # drop((one, other));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "spawn=pool")]
    pub fn pool(mut self, pool: Pool) -> Self {
        self.spawn.set_pool(pool);
        self
    }

    /// Runs the handlers in a pool of their own, for `size` of them. A size of
    /// zero, with which nobody would be served, is an error of `bind`.
    ///
    /// See the example of [`Builder`].
    #[doc(alias = "spawn=100")]
    pub fn pool_size(mut self, size: usize) -> Self {
        match size {
            0 => self.mistake = Some("a pool of size 0 would serve nobody"),
            _ => self.spawn.set_pool(Pool::new(size)),
        }
        self
    }

    /// Expects the PROXY protocol, version 1 or 2, of peers in these networks:
    /// their connections begin with a header that says for whom they are, and
    /// handlers get that address. Such a connection without a header is closed;
    /// others are served as they are. The header comes before TLS.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Write;
    /// use maypole_server::StreamServer;
    ///
    /// let server = StreamServer::builder()
    ///     .proxy_protocol(["127.0.0.0/8".parse()?])
    ///     .bind("127.0.0.1:0", |mut stream, peer| write!(stream, "hello {peer}"))?;
    /// server.start()?;
    /// # use std::io::Read;
    /// let mut proxy = std::net::TcpStream::connect(server.local_addr())?;
    /// proxy.write_all(b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n")?;
    /// let mut answer = String::new();
    /// proxy.read_to_string(&mut answer)?;
    /// assert_eq!(answer, "hello 192.0.2.1:56324");
    /// # server.stop(std::time::Duration::from_secs(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn proxy_protocol(mut self, networks: impl IntoIterator<Item = Network>) -> Self {
        self.proxies = networks.into_iter().collect();
        self
    }

    /// Has `spawner` run each handler, instead of a pool: with a stack of another
    /// size, on a certain hub, in a group. It returns the greenlet, which the
    /// server waits for and kills like others. It must not block for long:
    /// nothing is accepted meanwhile. An error closes the connection, and the
    /// server pauses.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_server::StreamServer;
    ///
    /// let server = StreamServer::builder()
    ///     .spawner(|body| {
    ///         let builder = maypole_runtime::Builder::new().stack_size(1024 * 1024);
    ///         Ok(builder.spawn(body)?.handle().clone())
    ///     })
    ///     .bind("127.0.0.1:0", |_stream, _peer| Ok(()))?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "spawn=callable")]
    pub fn spawner<S>(mut self, spawner: S) -> Self
    where
        S: Fn(Body) -> io::Result<GreenletRef> + Send + Sync + 'static,
    {
        self.spawn.set_spawner(Arc::new(spawner));
        self
    }

    /// Serves at most so many connections at once, in addition to what a pool
    /// allows. Zero is an error of `bind`.
    ///
    /// See the example of [`Builder`].
    pub fn max_connections(mut self, limit: usize) -> Self {
        match limit {
            0 => self.mistake = Some("a limit of 0 connections would serve nobody"),
            _ => self.spawn.set_limit(limit),
        }
        self
    }

    /// What is done while the pool is full, or as many connections open as may
    /// be; they [wait](WhenFull::Wait) unless this is set.
    ///
    /// See the example of [`Builder`].
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.spawn.set_when_full(when_full);
        self
    }

    /// Accepts at most so many connections in a row before others get a turn;
    /// 100 by default, as in gevent. Several processes on one port share a burst
    /// better with 1. Zero is an error of `bind`.
    ///
    /// See the example of [`Builder`].
    pub fn max_accept(mut self, connections: usize) -> Self {
        if connections == 0 {
            self.mistake = Some("max_accept must be at least 1");
        }
        self.max_accept = connections;
        self
    }

    /// How long the server pauses after an error of accepting or spawning; the
    /// pause doubles from error to error up to `max`. By default 10 ms and 1 s, as
    /// in gevent; with a `min` of zero there is no pause.
    ///
    /// See the example of [`Builder`].
    #[doc(alias = "min_delay")]
    #[doc(alias = "max_delay")]
    pub fn accept_delays(mut self, min: Duration, max: Duration) -> Self {
        if min > max {
            self.mistake = Some("the shortest pause is longer than the longest");
        }
        self.delays = Delays { min, max };
        self
    }

    /// Whether SIGINT and SIGTERM end [`serve_forever`](StreamServer::serve_forever);
    /// they do unless this is set to false, for a program that handles them
    /// itself.
    ///
    /// See the example of [`Builder`].
    pub fn handle_signals(mut self, on: bool) -> Self {
        self.life.handle_signals = on;
        self
    }

    /// How long `serve_forever` gives running handlers when it ends; 1 s by
    /// default, as in gevent.
    ///
    /// See the example of [`Builder`].
    pub fn stop_timeout(mut self, limit: Duration) -> Self {
        self.life.stop_timeout = limit;
        self
    }

    /// Speaks TLS. The handshake runs in the connection's greenlet, for ten
    /// seconds at most unless
    /// [`handshake_timeout`](crate::TlsConfigBuilder::handshake_timeout) says
    /// otherwise.
    ///
    /// With a pool, the handshake takes none of its slots: nothing is accepted
    /// while the pool is full, but clients that are silent do not fill it. After
    /// the handshake the connection waits for a slot, then the handler is called.
    ///
    /// See the example of [`TlsConfig`].
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: TlsConfig) -> Self {
        self.tls = Some(config);
        self
    }

    /// Whether [`tls`](Self::tls) was set.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!maypole_server::StreamServer::builder().has_tls());
    /// ```
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// How many clients may be in the handshake at once, beside those in the pool;
    /// 2048 by default. While there are as many nothing is accepted. Without a
    /// pool it does not matter. Zero is an error of `bind`.
    ///
    /// # Examples
    ///
    /// ```
    /// let builder = maypole_server::StreamServer::builder().max_handshakes(500);
    /// # drop(builder);
    /// ```
    #[cfg(feature = "tls")]
    pub fn max_handshakes(mut self, limit: usize) -> Self {
        if limit == 0 {
            self.mistake = Some("a limit of 0 handshakes would serve nobody");
        }
        self.max_handshakes = limit;
        self
    }

    /// How many connections the kernel holds until they are accepted; see
    /// [`ListenOptions::backlog`]. For sockets that this builder binds.
    ///
    /// See the example of [`Builder`].
    pub fn backlog(mut self, connections: u32) -> Self {
        self.listening = self.listening.backlog(connections);
        self
    }

    /// See [`ListenOptions::reuse_addr`]; for sockets that this builder binds.
    pub fn reuse_addr(mut self, on: bool) -> Self {
        self.listening = self.listening.reuse_addr(on);
        self
    }

    /// Whether several processes may listen on the port; see
    /// [`ListenOptions::reuse_port`]. For sockets that this builder binds.
    ///
    /// See the example of [`Builder`].
    pub fn reuse_port(mut self, on: bool) -> Self {
        self.listening = self.listening.reuse_port(on);
        self
    }

    /// The permissions of a Unix socket's file; see
    /// [`ListenOptions::unix_mode`]. For sockets that this builder binds.
    ///
    /// See the example of [`bind_unix`](Self::bind_unix).
    pub fn unix_mode(mut self, mode: u32) -> Self {
        self.listening = self.listening.unix_mode(mode);
        self
    }

    /// Adds a listening socket; a server may have several. The backlog and such
    /// are the [listener's own](ListenOptions). [`serve`](Self::serve) makes the
    /// server.
    ///
    /// See the example of [`Listener`].
    pub fn listener(mut self, listener: impl Into<Listener>) -> Self {
        self.listeners.push(listener.into());
        self
    }

    /// Adds several listening sockets, such as [`Listener::inherited`] gives.
    ///
    /// See the example of [`Listener::inherited`].
    pub fn listeners(mut self, listeners: impl IntoIterator<Item = Listener>) -> Self {
        self.listeners.extend(listeners);
        self
    }

    /// Binds to `addr`; `handler` will be called for each connection.
    ///
    /// Suspends the caller when there is a name to look up.
    ///
    /// # Errors
    ///
    /// As [`Listener::bind`]: `AddrInUse` for a port in use. `InvalidInput` for an
    /// option that cannot be, or for other listeners beside this one.
    ///
    /// See the example of [`Builder`].
    pub fn bind<F>(self, addr: impl ListenAddr, handler: F) -> io::Result<StreamServer>
    where
        F: Fn(Stream, SocketAddr) -> io::Result<()> + Send + Sync + 'static,
    {
        self.check()?;
        let listener = self.listening.bind(addr)?;
        self.serve_inet(listener, handler)
    }

    /// Binds to the path of a Unix socket; see [`ListenOptions::bind_unix`].
    ///
    /// # Errors
    ///
    /// As [`ListenOptions::bind_unix`], and `InvalidInput` for an option that
    /// cannot be.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use maypole_server::StreamServer;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("socket");
    /// let server = StreamServer::builder()
    ///     .unix_mode(0o600)
    ///     .bind_unix(&path, |mut stream, _peer| stream.write_all(b"hello"))?;
    /// server.start()?;
    /// let mut client = std::os::unix::net::UnixStream::connect(&path)?;
    /// assert_eq!(std::io::read_to_string(&mut client)?, "hello");
    /// server.close();
    /// assert!(!path.exists());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind_unix<F>(self, path: impl AsRef<Path>, handler: F) -> io::Result<StreamServer>
    where
        F: Fn(Stream, Addr) -> io::Result<()> + Send + Sync + 'static,
    {
        self.check()?;
        let listener = self.listening.bind_unix(path)?;
        self.listener(listener).serve(handler)
    }

    /// Takes over a listening socket. Such a server cannot be started again after
    /// it was closed.
    ///
    /// # Errors
    ///
    /// The kernel's, for a socket that is none; as [`bind`](Self::bind).
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_server::StreamServer;
    ///
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let server = StreamServer::builder().from_listener(listener, |_stream, _peer| Ok(()))?;
    /// # drop(server);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn from_listener<F>(
        self,
        listener: std::net::TcpListener,
        handler: F,
    ) -> io::Result<StreamServer>
    where
        F: Fn(Stream, SocketAddr) -> io::Result<()> + Send + Sync + 'static,
    {
        self.listen(listener.try_into()?, handler)
    }

    /// Takes over a listener. Such a server cannot be started again after it was
    /// closed.
    ///
    /// # Errors
    ///
    /// The kernel's; as [`bind`](Self::bind).
    ///
    /// See the example of [`from_listener`](Self::from_listener).
    pub fn listen<F>(self, listener: TcpListener, handler: F) -> io::Result<StreamServer>
    where
        F: Fn(Stream, SocketAddr) -> io::Result<()> + Send + Sync + 'static,
    {
        self.check()?;
        self.serve_inet(listener.into(), handler)
    }

    fn serve_inet<F>(self, listener: Listener, handler: F) -> io::Result<StreamServer>
    where
        F: Fn(Stream, SocketAddr) -> io::Result<()> + Send + Sync + 'static,
    {
        if !self.listeners.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a server of several listeners is made by `serve`",
            ));
        }
        let handler = move |stream, peer: Addr| match peer.inet() {
            Some(peer) => handler(stream, peer),
            // Not reached: the only listener is one of IP.
            None => Err(io::ErrorKind::Unsupported.into()),
        };
        self.listener(listener).serve(handler)
    }

    /// Makes the server of the [listeners](Self::listener) that were added;
    /// `handler` will be called for each connection.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for an option that cannot be, or when there is no listener;
    /// else the kernel's.
    ///
    /// See the example of [`Listener`].
    pub fn serve<F>(self, handler: F) -> io::Result<StreamServer>
    where
        F: Fn(Stream, Addr) -> io::Result<()> + Send + Sync + 'static,
    {
        self.check()?;
        if self.listeners.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a server needs a listener",
            ));
        }
        self.build(handler)
    }

    fn check(&self) -> io::Result<()> {
        match self.mistake {
            None => Ok(()),
            Some(mistake) => Err(io::Error::new(io::ErrorKind::InvalidInput, mistake)),
        }
    }

    fn build<F>(
        #[cfg_attr(not(feature = "tls"), expect(unused_mut))] mut self,
        handler: F,
    ) -> io::Result<StreamServer>
    where
        F: Fn(Stream, Addr) -> io::Result<()> + Send + Sync + 'static,
    {
        let listeners = self.listeners;
        let addrs = listeners
            .iter()
            .map(Listener::local_addr)
            .collect::<io::Result<Vec<_>>>()?;
        let label = label(&addrs);
        let counts = Arc::<Counts>::default();
        let idle = self.spawn.idle_list();
        let handler = Arc::new(move |mut stream: Stream, addr| {
            if let Some(idle) = &idle {
                stream.take_seat(maypole_runtime::current().map(|me| idle.seat(me)));
            }
            handler(stream, addr)
        });
        let proxies: Arc<[Network]> = self.proxies.into();
        #[cfg(feature = "tls")]
        let greet = match &self.tls {
            Some(config) if self.spawn.set_handshakes(self.max_handshakes) => Some(greet(
                label.clone(),
                counts.clone(),
                handler.clone(),
                proxies.clone(),
                config.clone(),
            )),
            _ => None,
        };
        let accepting = Arc::new(Accepting {
            serve: serve(
                label.clone(),
                counts.clone(),
                handler,
                proxies,
                #[cfg(feature = "tls")]
                self.tls,
            ),
            #[cfg(feature = "tls")]
            greet,
            label: label.clone(),
            spawn: self.spawn,
            handlers: Group::new(),
            counts: counts.clone(),
            max_accept: self.max_accept,
            delays: self.delays,
        });
        let handlers = accepting.handlers.clone();
        let again: Vec<_> = listeners.iter().map(Listener::again).collect();
        let sockets = intakes(listeners, &accepting);
        let reopen: Reopen = Box::new(move || {
            let opened: io::Result<_> = again.iter().map(Again::open).collect();
            Ok(intakes(opened?, &accepting))
        });
        let life = Life::new(label, handlers, self.life, sockets, reopen);
        Ok(StreamServer::new(life, addrs, counts))
    }
}

fn intakes(listeners: Vec<Listener>, accepting: &Arc<Accepting>) -> Vec<Arc<dyn Intake>> {
    let intake = |listener| -> Arc<dyn Intake> {
        Arc::new(AcceptLoop {
            listener,
            accepting: accepting.clone(),
        })
    };
    listeners.into_iter().map(intake).collect()
}

/// A server's name in messages: where it listens.
fn label(addrs: &[Addr]) -> String {
    let addrs: Vec<_> = addrs.iter().map(Addr::to_string).collect();
    addrs.join(", ")
}
