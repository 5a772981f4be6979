//! A server of TCP or TLS connections.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use maypole_runtime::net::{TcpListener, TcpStream, ToSocketAddrs};
use maypole_runtime::{Event, Greenlet, GreenletRef, Group, Pool, catch_panic};
use parking_lot::Mutex;

use crate::accept::{AcceptLoop, Serve};
use crate::drain::Drain;
use crate::stream::Stream;
#[cfg(feature = "tls")]
use crate::tls::{self, TlsConfig};

/// How long `stop` waits for killed handlers before it returns all the same.
const KILL_GRACE: Duration = Duration::from_secs(1);

/// How long `serve_forever` gives running handlers when it ends; gevent's.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// A server that runs a blocking function for each connection, in a greenlet of
/// its own.
///
/// The function owns its [`Stream`]; the connection closes when it is dropped,
/// however the function ends. An error that it returns, and a panic, end that
/// connection only and are reported through `log`.
///
/// Clones share the server. When the last is dropped the server stops to
/// accept; its handlers run on.
///
/// # Examples
///
/// ```no_run
/// use std::io::copy;
/// use maypole_server::StreamServer;
///
/// StreamServer::bind("127.0.0.1:7000", |mut stream, _peer| {
///     let mut reader = stream.try_clone()?;
///     copy(&mut reader, &mut stream).map(drop)
/// })?
/// .serve_forever()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct StreamServer {
    inner: Arc<Inner>,
}

struct Inner {
    local_addr: SocketAddr,
    handlers: Group,
    drain: Drain,
    stopped: Event,
    state: Mutex<State>,
    // Why accepting ended by itself.
    failure: Arc<Mutex<Option<io::Error>>>,
}

enum State {
    /// Bound, not started.
    Ready(Arc<AcceptLoop>),
    Accepting(Greenlet<()>),
    /// Stopped, or about to be: the greenlet that accepted may still unwind.
    Stopped(Option<GreenletRef>),
}

impl StreamServer {
    /// Binds a server with the default options; see [`Builder::bind`].
    ///
    /// # Errors
    ///
    /// As [`TcpListener::bind`].
    pub fn bind<F>(addr: impl ToSocketAddrs, handler: F) -> io::Result<Self>
    where
        F: Fn(Stream, SocketAddr) -> io::Result<()> + Send + Sync + 'static,
    {
        Self::builder().bind(addr, handler)
    }

    /// Options of a server.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The address it listens on, with the port that was chosen for port 0.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.inner.local_addr
    }

    /// Starts to accept, and returns. Does nothing when it is started or
    /// stopped.
    ///
    /// # Errors
    ///
    /// When no more greenlets can be had.
    pub fn start(&self) -> io::Result<()> {
        let mut state = self.inner.state.lock();
        let State::Ready(accepting) = &*state else {
            return Ok(());
        };
        let accepting = accepting.clone();
        let failure = self.inner.failure.clone();
        let stopped = Stopped(self.inner.stopped.clone());
        let greenlet = maypole_runtime::Builder::new()
            .name("accept")
            .spawn(move || {
                // Told however accepting ends.
                let _stopped = stopped;
                *failure.lock() = Some(accepting.run());
            })?;
        *state = State::Accepting(greenlet);
        Ok(())
    }

    /// Whether it is started and not stopped.
    #[must_use]
    pub fn is_started(&self) -> bool {
        let accepting = matches!(*self.inner.state.lock(), State::Accepting(_));
        // A listener that has failed for good ends accepting by itself.
        accepting && !self.inner.stopped.is_set()
    }

    /// How many connections are being served.
    #[must_use]
    pub fn active(&self) -> usize {
        self.inner.handlers.len()
    }

    /// Stops: closes the listener, tells the connections that the server
    /// [drains](Stream::is_draining), waits up to `limit` for the handlers that
    /// run, kills the rest and waits for at most one second more.
    ///
    /// Suspends only the caller. A stop that comes before
    /// [`serve_forever`](Self::serve_forever) is remembered; a second one
    /// waits as the first does.
    pub fn stop(&self, limit: Duration) {
        self.close();
        self.inner.drain.begin(&self.inner.handlers);
        if !self.inner.handlers.join_timeout(limit) {
            self.inner.handlers.kill_timeout(KILL_GRACE);
        }
    }

    /// Starts to accept and waits until the server is stopped, then stops it
    /// with one second for running handlers.
    ///
    /// Suspends only the caller. Returns after [`stop`](Self::stop) was called
    /// elsewhere. When the caller is killed or timed out meanwhile, the server
    /// is stopped all the same, by a greenlet of its own.
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start), and of a listener that has failed for
    /// good.
    pub fn serve_forever(&self) -> io::Result<()> {
        self.start()?;
        let unwinds = StopWhenUnwound(self);
        self.inner.stopped.wait();
        self.stop(STOP_TIMEOUT);
        std::mem::forget(unwinds);
        let failure = self.inner.failure.lock().take();
        failure.map_or(Ok(()), Err)
    }

    /// Closes the listener; handlers run on.
    fn close(&self) {
        let mut state = self.inner.state.lock();
        let accepting = match &*state {
            State::Ready(_) => None,
            State::Accepting(greenlet) => Some(greenlet.handle().clone()),
            State::Stopped(accepting) => accepting.clone(),
        };
        let old = std::mem::replace(&mut *state, State::Stopped(accepting.clone()));
        drop(state);
        if let Some(greenlet) = accepting {
            // The listener closes when its owner has unwound. Another stop may
            // be waiting for that already.
            greenlet.kill();
        }
        drop(old);
        self.inner.stopped.set();
    }
}

