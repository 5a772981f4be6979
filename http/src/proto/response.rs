//! The response head, RFC 9112 sections 4 to 6: header lines collected, checked, and framed.

use std::sync::Arc;

use http::{Method, StatusCode, Version};

use super::body::BodyEncoder;
use super::connection::Options;
use super::date::DateLine;
use super::error::ResponseError;
use super::grammar;
use super::head::Head;
use super::lines::Lines;

/// The interim answer to a client that waits before it sends its body, RFC 9110 section 15.2.1.
pub(crate) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What a response depends on in its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    /// HTTP/1.0 clients get no chunks.
    pub(crate) version: Version,
    /// The request was HEAD.
    pub(crate) head: bool,
    /// The request was CONNECT.
    pub(crate) connect: bool,
    /// The client asked for another protocol.
    pub(crate) upgrade: bool,
    /// The client lets the connection live on. A server that drains sets this to `false`.
    pub(crate) keep_alive: bool,
}

impl Exchange {
    /// Takes down what matters of a request.
    pub(crate) fn of(head: &Head<'_>) -> Self {
        Self {
            version: head.version,
            head: head.method == Method::HEAD,
            connect: head.method == Method::CONNECT,
            upgrade: head.upgrade,
            keep_alive: head.keep_alive,
        }
    }
}

/// What is known about the length of a body when its head is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Content {
    /// All of it is there: so many bytes.
    Complete(u64),
    /// It will be written piece by piece.
    Stream,
}

/// A response whose head is out.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Started {
    /// Frames the rest.
    pub(crate) body: BodyEncoder,
    /// Whether the connection may carry another request, once body and request body are through.
    pub(crate) keep_alive: bool,
}

/// Collects the header lines of a response. One serves all responses of a connection: after the
/// first few it allocates nothing.
///
/// Some fields are the server's, whatever the application says:
///
/// - `Content-Length` is checked and becomes the length that the body is held to. Given twice it
///   must be the same. It is not sent where RFC 9110 section 8.6 forbids it.
/// - `Transfer-Encoding` is an error.
/// - `Connection`: `close` closes, `upgrade` is implied by an `Upgrade` line, the rest is dropped.
/// - `Keep-Alive`, `Proxy-Connection` and `TE` are dropped: they speak about a connection that the
///   application does not know, and proxy-like applications pass them on unawares.
/// - `Date` and `Server`: the first one replaces the server's, others are dropped.
///
/// All others are sent as given, with white space cut off around values.
#[derive(Debug, Default)]
pub(crate) struct ResponseHead {
    lines: Lines,
    content_length: Option<u64>,
    close: bool,
    date: bool,
    server: bool,
    upgrade: bool,
    /// The first fault; reported when the head would be sent.
    fault: Option<ResponseError>,
    /// The server's own `Server` line.
    server_line: Option<ServerLine>,
}

/// A whole `Server` line with its line end, RFC 9110 section 10.2.4. Made once, shared by all.
#[derive(Clone, Debug)]
pub(crate) struct ServerLine(Arc<[u8]>);

impl ServerLine {
    /// # Errors
    ///
    /// [`ResponseError::HeaderValue`] for what cannot be sent.
    pub(crate) fn new(value: &str) -> Result<Self, ResponseError> {
        let value = grammar::trim(value.as_bytes());
        if value.is_empty() || !grammar::is_value(value) {
            return Err(ResponseError::HeaderValue);
        }
        Ok(Self([b"Server: ", value, b"\r\n"].concat().into()))
    }
}

impl ResponseHead {
    /// A head without header lines, for a server that sends this one about itself.
    pub(crate) fn new(server_line: Option<ServerLine>) -> Self {
        Self {
            server_line,
            ..Self::default()
        }
    }

    /// Forgets everything but the server's line and the memory it holds.
    pub(crate) fn clear(&mut self) {
        // A line that is repeated is not looked at, and these have to be.
        if self.date || self.server || self.upgrade {
            self.lines.forget();
        } else {
            self.lines.rewind();
        }
        self.content_length = None;
        self.close = false;
        self.date = false;
        self.server = false;
        self.upgrade = false;
        self.fault = None;
    }

    /// Gives back memory that most responses do not need, with the lines in it: the next response
    /// begins with [`clear`](Self::clear) all the same.
    pub(crate) fn shrink(&mut self) {
        self.lines.shrink();
    }

    /// Adds a header line. A fault is remembered and reported by [`start`](Self::start) or
    /// [`send`](Self::send).
    #[inline]
    pub(crate) fn header(&mut self, name: &str, value: &[u8]) {
        if self.lines.repeat(name.as_bytes(), value) {
            return;
        }
        if let Err(fault) = self.try_header(name, value) {
            self.fault.get_or_insert(fault);
        }
    }

