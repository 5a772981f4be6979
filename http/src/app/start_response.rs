//! The right to answer a request, once.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::ops::RangeBounds;

use http::StatusCode;
use maypole_runtime::Slot;

use crate::proto::ResponseHead;

use super::MAX_DISCARD;
use super::body::BodyWriter;
use super::environ::Environ;
use super::file_range::resolve;
use super::late::LateResponse;
use super::reply::Reply;
use super::upgraded::Upgraded;
use super::wire::Wire;

/// The right to answer a request: header lines, then [`send`](Self::send) or
/// [`start`](Self::start), which use it up. So an answer has one head, and no
/// header line comes after it.
///
/// An application that returns without having used it makes the server answer
/// 500.
///
/// # Examples
///
/// ```no_run
/// use maypole_http::{StatusCode, pywsgi::WsgiServer};
///
/// WsgiServer::bind("127.0.0.1:8088", |env, start_response| {
///     start_response
///         .header("Content-Type", "text/plain; charset=utf-8")
///         .header("X-Path", env.path_info())
///         .send(StatusCode::OK, "grüezi")
/// })?
/// .serve_forever()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "start_response")]
#[must_use = "a request that is not answered becomes a 500"]
pub struct StartResponse<'a> {
    wire: &'a Wire,
    reply: &'a mut Reply,
}

impl<'a> StartResponse<'a> {
    pub(crate) fn new(wire: &'a Wire, reply: &'a mut Reply) -> Self {
        Self { wire, reply }
    }

    /// Keeps a slot of a pool until the answer is complete, late ones included.
    pub(crate) fn hold(&mut self, slot: Slot) {
        self.reply.hold(slot);
    }

