//! A third server, on `may_minihttp`: for trusted clients behind a proxy.
//!
//! It is for who has that crate's server in use, and wants the applications of
//! this one on it; or wants to compare. **Take [`WsgiServer`](super::WsgiServer)
//! for all else**: it has none of the limits below, and with keep-alive it is
//! faster. Here each request changes from a coroutine of `may` to a greenlet and
//! back: two thirds as many small GETs a second were measured. Let no client reach
//! this one that you do not trust. A proxy in front of it must gather requests
//! (nginx does by default), take the answers, and limit how many connections it
//! makes.
//!
//! Not part of the default build: feature `minihttp`. It needs the `may` engine,
//! so together with the feature `native` it does not compile.
//!
//! ```no_run
//! use maypole_http::{StatusCode, wsgi::minihttp};
//!
//! minihttp::start(([127, 0, 0, 1], 8088).into(), |_env, start_response| {
//!     start_response
//!         .header("Content-Type", "text/plain")
//!         .send(StatusCode::OK, "hello\n")
//! })?;
//! # let rest_of_the_program = || Ok::<(), std::io::Error>(());
//! rest_of_the_program()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # What is added to `may_minihttp`
//!
//! - A request whose end is not beyond doubt never reaches the application, nor
//!   does what follows it: the connection is closed, without an answer. These
//!   are all that [`pywsgi`](crate::pywsgi) refuses, and each with
//!   `Transfer-Encoding`, a body beyond [`Builder::max_body`], or the method
//!   CONNECT.
//! - Bodies are read whole before the application is called, so none is taken
//!   for a request.
//! - Header lines of answers are checked as everywhere in this crate, and there
//!   may be any number. An error or a panic of the application becomes a 500
//!   with a fixed text.
//! - There is a limit on connections. At it, further ones wait in the kernel's
//!   backlog. There may be one on requests, too: [`Builder::pool`].
//! - Applications run in greenlets: all of maypole works in them.
//!
//! # What it does not do
//!
//! Of the connection:
//!
//! - It sets no time limits. Who connects and says nothing, or stops in the
//!   middle of a request, holds a place until it leaves.
//! - It does not close. An answer that is the last (to HTTP/1.0, to
//!   `Connection: close`, after a 500) says `Connection: close`, and it is for the
//!   client to do so. What the client sends after that is not answered.
//! - A client that ends its side after the request gets no answer.
//! - The connection does not tell who its client is: `REMOTE_ADDR` is not set,
//!   [`Environ::is_disconnected`] is always false, and `disconnected` an error.
//! - Answers that a client asks for and does not take are gathered without limit.
//! - No TLS, no Unix sockets, no `TCP_NODELAY`.
//!
//! Of the request:
//!
//! - One with more than 16 header lines, proxies' included, or malformed ones,
//!   is closed without an answer. So is any that is refused, and then answers to
//!   earlier requests that were sent in the same packet are lost.
//! - Heads have no limit in length while they come: one that never ends fills the
//!   memory. [`Builder::limits`] applies to those that are complete.
//! - A line of a head may end in a bare LF as well. Your proxy must not pass such
//!   a byte on as part of a value.
//! - `Expect: 100-continue` gets no interim answer: clients wait for a while and
//!   then send.
//!
//! Of the answer:
//!
//! - It is whole and in memory, as with [`WsgiServer`](super::WsgiServer), files
//!   of any size included; no streaming, upgrades or trailers, and `early_hints`
//!   are left out.
//! - Each *different* header line stays in memory until the process ends, since
//!   `may_minihttp` wants them so. When [`Builder::max_header_memory`] is reached,
//!   answers with a line that is new become a 500. So an application whose lines
//!   are different each time, cookies or `ETag`s say, does not belong here. Lines
//!   that are not UTF-8 are a 500 as well.
//! - `Server: M`, `Date` and `Content-Length` are `may_minihttp`'s. The length is
//!   0 in answers to HEAD, and is sent with 204 and 304.
//!
//! Of the server:
//!
//! - It cannot be stopped, and serves until the process ends; port 0 is refused,
//!   because the port that was chosen could not be told.
//! - Its socket shares its port (`SO_REUSEPORT`). [`start`] finds out whether
//!   somebody has the port, but who binds in the same way afterwards takes part of
//!   the clients.
//! - When there are no more descriptors it tries to accept for ever, and nothing
//!   else runs. Keep [`Builder::max_connections`] below what the process may have.
//! - When there is no memory for another stack, it ends and accepts nobody.
//! - It prints to stderr when a head is malformed, and logs each connection that
//!   ends as an error: filter the targets `may_minihttp` and `generator`.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::net::SocketAddr as UnixSocketAddr;
use std::sync::Arc;

use may_minihttp::HttpServiceFactory;
use maypole_runtime::{Pool, net};
use maypole_server::Addr;

use crate::app::{BaseEnviron, Environ, Server, StartResponse};
use crate::observe::{AccessLog, Metrics, Observer};
use crate::proto::Limits;

use super::gather::Gather;

mod answer;
mod door;
mod kept;
mod service;

use answer::Shared;
use door::Door;
use kept::Kept;
use service::Factory;

const _: () = assert!(
    !maypole_runtime::IS_NATIVE,
    "the feature `minihttp` needs the engine `may`: it cannot be had together with the feature `native`"
);

/// The largest body: as the buffered server's.
const MAX_BODY: usize = 1024 * 1024;

