//! The body of a request.

use std::fmt;
use std::io::{self, BufRead, Read};
use std::ops::Range;

use crate::buffers;
use crate::proto::chunked::Trailers;
use crate::proto::{BodyDecoder, BodyFraming, Limits, ProtoError};

use super::wire::Wire;

/// How much memory an announced body gets before it has come. Most have room in
/// it; who announces more and sends nothing gets no more.
const RESERVED: usize = 16 * 1024;

/// Reads the body of a request, and never beyond it.
///
/// Reading suspends until bytes arrive. A body that the client does not finish
/// is an error, `UnexpectedEof`; one that is framed wrongly, or goes beyond
/// [`Limits::body`], is `InvalidData`.
/// A request without a body reads as empty.
///
/// # Examples
///
/// ```
/// use std::io::BufRead;
/// use maypole_http::{StatusCode, pywsgi::WsgiServer};
///
/// let server = WsgiServer::bind("127.0.0.1:0", |env, start_response| {
///     let mut lines = 0;
///     for line in env.input().lines() {
///         line?; // as it arrives
///         lines += 1;
///     }
///     let trailers = env.input().trailers().count();
///     start_response.send(StatusCode::OK, format!("{lines} lines, {trailers} trailers"))
/// })?;
/// server.start()?;
/// # use std::io::{Read, Write};
/// # let mut client = std::net::TcpStream::connect(server.local_addr())?;
/// # client.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n")?;
/// # client.write_all(b"Transfer-Encoding: chunked\r\n\r\n4\r\na\nb\n\r\n0\r\nX-Sum: 1\r\n\r\n")?;
/// # let mut answer = String::new();
/// # client.read_to_string(&mut answer)?;
/// # assert!(answer.ends_with("2 lines, 1 trailers"), "{answer}");
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "readline")]
#[doc(alias = "wsgi.input")]
pub struct Input<'a> {
    wire: &'a Wire,
    limits: &'a Limits,
    // Not in here: an input is moved, and this would have room on the stack twice.
    body: &'a mut Arriving,
}

/// How far a request's body has come.
pub(crate) struct Arriving {
    decoder: BodyDecoder,
    // Received and not yet taken: `buffer[start..end]`. Its first `lent` bytes
    // are data, what follows is still to be decoded.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    lent: usize,
    // Of the body's data, what was decoded.
    decoded: u64,
}

impl Arriving {
    /// The body framed by `framing`; `buffer[..end]` has been received already.
    /// An empty buffer does for an empty body.
    pub(crate) fn new(framing: BodyFraming, buffer: Vec<u8>, end: usize) -> Self {
        Self {
            decoder: BodyDecoder::new(framing),
            buffer,
            start: 0,
            end,
            lent: 0,
            decoded: 0,
        }
    }

    /// The buffer, and where in it bytes lie that belong to the next request.
    pub(crate) fn into_rest(self) -> (Vec<u8>, Range<usize>) {
        (self.buffer, self.start..self.end)
    }
}

impl<'a> Input<'a> {
    /// Reads `body` from `wire`.
    pub(crate) fn new(wire: &'a Wire, limits: &'a Limits, body: &'a mut Arriving) -> Self {
        Self { wire, limits, body }
    }

