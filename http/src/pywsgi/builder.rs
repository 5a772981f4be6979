//! How a server is set up.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use maypole_runtime::Pool;
#[cfg(feature = "tls")]
use maypole_server::TlsConfig;
use maypole_server::{Addr, ListenAddr, Stream, StreamServer};

use crate::app::{Application, BaseEnviron, Environ, Server, StartResponse, TrustedProxies};
use crate::observe::{AccessLog, Metrics};
use crate::proto::{Limits, ServerLine};
use crate::serving::{self, Settings};

use super::WsgiServer;

/// Options of a [`WsgiServer`]: here those of HTTP, and those of the server below
/// by [`server`](Self::server).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_http::{Limits, Metrics, StatusCode, pywsgi::WsgiServer};
/// use maypole_runtime::Pool;
///
/// let server = WsgiServer::builder()
///     .pool(Pool::new(10_000))
///     .limits(Limits::default())
///     .keep_alive_timeout(Duration::from_secs(60))
///     .head_timeout(Duration::from_secs(5))
///     .read_timeout(Duration::from_secs(10))
///     .write_timeout(Duration::from_secs(20))
///     .max_discard(1 << 20)
///     .discard_timeout(Duration::from_secs(2))
///     .max_queued(128 << 10)
///     .stream_buffer(64 << 10)
///     .server_header("example")
///     .access_log(None)
///     .metrics(Metrics::new())
///     .bind("127.0.0.1:0", |_env, start_response| {
///         start_response.send(StatusCode::OK, "hello\n")
///     })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until `bind`"]
pub struct Builder {
    pub(crate) below: maypole_server::Builder,
    pub(crate) settings: Settings,
    environ: BaseEnviron,
    server_header: Option<String>,
}

impl Builder {
    /// Sets options of the server that accepts the connections, all those of
    /// [`maypole_server::Builder`]: backlog, `reuse_port`, limits, what to do
    /// while they are reached, further listeners, signals. What is not set there
    /// stays as it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_http::{StatusCode, pywsgi::WsgiServer};
    ///
    /// let server = WsgiServer::builder()
    ///     .server(|server| {
    ///         server
    ///             .backlog(256)
    ///             .max_connections(10_000)
    ///             .stop_timeout(Duration::from_secs(30))
    ///     })
    ///     .keep_alive_timeout(Duration::from_secs(60))
    ///     .bind("127.0.0.1:0", |_env, start_response| {
    ///         start_response.send(StatusCode::OK, "hello\n")
    ///     })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "backlog")]
    #[doc(alias = "reuse_addr")]
    #[doc(alias = "reuse_port")]
    #[doc(alias = "max_accept")]
    #[doc(alias = "spawn")]
    pub fn server<S>(mut self, set: S) -> Self
    where
        S: FnOnce(maypole_server::Builder) -> maypole_server::Builder,
    {
        self.below = set(self.below);
        self
    }

    /// Serves connections in a pool; see
    /// [`maypole_server::Builder::pool`].
    ///
    /// See the example of [`Builder`].
    pub fn pool(self, pool: Pool) -> Self {
        self.server(|server| server.pool(pool))
    }