/// The most connections. A proxy needs few, and this is half of the 1024
/// descriptors that a process may usually have: without any left, the server
/// would hang.
const MAX_CONNECTIONS: usize = 512;

/// The most memory for header lines: some ten thousand different ones, far more
/// than an application has whose lines do not depend on the request.
const MAX_HEADER_MEMORY: usize = 1024 * 1024;

/// Starts a server with the default options; see [`Builder::start`].
///
/// # Errors
///
/// As there.
///
/// See the example of [`Builder`].
pub fn start<F>(addr: SocketAddr, application: F) -> io::Result<()>
where
    F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
{
    builder().start(addr, application)
}

/// Options of a server.
///
/// See the example of [`Builder`].
pub fn builder() -> Builder {
    Builder::default()
}

/// Options of a server on `may_minihttp`; see the [module](self).
///
/// # Examples
///
/// ```no_run
/// use maypole_http::{Limits, Metrics, StatusCode, wsgi::minihttp};
/// use maypole_runtime::Pool;
///
/// minihttp::builder()
///     .max_body(64 << 10)
///     .max_connections(64)
///     .max_header_memory(64 << 10)
///     .pool(Pool::new(100))
///     .limits(Limits::default())
///     .metrics(Metrics::new())
///     .start(([127, 0, 0, 1], 8088).into(), |_env, start_response| {
///         start_response.send(StatusCode::OK, "hello\n")
///     })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a builder does nothing until `start`"]
pub struct Builder {
    gather: Gather,
    max_connections: usize,
    max_header_memory: usize,
    limits: Limits,
    environ: BaseEnviron,
    observer: Observer,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            gather: Gather {
                max_body: MAX_BODY,
                pool: None,
            },
            max_connections: MAX_CONNECTIONS,
            max_header_memory: MAX_HEADER_MEMORY,
            limits: Limits::DEFAULT,
            environ: BaseEnviron::default(),
            observer: Observer::default(),
        }
    }
}

impl Builder {
    /// The largest body that a request may have; 1 MiB by default. The connection
    /// of a larger one is closed.
    ///
    /// See the example of [`Builder`].
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.gather.max_body = bytes;
        self
    }

    /// The most connections at a time; 512 by default. Further ones wait until
    /// one ends.
    ///
    /// See the example of [`Builder`].
    pub fn max_connections(mut self, most: usize) -> Self {
        self.max_connections = most;
        self
    }

    /// The most bytes that different header lines of answers may occupy, for
    /// good; 1 MiB by default.
    ///
    /// See the example of [`Builder`].
    pub fn max_header_memory(mut self, bytes: usize) -> Self {
        self.max_header_memory = bytes;
        self
    }

    /// Calls the application at most so many times at once; while there is no
    /// slot the answer is 503, as with [`super::Builder::pool`].
    ///
    /// See the example of [`Builder`].
    pub fn pool(mut self, pool: Pool) -> Self {
        self.gather.pool = Some(pool);
        self
    }

    /// Bounds on heads of requests; beyond one of them the connection is closed.
    ///
    /// See the example of [`Builder`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// See [`pywsgi::Builder::environ`](crate::pywsgi::Builder::environ).
    #[doc(alias = "set_environ")]
    #[doc(alias = "base_env")]
    pub fn environ(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environ.set(name.into(), value.into());
        self
    }

    /// See [`pywsgi::Builder::access_log`](crate::pywsgi::Builder::access_log);
    /// the client is not known. Connections that are closed without an answer are
    /// not in it.
    #[doc(alias = "log")]
    pub fn access_log(mut self, log: impl Into<Option<AccessLog>>) -> Self {
        self.observer.set_access_log(log.into());
        self
    }

    /// Counts requests in these figures; connections and bytes are not known.
    ///
    /// See the example of [`Builder`].
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.observer.set_metrics(metrics);
        self
    }

    /// Starts to listen on `addr`, and returns; `application` will be called for
    /// each request, by many greenlets at a time. Suspends for a moment.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for port 0, or room for no connection. `AddrInUse`, and
    /// whatever else listening fails with. When no more greenlets can be had.
    ///
    /// See the example of [`Builder`].
    pub fn start<F>(self, addr: SocketAddr, application: F) -> io::Result<()>
    where
        F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
    {
        if addr.port() == 0 {
            return Err(invalid("with port 0 nobody could tell which one it is"));
        }
        if self.max_connections == 0 {
            return Err(invalid("room for no connection"));
        }
        // Its own would share the port with whoever has it in the same way.
        drop(net::TcpListener::bind(addr)?);
        let shared = Shared {
            max_body: self.gather.max_body,
            application: Arc::new(self.gather.before(application)),
            limits: self.limits,
            server: Server::new(self.environ),
            observer: self.observer,
            local: addr.into(),
            peer: UnixSocketAddr::from_pathname("").map(Addr::from)?,
            kept: Kept::new(self.max_header_memory),
        };
        let factory = Factory::new(shared, Door::open()?, self.max_connections);
        // From a greenlet: then the engine is there, as we have set it up.
        let greenlet = maypole_runtime::Builder::new()
            .name("minihttp")
            .spawn(move || factory.start(addr).map(drop))?;
        greenlet.get().map_err(io::Error::other)?
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("gather", &self.gather)
            .field("max_connections", &self.max_connections)
            .field("max_header_memory", &self.max_header_memory)
            .field("limits", &self.limits)
            .field("environ", &self.environ)
            .finish_non_exhaustive()
    }
}

#[cold]
fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
