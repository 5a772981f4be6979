//! The right to answer a request, once.

use std::fmt;
use std::io;

use http::StatusCode;

use super::body::BodyWriter;
use super::reply::Reply;
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

    /// Adds a header line. A name or value that HTTP does not allow is reported
    /// by `send` or `start`, before a byte is sent.
    ///
    /// The server adds `Date`, `Content-Length` or `Transfer-Encoding`, and
    /// `Connection`. A `Content-Length` given here is what the body is held to;
    /// a `Date` given here replaces the server's; `Connection: close` closes
    /// after the answer; `Transfer-Encoding` is an error.
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
    pub fn send(self, status: StatusCode, body: impl AsRef<[u8]>) -> io::Result<()> {
        self.reply.send(self.wire, status, body.as_ref())
    }

    /// Starts a response whose body is written piece by piece.
    ///
    /// A body that is small and ends before a flush is sent with its length;
    /// else it goes out in chunks, or, to HTTP/1.0 clients, until the connection
    /// closes.
    ///
    /// # Errors
    ///
    /// None yet; what is wrong with the head is reported by the first write that
    /// sends it, or at the end.
    pub fn start(self, status: StatusCode) -> io::Result<BodyWriter<'a>> {
        self.reply.start(status);
        Ok(BodyWriter::new(self.wire, self.reply))
    }
}

impl fmt::Debug for StartResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartResponse").finish_non_exhaustive()
    }
}
