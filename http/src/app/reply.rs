//! The answer to one request: how far it is, and what is left to do about it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use http::{StatusCode, Version};
use maypole_runtime::{AsyncResult, Slot};

use crate::buffers;
use crate::proto::date::DateLine;
use crate::proto::{
    BodyEncoder, Content, Exchange, ResponseError, ResponseHead, ResponseTrailers, ServerLine,
    write_refusal,
};

use super::late::Answer;
use super::wire::Wire;

/// A body that ends before it is flushed and fits in here gets its length sent
/// with it, instead of going out in chunks. Also how much is gathered before it
/// is sent: a chunk this large costs little for its framing and its call.
const GATHER: usize = 16 * 1024;

/// How much of a streamed body is gathered at most. Seven pieces of 64 KiB in
/// one call cost the kernel half of what they cost one by one, because each call
/// wakes the reader. It is held for every slow reader, whose socket holds a
/// multiple of it.
pub(crate) const MAX_STREAM_BUFFER: usize = 448 * 1024;

/// The answer under way. One serves all requests of a connection.
#[derive(Debug)]
pub(crate) struct Reply {
    head: ResponseHead,
    // Body bytes that are not framed yet.
    body: Vec<u8>,
    trailers: ResponseTrailers,
    phase: Phase,
    exchange: Exchange,
    date: DateLine,
    // What has gone out: the status, and bytes of the body without framing.
    status: Option<StatusCode>,
    body_sent: u64,
    // How much of a streamed body is gathered now, and at most.
    send_at: usize,
    max_stream_buffer: usize,
    // Bytes of a further request have come already.
    has_followers: bool,
    // Answers go out whole, however they are written.
    gathers_all: bool,
    // Given back when the answer is complete.
    slot: Option<Slot>,
}

#[derive(Debug)]
enum Phase {
    /// Nothing is decided.
    Unsent,
    /// Somebody else will say, later.
    Later(AsyncResult<Answer>),
    /// Started; the head waits for the body's length.
    Gathering(StatusCode),
    /// The head is out, the body is on its way.
    Streaming {
        encoder: BodyEncoder,
        keep_alive: bool,
    },
    /// Complete.
    Done { keep_alive: bool },
    /// The connection speaks another protocol from here on.
    HandedOver,
    /// Bytes are missing or were too many: the client must see it cut.
    Broken,
}

/// What becomes of the connection after an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// Another request may follow.
    KeepAlive,
    /// It ends after what is queued.
    Close,
    /// The same, and the client has sent what was not read.
    CloseUnread,
    /// It ends now, with the answer cut short.
    Cut,
    /// It is none of HTTP's any more.
    HandedOver,
}

impl Reply {
    /// An answer to be, for the request that `exchange` stands for.
    pub(crate) fn new(exchange: Exchange, date: DateLine, server_line: Option<ServerLine>) -> Self {
        Self {
            head: ResponseHead::new(server_line),
            body: Vec::new(),
            trailers: ResponseTrailers::default(),
            phase: Phase::Unsent,
            exchange,
            date,
            status: None,
            body_sent: 0,
            send_at: GATHER,
            max_stream_buffer: MAX_STREAM_BUFFER,
            has_followers: false,
            gathers_all: false,
            slot: None,
        }
    }

    /// Whether answers are gathered until they are whole.
    pub(crate) fn gathering_all(mut self, gathers: bool) -> Self {
        self.gathers_all = gathers;
        self
    }

    /// How much of a streamed body is gathered at most.
    pub(crate) fn with_stream_buffer(mut self, bytes: usize) -> Self {
        self.max_stream_buffer = bytes.max(GATHER);
        self
    }

    pub(super) fn gathers_all(&self) -> bool {
        self.gathers_all
    }

    /// Begins anew for the next request.
    pub(crate) fn reset(&mut self, exchange: Exchange, date: DateLine) {
        self.head.clear();
        self.body.clear();
        self.trailers.clear();
        self.phase = Phase::Unsent;
        self.exchange = exchange;
        self.date = date;
        self.status = None;
        self.body_sent = 0;
        self.send_at = GATHER;
        self.has_followers = false;
    }

    /// Another request has come behind this one, or part of it.
    pub(crate) fn set_has_followers(&mut self, has: bool) {
        self.has_followers = has;
    }

