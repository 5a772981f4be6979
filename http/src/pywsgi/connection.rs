//! One connection: read a head, call the application, decide what comes next.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use http::StatusCode;
use maypole_runtime::catch_panic;
use maypole_server::Stream;

use crate::app::{Application, Environ, Input, Reply, Server, StartResponse, Verdict, Wire};
use crate::proto::date::DateLine;
use crate::proto::{
    BodyFraming, Exchange, Head, HeadParser, HeaderTable, Limits, ProtoError, write_refusal,
};

use super::buffers;

/// Answers gathered for pipelined requests before they are sent.
const MAX_QUEUED: usize = 64 * 1024;

/// How much of a body that the application did not read is read and dropped to
/// keep the connection, and of what follows a refusal so that it arrives.
const MAX_DISCARD: usize = 256 * 1024;

/// How long that may take.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(1);

/// What a server's connections have in common.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) limits: Limits,
    pub(super) keep_alive_timeout: Duration,
    pub(super) head_timeout: Duration,
    pub(super) stall_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::DEFAULT,
            // Long enough for a browser's next resource, short enough that idle
            // clients do not add up.
            keep_alive_timeout: Duration::from_secs(5),
            // A head is one packet, or two; who sends it byte by byte means harm.
            head_timeout: Duration::from_secs(10),
            // A mobile link that drops out recovers within this, or does not.
            stall_timeout: Duration::from_secs(30),
        }
    }
}

impl Settings {
    pub(super) fn check(&self) -> io::Result<()> {
        let all = [
            self.keep_alive_timeout,
            self.head_timeout,
            self.stall_timeout,
        ];
        if all.iter().any(Duration::is_zero) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a time-out of zero would end every connection",
            ));
        }
        Ok(())
    }
}

/// Serves a connection until it ends.
///
/// # Errors
///
/// What the connection failed with; to be expected of clients.
pub(super) fn serve(
    stream: Stream,
    peer: SocketAddr,
    application: &Application,
    settings: &Settings,
    server: &Server,
) -> io::Result<()> {
    stream.set_write_timeout(Some(settings.stall_timeout))?;
    let wire = Wire::new(stream);
    let mut connection = Connection {
        wire: &wire,
        settings,
        caller: Caller {
            wire: &wire,
            peer,
            application,
            server,
        },
        input: Received::default(),
        parser: HeadParser::default(),
        head_deadline: None,
        reply: None,
    };
    // A new connection's first bytes are the first of a head.
    connection.set_read_timeout(settings.head_timeout)?;
    let ended = connection.run();
    buffers::give(connection.input.into_buffer());
    let outcome = match ended? {
        End::Close => Ok(()),
        End::Linger => linger(&wire),
    };
    buffers::give_output(wire.take_out());
    outcome
}

/// How a connection is closed.
enum End {
    /// At once: the client has sent nothing that is not read.
    Close,
    /// After reading on for a while: closing with unread input makes the kernel
    /// reset the connection, and the client may lose the last answer. RFC 9112
    /// section 9.6.
    Linger,
}

/// Why there is no further request to answer.
enum Fault {
    /// The request breaks the rules.
    Request(ProtoError),
    /// The connection failed.
    Io(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

struct Connection<'a> {
    wire: &'a Wire,
    settings: &'a Settings,
    caller: Caller<'a>,
    input: Received,
    parser: HeadParser,
    // Set while a head is on its way.
    head_deadline: Option<Instant>,
    // Made at the first request and used for all.
    reply: Option<Reply>,
}

impl Connection<'_> {
    fn run(&mut self) -> io::Result<End> {
        loop {
            if self.input.is_empty() && !self.wait_for_request()? {
                return Ok(End::Close);
            }
            match self.answer_all() {
                Ok(None) => {}
                Ok(Some(end)) => {
                    self.wire.flush()?;
                    return Ok(end);
                }
                Err(Fault::Request(error)) => return self.refuse(error.status()),
                Err(Fault::Io(error)) => return Err(error),
            }
            if !self.input.is_empty() {
                match self.receive_more_of_head() {
                    Ok(0) => return Ok(End::Close),
                    Ok(_) => {}
                    Err(error) if error.kind() != io::ErrorKind::TimedOut => return Err(error),
                    Err(_) if self.input.is_blank() => return Ok(End::Close),
                    Err(_) => return self.refuse(StatusCode::REQUEST_TIMEOUT),
                }
            }
        }
    }

