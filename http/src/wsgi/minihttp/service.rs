//! What `may_minihttp` calls, and what stands between it and an application.
//!
//! All of this runs in coroutines of `may` that are no greenlets, so nothing of
//! the runtime may be called here: see `door.rs`. Waiting is done with `may`'s own
//! means, and without time limits, which would move to another thread.

use std::io::{self, Read};
use std::panic::resume_unwind;
use std::sync::Arc;

use http::{Method, StatusCode};
use may::sync::{Semphore, mpsc};
use may_minihttp::{BodyReader, HttpService, HttpServiceFactory, Request, Response};

use crate::buffers;
use crate::proto::{BodyFraming, HeadParser, Limits};

use super::answer::{Answer, Shared};
use super::door::Door;

/// Room for a head of the usual size.
const HEAD: usize = 1024;

/// How much memory an announced body gets before it has come, as with
/// [`Input`](crate::Input).
const RESERVED: usize = 16 * 1024;

/// Makes the service of each connection.
pub(super) struct Factory {
    shared: Arc<Shared>,
    door: Arc<Door>,
    room: Arc<Semphore>,
}

impl Factory {
    pub(super) fn new(shared: Shared, door: Door, max_connections: usize) -> Self {
        Self {
            shared: Arc::new(shared),
            door: Arc::new(door),
            room: Arc::new(Semphore::new(max_connections)),
        }
    }
}

impl HttpServiceFactory for Factory {
    type Service = Service;

    /// Waits for a place: while there is none, nobody is accepted.
    fn new_service(&self, _descriptor: usize) -> Service {
        self.room.wait();
        Service {
            shared: Arc::clone(&self.shared),
            door: Arc::clone(&self.door),
            _place: Place(Arc::clone(&self.room)),
            is_over: false,
        }
    }
}

/// The place of a connection, given back when that ends.
struct Place(Arc<Semphore>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.post();
    }
}

/// A connection.
pub(super) struct Service {
    shared: Arc<Shared>,
    door: Arc<Door>,
    _place: Place,
    is_over: bool,
}

impl HttpService for Service {
    fn call(
        &mut self,
        request: Request<'_, '_, '_>,
        response: &mut Response<'_>,
    ) -> io::Result<()> {
        // Never an error: its text would go to the client.
        match self.answer(request) {
            Some(answer) => {
                self.is_over = answer.is_last;
                answer.put(response);
                Ok(())
            }
            None => close(),
        }
    }
}

impl Service {
    /// `None` if the connection must end. Then nothing of the request is left
    /// that would still be read.
    fn answer(&self, request: Request<'_, '_, '_>) -> Option<Answer> {
        if self.is_over {
            return None;
        }
        let head = written(&request);
        let Checked { length, is_head } = check(&head, &self.shared.limits)?;
        if length > self.shared.max_body {
            return None;
        }
        // Its length is the one that was found right: it has no other line.
        let body = read(request.body(), length)?;
        let (answered, answer) = mpsc::channel();
        let shared = Arc::clone(&self.shared);
        self.door.hand(Box::new(move || {
            let answer = shared.answer(&head, body);
            // Somebody waits for it, for as long as it takes.
            let _ = answered.send(answer);
        }));
        let answer = answer.recv().ok();
        // No more greenlets can be had, or this one was killed.
        Some(answer.unwrap_or_else(|| Answer::fixed(StatusCode::SERVICE_UNAVAILABLE, is_head)))
    }
}

/// The head of a request as it may have come: how it was spelled is not told.
fn written(request: &Request<'_, '_, '_>) -> Vec<u8> {
    let mut head = Vec::with_capacity(HEAD);
    head.extend_from_slice(request.method().as_bytes());
    head.push(b' ');
    head.extend_from_slice(request.path().as_bytes());
    head.extend_from_slice(match request.version() {
        0 => b" HTTP/1.0\r\n",
        _ => b" HTTP/1.1\r\n",
    });
    for line in request.headers() {
        head.extend_from_slice(line.name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(line.value);
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// A request that can be answered.
struct Checked {
    /// How long its body is.
    length: usize,
    is_head: bool,
}

/// As strict as our own servers, and where `may_minihttp` cannot do what those
/// can, stricter.
fn check(head: &[u8], limits: &Limits) -> Option<Checked> {
    let mut table = buffers::take_table(limits).reuse();
    let parsed = HeadParser::default().parse(head, limits, &mut table);
    let parsed = parsed.ok().flatten()?;
    // What follows success is no HTTP.
    if parsed.len != head.len() || parsed.method == Method::CONNECT {
        return None;
    }
    let length = match parsed.framing {
        BodyFraming::None => 0,
        BodyFraming::Length(length) => usize::try_from(length).ok()?,
        BodyFraming::Chunked => return None,
    };
    let is_head = parsed.method == Method::HEAD;
    buffers::give_table(table.reuse());
    Some(Checked { length, is_head })
}

/// Reads a body to its end. `None` if it does not come.
fn read(mut reader: BodyReader<'_, '_>, length: usize) -> Option<Vec<u8>> {
    let mut body = Vec::with_capacity(length.min(RESERVED));
    reader.read_to_end(&mut body).ok()?;
    (body.len() == length).then_some(body)
}

/// Ends a connection, in the one way that there is: by unwinding, which prints
/// nothing this way.
#[cold]
fn close() -> ! {
    resume_unwind(Box::new("the connection is closed"))
}
