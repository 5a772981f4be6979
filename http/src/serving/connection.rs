//! One connection: read a head, call the application, decide what comes next.

use std::io;
use std::time::{Duration, Instant};

use http::StatusCode;
use maypole_server::{Addr, Stream};

use crate::app::{Application, Input, Origin, Reply, Server, Verdict, Wire};
use crate::buffers;
use crate::observe::Counted;
use crate::proto::date::DateLine;
use crate::proto::{BodyFraming, Exchange, HeadParser, HeaderTable, ProtoError, write_refusal};

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
    parser: HeadParser,
    // Without room while no request is at hand.
    table: HeaderTable<'static>,
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
                Some(Verdict::Cut) => return Ok(Some(End::Cut)),
                Some(Verdict::HandedOver) => return Ok(Some(End::HandedOver)),
            }
            if self.wire.queued() >= self.settings.max_queued {
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
        let mut table = std::mem::take(&mut self.table);
        if !table.fits(limits) {
            table = buffers::take_table(limits);
        }
        let mut table = table.reuse();
        // Borrowed where it is: a head is large, moving it costs.
        let parsed = self.parser.parse(input.bytes(), limits, &mut table);
        let head = match &parsed {
            Ok(Some(head)) => head,
            Ok(None) => {
                self.table = table.reuse();
                return Ok(None);
            }
            Err(error) => return Err(Fault::Request(*error)),
        };
        if self.head_deadline.take().is_some() || self.reply.is_none() {
            self.set_read_timeout(self.settings.keep_alive_timeout)?;
        }
        let mut exchange = Exchange::of(head);
        exchange.keep_alive &= self.settings.keep_alive;
        let reply = match &mut self.reply {
            Some(reply) => {
                reply.reset(exchange, *date);
                reply
            }
            none => {
                let server_line = self.settings.server_line.clone();
                let reply = Reply::new(exchange, *date, server_line)
                    .gathering_all(self.settings.gathers_all)
                    .with_stream_buffer(self.settings.stream_buffer);
                none.insert(reply)
            }
        };
        // What follows an upgrade is the next protocol's, so the application
        // needs it at hand.
        if head.framing == BodyFraming::None && !exchange.upgrade && !exchange.connect {
            let body = Input::new(self.wire, limits, head.framing, Vec::new(), 0);
            // What has come whole is answered, whatever happens to the server.
            reply.set_has_followers(input.bytes().len() > head.len);
            let mut environ = self.caller.environ(head, body);
            let verdict = self.caller.call(head, &mut environ, reply);
            let len = head.len;
            self.table = table.reuse();
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
        set_read_timeout(self.wire, self.settings.read_timeout)?;
        let body = Input::new(self.wire, limits, head.framing, buffer, begun.len());
        let mut environ = self.caller.environ(head, body);
        let mut verdict = self.caller.call(head, &mut environ, reply);
        let mut body = environ.into_input();
        if verdict == Verdict::HandedOver {
            return Ok(Some(verdict));
        }
        if !body.drop_received() && verdict != Verdict::Cut {
            let kept =
                verdict == Verdict::KeepAlive && discard(self.wire, &mut body, self.settings)?;
            if !kept {
                verdict = Verdict::CloseUnread;
            }
        }
        // What the client sent behind this body is what comes next.
        let (buffer, rest) = body.into_rest();
        self.table = table.reuse();
        buffers::give(input.replace(buffer, rest));
        self.set_read_timeout(self.settings.keep_alive_timeout)?;
        Ok(Some(verdict))
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
    fn has_last_call(&self) -> io::Result<bool> {
        let limit = self.settings.drain_timeout;
        if limit.is_zero() || !self.wire.with_stream(|stream| Ok(stream.is_stopping()))? {
            return Ok(false);
        }
        self.set_read_timeout(limit.min(self.settings.keep_alive_timeout))?;
        Ok(true)
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

/// Errors that mean no more than that a client between two requests is gone.
fn is_end_of_idle(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof
    )
}
