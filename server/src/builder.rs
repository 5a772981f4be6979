//! Options of a stream server.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use maypole_runtime::net::{TcpListener, TcpStream, ToSocketAddrs};
use maypole_runtime::{GreenletRef, Group, Pool, catch_panic};

#[cfg(feature = "tls")]
use crate::accept::Greet;
use crate::accept::{AcceptLoop, Accepting, Serve};
use crate::counters::Counts;
use crate::life::{Intake, Life, LifeOptions, Reopen};
use crate::listener::Listener;
use crate::pause::Delays;
use crate::report;
use crate::socket::{Addr, Socket};
use crate::spawn::{Body, Spawn, WhenFull};
use crate::stream::Stream;
use crate::stream_server::StreamServer;
#[cfg(feature = "tls")]
use crate::tls::{self, TlsConfig, TlsStream};

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
/// use maypole_runtime::Pool;
/// use maypole_server::StreamServer;
///
/// let server = StreamServer::builder()
///     .pool(Pool::new(10_000))
///     .bind("127.0.0.1:0", |_stream, _peer| Ok(()))?;
/// assert!(!server.is_started());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `bind`"]
pub struct Builder {
    spawn: Spawn,
    max_accept: usize,
    delays: Delays,
    life: LifeOptions,
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
            spawn: Spawn::default(),
            max_accept: MAX_ACCEPT,
            delays: Delays::default(),
            life: LifeOptions::default(),
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
    /// clients wait in the kernel's backlog. Others may use the pool too.
    /// Without a pool there is no limit but that on greenlets.
    #[doc(alias = "spawn=pool")]
    pub fn pool(mut self, pool: Pool) -> Self {
        self.spawn.set_pool(pool);
        self
    }

    /// Runs the handlers in a pool of their own, for `size` of them. A size of
    /// zero, with which nobody would be served, is an error of `bind`.
    #[doc(alias = "spawn=100")]
    pub fn pool_size(mut self, size: usize) -> Self {
        match size {
            0 => self.mistake = Some("a pool of size 0 would serve nobody"),
            _ => self.spawn.set_pool(Pool::new(size)),
        }
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
    pub fn max_connections(mut self, limit: usize) -> Self {
        match limit {
            0 => self.mistake = Some("a limit of 0 connections would serve nobody"),
            _ => self.spawn.set_limit(limit),
        }
        self
    }

    /// What is done while the pool is full, or as many connections open as may
    /// be; they [wait](WhenFull::Wait) unless this is set.
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.spawn.set_when_full(when_full);
        self
    }

    /// Accepts at most so many connections in a row before others get a turn;
    /// 100 by default, as in gevent. Several processes on one port share a burst
    /// better with 1. Zero is an error of `bind`.
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
    pub fn handle_signals(mut self, on: bool) -> Self {
        self.life.handle_signals = on;
        self
    }

