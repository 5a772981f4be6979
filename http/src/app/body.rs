//! The body of a response.

use std::fmt;
use std::io::{self, Write};

use super::reply::Reply;
use super::wire::Wire;

/// Writes the body of a response; see [`StartResponse::start`](super::StartResponse::start).
///
/// Writes are gathered, 16 KiB at first and more while no flush comes, up to
/// [`stream_buffer`](crate::pywsgi::Builder::stream_buffer).
/// [`flush`](Write::flush) sends what was written so far at once, as one chunk
/// if there is no more of it than 16 KiB or it came in one write. Both may suspend, and end with an error when the
/// client is gone. The [buffered server](crate::wsgi) gathers everything; there a
/// flush is an error, `Unsupported`. The body ends when the application returns `Ok`; when it
/// returns an error the connection is cut, so that the client notices.
///
/// # Examples
///
/// ```no_run
/// use std::io::Write;
/// use std::time::Duration;
/// use maypole_http::{StatusCode, pywsgi::WsgiServer};
///
/// WsgiServer::bind("127.0.0.1:8088", |_env, start_response| {
///     let mut body = start_response.start(StatusCode::OK)?;
///     for n in 0..10 {
///         writeln!(body, "line {n}")?;
///         body.flush()?; // the client sees it now
///         maypole_runtime::sleep(Duration::from_secs(1));
///     }
///     Ok(())
/// })?
/// .serve_forever()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "write")]
pub struct BodyWriter<'a> {
    wire: &'a Wire,
    reply: &'a mut Reply,
}

impl<'a> BodyWriter<'a> {
    pub(super) fn new(wire: &'a Wire, reply: &'a mut Reply) -> Self {
        Self { wire, reply }
    }

    /// Adds a trailer line: a header line that is sent behind the body, for what
    /// is known only then, such as a checksum. Never suspends.
    ///
    /// A body with trailers goes out in chunks however small it is. Where there
    /// are no chunks, to HTTP/1.0 clients and in answers without a body,
    /// trailers are left out. Clients may drop them, and most do; those that
    /// want them send `TE: trailers`.
    ///
    /// # Errors
    ///
    /// `Unsupported` from the [buffered server](crate::wsgi). `InvalidInput` for a
    /// name or value that HTTP does not allow, for a field
    /// that must not be a trailer (`Content-Type`, `Set-Cookie` and others that
    /// come too late there, RFC 9110 section 6.5.1), and when `Content-Length`
    /// was set.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::io::Write;
    /// use maypole_http::{StatusCode, pywsgi::WsgiServer};
    ///
    /// WsgiServer::bind("127.0.0.1:8088", |_env, start_response| {
    ///     let start_response = start_response.header("Trailer", "X-Sum");
    ///     let mut body = start_response.start(StatusCode::OK)?;
    ///     body.write_all(b"data")?;
    ///     body.trailer("X-Sum", "410")
    /// })?
    /// .serve_forever()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn trailer(&mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> io::Result<()> {
        self.reply.trailer(name.as_ref(), value.as_ref())
    }

    /// Sends what was written so far, if this server does that.
    pub(super) fn offer(&mut self) -> io::Result<()> {
        if self.reply.gathers_all() {
            return Ok(());
        }
        self.flush()
    }
}

impl Write for BodyWriter<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.write_all(data)?;
        Ok(data.len())
    }

    fn write_all(&mut self, data: &[u8]) -> io::Result<()> {
        self.reply.write(self.wire, data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.reply.flush(self.wire)
    }
}

impl fmt::Debug for BodyWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyWriter").finish_non_exhaustive()
    }
}