    /// Returns the value of the first line with this name, in any case, of those that are sent as
    /// given.
    pub(crate) fn value(&self, name: &str) -> Option<&[u8]> {
        let mut lines = self.lines.as_bytes().split(|&byte| byte == b'\n');
        lines.find_map(|line| {
            let (own, rest) = line.split_at_checked(name.len())?;
            let value = rest.strip_prefix(b": ")?.strip_suffix(b"\r")?;
            own.eq_ignore_ascii_case(name.as_bytes()).then_some(value)
        })
    }

    /// Appends a head to `out`, which may hold earlier responses.
    ///
    /// Date comes from the caller, so that a batch of responses reads the clock once.
    ///
    /// # Errors
    ///
    /// A fault of a header line or of the status. Then nothing was appended, and the header lines
    /// are still there: [`clear`](Self::clear) them before answering 500.
    pub(crate) fn start(
        &self,
        out: &mut Vec<u8>,
        status: StatusCode,
        content: Content,
        exchange: &Exchange,
        date: &DateLine,
    ) -> Result<Started, ResponseError> {
        let plan = self.plan(status, content, exchange)?;
        out.reserve(self.lines.as_bytes().len() + HEAD_ROOM);
        write_status_line(out, status);
        out.extend_from_slice(self.lines.as_bytes());
        if !plan.connection.is_empty() {
            out.extend_from_slice(plan.connection);
        }
        if !self.date {
            out.extend_from_slice(date.as_bytes());
        }
        if let Some(ServerLine(line)) = &self.server_line
            && !self.server
        {
            out.extend_from_slice(line);
        }
        match plan.length {
            LengthLine::None => out.extend_from_slice(b"\r\n"),
            LengthLine::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n"),
            LengthLine::Length(length) => {
                out.extend_from_slice(b"Content-Length: ");
                out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
                out.extend_from_slice(b"\r\n\r\n");
            }
        }
        Ok(plan.started)
    }

    /// Appends a complete response to `out`. Returns whether the connection may live on.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), and [`ResponseError::LengthMismatch`].
    pub(crate) fn send(
        &self,
        out: &mut Vec<u8>,
        status: StatusCode,
        body: &[u8],
        exchange: &Exchange,
        date: &DateLine,
    ) -> Result<bool, ResponseError> {
        out.reserve(self.lines.as_bytes().len() + HEAD_ROOM + body.len());
        let content = Content::Complete(body.len() as u64);
        let started = self.start(out, status, content, exchange, date)?;
        match started.body {
            // It is the length of this body.
            BodyEncoder::Length(length) if length == body.len() as u64 => {
                out.extend_from_slice(body);
            }
            mut encoder => {
                encoder.write(body, out)?;
                encoder.finish(out)?;
            }
        }
        Ok(started.keep_alive)
    }

    /// Appends an interim answer, RFC 9110 section 15.2, with the header lines of this head: 103,
    /// say. Not 100, which is sent when the body is read, nor 101, which is a final answer.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start); then nothing was appended.
    pub(crate) fn interim(
        &self,
        out: &mut Vec<u8>,
        status: StatusCode,
    ) -> Result<(), ResponseError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let own = [StatusCode::CONTINUE, StatusCode::SWITCHING_PROTOCOLS];
        if !status.is_informational() || own.contains(&status) {
            return Err(ResponseError::Status);
        }
        write_status_line(out, status);
        out.extend_from_slice(self.lines.as_bytes());
        out.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// Whether a length was declared.
    pub(crate) fn has_length(&self) -> bool {
        self.content_length.is_some()
    }

    fn try_header(&mut self, name: &str, value: &[u8]) -> Result<(), ResponseError> {
        let value = check_line(name, value)?;
        if !self.is_for_server(name, value)? {
            self.lines.push(name, value);
        }
        Ok(())
    }

