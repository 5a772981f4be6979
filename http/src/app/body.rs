//! The body of a response.

use std::fmt;
use std::io::{self, Write};

use super::reply::Reply;
use super::wire::Wire;

/// Writes the body of a response; see [`StartResponse::start`](super::StartResponse::start).
///
/// Writes are gathered; [`flush`](Write::flush) sends what was written so far,
/// as one chunk, at once. Both may suspend, and end with an error when the
/// client is gone. The body ends when the application returns `Ok`; when it
/// returns an error the connection is cut, so that the client notices.
pub struct BodyWriter<'a> {
    wire: &'a Wire,
    reply: &'a mut Reply,
}

impl<'a> BodyWriter<'a> {
    pub(super) fn new(wire: &'a Wire, reply: &'a mut Reply) -> Self {
        Self { wire, reply }
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
