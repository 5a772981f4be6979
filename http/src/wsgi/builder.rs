//! How a buffered server is set up.

use std::io;
use std::path::Path;
use std::time::Duration;

use maypole_runtime::Pool;
use maypole_server::ListenAddr;
#[cfg(feature = "tls")]
use maypole_server::TlsConfig;

use crate::app::{Environ, StartResponse, TrustedProxies};
use crate::observe::{AccessLog, Metrics};
use crate::proto::Limits;
use crate::pywsgi;

use super::WsgiServer;
use super::gather::Gather;

/// The largest body that is read: a form without files, or a document. All of it
/// is in memory, for each request at hand.
const MAX_BODY: usize = 1024 * 1024;

/// What the server calls itself; gevent's sends its `SERVER_SOFTWARE`, too.
const SERVER: &str = concat!("maypole/", env!("CARGO_PKG_VERSION"));

/// Options of a [`WsgiServer`].
///
/// Those that pywsgi has as well are the same there:
/// [`pywsgi::Builder`](crate::pywsgi::Builder).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_http::{StatusCode, wsgi::WsgiServer};
/// use maypole_runtime::Pool;
///
/// let server = WsgiServer::builder()
///     .max_body(64 << 10)
///     .pool(Pool::new(100)) // as many applications at a time
///     .server(|server| server.max_connections(10_000))
///     .server_header("example")
///     .stall_timeout(Duration::from_secs(10))
///     .max_discard(64 << 10)
///     .bind("127.0.0.1:0", |_env, start_response| {
///         start_response.send(StatusCode::OK, "hello\n")
///     })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `bind`"]
pub struct Builder {
    inner: pywsgi::Builder,
    gather: Gather,
    keep_alive: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            inner: pywsgi::Builder::default().server_header(SERVER),
            gather: Gather {
                max_body: MAX_BODY,
                pool: None,
            },
            keep_alive: false,
        }
    }
}

