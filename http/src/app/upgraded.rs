//! A connection that has left HTTP.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};

use maypole_server::Stream;

/// A connection that speaks another protocol now; see
/// [`StartResponse::upgrade`](super::StartResponse::upgrade).
///
/// Reading yields first what the client had sent behind its request. Reading
/// and writing suspend only the calling greenlet, and wait for ever unless
/// time-outs are set by way of [`get_ref`](Self::get_ref). Dropping it closes
/// the connection.
///
/// For a greenlet that writes while another reads, the writer takes
/// `get_ref().try_clone()`.
///
/// See the example of [`StartResponse::upgrade`](super::StartResponse::upgrade).
#[doc(alias = "wsgi.websocket")]
pub struct Upgraded {
    stream: Stream,
    // Received with the request: `ahead[start..]` is still to be read.
    ahead: Vec<u8>,
    start: usize,
}

impl Upgraded {
    pub(super) fn new(stream: Stream, ahead: Vec<u8>) -> io::Result<Self> {
        stream.set_read_timeout(None)?;
        stream.set_write_timeout(None)?;
        Ok(Self {
            stream,
            ahead,
            start: 0,
        })
    }

    /// The connection itself, for addresses, time-outs and clones. Reading from
    /// it directly misses what has come already.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_http::{StatusCode, pywsgi::WsgiServer};
    ///
    /// let server = WsgiServer::bind("127.0.0.1:0", |env, start_response| {
    ///     let stream = start_response.header("Upgrade", "echo").upgrade(env)?;
    ///     stream.get_ref().set_read_timeout(Some(Duration::from_secs(60)))?;
    ///     let (socket, first_bytes) = stream.into_parts(); // for another library
    ///     # drop((socket, first_bytes));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn get_ref(&self) -> &Stream {
        &self.stream
    }

    /// The connection, and what has come already and must be read before.
    ///
    /// See the example of [`get_ref`](Self::get_ref).
    #[must_use]
    pub fn into_parts(mut self) -> (Stream, Vec<u8>) {
        self.ahead.drain(..self.start);
        (self.stream, self.ahead)
    }
}

impl Read for Upgraded {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut ahead = &self.ahead[self.start..];
        if ahead.is_empty() {
            return self.stream.read(buf);
        }
        let n = ahead.read(buf)?;
        self.start += n;
        if self.start == self.ahead.len() {
            self.ahead = Vec::new();
            self.start = 0;
        }
        Ok(n)
    }
}

impl Write for Upgraded {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.stream.write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgraded")
            .field("stream", &self.stream)
            .field("ahead", &(self.ahead.len() - self.start))
            .finish()
    }
}