    /// Answers all requests that are complete in the input. `None`: go on.
    fn answer_all(&mut self) -> Result<Option<End>, Fault> {
        // One clock reading for a batch.
        let date = DateLine::now();
        while !self.input.is_empty() {
            // Out of `self` while the request borrows from it.
            let mut input = std::mem::take(&mut self.input);
            let answered = self.answer_one(&mut input, &date);
            self.input = input;
            match answered? {
                None => break,
                Some(Verdict::KeepAlive) => {}
                Some(Verdict::Close) if self.input.is_empty() => return Ok(Some(End::Close)),
                Some(Verdict::Close | Verdict::CloseUnread) => return Ok(Some(End::Linger)),
                // What is queued of the answer still goes out, its end does not.
                Some(Verdict::Cut) => return Ok(Some(End::Close)),
            }
            if self.wire.queued() >= MAX_QUEUED {
                self.wire.flush()?;
            }
        }
        Ok(None)
    }

    /// Answers the first request in `input`; `None` if its head is incomplete.
    fn answer_one(
        &mut self,
        input: &mut Received,
        date: &DateLine,
    ) -> Result<Option<Verdict>, Fault> {
        let limits = &self.settings.limits;
        let mut table = HeaderTable::new(limits);
        let parsed = self.parser.parse(input.bytes(), limits, &mut table);
        let Some(ref head) = parsed.map_err(Fault::Request)? else {
            return Ok(None);
        };
        if self.head_deadline.take().is_some() || self.reply.is_none() {
            self.set_read_timeout(self.settings.keep_alive_timeout)?;
        }
        let exchange = Exchange::of(head);
        let reply = match &mut self.reply {
            Some(reply) => {
                reply.reset(exchange, *date);
                reply
            }
            none => none.insert(Reply::new(exchange, *date)),
        };
        if head.framing == BodyFraming::None {
            let body = Input::new(self.wire, limits, head.framing, Vec::new(), 0);
            let (verdict, _) = self.caller.call(head, body, reply);
            let len = head.len;
            input.consume(len);
            return Ok(Some(verdict));
        }

        let begun = &input.bytes()[head.len..];
        let mut buffer = buffers::take();
        if buffer.len() < begun.len() {
            buffer.resize(begun.len(), 0);
        }
        buffer[..begun.len()].copy_from_slice(begun);
        // Who has begun to send does not wait. RFC 9110 section 10.1.1.
        let waits = head.expect_continue && begun.is_empty();
        self.wire.set_owes_continue(waits);
        set_read_timeout(self.wire, self.settings.stall_timeout)?;
        let body = Input::new(self.wire, limits, head.framing, buffer, begun.len());
        let (mut verdict, mut body) = self.caller.call(head, body, reply);
        if !body.is_done() && verdict != Verdict::Cut {
            let kept = verdict == Verdict::KeepAlive && discard(self.wire, &mut body)?;
            if !kept {
                verdict = Verdict::CloseUnread;
            }
        }
        // What the client sent behind this body is what comes next.
        let (buffer, rest) = body.into_rest();
        buffers::give(input.replace(buffer, rest));
        self.set_read_timeout(self.settings.keep_alive_timeout)?;
        Ok(Some(verdict))
    }

