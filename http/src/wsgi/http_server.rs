//! The server whose handlers get requests as values.

use std::io;

use maypole_server::ListenAddr;

use crate::app::{Environ, StartResponse};
use crate::observe::Snapshot;

use super::{Builder, HttpRequest, WsgiServer};

/// A buffered server whose handler gets each request as one value that it
/// answers, now or later; the style of the old `gevent.http`.
///
/// All else is as with [`WsgiServer`].
///
/// # Examples
///
/// ```
/// use maypole_http::{HttpServer, StatusCode};
///
/// let server = HttpServer::bind("127.0.0.1:0", |mut request| {
///     request.add_header("Content-Type", "text/html");
///     match request.path() {
///         "/" => request.send_reply(StatusCode::OK, "<b>hello world</b>"),
///         _ => request.send_reply(StatusCode::NOT_FOUND, "<h1>Not Found</h1>"),
///     }
///     Ok(())
/// })?;
/// server.start()?;
/// # use std::io::{Read, Write};
/// # let mut client = std::net::TcpStream::connect(server.local_addr())?;
/// # client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")?;
/// # let mut answer = String::new();
/// # client.read_to_string(&mut answer)?;
/// # assert!(answer.ends_with("<b>hello world</b>"), "{answer}");
/// # server.stop(std::time::Duration::from_secs(1));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Another greenlet may answer; here one that gathers requests, so that all
/// who wait hear the same at once:
///
/// ```no_run
/// use std::time::Duration;
/// use maypole_http::{HttpServer, StatusCode};
/// use maypole_runtime::queue::Queue;
///
/// let waiting = Queue::unbounded();
/// let requests = waiting.clone();
/// maypole_runtime::spawn(move || loop {
///     maypole_runtime::sleep(Duration::from_secs(1));
///     while let Ok(request) = requests.try_get() {
///         let request: maypole_http::HttpRequest = request;
///         request.send_reply(StatusCode::OK, "tick\n");
///     }
/// });
/// HttpServer::bind("127.0.0.1:8088", move |request| {
///     waiting.put(request).map_err(std::io::Error::other)
/// })?
/// .serve_forever()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "gevent.http.HTTPServer")]
#[derive(Clone, Debug)]
pub struct HttpServer {
    server: WsgiServer,
}

impl HttpServer {
    /// Binds a server with the default options; see
    /// [`bind_with`](Self::bind_with).
    ///
    /// # Errors
    ///
    /// As [`Builder::bind`].
    ///
    /// See the example of [`HttpServer`].
    pub fn bind<F>(addr: impl ListenAddr, handler: F) -> io::Result<Self>
    where
        F: Fn(HttpRequest) -> io::Result<()> + Send + Sync + 'static,
    {
        Self::bind_with(WsgiServer::builder(), addr, handler)
    }

    /// Binds a server with these options; `handler` will be called for each
    /// request, by many greenlets at a time. After an error or a panic the answer
    /// is a 500, unless another greenlet has given it already.
    ///
    /// # Errors
    ///
    /// As [`Builder::bind`].
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_http::{HttpServer, StatusCode, wsgi::WsgiServer};
    ///
    /// let options = WsgiServer::builder().keep_alive(true);
    /// let server = HttpServer::bind_with(options, "127.0.0.1:0", |request| {
    ///     request.send_reply(StatusCode::OK, "hello\n");
    ///     Ok(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind_with<F>(builder: Builder, addr: impl ListenAddr, handler: F) -> io::Result<Self>
    where
        F: Fn(HttpRequest) -> io::Result<()> + Send + Sync + 'static,
    {
        let server = builder.bind(addr, as_application(handler))?;
        Ok(Self { server })
    }

    /// Makes the server of the listeners that the builder was
    /// [given](Builder::server): several, Unix sockets, or inherited ones.
    ///
    /// # Errors
    ///
    /// As [`Builder::serve`].
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_http::{HttpServer, StatusCode, wsgi::WsgiServer};
    /// use maypole_server::Listener;
    ///
    /// let listener = Listener::bind("127.0.0.1:0")?;
    /// let options = WsgiServer::builder().server(|server| server.listener(listener));
    /// let server = HttpServer::serve_with(options, |request| {
    ///     request.send_reply(StatusCode::OK, "hello\n");
    ///     Ok(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn serve_with<F>(builder: Builder, handler: F) -> io::Result<Self>
    where
        F: Fn(HttpRequest) -> io::Result<()> + Send + Sync + 'static,
    {
        let server = builder.serve(as_application(handler))?;
        Ok(Self { server })
    }

    crate::life::methods!();

    /// What it has done so far.
    ///
    /// See the example of [`pywsgi::WsgiServer::metrics`](crate::pywsgi::WsgiServer::metrics).
    #[must_use]
    pub fn metrics(&self) -> Snapshot {
        self.server.metrics()
    }
}

fn as_application<F>(
    handler: F,
) -> impl Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static
where
    F: Fn(HttpRequest) -> io::Result<()> + Send + Sync + 'static,
{
    move |env: &mut Environ<'_>, start_response: StartResponse<'_>| {
        handler(HttpRequest::new(env, start_response)?)
    }
}
