//! The buffered server: requests and responses are whole, and in memory.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use maypole_runtime::net::ToSocketAddrs;

use crate::app::{Environ, StartResponse};
use crate::observe::Snapshot;
use crate::pywsgi;

mod builder;
mod gather;
mod http_server;
mod request;

pub use builder::Builder;
pub use http_server::HttpServer;
pub use request::HttpRequest;

/// An HTTP/1.1 server that calls a blocking application with requests that are
/// whole, and sends answers that are whole.
///
/// It runs the applications of [`pywsgi::WsgiServer`], as strictly as that. What
/// is different:
///
/// - The body of a request is read into memory before the application is called;
///   a client that sends it slowly occupies a greenlet, and nothing of the
///   application's. A body beyond 1 MiB, see [`Builder::max_body`], is answered
///   413.
/// - The answer is gathered and sent in one piece, with its length, however the
///   application writes it. Only [`StartResponse::send_file`] sends a large file
///   slice by slice. There is no limit on what an application may write: one
///   that never ends fills the memory.
/// - It closes the connection after each answer, unless
///   [`Builder::keep_alive`] is set.
/// - A [`pool`](Builder::pool) limits requests, not connections. While it is full
///   the answer is 503 with `Retry-After`, at once.
/// - No TLS, and what needs the connection while the answer is made is an error
///   of the kind `Unsupported`: a flush, trailers, upgrades.
///
/// An application that ends without an answer makes a 500. It may also answer
/// [later](StartResponse::later).
///
/// # Examples
///
/// ```
/// use maypole_http::{StatusCode, wsgi::WsgiServer};
///
/// let server = WsgiServer::bind("127.0.0.1:0", |_env, start_response| {
///     start_response.send(StatusCode::OK, "hello\n")
/// })?;
/// server.start()?;
/// # use std::io::{Read, Write};
/// # let mut client = std::net::TcpStream::connect(server.local_addr())?;
/// # client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")?;
/// # let mut answer = String::new();
/// # client.read_to_string(&mut answer)?;
/// # assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
/// # assert!(answer.ends_with("hello\n"), "{answer}");
/// # server.stop(std::time::Duration::from_secs(1));
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "gevent.wsgi.WSGIServer")]
#[derive(Clone)]
pub struct WsgiServer {
    server: pywsgi::WsgiServer,
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

    /// See [`StreamServer::start`](maypole_server::StreamServer::start).
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

    /// What it has done so far; see [`pywsgi::WsgiServer::metrics`].
    #[must_use]
    pub fn metrics(&self) -> Snapshot {
        self.server.metrics()
    }

    /// See [`StreamServer::stop`](maypole_server::StreamServer::stop).
    pub fn stop(&self, limit: Duration) {
        self.server.stop(limit);
    }

    /// See [`StreamServer::serve_forever`](maypole_server::StreamServer::serve_forever).
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
