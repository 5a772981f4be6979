//! The streaming server: bodies are read and written while they travel.

use std::fmt;
use std::io;

use maypole_server::{ListenAddr, StreamServer};

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
    /// As [`Builder::bind`].
    ///
    /// See the example of [`WsgiServer`].
    pub fn bind<F>(addr: impl ListenAddr, application: F) -> io::Result<Self>
    where
        F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
    {
        Self::builder().bind(addr, application)
    }

    /// Options of a server.
    ///
    /// See the example of [`Builder`].
    pub fn builder() -> Builder {
        Builder::default()
    }

    crate::life::methods!();

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
}

impl fmt::Debug for WsgiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WsgiServer")
            .field("server", &self.server)
            .finish()
    }
}