    /// Speaks HTTPS; see [`maypole_server::Builder::tls`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use maypole_http::{StatusCode, pywsgi::WsgiServer};
    /// use maypole_server::TlsConfig;
    ///
    /// let config = TlsConfig::from_pem(&std::fs::read("cert.pem")?, &std::fs::read("key.pem")?)?;
    /// WsgiServer::builder()
    ///     .tls(config)
    ///     .bind("127.0.0.1:8443", |env, start_response| {
    ///         assert_eq!(env.scheme(), "https");
    ///         start_response.send(StatusCode::OK, "hello\n")
    ///     })?
    ///     .serve_forever()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls(self, config: TlsConfig) -> Self {
        self.server(|server| server.tls(config))
    }

    /// Sets what [`Environ::var`] finds under `name` in every request that does
    /// not say itself: `SERVER_NAME`, `SCRIPT_NAME`, `wsgi.url_scheme` (which
    /// [`Environ::scheme`] follows), or any name of the application's own.
    ///
    /// ```
    /// use maypole_http::{StatusCode, pywsgi::WsgiServer};
    ///
    /// let server = WsgiServer::builder()
    ///     .environ("SERVER_NAME", "example.org")
    ///     .environ("myapp.stage", "test")
    ///     .bind("127.0.0.1:0", |env, start_response| {
    ///         let stage = env.var("myapp.stage").unwrap_or_default().into_owned();
    ///         start_response.send(StatusCode::OK, stage)
    ///     })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "set_environ")]
    #[doc(alias = "base_env")]
    pub fn environ(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environ.set(name.into(), value.into());
        self
    }

    /// Sends a `Server` header line with this value in every answer of the
    /// application that has none. Off by default.
    ///
    /// See the example of [`Builder`].
    pub fn server_header(mut self, value: impl Into<String>) -> Self {
        self.server_header = Some(value.into());
        self
    }

    /// Sends none again.
    pub(crate) fn no_server_header(mut self) -> Self {
        self.server_header = None;
        self
    }

    /// Limits on what a request may consist of.
    ///
    /// See the example of [`Limits`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// How long a connection may wait for its next request; 5 s by default.
    ///
    /// See the example of [`Builder`].
    pub fn keep_alive_timeout(mut self, limit: Duration) -> Self {
        self.settings.keep_alive_timeout = limit;
        self
    }

    /// How long a request's head may take from its first byte to its last, and
    /// a new connection until its first byte; 10 s by default.
    ///
    /// See the example of [`Builder`].
    pub fn head_timeout(mut self, limit: Duration) -> Self {
        self.settings.head_timeout = limit;
        self
    }

    /// How long a read of a body may wait for its next bytes; 30 s by default.
    ///
    /// See the example of [`Builder`].
    pub fn read_timeout(mut self, limit: Duration) -> Self {
        self.settings.read_timeout = limit;
        self
    }

    /// How long a write may wait for a client that does not take its answer; 30 s
    /// by default.
    ///
    /// See the example of [`Builder`].
    pub fn write_timeout(mut self, limit: Duration) -> Self {
        self.settings.write_timeout = limit;
        self
    }

    /// [`read_timeout`](Self::read_timeout) and
    /// [`write_timeout`](Self::write_timeout) at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_http::pywsgi::WsgiServer;
    ///
    /// let builder = WsgiServer::builder().stall_timeout(Duration::from_secs(10));
    /// # drop(builder);
    /// ```
    pub fn stall_timeout(self, limit: Duration) -> Self {
        self.read_timeout(limit).write_timeout(limit)
    }

    /// How much of a body that the application left unread is read and dropped to
    /// keep the connection, and of what follows an answer that closes it; 256 KiB
    /// by default. Beyond it the connection is closed.
    ///
    /// See the example of [`Builder`].
    pub fn max_discard(mut self, bytes: usize) -> Self {
        self.settings.max_discard = bytes;
        self
    }

    /// How long that may take; 1 s by default.
    ///
    /// See the example of [`Builder`].
    pub fn discard_timeout(mut self, limit: Duration) -> Self {
        self.settings.discard_timeout = limit;
        self
    }

    /// How long a connection may still send a request when the server stops; it is
    /// answered with `Connection: close`. By default idle connections are closed
    /// at once, and a request that is on its way just then is lost.
    ///
    /// Stopping takes as long as this while there are idle connections.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_http::pywsgi::WsgiServer;
    ///
    /// let builder = WsgiServer::builder().drain_timeout(Duration::from_secs(2));
    /// # drop(builder);
    /// ```
    pub fn drain_timeout(mut self, limit: Duration) -> Self {
        self.settings.drain_timeout = limit;
        self
    }

    /// How many bytes of answers to pipelined requests are gathered before they
    /// are sent; 64 KiB by default. What an application streams is not gathered.
    ///
    /// See the example of [`Builder`].
    pub fn max_queued(mut self, bytes: usize) -> Self {
        self.settings.max_queued = bytes;
        self
    }

    /// How much of a streamed body is gathered at most while the application
    /// writes on without a flush; 448 KiB by default, at least 16 KiB. The
    /// beginning is sent when 16 KiB have come together, and then twice as much
    /// each time. That much is held for each client that reads more slowly than
    /// the application writes.
    ///
    /// See the example of [`Builder`].
    pub fn stream_buffer(mut self, bytes: usize) -> Self {
        self.settings.stream_buffer = bytes;
        self
    }

    /// The access log: gevent's format unless another is given, none for `None`.
    ///
    /// See the example of [`AccessLog`].
    #[doc(alias = "log")]
    pub fn access_log(mut self, log: impl Into<Option<AccessLog>>) -> Self {
        self.settings.observer.set_access_log(log.into());
        self
    }

    /// Believes what these proxies say about their clients. Nobody is believed by
    /// default.
    ///
    /// See the example of [`TrustedProxies`].
    #[doc(alias = "forwarded_allow_ips")]
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.settings.proxies = Some(proxies);
        self
    }

    /// Counts in `metrics`, and measures how long answers take.
    ///
    /// See the example of [`Metrics`].
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.settings.observer.set_metrics(metrics);
        self
    }

    /// Has `ears` hear of requests.
    #[cfg(feature = "standalone")]
    pub(crate) fn ears(mut self, ears: Arc<dyn crate::observe::Ears>) -> Self {
        self.settings.observer.set_ears(ears);
        self
    }

    /// Binds to `addr`, which may have any form of a [`ListenAddr`]; `application`
    /// will be called for each request, by many greenlets at a time.
    ///
    /// # Errors
    ///
    /// As [`maypole_server::Builder::bind`]: `AddrInUse`, with the address in its
    /// text, for a port in use. `InvalidInput` for an option that cannot be, such
    /// as a time-out of zero or a `Server` header that cannot be sent.
    ///
    /// See the example of [`Builder`].
    pub fn bind<F>(self, addr: impl ListenAddr, application: F) -> io::Result<WsgiServer>
    where
        F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
    {
        self.build(application, |server, handler| {
            server.bind(addr, move |stream, peer| {
                handler.serve(stream, &peer.into())
            })
        })
    }

    /// Binds to the path of a Unix socket, for a proxy on the same machine; see
    /// [`maypole_server::Builder::bind_unix`].
    ///
    /// Its clients have no address: [`Environ::peer_addr`] is `None`, unless they
    /// are [trusted](Self::trusted_proxies) to say whom they forward for.
    ///
    /// # Errors
    ///
    /// As [`maypole_server::Builder::bind_unix`]; `InvalidInput` as [`bind`](Self::bind).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use maypole_http::{StatusCode, TrustedProxies, pywsgi::WsgiServer};
    ///
    /// WsgiServer::builder()
    ///     .server(|server| server.unix_mode(0o660))
    ///     .trusted_proxies(TrustedProxies::new(["unix:"])?.x_forwarded())
    ///     .bind_unix("/run/example/http", |env, start_response| {
    ///         let client = env.var("REMOTE_ADDR").unwrap_or_default().into_owned();
    ///         start_response.send(StatusCode::OK, format!("hello {client}\n"))
    ///     })?
    ///     .serve_forever()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bind_unix<F>(self, path: impl AsRef<Path>, application: F) -> io::Result<WsgiServer>
    where
        F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
    {
        self.build(application, |server, handler| {
            server.bind_unix(path, move |stream, peer| handler.serve(stream, &peer))
        })
    }

    /// Makes the server of the listeners that [`server`](Self::server) was given:
    /// several, of several kinds, or inherited ones.
    ///
    /// # Errors
    ///
    /// As [`maypole_server::Builder::serve`]; `InvalidInput` as [`bind`](Self::bind).
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_http::{StatusCode, pywsgi::WsgiServer};
    /// use maypole_server::Listener;
    ///
    /// let (one, other) = (Listener::bind("127.0.0.1:0")?, Listener::bind("127.0.0.1:0")?);
    /// let server = WsgiServer::builder()
    ///     .server(|server| server.listener(one).listener(other))
    ///     .serve(|env, start_response| {
    ///         start_response.send(StatusCode::OK, format!("{}\n", env.local_addr()))
    ///     })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn serve<F>(self, application: F) -> io::Result<WsgiServer>
    where
        F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
    {
        self.build(application, |server, handler| {
            server.serve(move |stream, peer| handler.serve(stream, &peer))
        })
    }

    fn build<F, M>(self, application: F, make: M) -> io::Result<WsgiServer>
    where
        F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
        M: FnOnce(maypole_server::Builder, Arc<Handler>) -> io::Result<StreamServer>,
    {
        let mut settings = self.settings;
        settings.check()?;
        if let Some(value) = &self.server_header {
            settings.server_line = Some(ServerLine::new(value)?);
        }
        let metrics = settings.observer.metrics().clone();
        let mut below = self.below;
        if let Some(networks) = settings.proxies.as_ref().and_then(TrustedProxies::speakers) {
            below = below.proxy_protocol(networks.iter().copied());
        }
        let handler = Arc::new(Handler {
            application: Arc::new(application),
            settings,
            server: Server::new(self.environ),
        });
        let server = make(below, handler.clone())?;
        handler.server.set_addrs(server.local_addrs());
        Ok(WsgiServer { server, metrics })
    }
}

/// What a connection is served with.
struct Handler {
    application: Application,
    settings: Settings,
    server: Server,
}

impl Handler {
    fn serve(&self, stream: Stream, peer: &Addr) -> io::Result<()> {
        serving::serve(
            stream,
            peer,
            &self.application,
            &self.settings,
            &self.server,
        )
    }
}