    /// Adds a header line. A name or value that HTTP does not allow is reported
    /// by `send` or `start`, before a byte is sent.
    ///
    /// The server adds `Date`, `Content-Length` or `Transfer-Encoding`, and
    /// `Connection`. A `Content-Length` given here is what the body is held to;
    /// a `Date` or `Server` given here replaces the server's.
    ///
    /// Fields about the connection are the server's: of `Connection`, `close` is
    /// obeyed and the rest dropped; `Keep-Alive`, `Proxy-Connection` and `TE` are
    /// dropped; `Upgrade` is sent, and named in `Connection`; `Trailer` is sent;
    /// `Transfer-Encoding` is an error.
    ///
    /// See the example of [`StartResponse`].
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        self.reply.header(name.as_ref(), value.as_ref());
        self
    }

    /// Sends a complete response with its length. A body is left out where HTTP
    /// allows none: in answers to HEAD, with 204 and 304.
    ///
    /// It is queued while further requests of the client wait to be answered,
    /// and sent with their answers. May suspend.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a header line or a status that cannot be sent. Returned
    /// from the application it becomes a 500.
    ///
    /// See the example of [`StartResponse`].
    pub fn send(self, status: StatusCode, body: impl AsRef<[u8]>) -> io::Result<()> {
        self.reply.send(self.wire, status, body.as_ref())
    }

    /// Starts a response whose body is written piece by piece.
    ///
    /// A body that is small and ends before a flush is sent with its length;
    /// else it goes out in chunks, or, to HTTP/1.0 clients, until the connection
    /// closes. The [buffered server](crate::wsgi) sends all of them with their
    /// length.
    ///
    /// # Errors
    ///
    /// None yet; what is wrong with the head is reported by the first write that
    /// sends it, or at the end.
    ///
    /// See the example of [`BodyWriter`](super::BodyWriter).
    pub fn start(self, status: StatusCode) -> io::Result<BodyWriter<'a>> {
        self.reply.start(status);
        Ok(BodyWriter::new(self.wire, self.reply))
    }

    /// Takes the right to answer along, to be used by another greenlet, or after
    /// the application has returned. The server waits for the answer, for as long
    /// as it takes, and answers further requests of the connection afterwards.
    ///
    /// Header lines that were added here are kept. What the application returns
    /// counts: after an error the answer is a 500 at once, and the late one goes
    /// nowhere.
    ///
    /// # Examples
    ///
    /// See [`LateResponse`].
    pub fn later(self) -> LateResponse {
        LateResponse::new(self.reply.defer())
    }

    /// Ends HTTP on this connection and returns it, for another protocol: sends
    /// 101 with the header lines, or 200 to CONNECT.
    ///
    /// An `Upgrade` line must name the protocol, unless the method is CONNECT;
    /// what else the protocol wants in the head is the application's to add. The
    /// rest of the request's body is read first, and dropped. May suspend.
    ///
    /// The server has nothing to do with the connection from here on: it sets no
    /// time-outs, answers no errors, and logs no more than that the application
    /// failed. The connection holds its place in the pool until the application
    /// returns, and is open as long as the [`Upgraded`] lives, which may be
    /// longer. A [`stop`](crate::pywsgi::WsgiServer::stop) waits for the
    /// application and then kills it, as ever.
    ///
    /// # Errors
    ///
    /// `Unsupported` from the [buffered server](crate::wsgi). `InvalidInput` when
    /// the client asked for no upgrade, or a header line
    /// cannot be sent: returned from the application it becomes a 500. The
    /// connection's, and those of the rest of the body, `InvalidInput` too if it
    /// is longer than 256 KiB.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::io::{self, Write};
    /// use maypole_http::{StatusCode, pywsgi::WsgiServer};
    ///
    /// WsgiServer::bind("127.0.0.1:8088", |env, start_response| {
    ///     if !env.asks_for_upgrade("echo") {
    ///         return start_response
    ///             .header("Upgrade", "echo")
    ///             .send(StatusCode::UPGRADE_REQUIRED, "speak echo\n");
    ///     }
    ///     let mut stream = start_response.header("Upgrade", "echo").upgrade(env)?;
    ///     let mut buffer = [0; 1024];
    ///     loop {
    ///         match io::Read::read(&mut stream, &mut buffer)? {
    ///             0 => return Ok(()),
    ///             n => stream.write_all(&buffer[..n])?,
    ///         }
    ///     }
    /// })?
    /// .serve_forever()?;
    /// # Ok::<(), io::Error>(())
    /// ```
    #[doc(alias = "input_terminated")]
    #[doc(alias = "websocket")]
    pub fn upgrade(self, env: &mut Environ<'_>) -> io::Result<Upgraded> {
        // RFC 9110 section 7.8: not before the request is complete.
        if !env.input().discard(MAX_DISCARD)? {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the body before the upgrade is too long to be dropped",
            ));
        }
        self.reply.hand_over(self.wire)?;
        let stream = self.wire.take_stream()?;
        Upgraded::new(stream, env.input().take_rest())
    }

    /// Sends a 103 with these header lines, at once: a browser may load what
    /// they name while the application still works on its answer. RFC 8297.
    ///
    /// The lines are not part of the answer itself. HTTP/1.0 clients get none.
    /// May suspend, and be called more than once.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a header line that cannot be sent; the connection's.
    /// Returned from the application it becomes a 500, if that can still be
    /// sent.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use maypole_http::{StatusCode, pywsgi::WsgiServer};
    ///
    /// WsgiServer::bind("127.0.0.1:8088", |_env, start_response| {
    ///     start_response
    ///         .early_hints([("Link", "</style.css>; rel=preload; as=style")])?
    ///         .header("Content-Type", "text/html")
    ///         .send(StatusCode::OK, "<link rel=stylesheet href=/style.css>")
    /// })?
    /// .serve_forever()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn early_hints<N, V>(self, lines: impl IntoIterator<Item = (N, V)>) -> io::Result<Self>
    where
        N: AsRef<str>,
        V: AsRef<[u8]>,
    {
        let mut head = ResponseHead::default();
        for (name, value) in lines {
            head.header(name.as_ref(), value.as_ref());
        }
        self.reply
            .interim(self.wire, StatusCode::EARLY_HINTS, &head)?;
        Ok(self)
    }

    /// Sends a body whose parts are all there, with its length, without joining
    /// them first.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and those of the connection.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_http::{StatusCode, pywsgi::WsgiServer};
    ///
    /// let server = WsgiServer::bind("127.0.0.1:0", |_env, start_response| {
    ///     start_response.send_parts(StatusCode::OK, &["<html>", "hello", "</html>"])
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_parts<B: AsRef<[u8]>>(self, status: StatusCode, parts: &[B]) -> io::Result<()> {
        let len: usize = parts.iter().map(|part| part.as_ref().len()).sum();
        let mut body = self
            .header("Content-Length", len.to_string())
            .start(status)?;
        parts
            .iter()
            .try_for_each(|part| body.write_all(part.as_ref()))
    }

    /// Sends what an iterator yields, each item that is not empty as a chunk of
    /// its own, at once: what a WSGI application returns.
    ///
    /// The head goes out with the first chunk. A single item, of an iterator that
    /// says so in its size hint, is sent with its length; so is nothing at all;
    /// and so is everything if `Content-Length` was set. May suspend between
    /// items. The iterator is dropped when it is used up, and on any failure.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and those of the connection.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use maypole_http::{StatusCode, pywsgi::WsgiServer};
    ///
    /// WsgiServer::bind("127.0.0.1:8088", |_env, start_response| {
    ///     let numbers = (0..10).map(|n| format!("{n}\n"));
    ///     start_response.send_chunks(StatusCode::OK, numbers)
    /// })?
    /// .serve_forever()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_chunks<I>(self, status: StatusCode, chunks: I) -> io::Result<()>
    where
        I: IntoIterator,
        I::Item: AsRef<[u8]>,
    {
        let mut body = self.start(status)?;
        let chunks = chunks.into_iter();
        let is_whole = chunks.size_hint() == (1, Some(1));
        for chunk in chunks {
            let chunk = chunk.as_ref();
            if !chunk.is_empty() {
                body.write_all(chunk)?;
                if !is_whole {
                    body.offer()?;
                }
            }
        }
        Ok(())
    }

    /// Sends a file, or a range of it, with its length.
    ///
    /// What a request asks for in `Range` and `If-…` lines is the application's
    /// to decide: it gives the range in bytes, and sets `Content-Range` with a
    /// 206. Suspends while the client takes the bytes. The kernel sends them
    /// without a copy (`sendfile`), but for TLS, where they are read and written.
    /// Reading does not suspend: a file that is not in memory holds up the hub
    /// while the disk brings the next slice, of at most 256 KiB. A real thread
    /// would cost every file more than that, and most files are in memory.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a range beyond the file's end, and as
    /// [`send`](Self::send), before anything was sent; those of the file and of
    /// the connection, which cut the answer short.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::fs::File;
    /// use maypole_http::{StatusCode, pywsgi::WsgiServer};
    ///
    /// WsgiServer::bind("127.0.0.1:8088", |_env, start_response| {
    ///     let file = File::open("movie.mp4")?;
    ///     start_response
    ///         .header("Content-Type", "video/mp4")
    ///         .send_file(StatusCode::OK, &file, ..)
    /// })?
    /// .serve_forever()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "wsgi.file_wrapper")]
    pub fn send_file(
        self,
        status: StatusCode,
        file: &File,
        range: impl RangeBounds<u64>,
    ) -> io::Result<()> {
        let range = resolve(&range, file.metadata()?.len())?;
        let len = range.end - range.start;
        self.reply
            .send_file(self.wire, status, file, range.start, len)
    }
}

impl fmt::Debug for StartResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartResponse").finish_non_exhaustive()
    }
}
