//! The request head, RFC 9112 sections 2 to 6: parsed by httparse, then checked.
//!
//! httparse finds the words and refuses most of what is not allowed, in one fast pass and without
//! allocating. It is lenient where this module is not: it takes a bare LF as the end of a line,
//! any number of empty lines before the request, and says nothing about targets, hosts, lengths
//! and limits.

use std::mem::MaybeUninit;

use http::{Method, Version};

use super::connection::Options;
use super::diagnose::diagnose;
use super::error::ProtoError;
use super::framing::{BodyFraming, FramingFields};
use super::limits::{EMPTY_LINES, HEADER_LINES, Limits};
use super::scan::Scan;
use super::target::{self, Target};

/// One header line: `name` is a token, `value` is trimmed and free of control characters but HTAB.
pub(crate) type HeaderLine<'a> = httparse::Header<'a>;

/// A request head, borrowed from the input buffer.
#[derive(Debug)]
pub(crate) struct Head<'a> {
    /// Any token is a method, case matters. A name beyond 15 bytes costs an allocation.
    pub(crate) method: Method,
    /// What is asked for.
    pub(crate) target: Target<'a>,
    /// HTTP/1.0 or HTTP/1.1.
    pub(crate) version: Version,
    /// All header lines in the order they came.
    pub(crate) headers: &'a [HeaderLine<'a>],
    /// The number of bytes the head takes up, leading empty lines included.
    pub(crate) len: usize,
    /// How the body ends.
    pub(crate) framing: BodyFraming,
    /// Whether the client lets the connection live on after the answer.
    pub(crate) keep_alive: bool,
    /// Whether the client waits for [`CONTINUE`](super::CONTINUE) before it sends its body. Never
    /// without a body, never in HTTP/1.0. RFC 9110 section 10.1.1.
    pub(crate) expect_continue: bool,
    /// Whether the client would switch protocols: `Connection: upgrade` with an `Upgrade` line, not
    /// in HTTP/1.0. RFC 9110 section 7.8.
    pub(crate) upgrade: bool,
    /// The value of the `Host` line, checked.
    host: Option<&'a [u8]>,
}

impl<'a> Head<'a> {
    /// Returns host and port of the request: of the target, else of the `Host` line. RFC 9112
    /// section 3.2.2. `None` only in HTTP/1.0; may be empty.
    pub(crate) fn host(&self) -> Option<&'a str> {
        let of_line = || str::from_utf8(self.host?).ok();
        self.target.authority().or_else(of_line)
    }

    /// Returns the value of the first header line with this name, in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&'a [u8]> {
        let line = self
            .headers
            .iter()
            .find(|line| line.name.eq_ignore_ascii_case(name))?;
        Some(line.value)
    }
}

/// Room for the header lines of one head. Not on the stack: a greenlet's is small, and what was
/// touched once stays in memory while a connection idles.
#[derive(Debug, Default)]
pub(crate) struct HeaderTable<'b> {
    // Empty: only the room is used.
    lines: Vec<HeaderLine<'b>>,
}

impl<'b> HeaderTable<'b> {
    /// Makes room for as many lines as the limits allow.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            lines: Vec::with_capacity(limits.header_lines),
        }
    }

    /// Whether it has room for as many lines as the limits allow.
    pub(crate) fn fits(&self, limits: &Limits) -> bool {
        self.lines.capacity() >= limits.header_lines
    }

    /// Whether it is as large as the default limits want.
    pub(crate) fn is_usual(&self) -> bool {
        self.lines.capacity() == HEADER_LINES
    }

    /// The same room for lines of another input. Allocates nothing.
    #[inline]
    pub(crate) fn reuse<'c>(mut self) -> HeaderTable<'c> {
        self.lines.clear();
        // The library collects in place: no line is left that would be copied.
        let none = |_| HeaderLine {
            name: "",
            value: b"",
        };
        HeaderTable {
            lines: self.lines.into_iter().map(none).collect(),
        }
    }

    fn lines(&mut self, limits: &Limits) -> &mut [MaybeUninit<HeaderLine<'b>>] {
        let room = self.lines.spare_capacity_mut();
        let most = room.len().min(limits.header_lines);
        &mut room[..most]
    }
}

/// Parses one head, which may arrive in pieces.
///
/// A head that is complete at the first look is read in one pass. One that is not is searched for
/// its end from where the last search stopped, and parsed a second time when it is there: work is
/// linear in the size of the head however small the pieces are.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeadParser {
    scan: Scan,
    host: KnownHost,
}