impl fmt::Debug for StreamServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamServer")
            .field("local_addr", &self.inner.local_addr)
            .field("started", &self.is_started())
            .field("active", &self.active())
            .finish()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // No waiting in a destructor: the accept loop is told and ends soon.
        if let State::Accepting(greenlet) = self.state.get_mut() {
            greenlet.start_kill();
        }
    }
}

/// Stops a server whose `serve_forever` is unwound by a kill or a time-out. That
/// takes a greenlet: one that unwinds cannot wait.
struct StopWhenUnwound<'a>(&'a StreamServer);

impl Drop for StopWhenUnwound<'_> {
    fn drop(&mut self) {
        let server = self.0.clone();
        let stops = maypole_runtime::Builder::new().spawn(move || server.stop(STOP_TIMEOUT));
        if let Err(error) = stops {
            log::error!("{}: cannot be stopped: {error}", self.0.local_addr());
        }
    }
}

/// Says that the server has stopped, when dropped.
struct Stopped(Event);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.set();
    }
}

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
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until `bind`"]
pub struct Builder {
    pool: Option<Pool>,
    #[cfg(feature = "tls")]
    tls: Option<TlsConfig>,
}

impl Builder {
    /// Runs the handlers in a pool: while it is full nothing is accepted, and
    /// clients wait in the kernel's backlog. Without a pool there is no limit
    /// but that on greenlets.
    #[doc(alias = "spawn=pool")]
    pub fn pool(mut self, pool: Pool) -> Self {
        self.pool = Some(pool);
        self
    }

    /// Speaks TLS. The handshake runs in the connection's greenlet, for ten
    /// seconds at most unless
    /// [`handshake_timeout`](crate::TlsConfigBuilder::handshake_timeout) says
    /// otherwise.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: TlsConfig) -> Self {
        self.tls = Some(config);
        self
    }

    /// Binds to `addr`; `handler` will be called for each connection.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::bind`]: `AddrInUse` for a port in use.
    pub fn bind<F>(self, addr: impl ToSocketAddrs, handler: F) -> io::Result<StreamServer>
    where
        F: Fn(Stream, SocketAddr) -> io::Result<()> + Send + Sync + 'static,
    {
        self.listen(TcpListener::bind(addr)?, handler)
    }

    /// Takes over a listening socket.
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

    /// Takes over a listener.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn listen<F>(self, listener: TcpListener, handler: F) -> io::Result<StreamServer>
    where
        F: Fn(Stream, SocketAddr) -> io::Result<()> + Send + Sync + 'static,
    {
        let local_addr = listener.local_addr()?;
        let handlers = Group::new();
        let drain = Drain::default();
        let drains = drain.clone();
        #[cfg(feature = "tls")]
        let tls = self.tls;
        let serve: Serve = Arc::new(move |connection: TcpStream, peer| {
            let served = catch_panic(|| {
                // Answers go out as they are written; see README, "Speed".
                connection.set_nodelay(true)?;
                #[cfg(feature = "tls")]
                let stream = match &tls {
                    Some(config) => Stream::tls(tls::accept(config, connection)?, drains.clone()),
                    None => Stream::plain(connection, drains.clone()),
                };
                #[cfg(not(feature = "tls"))]
                let stream = Stream::plain(connection, drains.clone());
                handler(stream, peer)
            });
            match served {
                Ok(Ok(())) => {}
                Ok(Err(error)) => log::debug!("{local_addr}: connection from {peer}: {error}"),
                Err(_) => log::error!("{local_addr}: the handler for {peer} panicked"),
            }
        });
        Ok(StreamServer {
            inner: Arc::new(Inner {
                local_addr,
                handlers: handlers.clone(),
                drain,
                stopped: Event::new(),
                state: Mutex::new(State::Ready(Arc::new(AcceptLoop {
                    listener,
                    pool: self.pool,
                    handlers,
                    serve,
                }))),
                failure: Arc::default(),
            }),
        })
    }
}