    /// Waits until a request begins, without a buffer. False when the client
    /// has closed, or says nothing for too long.
    fn wait_for_request(&mut self) -> io::Result<bool> {
        self.wire.flush()?;
        buffers::give(std::mem::take(&mut self.input).into_buffer());
        buffers::give_output(self.wire.take_out());
        if let Some(reply) = &mut self.reply {
            reply.shrink();
        }
        let waited = self.wire.with_stream(|stream| stream.wait_read());
        self.wire.put_out(buffers::take_output());
        match waited.and_then(|()| self.input.receive(self.wire)) {
            Ok(n) => Ok(n > 0),
            Err(error) if is_end_of_idle(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads on while a head has begun and is not complete.
    fn receive_more_of_head(&mut self) -> io::Result<usize> {
        let now = Instant::now();
        let limit = self.settings.head_timeout;
        let left = match (self.head_deadline, now.checked_add(limit)) {
            (Some(deadline), _) => deadline.saturating_duration_since(now),
            (None, Some(deadline)) => {
                self.head_deadline = Some(deadline);
                limit
            }
            (None, None) => limit,
        };
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.set_read_timeout(left)?;
        self.input.receive(self.wire)
    }

    fn refuse(&self, status: StatusCode) -> io::Result<End> {
        self.wire
            .with_out(|out| write_refusal(out, status, false, &DateLine::now()));
        self.wire.flush()?;
        Ok(End::Linger)
    }

    fn set_read_timeout(&self, limit: Duration) -> io::Result<()> {
        set_read_timeout(self.wire, limit)
    }
}

/// What an application is called with.
struct Caller<'a> {
    wire: &'a Wire,
    peer: SocketAddr,
    application: &'a Application,
    server: &'a Server,
}

impl Caller<'_> {
    /// Calls the application and completes its answer.
    fn call<'r>(
        &'r self,
        head: &'r Head<'r>,
        body: Input<'r>,
        reply: &mut Reply,
    ) -> (Verdict, Input<'r>) {
        let mut environ = Environ::new(head, self.server, self.peer, body);
        let outcome =
            catch_panic(|| (self.application)(&mut environ, StartResponse::new(self.wire, reply)));
        let finished = match outcome {
            Ok(Ok(())) => reply.finish(self.wire),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::Error::other("the application panicked")),
        };
        let verdict = finished.unwrap_or_else(|error| {
            self.report(head, &error);
            reply.fail(self.wire, self.status_of(&error))
        });
        (verdict, environ.into_input())
    }

    /// The answer to an error of the application, which may pass on what the
    /// client has got wrong.
    fn status_of(&self, error: &io::Error) -> StatusCode {
        if let Some(fault) = ProtoError::of(error) {
            return fault.status();
        }
        if !self.wire.has_ended() {
            return StatusCode::INTERNAL_SERVER_ERROR;
        }
        match error.kind() {
            io::ErrorKind::TimedOut => StatusCode::REQUEST_TIMEOUT,
            // RFC 9112 section 8: a request that is not complete.
            io::ErrorKind::UnexpectedEof => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Once for each failure; what a client does is no news.
    fn report(&self, head: &Head<'_>, error: &io::Error) {
        // The same kinds of errors come from what an application has to do
        // with others, and those are news.
        let of_client = self.wire.has_ended() && is_of_client(error);
        let level = if of_client || ProtoError::of(error).is_some() {
            log::Level::Debug
        } else {
            log::Level::Error
        };
        log::log!(
            level,
            "{}: \"{} {}\" from {}: {error}",
            self.server.local_addr,
            head.method,
            head.target.raw,
            self.peer,
        );
    }
}

/// Received bytes that no request has used up yet.
#[derive(Default)]
struct Received {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Received {
    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether there is nothing but line ends: no request has begun.
    fn is_blank(&self) -> bool {
        self.bytes()
            .iter()
            .all(|byte| matches!(byte, b'\r' | b'\n'))
    }

    fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    fn consume(&mut self, n: usize) {
        self.start += n;
    }

    /// Puts another buffer in place and returns the old one.
    fn replace(&mut self, buffer: Vec<u8>, rest: std::ops::Range<usize>) -> Vec<u8> {
        self.start = rest.start;
        self.end = rest.end;
        std::mem::replace(&mut self.buffer, buffer)
    }

    fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    /// Reads more, waiting for it; makes room as needed. The parser's limits
    /// bound how much there can be.
    fn receive(&mut self, wire: &Wire) -> io::Result<usize> {
        if self.buffer.is_empty() {
            self.buffer = buffers::take();
        }
        if self.is_empty() {
            self.start = 0;
            self.end = 0;
        } else if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if self.end == self.buffer.len() {
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
        }
        let n = wire.read(&mut self.buffer[self.end..])?;
        self.end += n;
        Ok(n)
    }
}

/// Reads and drops the rest of a body to keep the connection, within bounds.
fn discard(wire: &Wire, body: &mut Input<'_>) -> io::Result<bool> {
    // Not invited now: the client would take it for its next answer.
    wire.set_owes_continue(false);
    set_read_timeout(wire, DISCARD_TIMEOUT)?;
    // Whatever goes wrong here: the answer is complete, and the last.
    let within = maypole_runtime::with_timeout(DISCARD_TIMEOUT, || body.discard(MAX_DISCARD));
    Ok(matches!(within, Ok(Ok(true))))
}

/// Tells the client that nothing more comes, and reads on for a while.
fn linger(wire: &Wire) -> io::Result<()> {
    let mut buffer = buffers::take();
    // An error, or no time left, is as good an end as any.
    let _ = maypole_runtime::with_timeout(DISCARD_TIMEOUT, || {
        wire.with_stream(|stream| stream.shutdown(Shutdown::Write))?;
        let mut left = MAX_DISCARD;
        while left > 0 {
            let n = wire.read(&mut buffer)?;
            if n == 0 {
                break;
            }
            left = left.saturating_sub(n);
        }
        Ok::<(), io::Error>(())
    });
    buffers::give(buffer);
    Ok(())
}

fn set_read_timeout(wire: &Wire, limit: Duration) -> io::Result<()> {
    wire.with_stream(|stream| stream.set_read_timeout(Some(limit)))
}

/// Errors that mean no more than that a client between two requests is gone.
fn is_end_of_idle(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof
    )
}

/// Errors that a client causes.
fn is_of_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::TimedOut
            | io::ErrorKind::UnexpectedEof
    )
}
