//! How a server is set up.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use maypole_runtime::Pool;
use maypole_runtime::net::{TcpListener, ToSocketAddrs};
use maypole_server::StreamServer;
#[cfg(feature = "tls")]
use maypole_server::TlsConfig;

use crate::app::{Application, BaseEnviron, Environ, Server, StartResponse, TrustedProxies};
use crate::observe::{AccessLog, Metrics};
use crate::proto::{Limits, ServerLine};
use crate::serving::{self, Settings};

use super::WsgiServer;

/// Options of a [`WsgiServer`].
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until `bind`"]
pub struct Builder {
    pool: Option<Pool>,
    pub(crate) settings: Settings,
    environ: BaseEnviron,
    server_header: Option<String>,
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

    /// How long a read of a body may wait for its next bytes; 30 s by default.
    pub fn read_timeout(mut self, limit: Duration) -> Self {
        self.settings.read_timeout = limit;
        self
    }

    /// How long a write may wait for a client that does not take its answer; 30 s
    /// by default.
    pub fn write_timeout(mut self, limit: Duration) -> Self {
        self.settings.write_timeout = limit;
        self
    }

    /// [`read_timeout`](Self::read_timeout) and
    /// [`write_timeout`](Self::write_timeout) at once.
    pub fn stall_timeout(self, limit: Duration) -> Self {
        self.read_timeout(limit).write_timeout(limit)
    }

    /// How much of a body that the application left unread is read and dropped to
    /// keep the connection, and of what follows an answer that closes it; 256 KiB
    /// by default. Beyond it the connection is closed.
    pub fn max_discard(mut self, bytes: usize) -> Self {
        self.settings.max_discard = bytes;
        self
    }

    /// How long that may take; 1 s by default.
    pub fn discard_timeout(mut self, limit: Duration) -> Self {
        self.settings.discard_timeout = limit;
        self
    }

    /// How many bytes of answers to pipelined requests are gathered before they
    /// are sent; 64 KiB by default. What an application streams is not gathered.
    pub fn max_queued(mut self, bytes: usize) -> Self {
        self.settings.max_queued = bytes;
        self
    }

    /// The access log: gevent's format unless another is given, none for `None`.
    #[doc(alias = "log")]
    pub fn access_log(mut self, log: impl Into<Option<AccessLog>>) -> Self {
        self.settings.observer.set_access_log(log.into());
        self
    }

    /// Believes what these proxies say about their clients. Nobody is believed by
    /// default.
    #[doc(alias = "forwarded_allow_ips")]
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.settings.proxies = Some(proxies);
        self
    }

    /// Counts in `metrics`, and measures how long answers take.
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.settings.observer.set_metrics(metrics);
        self
    }

    /// Binds to `addr`; `application` will be called for each request, by many
    /// greenlets at a time.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::bind`], and `InvalidInput` for a time-out of zero or a
    /// `Server` header that cannot be sent.
    pub fn bind<F>(self, addr: impl ToSocketAddrs, application: F) -> io::Result<WsgiServer>
    where
        F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
    {
        let application: Application = Arc::new(application);
        let mut settings = self.settings;
        settings.check()?;
        if let Some(value) = &self.server_header {
            settings.server_line = Some(ServerLine::new(value)?);
        }
        let metrics = settings.observer.metrics().clone();
        #[cfg(feature = "tls")]
        let is_tls = self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        let is_tls = false;
        let listener = TcpListener::bind(addr)?;
        let server = Server {
            local_addr: listener.local_addr()?,
            tls: is_tls,
            environ: self.environ,
        };
        let mut builder = StreamServer::builder();
        if let Some(pool) = self.pool {
            builder = builder.pool(pool);
        }
        #[cfg(feature = "tls")]
        if let Some(config) = self.tls {
            builder = builder.tls(config);
        }
        if let Some(networks) = settings.proxies.as_ref().and_then(TrustedProxies::speakers) {
            builder = builder.proxy_protocol(networks.iter().copied());
        }
        let server = builder.listen(listener, move |stream, peer| {
            serving::serve(stream, peer, &application, &settings, &server)
        })?;
        Ok(WsgiServer { server, metrics })
    }
}
