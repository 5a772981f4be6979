//! A server of TCP or TLS connections.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::Addr;
use crate::addr::ListenAddr;
use crate::builder::Builder;
use crate::counters::{Counters, Counts};
use crate::life::Life;
use crate::stream::Stream;

/// A server that runs a blocking function for each connection, in a greenlet of
/// its own.
///
/// The function owns its [`Stream`]; the connection closes when it is dropped,
/// however the function ends. An error that it returns, and a panic, end that
/// connection only and are reported through `log`, once: a panic as an error, an
/// error as a warning, a client that is gone or too slow at level `debug`.
///
/// # Life
///
/// A server is *bound* when it is made: clients wait in the kernel's backlog.
/// From [`start`](Self::start) on it accepts, until [`stop`](Self::stop) or
/// [`close`](Self::close). After that it can start again, if it was made from an
/// address. [`stop_accepting`](Self::stop_accepting) pauses it.
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
    life: Life,
    shared: Arc<Shared>,
}

struct Shared {
    addrs: Vec<Addr>,
    counts: Arc<Counts>,
}

impl StreamServer {
    /// Binds a server with the default options; see [`Builder::bind`].
    ///
    /// # Errors
    ///
    /// As [`Builder::bind`].
    ///
    /// See the example of [`StreamServer`].
    pub fn bind<F>(addr: impl ListenAddr, handler: F) -> io::Result<Self>
    where
        F: Fn(Stream, SocketAddr) -> io::Result<()> + Send + Sync + 'static,
    {
        Self::builder().bind(addr, handler)
    }

    /// Options of a server.
    ///
    /// See the example of [`Builder`].
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(life: Life, addrs: Vec<Addr>, counts: Arc<Counts>) -> Self {
        let shared = Arc::new(Shared { addrs, counts });
        Self { life, shared }
    }