    /// The status that was sent, once there is one.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// How many bytes of the body were sent, framing not counted.
    pub(crate) fn body_sent(&self) -> u64 {
        self.body_sent
    }

    /// The value of the first header line with this name that the application
    /// has set.
    pub(crate) fn header_value(&self, name: &str) -> Option<&[u8]> {
        self.head.value(name)
    }

    /// Gives back memory that an idle connection does not need.
    pub(crate) fn shrink(&mut self) {
        self.head.shrink();
        self.trailers = ResponseTrailers::default();
        if self.body.capacity() > 0 {
            buffers::give_output(std::mem::take(&mut self.body));
        }
    }

    pub(super) fn header(&mut self, name: &str, value: &[u8]) {
        self.head.header(name, value);
    }

    /// Sends an interim answer at once: the client is to act upon it while the
    /// application works. HTTP/1.0 knows none, RFC 9110 section 15.2.
    pub(super) fn interim(
        &self,
        wire: &Wire,
        status: StatusCode,
        head: &ResponseHead,
    ) -> io::Result<()> {
        if self.exchange.version == Version::HTTP_10 || wire.is_in_memory() {
            // What is wrong with it is wrong all the same.
            return Ok(head.interim(&mut Vec::new(), status)?);
        }
        wire.uncounted(|out| head.interim(out, status))?;
        wire.flush()
    }

    /// Sends the answer that ends HTTP on this connection: success to CONNECT,
    /// RFC 9110 section 9.3.6, else 101, section 15.2.2.
    pub(super) fn hand_over(&mut self, wire: &Wire) -> io::Result<()> {
        if self.gathers_all {
            return Err(only_pywsgi("does not hand connections over"));
        }
        let status = if self.exchange.connect {
            StatusCode::OK
        } else {
            StatusCode::SWITCHING_PROTOCOLS
        };
        let content = Content::Stream;
        wire.with_out(|out| {
            self.head
                .start(out, status, content, &self.exchange, &self.date)
        })?;
        self.status = Some(status);
        self.phase = Phase::HandedOver;
        wire.flush()
    }

    /// Adds a trailer line, for a body in chunks.
    pub(super) fn trailer(&mut self, name: &str, value: &[u8]) -> io::Result<()> {
        if self.gathers_all {
            return Err(only_pywsgi("does not send trailers"));
        }
        if self.head.has_length() {
            return Err(ResponseError::Trailer.into());
        }
        Ok(self.trailers.push(name, value)?)
    }

    /// Queues a complete answer.
    pub(super) fn send(&mut self, wire: &Wire, status: StatusCode, body: &[u8]) -> io::Result<()> {
        self.close_if_last(wire);
        let keep_alive = wire.with_out(|out| {
            self.head
                .send(out, status, body, &self.exchange, &self.date)
        })?;
        self.status = Some(status);
        if !self.is_bodiless(status) {
            self.body_sent = body.len() as u64;
        }
        self.phase = Phase::Done { keep_alive };
        Ok(())
    }

    /// The answer will have this status, and a body that is written.
    pub(super) fn start(&mut self, status: StatusCode) {
        self.phase = Phase::Gathering(status);
    }

    /// The answer will come from elsewhere, when the result is set.
    pub(super) fn defer(&mut self) -> AsyncResult<Answer> {
        let answer = AsyncResult::new();
        self.phase = Phase::Later(answer.clone());
        answer
    }

    /// Keeps the slot until the answer is complete.
    pub(super) fn hold(&mut self, slot: Slot) {
        self.slot = Some(slot);
    }

    /// The answer is complete, or will never be.
    pub(crate) fn release(&mut self) {
        self.slot = None;
    }

    /// Waits for an answer from elsewhere, if that is where it comes from.
    fn settle(&mut self, wire: &Wire) -> io::Result<()> {
        let Phase::Later(answer) = &self.phase else {
            return Ok(());
        };
        let answer = answer.clone();
        if !answer.is_set() {
            // That may take long: others do not wait for it.
            wire.flush()?;
        }
        let Ok(answer) = answer.get() else {
            return Err(unanswered());
        };
        for (name, value) in &answer.lines {
            self.head.header(name, value);
        }
        self.send(wire, answer.status, &answer.body)
    }

