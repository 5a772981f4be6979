//! The streaming server: bodies are read and written while they travel.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use maypole_runtime::Pool;
use maypole_runtime::net::{TcpListener, ToSocketAddrs};
use maypole_server::StreamServer;
#[cfg(feature = "tls")]
use maypole_server::TlsConfig;

use crate::app::{Application, Environ, Server, StartResponse};
use crate::proto::Limits;

mod buffers;
mod connection;

use connection::Settings;

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
}

impl WsgiServer {
    /// Binds a server with the default options; see [`Builder::bind`].
    ///
    /// # Errors
    ///
    /// As [`TcpListener::bind`].
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

/// Options of a [`WsgiServer`].
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until `bind`"]
pub struct Builder {
    pool: Option<Pool>,
    settings: Settings,
    #[cfg(feature = "tls")]
    tls: Option<TlsConfig>,
}

impl Builder {
    /// Serves connections in a pool; see
    /// [`maypole_server::Builder::pool`].
    pub fn pool(mut self, pool: Pool) -> Self {
        self.pool = Some(pool);
        self
    }

    /// Speaks HTTPS.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: TlsConfig) -> Self {
        self.tls = Some(config);
        self
    }

    /// Limits on what a request may consist of.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// How long a connection may wait for its next request; 5 s by default.
    pub fn keep_alive_timeout(mut self, limit: Duration) -> Self {
        self.settings.keep_alive_timeout = limit;
        self
    }

    /// How long a request's head may take from its first byte to its last, and
    /// a new connection until its first byte; 10 s by default.
    pub fn head_timeout(mut self, limit: Duration) -> Self {
        self.settings.head_timeout = limit;
        self
    }

    /// How long a read of a body may wait for its next bytes, and a write for a
    /// client that does not take its answer; 30 s by default.
    pub fn stall_timeout(mut self, limit: Duration) -> Self {
        self.settings.stall_timeout = limit;
        self
    }

    /// Binds to `addr`; `application` will be called for each request, by many
    /// greenlets at a time.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::bind`], and `InvalidInput` for a time-out of zero.
    pub fn bind<F>(self, addr: impl ToSocketAddrs, application: F) -> io::Result<WsgiServer>
    where
        F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
    {
        let application: Application = Arc::new(application);
        let settings = self.settings;
        settings.check()?;
        #[cfg(feature = "tls")]
        let is_tls = self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        let is_tls = false;
        let listener = TcpListener::bind(addr)?;
        let server = Server {
            local_addr: listener.local_addr()?,
            tls: is_tls,
        };
        let mut builder = StreamServer::builder();
        if let Some(pool) = self.pool {
            builder = builder.pool(pool);
        }
        #[cfg(feature = "tls")]
        if let Some(config) = self.tls {
            builder = builder.tls(config);
        }
        let server = builder.listen(listener, move |stream, peer| {
            connection::serve(stream, peer, &application, &settings, &server)
        })?;
        Ok(WsgiServer { server })
    }
}