    /// The address it listens on, with the port that was chosen for port 0; the
    /// first one if there are several. It stays the same when the server starts
    /// again.
    ///
    /// # Panics
    ///
    /// When it listens on Unix sockets only; [`local_addrs`](Self::local_addrs)
    /// knows those.
    ///
    /// See the example of [`start`](Self::start).
    #[doc(alias = "address")]
    #[doc(alias = "server_port")]
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        let found = self.shared.addrs.iter().find_map(Addr::inet);
        match found {
            Some(addr) => addr,
            None => panic!("a server of Unix sockets has no IP address; use local_addrs"),
        }
    }

    /// All addresses it listens on, of whatever kind.
    ///
    /// See the example of [`Listener`](crate::Listener).
    #[must_use]
    pub fn local_addrs(&self) -> &[Addr] {
        &self.shared.addrs
    }

    /// Starts to accept, and returns. Does nothing when it is started. A server
    /// that was closed binds its address again; what is left of a stop under way
    /// is waited for, which suspends the caller.
    ///
    /// # Errors
    ///
    /// When no more greenlets can be had, `AddrInUse` when somebody else has the
    /// port now, and `Unsupported` for a closed server that was given its socket.
    /// The server is not started then.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_server::StreamServer;
    ///
    /// let server = StreamServer::bind("127.0.0.1:0", |_stream, _peer| Ok(()))?;
    /// server.start()?;
    /// server.stop(Duration::from_secs(1));
    /// assert!(server.is_closed() && !server.is_started());
    /// server.start()?; // once more, on the same port
    /// assert!(server.is_started());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn start(&self) -> io::Result<()> {
        self.life.start()
    }

    /// Whether it is started and not stopped.
    ///
    /// See the example of [`start`](Self::start).
    #[doc(alias = "started")]
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.life.is_started()
    }

    /// Whether its sockets are closed, or are about to be.
    ///
    /// See the example of [`start`](Self::start).
    #[doc(alias = "closed")]
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.life.is_closed()
    }

    /// Accepts again after [`stop_accepting`](Self::stop_accepting). Does nothing
    /// when it does accept.
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

    /// Pauses: accepts no more, until [`start_accepting`](Self::start_accepting).
    /// Meanwhile clients wait in the kernel's backlog; handlers run on, and the
    /// server counts as started.
    ///
    /// Suspends the caller until it is so, which is soon. Does nothing when the
    /// server is not started.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_server::StreamServer;
    ///
    /// let server = StreamServer::bind("127.0.0.1:0", |_stream, _peer| Ok(()))?;
    /// server.start()?;
    /// server.stop_accepting();
    /// let client = std::net::TcpStream::connect(server.local_addr())?; // waits in the backlog
    /// assert!(server.is_started() && server.counters().accepted == 0);
    /// server.start_accepting()?;
    /// # while server.counters().accepted == 0 { std::thread::yield_now() }
    /// # drop(client);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stop_accepting(&self) {
        self.life.stop_accepting();
    }

    /// How many connections are being served.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Read;
    /// use maypole_server::StreamServer;
    ///
    /// let server = StreamServer::bind("127.0.0.1:0", |mut stream, _peer| {
    ///     stream.read(&mut [0]).map(drop)
    /// })?;
    /// server.start()?;
    /// let client = std::net::TcpStream::connect(server.local_addr())?;
    /// while server.active() == 0 {
    ///     std::thread::yield_now();
    /// }
    /// drop(client); // and soon it is 0 again
    /// # Ok::<(), std::io::Error>(())
    /// ```
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

    /// Stops to accept and closes the listener; handlers run on and are not told.
    /// Clients that were not accepted yet are let go.
    ///
    /// Suspends the caller until it is so, which is soon. Does nothing when the
    /// server is closed, but for [`serve_forever`](Self::serve_forever): see
    /// [`stop`](Self::stop).
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_server::StreamServer;
    ///
    /// let server = StreamServer::bind("127.0.0.1:0", |_stream, _peer| Ok(()))?;
    /// server.start()?;
    /// server.close();
    /// assert!(server.is_closed());
    /// assert!(std::net::TcpStream::connect(server.local_addr()).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn close(&self) {
        self.life.close();
    }

    /// Stops: [closes](Self::close) the listener, tells the connections that the
    /// server [drains](Stream::is_draining), waits up to `limit` for the handlers
    /// that run, kills the rest and waits for at most one second more.
    ///
    /// Suspends only the caller. It ends the [`serve_forever`](Self::serve_forever)
    /// under way; when there is none, the next one returns at once, unless
    /// [`start`](Self::start) is called before. A second stop waits as the first
    /// does.
    ///
    /// See the example of [`Stream::wait_request`].
    pub fn stop(&self, limit: Duration) {
        self.life.stop(limit);
    }

    /// Starts to accept and waits until the server is stopped or closed, then
    /// stops it, giving running handlers one second or the builder's
    /// [`stop_timeout`](Builder::stop_timeout).
    ///
    /// Ends with SIGINT and SIGTERM too, unless the builder's
    /// [`handle_signals`](Builder::handle_signals) is set to false: the first one
    /// stops the server, so that `main` can return; the second one has its usual
    /// effect and ends the process at once. Several servers in a process all hear
    /// of the first. A `stop` or `close` that comes before is remembered: this
    /// returns at once then.
    ///
    /// Suspends only the caller. When the caller is killed or timed out meanwhile,
    /// the server is stopped all the same, by a greenlet of its own.
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start), and of a listener that has failed for
    /// good.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_server::StreamServer;
    ///
    /// let server = StreamServer::bind("127.0.0.1:0", |_stream, _peer| Ok(()))?;
    /// let stopper = server.clone();
    /// let _later = maypole_runtime::spawn_later(Duration::from_millis(5), move || {
    ///     stopper.stop(Duration::from_secs(1)); // or Ctrl-C
    /// });
    /// server.serve_forever()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn serve_forever(&self) -> io::Result<()> {
        self.life.serve_forever()
    }
}

impl fmt::Debug for StreamServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamServer")
            .field("addrs", &self.shared.addrs)
            .field("started", &self.is_started())
            .field("active", &self.active())
            .finish()
    }
}
