//! The buffered server: requests and responses are whole, and in memory.

use std::fmt;
use std::io;

use maypole_server::ListenAddr;

use crate::app::{Environ, StartResponse};
use crate::observe::Snapshot;
use crate::pywsgi;

mod builder;
mod gather;
mod http_server;
#[cfg(feature = "minihttp")]
pub mod minihttp;
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

    /// What it has done so far; see [`pywsgi::WsgiServer::metrics`].
    ///
    /// See the example of [`pywsgi::WsgiServer::metrics`].
    #[must_use]
    pub fn metrics(&self) -> Snapshot {
        self.server.metrics()
    }
}

impl fmt::Debug for WsgiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WsgiServer")
            .field("server", &self.server)
            .finish()
    }
}