/// The last `Host` value that was right. A client sends the same with each request, and comparing
/// is cheaper than checking.
#[derive(Clone, Debug, Default)]
struct KnownHost {
    bytes: [u8; KNOWN_HOST],
    len: usize,
}

/// Longer values are checked each time; nearly all names with a port fit.
const KNOWN_HOST: usize = 32;

impl KnownHost {
    fn check(&mut self, value: &[u8]) -> Result<(), ProtoError> {
        // Nothing known compares as the empty value, which is right too.
        if self.bytes.get(..self.len) == Some(value) {
            return Ok(());
        }
        target::check_host(value)?;
        if let Some(bytes) = self.bytes.get_mut(..value.len()) {
            bytes.copy_from_slice(value);
            self.len = value.len();
        }
        Ok(())
    }
}

impl HeadParser {
    /// Looks for a head at the start of `buf`. Returns `None` if more bytes are needed; then call
    /// again with the same bytes and more behind them.
    ///
    /// After a head the parser is ready for the next one, which begins at [`Head::len`] or behind
    /// the body. After an error the connection is of no further use.
    ///
    /// # Errors
    ///
    /// Every refusal of [`ProtoError`] that concerns heads. Limits are enforced on incomplete
    /// heads too.
    #[inline(never)] // not on the stack of the application
    pub(crate) fn parse<'h, 'b>(
        &mut self,
        buf: &'b [u8],
        limits: &Limits,
        table: &'h mut HeaderTable<'b>,
    ) -> Result<Option<Head<'h>>, ProtoError> {
        if self.scan.is_started() && !self.scan.find_end(buf, limits)? {
            return Ok(None);
        }
        let start = match buf.first() {
            None => return Ok(None),
            Some(b'\r' | b'\n') => match skip_empty_lines(buf)? {
                Some(start) => start,
                None => return self.wait_for_end(buf, limits),
            },
            Some(_) => 0,
        };
        let mut request = httparse::Request::new(&mut []);
        let len = match request.parse_with_uninit_headers(&buf[start..], table.lines(limits)) {
            Ok(httparse::Status::Complete(len)) => start + len,
            Ok(httparse::Status::Partial) => return self.wait_for_end(buf, limits),
            Err(httparse::Error::TooManyHeaders) => return Err(ProtoError::TooManyHeaders),
            Err(_) => match diagnose(&buf[start..]) {
                Some(error) => return Err(error),
                None => return self.wait_for_end(buf, limits),
            },
        };
        self.scan = Scan::default();
        let (Some(method), Some(raw), Some(minor)) =
            (request.method, request.path, request.version)
        else {
            return Err(ProtoError::RequestLine);
        };
        let headers: &'h [HeaderLine<'h>] = request.headers;
        check_lines(&buf[..len], start, headers, limits)?;

        let method = match method {
            "GET" => Method::GET, // most are
            other => Method::from_bytes(other.as_bytes()).map_err(|_| ProtoError::RequestLine)?,
        };
        let target = Target::parse(raw, &method)?;
        let version = if minor == 0 {
            Version::HTTP_10
        } else {
            Version::HTTP_11
        };
        let mut fields = Fields::default();
        fields.collect(headers)?;
        match fields.host {
            Some(value) => self.host.check(value)?,
            None if version == Version::HTTP_11 => return Err(ProtoError::MissingHost),
            None => {}
        }
        let framing = fields.framing.decide(version, headers)?;
        if let (BodyFraming::Length(length), Some(most)) = (framing, limits.body)
            && length > most
        {
            return Err(ProtoError::BodyTooLarge);
        }
        let expect_continue = version == Version::HTTP_11
            && fields.expect
            && expects_continue(headers)?
            && !matches!(framing, BodyFraming::None | BodyFraming::Length(0));

        // Not looked at again here: handing it on would copy it.
        Ok(Some(Head {
            method,
            target,
            version,
            headers,
            len,
            framing,
            keep_alive: fields.connection.keep_alive(version),
            expect_continue,
            upgrade: version == Version::HTTP_11 && fields.upgrade && fields.connection.upgrade,
            host: fields.host,
        }))
    }

    /// All bytes were parsed and more are needed; checks that.
    #[cold]
    fn wait_for_end<'h>(
        &mut self,
        buf: &[u8],
        limits: &Limits,
    ) -> Result<Option<Head<'h>>, ProtoError> {
        if self.scan.find_end(buf, limits)? {
            // Cannot be: the parser wants more although the end is there. Never wait for it.
            return Err(ProtoError::RequestLine);
        }
        Ok(None)
    }
}