impl Builder {
    /// The largest body that a request may have; 1 MiB by default. A larger one
    /// is answered 413, and read no further.
    ///
    /// See the example of [`Builder`].
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.gather.max_body = bytes;
        self
    }

    /// Whether a client may send more than one request on a connection, one after
    /// the other or all at once. Off by default, as in gevent.
    ///
    /// ```
    /// use maypole_http::{StatusCode, wsgi::WsgiServer};
    ///
    /// let server = WsgiServer::builder()
    ///     .keep_alive(true)
    ///     .bind("127.0.0.1:0", |_env, start_response| {
    ///         start_response.send(StatusCode::OK, "hello\n")
    ///     })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "default_response_headers")]
    pub fn keep_alive(mut self, on: bool) -> Self {
        self.keep_alive = on;
        self
    }

    /// Calls the application at most so many times at once: a slot is taken when
    /// a request is whole, and given back when its answer is. While there is
    /// none the answer is 503.
    ///
    /// Connections are not limited by it.
    ///
    /// See the example of [`Builder`].
    pub fn pool(mut self, pool: Pool) -> Self {
        self.gather.pool = Some(pool);
        self
    }

    /// An error: this server speaks no TLS, see [`bind`](Self::bind).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use maypole_http::{StatusCode, wsgi::WsgiServer};
    /// use maypole_server::TlsConfig;
    ///
    /// let config = TlsConfig::from_pem(&std::fs::read("cert.pem")?, &std::fs::read("key.pem")?)?;
    /// let refused = WsgiServer::builder().tls(config).bind("127.0.0.1:0", |_env, start_response| {
    ///     start_response.send(StatusCode::OK, "hello\n")
    /// });
    /// assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::Unsupported);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls(self, config: TlsConfig) -> Self {
        self.server(|server| server.tls(config))
    }

    /// Sets options of the server that accepts the connections; see
    /// [`pywsgi::Builder::server`]. A pool that is set there is one of
    /// connections.
    ///
    /// See the example of [`Builder`].
    #[doc(alias = "backlog")]
    #[doc(alias = "reuse_addr")]
    #[doc(alias = "reuse_port")]
    #[doc(alias = "max_accept")]
    #[doc(alias = "spawn")]
    pub fn server<S>(mut self, set: S) -> Self
    where
        S: FnOnce(maypole_server::Builder) -> maypole_server::Builder,
    {
        self.inner = self.inner.server(set);
        self
    }

    /// See [`pywsgi::Builder::environ`].
    #[doc(alias = "set_environ")]
    #[doc(alias = "base_env")]
    pub fn environ(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.inner = self.inner.environ(name, value);
        self
    }

    /// The `Server` line of answers that have none of their own: `maypole` and
    /// the version by default.
    ///
    /// See the example of [`Builder`].
    pub fn server_header(mut self, value: impl Into<String>) -> Self {
        self.inner = self.inner.server_header(value);
        self
    }

    /// Sends no `Server` line.
    ///
    /// # Examples
    ///
    /// ```
    /// let quiet = maypole_http::wsgi::WsgiServer::builder().no_server_header();
    /// # drop(quiet);
    /// ```
    pub fn no_server_header(mut self) -> Self {
        self.inner = self.inner.no_server_header();
        self
    }

    /// See [`pywsgi::Builder::limits`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.inner = self.inner.limits(limits);
        self
    }

    /// See [`pywsgi::Builder::keep_alive_timeout`].
    pub fn keep_alive_timeout(mut self, limit: Duration) -> Self {
        self.inner = self.inner.keep_alive_timeout(limit);
        self
    }

    /// See [`pywsgi::Builder::head_timeout`].
    pub fn head_timeout(mut self, limit: Duration) -> Self {
        self.inner = self.inner.head_timeout(limit);
        self
    }

    /// See [`pywsgi::Builder::read_timeout`].
    pub fn read_timeout(mut self, limit: Duration) -> Self {
        self.inner = self.inner.read_timeout(limit);
        self
    }

    /// See [`pywsgi::Builder::write_timeout`].
    pub fn write_timeout(mut self, limit: Duration) -> Self {
        self.inner = self.inner.write_timeout(limit);
        self
    }

    /// [`read_timeout`](Self::read_timeout) and
    /// [`write_timeout`](Self::write_timeout) at once.
    ///
    /// See the example of [`Builder`].
    pub fn stall_timeout(self, limit: Duration) -> Self {
        self.read_timeout(limit).write_timeout(limit)
    }

    /// How much of what follows an answer that closes is read and dropped, so
    /// that the answer arrives; see [`pywsgi::Builder::max_discard`].
    ///
    /// See the example of [`Builder`].
    pub fn max_discard(mut self, bytes: usize) -> Self {
        self.inner = self.inner.max_discard(bytes);
        self
    }

    /// See [`pywsgi::Builder::discard_timeout`].
    pub fn discard_timeout(mut self, limit: Duration) -> Self {
        self.inner = self.inner.discard_timeout(limit);
        self
    }

    /// See [`pywsgi::Builder::drain_timeout`].
    pub fn drain_timeout(mut self, limit: Duration) -> Self {
        self.inner = self.inner.drain_timeout(limit);
        self
    }

    /// See [`pywsgi::Builder::max_queued`].
    pub fn max_queued(mut self, bytes: usize) -> Self {
        self.inner = self.inner.max_queued(bytes);
        self
    }

    /// See [`pywsgi::Builder::access_log`].
    #[doc(alias = "log")]
    pub fn access_log(mut self, log: impl Into<Option<AccessLog>>) -> Self {
        self.inner = self.inner.access_log(log);
        self
    }

    /// See [`pywsgi::Builder::trusted_proxies`].
    #[doc(alias = "forwarded_allow_ips")]
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.inner = self.inner.trusted_proxies(proxies);
        self
    }

    /// See [`pywsgi::Builder::metrics`].
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.inner = self.inner.metrics(metrics);
        self
    }

    /// What it is built on.
    #[cfg(feature = "standalone")]
    pub(crate) fn inner(&mut self) -> &mut pywsgi::Builder {
        &mut self.inner
    }

    /// Binds to `addr`; `application` will be called for each request, by many
    /// greenlets at a time.
    ///
    /// # Errors
    ///
    /// As [`pywsgi::Builder::bind`], and `Unsupported` if TLS was asked for.
    ///
    /// See the example of [`Builder`].
    pub fn bind<F>(self, addr: impl ListenAddr, application: F) -> io::Result<WsgiServer>
    where
        F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
    {
        let (inner, gather) = self.ready()?;
        let server = inner.bind(addr, gather.before(application))?;
        Ok(WsgiServer { server })
    }

    /// Binds to the path of a Unix socket; see [`pywsgi::Builder::bind_unix`].
    ///
    /// # Errors
    ///
    /// As there, and `Unsupported` if TLS was asked for.
    ///
    /// See the example of [`pywsgi::Builder::bind_unix`].
    pub fn bind_unix<F>(self, path: impl AsRef<Path>, application: F) -> io::Result<WsgiServer>
    where
        F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
    {
        let (inner, gather) = self.ready()?;
        let server = inner.bind_unix(path, gather.before(application))?;
        Ok(WsgiServer { server })
    }

    /// Makes the server of the listeners that [`server`](Self::server) was given;
    /// see [`pywsgi::Builder::serve`].
    ///
    /// # Errors
    ///
    /// As there, and `Unsupported` if TLS was asked for.
    ///
    /// See the example of [`pywsgi::Builder::serve`].
    pub fn serve<F>(self, application: F) -> io::Result<WsgiServer>
    where
        F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
    {
        let (inner, gather) = self.ready()?;
        let server = inner.serve(gather.before(application))?;
        Ok(WsgiServer { server })
    }

    fn ready(self) -> io::Result<(pywsgi::Builder, Gather)> {
        let mut inner = self.inner;
        #[cfg(feature = "tls")]
        if inner.below.has_tls() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the buffered server does not speak TLS; pywsgi does",
            ));
        }
        inner.settings.keep_alive = self.keep_alive;
        inner.settings.gathers_all = true;
        Ok((inner, self.gather))
    }
}
