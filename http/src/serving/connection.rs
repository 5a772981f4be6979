//! One connection: read a head, call the application, decide what comes next.

use std::io;
use std::time::{Duration, Instant};

use http::StatusCode;
use maypole_server::{Addr, Stream};

use crate::app::{Application, Arriving, Input, Origin, Reply, Server, Verdict, Wire};
use crate::buffers;
use crate::observe::Counted;
use crate::proto::date::DateLine;
use crate::proto::{
    BodyFraming, Exchange, Head, HeadParser, HeaderTable, ProtoError, write_refusal,
};

use super::caller::Caller;
use super::received::Received;
use super::settings::Settings;
use super::unread::{discard, linger, set_read_timeout};

/// Serves a connection until it ends.
///
/// # Errors
///
/// What the connection failed with; to be expected of clients.
pub(crate) fn serve(
    stream: Stream,
    peer: &Addr,
    application: &Application,
    settings: &Settings,
    server: &Server,
) -> io::Result<()> {
    stream.set_write_timeout(Some(settings.write_timeout))?;
    let local = server.addr_of(&stream)?;
    let direct = Origin {
        peer: peer.inet(),
        is_https: stream.is_tls(),
    };
    let wire = Wire::new(stream);
    let counted = settings.observer.connection(&wire);
    let mut connection = Connection {
        wire: &wire,
        settings,
        caller: Caller {
            wire: &wire,
            local,
            peer,
            direct,
            application,
            server,
            observer: &settings.observer,
            proxies: settings.proxies.as_ref(),
        },
        counted: &counted,
        input: Received::default(),
        rest: None,
        parser: HeadParser::default(),
        table: HeaderTable::default(),
        head_deadline: None,
        reply: None,
    };
    // A new connection's first bytes are the first of a head.
    connection.set_read_timeout(settings.head_timeout)?;
    let ended = connection.run();
    buffers::give(connection.input.into_buffer());
    buffers::give_table(connection.table);
    let outcome = match ended? {
        End::Close | End::HandedOver => Ok(()),
        End::Cut => wire.cut(),
        End::Linger => linger(&wire, settings),
    };
    buffers::give_output(wire.take_out());
    outcome
}

/// How a connection is closed.
enum End {
    /// At once: the client has sent nothing that is not read.
    Close,
    /// At once, with the answer cut short.
    Cut,
    /// After reading on for a while: closing with unread input makes the kernel
    /// reset the connection, and the client may lose the last answer. RFC 9112
    /// section 9.6.
    Linger,
    /// Not here: another protocol has it.
    HandedOver,
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
    counted: &'a Counted<'a>,
    input: Received,
    // After a request with a body: what came behind this, which takes the place of
    // the input.
    rest: Option<Received>,
    parser: HeadParser,
    // Without room while no request is at hand.
    table: HeaderTable<'static>,
    // Set while a head is on its way.
    head_deadline: Option<Instant>,
    // Made at the first request and used for all. Not on the stack.
    reply: Option<Box<Reply>>,
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
    #[inline(never)] // else a connection that waits has the frames of both on its stack
    fn answer_all(&mut self) -> Result<Option<End>, Fault> {
        // One clock reading for a batch.
        let date = DateLine::now();
        while !self.input.is_empty() {
            match self.answer_some(&date)? {
                None => break,
                Some(Verdict::KeepAlive) => self.bound_queue()?,
                Some(Verdict::Close) if self.input.is_empty() => return Ok(Some(End::Close)),
                Some(Verdict::Close | Verdict::CloseUnread) => return Ok(Some(End::Linger)),
                // What is queued of the answer still goes out, its end does not.
                Some(Verdict::Cut) => return Ok(Some(End::Cut)),
                Some(Verdict::HandedOver) => return Ok(Some(End::HandedOver)),
            }
        }
        Ok(None)
    }

    /// Answers the requests at the front of the input, up to one with a body. The verdict on the
    /// last one; `None` if a head is incomplete.
    fn answer_some(&mut self, date: &DateLine) -> Result<Option<Verdict>, Fault> {
        let limits = &self.settings.limits;
        // Out of `self` while requests borrow from them.
        let mut input = std::mem::take(&mut self.input);
        let mut table = std::mem::take(&mut self.table);
        if !table.fits(limits) {
            table = buffers::take_table(limits);
        }
        let mut table = table.reuse();
        let mut used = 0;
        let answered = self.answer_from(input.bytes(), &mut used, &mut table, date);
        self.table = table.reuse();
        match self.rest.take() {
            None => {
                input.consume(used);
                self.input = input;
            }
            Some(rest) => {
                self.input = rest;
                buffers::give(input.into_buffer());
            }
        }
        answered
    }