/// Returns where the request line begins; RFC 9112 section 2.2.
#[cold]
fn skip_empty_lines(buf: &[u8]) -> Result<Option<usize>, ProtoError> {
    let mut start = 0;
    loop {
        match buf[start..] {
            [] | [b'\r'] => return Ok(None),
            [b'\r', b'\n', ..] if start == 2 * EMPTY_LINES => return Err(ProtoError::EmptyLines),
            [b'\r', b'\n', ..] => start += 2,
            [b'\r', ..] => return Err(ProtoError::BareCr),
            [b'\n', ..] => return Err(ProtoError::BareLf),
            _ => return Ok(Some(start)),
        }
    }
}

/// Checks the length and the end of every line of a parsed head.
///
/// After httparse, LF occurs in a head only at the ends of lines, and where lines begin is known
/// from the names. So no byte needs to be searched again.
fn check_lines(
    head: &[u8],
    start: usize,
    headers: &[HeaderLine<'_>],
    limits: &Limits,
) -> Result<(), ProtoError> {
    let base = head.as_ptr().addr();
    let mut line = start;
    let mut limit = limits.request_line;
    let mut excess = ProtoError::RequestLineTooLong;
    for header in headers {
        let next = header.name.as_ptr().addr().wrapping_sub(base);
        check_line(head, line, next, limit, excess)?;
        line = next;
        limit = limits.header_line;
        excess = ProtoError::HeaderLineTooLong;
    }
    let end = head.len().wrapping_sub(2);
    check_line(head, line, end, limit, excess)?;
    if head.get(end) != Some(&b'\r') {
        return Err(ProtoError::BareLf);
    }
    if head.len() > limits.head {
        return Err(ProtoError::HeadTooLarge);
    }
    Ok(())
}

#[inline]
fn check_line(
    head: &[u8],
    line: usize,
    next: usize,
    limit: usize,
    excess: ProtoError,
) -> Result<(), ProtoError> {
    let end = next.wrapping_sub(2);
    if head.get(end) != Some(&b'\r') {
        return Err(ProtoError::BareLf);
    }
    if end.wrapping_sub(line) > limit {
        return Err(excess);
    }
    Ok(())
}

/// What the header lines say to the server itself.
#[derive(Debug, Default)]
struct Fields<'a> {
    host: Option<&'a [u8]>,
    framing: FramingFields<'a>,
    connection: Options,
    expect: bool,
    upgrade: bool,
}

impl<'a> Fields<'a> {
    fn collect(&mut self, headers: &'a [HeaderLine<'a>]) -> Result<(), ProtoError> {
        for &HeaderLine { name, value } in headers {
            // The length alone tells most names apart, so comparing is rare.
            match name.len() {
                4 if name == "Host" || name.eq_ignore_ascii_case("host") => {
                    self.host_line(value)?
                }
                6 if name.eq_ignore_ascii_case("expect") => self.expect = true,
                7 if name.eq_ignore_ascii_case("upgrade") => self.upgrade = true,
                10 if name.eq_ignore_ascii_case("connection") => self.connection.add(value),
                14 if name.eq_ignore_ascii_case("content-length") => {
                    self.framing.content_length(value)?;
                }
                17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                    self.framing.transfer_encoding(value);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn host_line(&mut self, value: &'a [u8]) -> Result<(), ProtoError> {
        match self.host.replace(value) {
            None => Ok(()),
            Some(_) => Err(ProtoError::DuplicateHost),
        }
    }
}

/// RFC 9110 section 10.1.1.
#[cold]
fn expects_continue(headers: &[HeaderLine<'_>]) -> Result<bool, ProtoError> {
    let mut expected = false;
    for header in headers {
        if !header.name.eq_ignore_ascii_case("expect") {
            continue;
        }
        for element in super::grammar::elements(header.value) {
            if element.eq_ignore_ascii_case(b"100-continue") {
                expected = true;
            } else if !element.is_empty() {
                return Err(ProtoError::Expectation);
            }
        }
    }
    Ok(expected)
}