    /// Takes note of the fields that concern the server; returns whether to drop the line.
    fn is_for_server(&mut self, name: &str, value: &[u8]) -> Result<bool, ResponseError> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        Ok(match name.len() {
            2 => is("te"),
            4 if is("date") => std::mem::replace(&mut self.date, true),
            6 if is("server") => std::mem::replace(&mut self.server, true),
            7 if is("upgrade") => {
                self.upgrade = true;
                false
            }
            10 if is("connection") => {
                let mut options = Options::default();
                options.add(value);
                self.close |= options.close;
                true
            }
            10 => is("keep-alive"),
            14 if is("content-length") => {
                let length = grammar::decimal(value).ok_or(ResponseError::ContentLength)?;
                match self.content_length.replace(length) {
                    Some(before) if before != length => return Err(ResponseError::ContentLength),
                    _ => true,
                }
            }
            16 => is("proxy-connection"),
            17 if is("transfer-encoding") => return Err(ResponseError::TransferEncoding),
            _ => false,
        })
    }

    /// Decides framing and persistence: RFC 9112 sections 6 and 9.3, RFC 9110 section 8.6.
    fn plan(
        &self,
        status: StatusCode,
        content: Content,
        exchange: &Exchange,
    ) -> Result<Plan, ResponseError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if status.is_informational() || (exchange.connect && status.is_success()) {
            return self.plan_tunnel(status, exchange);
        }
        let declared = self.content_length;
        let (body, length) = match (status, content) {
            (StatusCode::NO_CONTENT, _) => (BodyEncoder::None, LengthLine::None),
            (StatusCode::RESET_CONTENT, _) => (BodyEncoder::None, LengthLine::Length(0)),
            (StatusCode::NOT_MODIFIED, _) => (BodyEncoder::None, LengthLine::maybe(declared)),
            (_, Content::Stream) if exchange.head => {
                (BodyEncoder::None, LengthLine::maybe(declared))
            }
            (_, Content::Complete(length)) if exchange.head => {
                let length = declared.unwrap_or(length);
                (BodyEncoder::None, LengthLine::Length(length))
            }
            (_, Content::Complete(length)) => {
                if declared.is_some_and(|declared| declared != length) {
                    return Err(ResponseError::LengthMismatch);
                }
                (BodyEncoder::Length(length), LengthLine::Length(length))
            }
            (_, Content::Stream) => match declared {
                Some(length) => (BodyEncoder::Length(length), LengthLine::Length(length)),
                None if exchange.version == Version::HTTP_11 => {
                    (BodyEncoder::Chunked, LengthLine::Chunked)
                }
                None => (BodyEncoder::CloseDelimited, LengthLine::None),
            },
        };
        let keep_alive = exchange.keep_alive && !self.close && body != BodyEncoder::CloseDelimited;
        let connection: &[u8] = match (keep_alive, exchange.version, self.upgrade) {
            (false, _, false) => b"Connection: close\r\n",
            (false, _, true) => b"Connection: close, upgrade\r\n",
            (true, Version::HTTP_10, false) => b"Connection: keep-alive\r\n",
            (true, Version::HTTP_10, true) => b"Connection: keep-alive, upgrade\r\n",
            (true, _, true) => b"Connection: upgrade\r\n",
            (true, _, false) => b"",
        };
        Ok(Plan {
            connection,
            length,
            started: Started { body, keep_alive },
        })
    }

    /// The end of HTTP on this connection: 101, RFC 9110 section 15.2.2, and success of CONNECT,
    /// section 9.3.6. The other interim statuses are no answers.
    fn plan_tunnel(&self, status: StatusCode, exchange: &Exchange) -> Result<Plan, ResponseError> {
        let switching = status == StatusCode::SWITCHING_PROTOCOLS;
        if status.is_informational() && !(switching && exchange.upgrade && self.upgrade) {
            return Err(ResponseError::Status);
        }
        Ok(Plan {
            connection: if switching {
                b"Connection: upgrade\r\n"
            } else {
                b""
            },
            length: LengthLine::None,
            started: Started {
                body: BodyEncoder::CloseDelimited,
                keep_alive: false,
            },
        })
    }
}

/// Checks the parts of a header or trailer line; returns the value without white space around it.
pub(super) fn check_line<'v>(name: &str, value: &'v [u8]) -> Result<&'v [u8], ResponseError> {
    if !grammar::is_token(name.as_bytes()) {
        return Err(ResponseError::HeaderName);
    }
    if !grammar::is_value(value) {
        return Err(ResponseError::HeaderValue);
    }
    Ok(grammar::trim(value))
}

/// Appends a header or trailer line.
pub(super) fn write_line(lines: &mut Vec<u8>, name: &str, value: &[u8]) {
    lines.reserve(name.len() + value.len() + 4);
    lines.extend_from_slice(name.as_bytes());
    lines.extend_from_slice(b": ");
    lines.extend_from_slice(value);
    lines.extend_from_slice(b"\r\n");
}

/// Appends a status line, RFC 9112 section 4. The version is always our own, RFC 9110 section 6.2.
pub(super) fn write_status_line(out: &mut Vec<u8>, status: StatusCode) {
    if status == StatusCode::OK {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        return;
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.extend_from_slice(b" ");
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Room for the status line and the server's own header lines.
const HEAD_ROOM: usize = 192;

#[derive(Debug)]
struct Plan {
    connection: &'static [u8],
    length: LengthLine,
    started: Started,
}

#[derive(Debug)]
enum LengthLine {
    None,
    Length(u64),
    Chunked,
}

impl LengthLine {
    fn maybe(length: Option<u64>) -> Self {
        length.map_or(Self::None, Self::Length)
    }
}
