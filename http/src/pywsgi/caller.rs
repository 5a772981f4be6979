//! Calling the application, and what becomes of its failures.

use std::io;
use std::net::SocketAddr;

use http::StatusCode;
use maypole_runtime::catch_panic;

use crate::app::{Application, Environ, Input, Reply, Server, StartResponse, Verdict, Wire};
use crate::proto::{Head, ProtoError};

/// What an application is called with.
pub(super) struct Caller<'a> {
    pub(super) wire: &'a Wire,
    pub(super) peer: SocketAddr,
    pub(super) application: &'a Application,
    pub(super) server: &'a Server,
}

impl Caller<'_> {
    /// Calls the application and completes its answer.
    pub(super) fn call<'r>(
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
