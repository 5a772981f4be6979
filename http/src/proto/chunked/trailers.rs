//! Trailer fields: header lines behind a chunked body.

use crate::proto::diagnose::diagnose_field;
use crate::proto::error::ProtoError;
use crate::proto::grammar::trim;
use crate::proto::limits::Limits;

/// The trailer fields of a request body, RFC 9112 section 7.1.2.
///
/// They are checked like header lines and never mixed with them. Fields that RFC 9110 section
/// 6.5.1 forbids here (framing, routing, authentication, content format and the like) are dropped:
/// kept apart they can do no harm, but nobody should find them either.
///
/// A body without trailers costs no memory.
#[derive(Debug, Default)]
pub(crate) struct Trailers {
    /// Complete lines as `name:value\n`, then the bytes of the current line.
    bytes: Vec<u8>,
    /// Where the current line begins.
    line: usize,
    /// Complete lines, dropped ones included.
    lines: usize,
    /// Bytes of all lines, dropped ones included.
    total: usize,
}

impl Trailers {
    /// Iterates over names and values in the order they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.bytes[..self.line]
            .split(|&byte| byte == b'\n')
            .filter_map(|line| {
                let colon = memchr::memchr(b':', line)?;
                Some((str::from_utf8(&line[..colon]).ok()?, &line[colon + 1..]))
            })
    }

    /// Adds a byte to the current line.
    pub(super) fn push(&mut self, byte: u8, limits: &Limits) -> Result<(), ProtoError> {
        if self.bytes.len() - self.line >= limits.trailer_line {
            return Err(ProtoError::TrailerLineTooLong);
        }
        if self.total >= limits.head || self.lines >= limits.trailer_lines {
            return Err(ProtoError::TooManyTrailers);
        }
        self.total += 1;
        self.bytes.push(byte);
        Ok(())
    }

    /// Ends the current line. Returns `true` if it was the empty one that ends the body.
    pub(super) fn end_line(&mut self) -> Result<bool, ProtoError> {
        let line = &self.bytes[self.line..];
        if line.is_empty() {
            return Ok(true);
        }
        if let Some(error) = diagnose_field(line) {
            return Err(error);
        }
        self.lines += 1;
        let colon = memchr::memchr(b':', line).ok_or(ProtoError::MissingColon)?;
        if is_forbidden(&line[..colon]) {
            self.bytes.truncate(self.line);
            return Ok(false);
        }
        // Move the trimmed value up to the colon.
        let value = trim(&line[colon + 1..]);
        let length = value.len();
        let from = value.as_ptr().addr() - self.bytes.as_ptr().addr();
        let to = self.line + colon + 1;
        self.bytes.copy_within(from..from + length, to);
        self.bytes.truncate(to + length);
        self.bytes.push(b'\n');
        self.line = self.bytes.len();
        Ok(false)
    }
}

/// Says whether RFC 9110 section 6.5.1 keeps a field out of trailers, of requests and of responses.
pub(crate) fn is_forbidden(name: &[u8]) -> bool {
    FORBIDDEN
        .iter()
        .any(|forbidden| name.eq_ignore_ascii_case(forbidden.as_bytes()))
}

/// What changes framing, routing, the meaning of the request, authentication or the format of the
/// content.
const FORBIDDEN: &[&str] = &[
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "max-forwards",
    "pragma",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];