    /// How long `serve_forever` gives running handlers when it ends; 1 s by
    /// default, as in gevent.
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
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: TlsConfig) -> Self {
        self.tls = Some(config);
        self
    }

    /// How many clients may be in the handshake at once, beside those in the pool;
    /// 2048 by default. While there are as many nothing is accepted. Without a
    /// pool it does not matter. Zero is an error of `bind`.
    #[cfg(feature = "tls")]
    pub fn max_handshakes(mut self, limit: usize) -> Self {
        if limit == 0 {
            self.mistake = Some("a limit of 0 handshakes would serve nobody");
        }
        self.max_handshakes = limit;
        self
    }

    /// Binds to `addr`; `handler` will be called for each connection.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::bind`]: `AddrInUse` for a port in use. `InvalidInput` for
    /// an option that cannot be.
    pub fn bind<F>(self, addr: impl ToSocketAddrs, handler: F) -> io::Result<StreamServer>
    where
        F: Fn(Stream, SocketAddr) -> io::Result<()> + Send + Sync + 'static,
    {
        self.check()?;
        let listener = TcpListener::bind(addr)?;
        let addr = listener.local_addr()?;
        let again = move || Ok(vec![Listener::Tcp(TcpListener::bind(addr)?)]);
        self.build(vec![Listener::Tcp(listener)], Box::new(again), handler)
    }

    /// Takes over a listening socket. Such a server cannot be started again after
    /// it was closed.
    ///
    /// # Errors
    ///
    /// The kernel's, for a socket that is none.
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
    /// The kernel's.
    pub fn listen<F>(self, listener: TcpListener, handler: F) -> io::Result<StreamServer>
    where
        F: Fn(Stream, SocketAddr) -> io::Result<()> + Send + Sync + 'static,
    {
        self.check()?;
        let again = || {
            Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the server was given its socket, which is closed now: it cannot start again",
            ))
        };
        self.build(vec![Listener::Tcp(listener)], Box::new(again), handler)
    }

    fn check(&self) -> io::Result<()> {
        match self.mistake {
            None => Ok(()),
            Some(mistake) => Err(io::Error::new(io::ErrorKind::InvalidInput, mistake)),
        }
    }

    fn build<F>(
        #[cfg_attr(not(feature = "tls"), expect(unused_mut))] mut self,
        listeners: Vec<Listener>,
        again: Box<dyn Fn() -> io::Result<Vec<Listener>> + Send + Sync>,
        handler: F,
    ) -> io::Result<StreamServer>
    where
        F: Fn(Stream, SocketAddr) -> io::Result<()> + Send + Sync + 'static,
    {
        let addrs = listeners
            .iter()
            .map(Listener::local_addr)
            .collect::<io::Result<Vec<_>>>()?;
        let label = label(&addrs);
        let counts = Arc::<Counts>::default();
        let handler = Arc::new(handler);
        #[cfg(feature = "tls")]
        let greet = match &self.tls {
            Some(config) if self.spawn.set_handshakes(self.max_handshakes) => Some(greet(
                label.clone(),
                counts.clone(),
                handler.clone(),
                config.clone(),
            )),
            _ => None,
        };
        let accepting = Arc::new(Accepting {
            serve: serve(
                label.clone(),
                counts.clone(),
                handler,
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
        let sockets = intakes(listeners, &accepting);
        let reopen: Reopen = Box::new(move || Ok(intakes(again()?, &accepting)));
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

/// What is done with a connection, from its first byte to its end.
fn serve<F>(
    label: String,
    counts: Arc<Counts>,
    handler: Arc<F>,
    #[cfg(feature = "tls")] tls: Option<TlsConfig>,
) -> Serve
where
    F: Fn(Stream, SocketAddr) -> io::Result<()> + Send + Sync + 'static,
{
    Arc::new(move |socket, peer, drain| {
        let served = catch_panic(|| {
            let (connection, addr) = begin(socket, &peer)?;
            #[cfg(feature = "tls")]
            if let Some(config) = &tls {
                return match shake_hands(config, connection, &label, &peer, &counts) {
                    Some(stream) => handler(Stream::tls(stream, drain), addr),
                    None => Ok(()),
                };
            }
            handler(Stream::plain(connection, drain), addr)
        });
        report::failed(&label, &peer, served, &counts);
    })
}

/// The same in two steps: the handshake, and what it leaves to do.
#[cfg(feature = "tls")]
fn greet<F>(label: String, counts: Arc<Counts>, handler: Arc<F>, config: TlsConfig) -> Greet
where
    F: Fn(Stream, SocketAddr) -> io::Result<()> + Send + Sync + 'static,
{
    Arc::new(move |socket, peer, drain| {
        let greeted = begin(socket, &peer).map(|(connection, addr)| {
            shake_hands(&config, connection, &label, &peer, &counts).map(|stream| (stream, addr))
        });
        let (stream, addr) = match greeted {
            Ok(greeted) => greeted?,
            Err(error) => {
                report::failed(&label, &peer, Ok(Err(error)), &counts);
                return None;
            }
        };
        let (label, counts, handler) = (label.clone(), counts.clone(), handler.clone());
        Some(Box::new(move || {
            let served = catch_panic(|| handler(Stream::tls(stream, drain), addr));
            report::failed(&label, &peer, served, &counts);
        }))
    })
}

fn begin(socket: Socket, peer: &Addr) -> io::Result<(TcpStream, SocketAddr)> {
    let (Socket::Tcp(connection), Addr::Inet(addr)) = (socket, peer);
    // Answers go out as they are written; see README, "Speed".
    connection.set_nodelay(true)?;
    Ok((connection, *addr))
}

#[cfg(feature = "tls")]
fn shake_hands(
    config: &TlsConfig,
    connection: TcpStream,
    label: &str,
    peer: &Addr,
    counts: &Counts,
) -> Option<TlsStream<TcpStream>> {
    match tls::accept(config, connection) {
        Ok(stream) => Some(stream),
        Err(error) => {
            // A client's mistake, or a stranger's port scan.
            counts.handshake_failure();
            log::debug!("{label}: no TLS connection from {peer}: {error}");
            None
        }
    }
}