    /// The trailer lines that came behind a chunked body. None before the body
    /// has been read to its end. RFC 9112 section 7.1.2.
    ///
    /// See the example of [`Input`].
    pub fn trailers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let trailers = self.body.decoder.trailers().filter(|_| self.is_done());
        trailers.into_iter().flat_map(Trailers::iter)
    }

    /// Whether the body has been read to its end.
    pub(crate) fn is_done(&self) -> bool {
        self.body.lent == 0 && self.body.decoder.is_done()
    }

    /// Drops what has come and was not read; whether that was the rest of it.
    pub(crate) fn drop_received(&mut self) -> bool {
        self.body.start += self.body.lent;
        self.body.lent = 0;
        self.body.decoder.is_done()
    }

    /// Reads on and drops what it reads; true when that came to the end before
    /// `most` bytes, framing included, had gone by.
    pub(crate) fn discard(&mut self, most: usize) -> io::Result<bool> {
        let mut gone = 0;
        loop {
            gone += self.body.lent;
            self.body.start += self.body.lent;
            self.body.lent = 0;
            if self.body.decoder.is_done() {
                return Ok(true);
            }
            if gone > most {
                return Ok(false);
            }
            let before = self.body.start;
            let decoded = self.decode()?;
            gone += self.body.start - before;
            if !decoded {
                self.receive()?;
            }
        }
    }

    /// Reads the whole body into memory; false when it is larger than `most`, and
    /// then part of it is gone. It is said to have `announced` bytes, if any.
    pub(crate) fn gather(&mut self, announced: u64, most: usize) -> io::Result<bool> {
        let begun = self.fill_buf()?.len();
        if begun > most {
            return Ok(false);
        }
        if self.body.decoder.is_done() {
            // All of it lies in the buffer already.
            return Ok(true);
        }
        let announced = usize::try_from(announced).unwrap_or(usize::MAX);
        let mut whole = Vec::with_capacity(announced.min(RESERVED));
        loop {
            let data = self.fill_buf()?;
            if data.is_empty() {
                break;
            }
            if data.len() > most - whole.len() {
                return Ok(false);
            }
            whole.extend_from_slice(data);
            let n = data.len();
            self.consume(n);
        }
        // Behind it, as before: what belongs to the next request.
        self.body.lent = whole.len();
        whole.extend_from_slice(&self.body.buffer[self.body.start..self.body.end]);
        self.body.start = 0;
        self.body.end = whole.len();
        buffers::give(std::mem::replace(&mut self.body.buffer, whole));
        Ok(true)
    }

    /// Takes what the client has sent behind this body: the first bytes of
    /// another protocol. The body must be done.
    pub(super) fn take_rest(&mut self) -> Vec<u8> {
        let rest = self.body.buffer[self.body.start..self.body.end].to_vec();
        self.body.start = self.body.end;
        rest
    }

    /// The connection that it is read from.
    pub(super) fn wire(&self) -> &'a Wire {
        self.wire
    }

    /// Decodes what is there. False when more bytes are needed.
    fn decode(&mut self) -> io::Result<bool> {
        let body = &mut *self.body;
        let received = &body.buffer[body.start..body.end];
        let step = body.decoder.decode(received, self.limits)?;
        body.start += step.skip;
        body.lent = step.data;
        body.decoded += step.data as u64;
        Ok(step.data > 0 || step.done || step.skip > 0)
    }

    fn receive(&mut self) -> io::Result<()> {
        if self.body.start > 0 {
            self.body
                .buffer
                .copy_within(self.body.start..self.body.end, 0);
            self.body.end -= self.body.start;
            self.body.start = 0;
        }
        self.wire.invite_body();
        let n = self.wire.read(&mut self.body.buffer[self.body.end..])?;
        if n == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the client closed within the body of its request",
            ));
        }
        self.body.end += n;
        Ok(())
    }
}

impl BufRead for Input<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.body.lent == 0 && !self.body.decoder.is_done() {
            if !self.decode()? {
                self.receive()?;
            }
        }
        if self
            .limits
            .body
            .is_some_and(|most| self.body.decoded > most)
        {
            return Err(ProtoError::BodyTooLarge.into());
        }
        Ok(&self.body.buffer[self.body.start..self.body.start + self.body.lent])
    }

    fn consume(&mut self, amount: usize) {
        let amount = amount.min(self.body.lent);
        self.body.start += amount;
        self.body.lent -= amount;
    }
}

impl Read for Input<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let data = self.fill_buf()?;
        let n = data.len().min(buf.len());
        buf[..n].copy_from_slice(&data[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("done", &self.is_done())
            .finish_non_exhaustive()
    }
}