    /// The same for requests in `bytes`, of which it `used` some.
    fn answer_from<'b>(
        &mut self,
        bytes: &'b [u8],
        used: &mut usize,
        table: &mut HeaderTable<'b>,
        date: &DateLine,
    ) -> Result<Option<Verdict>, Fault> {
        loop {
            let bytes = &bytes[*used..];
            // Borrowed where it is: a head is large, moving it costs.
            let parsed = self.parser.parse(bytes, &self.settings.limits, table);
            let head = match &parsed {
                Ok(Some(head)) => head,
                Ok(None) => return Ok(None),
                Err(error) => return Err(Fault::Request(*error)),
            };
            let behind = &bytes[head.len..];
            let verdict = self.answer(head, behind, date)?;
            *used += head.len;
            if verdict != Verdict::KeepAlive || self.rest.is_some() || behind.is_empty() {
                return Ok(Some(verdict));
            }
            self.bound_queue()?;
        }
    }

    /// Answers one request, which `behind` follows.
    fn answer(&mut self, head: &Head<'_>, behind: &[u8], date: &DateLine) -> io::Result<Verdict> {
        let settings = self.settings;
        if self.head_deadline.take().is_some() || self.reply.is_none() {
            self.set_read_timeout(settings.keep_alive_timeout)?;
        }
        let mut exchange = Exchange::of(head);
        exchange.keep_alive &= settings.keep_alive;
        let reply = match &mut self.reply {
            Some(reply) => {
                reply.reset(exchange, *date);
                reply
            }
            none => none.insert(new_reply(settings, exchange, date)),
        };
        // What follows an upgrade is the next protocol's, so the application
        // needs it at hand.
        if head.framing != BodyFraming::None || exchange.upgrade || exchange.connect {
            return answer_with_body(&self.caller, settings, head, behind, reply, &mut self.rest);
        }
        let mut body = Arriving::new(head.framing, Vec::new(), 0);
        let input = Input::new(self.wire, &settings.limits, &mut body);
        // What has come whole is answered, whatever happens to the server.
        reply.set_has_followers(!behind.is_empty());
        let mut environ = self.caller.environ(head, input);
        Ok(self.caller.call(head, &mut environ, reply))
    }

    /// Sends what is queued before it becomes too much.
    fn bound_queue(&self) -> io::Result<()> {
        if self.wire.queued() < self.settings.max_queued {
            return Ok(());
        }
        self.wire.flush()
    }

    /// Waits until a request begins, without a buffer. False when the client
    /// has closed or says nothing for too long, or when the server drains.
    fn wait_for_request(&mut self) -> io::Result<bool> {
        self.wire.flush()?;
        self.counted.publish();
        buffers::give(std::mem::take(&mut self.input).into_buffer());
        buffers::give_output(self.wire.take_out());
        buffers::give_table(std::mem::take(&mut self.table));
        if let Some(reply) = &mut self.reply {
            reply.shrink();
        }
        let waited = self.wire.with_stream(|stream| stream.wait_request());
        self.wire.put_out(buffers::take_output());
        match waited {
            Ok(true) => {}
            // The server drains.
            Ok(false) if !self.has_last_call()? => return Ok(false),
            Ok(false) => {}
            Err(error) if is_end_of_idle(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
        match self.input.receive(self.wire) {
            Ok(n) => Ok(n > 0),
            Err(error) if is_end_of_idle(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether a request that comes now, while the server stops, is still answered:
    /// it may have been on its way already.
    #[cold]
    fn has_last_call(&self) -> io::Result<bool> {
        let limit = self.settings.drain_timeout;
        if limit.is_zero() || !self.wire.with_stream(|stream| Ok(stream.is_stopping()))? {
            return Ok(false);
        }
        self.set_read_timeout(limit.min(self.settings.keep_alive_timeout))?;
        Ok(true)
    }

    /// Reads on while a head has begun and is not complete.
    #[cold]
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

    #[cold]
    fn refuse(&self, status: StatusCode) -> io::Result<End> {
        let before = self.wire.sent();
        self.wire
            .with_out(|out| write_refusal(out, status, false, &DateLine::now()));
        let sent = self.wire.sent().saturating_sub(before);
        let observer = &self.settings.observer;
        observer.refused(self.caller.direct.peer, self.input.bytes(), status, sent);
        self.wire.flush()?;
        Ok(End::Linger)
    }

    fn set_read_timeout(&self, limit: Duration) -> io::Result<()> {
        set_read_timeout(self.wire, limit)
    }
}

/// What answers a connection's first request, and all others.
#[inline(never)] // once a connection; not on the stack of what follows
fn new_reply(settings: &Settings, exchange: Exchange, date: &DateLine) -> Box<Reply> {
    let reply = Reply::new(exchange, *date, settings.server_line.clone());
    Box::new(
        reply
            .gathering_all(settings.gathers_all)
            .with_stream_buffer(settings.stream_buffer),
    )
}

/// Answers a request with a body, which `begun` begins with, or one that would change the protocol.
/// What the client has sent behind the body is the `rest`, to go on with.
#[inline(never)] // not on the stack of requests without
fn answer_with_body(
    caller: &Caller<'_>,
    settings: &Settings,
    head: &Head<'_>,
    begun: &[u8],
    reply: &mut Reply,
    rest: &mut Option<Received>,
) -> io::Result<Verdict> {
    let wire = caller.wire;
    let mut buffer = buffers::take();
    if buffer.len() < begun.len() {
        buffer.resize(begun.len(), 0);
    }
    buffer[..begun.len()].copy_from_slice(begun);
    // Who has begun to send does not wait. RFC 9110 section 10.1.1.
    let waits = head.expect_continue && begun.is_empty();
    wire.set_owes_continue(waits);
    set_read_timeout(wire, settings.read_timeout)?;
    let mut body = Arriving::new(head.framing, buffer, begun.len());
    let input = Input::new(wire, &settings.limits, &mut body);
    let mut environ = caller.environ(head, input);
    let mut verdict = caller.call(head, &mut environ, reply);
    if verdict == Verdict::HandedOver {
        return Ok(verdict);
    }
    let input = environ.input();
    if !input.drop_received() && verdict != Verdict::Cut {
        let kept = verdict == Verdict::KeepAlive && discard(wire, input, settings)?;
        if !kept {
            verdict = Verdict::CloseUnread;
        }
    }
    set_read_timeout(wire, settings.keep_alive_timeout)?;
    *rest = Some(Received::from(body.into_rest()));
    Ok(verdict)
}

/// Errors that mean no more than that a client between two requests is gone.
fn is_end_of_idle(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof
    )
}