    /// Takes body bytes; sends when enough have come together. What is enough
    /// doubles as long as the application does not flush: the client sees the
    /// beginning early, and a long body costs few calls.
    pub(super) fn write(&mut self, wire: &Wire, data: &[u8]) -> io::Result<()> {
        if self.gathers_all || self.body.len() + data.len() <= GATHER {
            if self.body.capacity() == 0 {
                self.body = buffers::take_output();
            }
            self.body.extend_from_slice(data);
            return Ok(());
        }
        // However much is written at once, no more than that is copied.
        for piece in data.chunks(self.max_stream_buffer) {
            self.frame(wire, piece)?;
            if wire.queued() >= self.send_at {
                self.send_at = (self.send_at * 2).min(self.max_stream_buffer);
                self.put(wire)?;
            }
        }
        Ok(())
    }

    /// Sends all body bytes that were taken, as one chunk.
    pub(super) fn flush(&mut self, wire: &Wire) -> io::Result<()> {
        if self.gathers_all {
            return Err(only_pywsgi("does not stream"));
        }
        self.frame(wire, &[])?;
        self.send_at = GATHER;
        self.put(wire)
    }

    /// Sends `len` bytes of a file, from `offset` on, as a complete answer.
    pub(super) fn send_file(
        &mut self,
        wire: &Wire,
        status: StatusCode,
        file: &File,
        offset: u64,
        len: u64,
    ) -> io::Result<()> {
        // One write with the head is cheaper than two.
        if let Ok(len @ ..=GATHER) = usize::try_from(len) {
            let mut body = std::mem::take(&mut self.body);
            body.resize(len, 0);
            let sent = file
                .read_exact_at(&mut body, offset)
                .and_then(|()| self.send(wire, status, &body));
            body.clear();
            self.body = body;
            return sent;
        }
        self.close_if_last(wire);
        let content = Content::Complete(len);
        let started = wire.with_out(|out| {
            self.head
                .start(out, status, content, &self.exchange, &self.date)
        })?;
        // Until all of it is out, whatever happens cuts it.
        self.phase = Phase::Broken;
        self.status = Some(status);
        if started.body == BodyEncoder::Length(len) {
            wire.send_file(file, offset, len)?;
            self.body_sent = len;
        }
        self.phase = Phase::Done {
            keep_alive: started.keep_alive,
        };
        Ok(())
    }

    /// Queues what was gathered, and `more`, as one chunk.
    fn frame(&mut self, wire: &Wire, more: &[u8]) -> io::Result<()> {
        let result = self.try_frame(wire, more);
        self.break_unless(result)
    }

    /// Sends what is queued.
    fn put(&mut self, wire: &Wire) -> io::Result<()> {
        let result = wire.flush();
        self.break_unless(result)
    }

    /// As long as the head is not out, a 500 can still be answered.
    fn break_unless(&mut self, result: io::Result<()>) -> io::Result<()> {
        if result.is_err() && !matches!(self.phase, Phase::Gathering(_)) {
            self.phase = Phase::Broken;
        }
        result
    }

    fn try_frame(&mut self, wire: &Wire, more: &[u8]) -> io::Result<()> {
        if let Phase::Gathering(status) = self.phase {
            self.begin(wire, status)?;
        }
        let Phase::Streaming { encoder, .. } = &mut self.phase else {
            return Err(broken());
        };
        let len = self.body.len() + more.len();
        let framed = wire.with_out(|out| {
            let framed = encoder.open(len, out)?;
            if framed {
                out.extend_from_slice(&self.body);
                out.extend_from_slice(more);
                encoder.close(out);
            }
            Ok::<bool, io::Error>(framed)
        })?;
        if framed {
            self.body_sent += len as u64;
        }
        self.body.clear();
        Ok(())
    }

    /// Whether there are trailers to be sent: not to who knows no chunks.
    fn has_trailers(&self) -> bool {
        !self.trailers.as_bytes().is_empty() && self.exchange.version == Version::HTTP_11
    }

    /// Queues the head of a body that is written piece by piece.
    fn begin(&mut self, wire: &Wire, status: StatusCode) -> io::Result<()> {
        self.close_if_last(wire);
        let started = wire.with_out(|out| {
            self.head
                .start(out, status, Content::Stream, &self.exchange, &self.date)
        })?;
        if started.body == BodyEncoder::CloseDelimited {
            // The end of the connection is the end of the body. If the body
            // fails, however it does, the end must look different.
            wire.reset_on_close(true)?;
        }
        self.status = Some(status);
        self.phase = Phase::Streaming {
            encoder: started.body,
            keep_alive: started.keep_alive,
        };
        Ok(())
    }

