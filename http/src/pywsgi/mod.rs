//! The streaming server: bodies are read and written while they travel.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use maypole_runtime::net::ToSocketAddrs;
use maypole_server::StreamServer;

use crate::app::{Environ, StartResponse};
use crate::observe::{Metrics, Snapshot};

mod builder;

pub use builder::Builder;

/// An HTTP/1.1 server that runs a blocking application, in a greenlet for each
/// connection.
///
/// Keep-alive and pipelining, answers in order; bodies stream in both
/// directions. A request that breaks HTTP's rules gets a 4xx or 5xx answer that
/// closes the connection, and never reaches the application. An application
/// that fails before its head is sent makes a 500; later, the connection is cut.
///
/// # Examples
///
/// ```no_run
/// use maypole_http::{StatusCode, pywsgi::WsgiServer};
///
/// WsgiServer::bind("127.0.0.1:8088", |_env, start_response| {
///     start_response.send(StatusCode::OK, "hello\n")
/// })?
/// .serve_forever()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "WSGIServer")]
#[derive(Clone)]
pub struct WsgiServer {
    server: StreamServer,
    metrics: Metrics,
}

impl WsgiServer {
    /// Binds a server with the default options; see [`Builder::bind`].
    ///
    /// # Errors
    ///
    /// As [`TcpListener::bind`](maypole_runtime::net::TcpListener::bind).
    pub fn bind<F>(addr: impl ToSocketAddrs, application: F) -> io::Result<Self>
    where
        F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
    {
        Self::builder().bind(addr, application)
    }

    /// Options of a server.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The address it listens on, with the port that was chosen for port 0.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// See [`StreamServer::start`].
    ///
    /// # Errors
    ///
    /// When no more greenlets can be had.
    pub fn start(&self) -> io::Result<()> {
        self.server.start()
    }

    /// Whether it is started and not stopped.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.server.is_started()
    }

    /// How many connections are open.
    #[must_use]
    pub fn active(&self) -> usize {
        self.server.active()
    }

    /// What it has done so far. Durations are there when the server was given a
    /// [`Metrics`].
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_http::{StatusCode, pywsgi::WsgiServer};
    ///
    /// let server = WsgiServer::bind("127.0.0.1:0", |_env, start_response| {
    ///     start_response.send(StatusCode::OK, "hello\n")
    /// })?;
    /// assert_eq!(server.metrics().open_connections, 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn metrics(&self) -> Snapshot {
        self.metrics.snapshot()
    }

    /// See [`StreamServer::stop`].
    pub fn stop(&self, limit: Duration) {
        self.server.stop(limit);
    }

    /// See [`StreamServer::serve_forever`].
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start), and of a listener that has failed for
    /// good.
    pub fn serve_forever(&self) -> io::Result<()> {
        self.server.serve_forever()
    }
}

impl fmt::Debug for WsgiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WsgiServer")
            .field("server", &self.server)
            .finish()
    }
}