    /// The application has returned without an error: completes the answer.
    ///
    /// # Errors
    ///
    /// What it got wrong. The verdict of [`fail`](Self::fail) applies then.
    pub(crate) fn finish(&mut self, wire: &Wire) -> io::Result<Verdict> {
        match self.phase {
            Phase::Later(_) => self.settle(wire)?,
            Phase::Gathering(status) if !self.has_trailers() => {
                let body = std::mem::take(&mut self.body);
                let sent = self.send(wire, status, &body);
                self.body = body;
                sent?;
            }
            Phase::Gathering(status) => self.begin(wire, status)?,
            _ => {}
        }
        // Looked at where it is: taking it out costs most answers a stall.
        match self.phase {
            Phase::Done { keep_alive } => Ok(verdict(keep_alive)),
            Phase::HandedOver => Ok(Verdict::HandedOver),
            Phase::Streaming { .. } => self.end_stream(wire),
            Phase::Broken => Err(broken()),
            Phase::Unsent | Phase::Later(_) | Phase::Gathering(_) => Err(unanswered()),
        }
    }

    /// Queues the rest of a body that was written piece by piece, and its end.
    fn end_stream(&mut self, wire: &Wire) -> io::Result<Verdict> {
        // Whatever goes wrong from here on, there is no second end.
        let phase = std::mem::replace(&mut self.phase, Phase::Broken);
        let Phase::Streaming {
            mut encoder,
            keep_alive,
        } = phase
        else {
            return Err(broken());
        };
        let is_to_the_end = encoder == BodyEncoder::CloseDelimited;
        wire.with_out(|out| {
            encoder.write(&self.body, out)?;
            encoder.finish_with(self.trailers.as_bytes(), out)
        })?;
        if !self.status.is_some_and(|status| self.is_bodiless(status)) {
            self.body_sent += self.body.len() as u64;
        }
        if is_to_the_end {
            wire.flush()?;
            wire.reset_on_close(false)?;
        }
        Ok(verdict(keep_alive))
    }

    /// The application has failed: answers `status` if nothing is out yet.
    pub(crate) fn fail(&mut self, wire: &Wire, status: StatusCode) -> Verdict {
        if let Phase::Later(answer) = &self.phase
            && answer.is_successful()
        {
            // It was answered before that.
            self.exchange.keep_alive = false;
            let _ = self.settle(wire);
        }
        match self.phase {
            Phase::Unsent | Phase::Later(_) | Phase::Gathering(_) => {
                wire.with_out(|out| write_refusal(out, status, self.exchange.head, &self.date));
                self.status = Some(status);
                Verdict::Close
            }
            Phase::Done { .. } => Verdict::Close,
            Phase::HandedOver => Verdict::HandedOver,
            Phase::Streaming { .. } | Phase::Broken => Verdict::Cut,
        }
    }

    /// Whether an answer with this status has no body.
    fn is_bodiless(&self, status: StatusCode) -> bool {
        self.exchange.head || matches!(status.as_u16(), 204 | 205 | 304)
    }

    /// Decides whether this is the last answer of the connection. It is when the
    /// server drains, but for answers to what has come before that.
    ///
    /// A client that waited for an interim answer and gets a final one instead
    /// may or may not send its body: nobody can tell where the next request
    /// begins. RFC 9110 section 10.1.1.
    fn close_if_last(&mut self, wire: &Wire) {
        if wire.is_draining() && !self.has_followers {
            self.exchange.keep_alive = false;
        }
        if wire.owes_continue() {
            self.exchange.keep_alive = false;
            wire.set_owes_continue(false);
        }
    }
}

fn verdict(keep_alive: bool) -> Verdict {
    if keep_alive {
        Verdict::KeepAlive
    } else {
        Verdict::Close
    }
}

fn unanswered() -> io::Error {
    io::Error::other("the application did not answer")
}

/// Refuses what takes a connection for itself.
#[cold]
fn only_pywsgi(what: &str) -> io::Error {
    let text = format!("the buffered server {what}; pywsgi does");
    io::Error::new(io::ErrorKind::Unsupported, text)
}

fn broken() -> io::Error {
    io::Error::new(
        io::ErrorKind::BrokenPipe,
        "an earlier write of this response has failed",
    )
}
