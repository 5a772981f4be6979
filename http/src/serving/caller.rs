//! Calling the application, and what becomes of its failures.

use std::io;
use std::net::Shutdown;

use http::StatusCode;
use maypole_runtime::catch_panic;
use maypole_server::Addr;

use crate::app::{
    Application, Environ, Input, MAX_DISCARD, Origin, Reply, Server, StartResponse, TrustedProxies,
    Verdict, Wire,
};
use crate::observe::{Observer, Watch};
use crate::proto::{Head, ProtoError};

/// What an application is called with.
pub(crate) struct Caller<'a> {
    pub(crate) wire: &'a Wire,
    /// Where the connection has come in.
    pub(crate) local: &'a Addr,
    pub(crate) peer: &'a Addr,
    /// Who is at its other end.
    pub(crate) direct: Origin,
    pub(crate) application: &'a Application,
    pub(crate) server: &'a Server,
    pub(crate) observer: &'a Observer,
    pub(crate) proxies: Option<&'a TrustedProxies>,
}

impl Caller<'_> {
    /// A request as the application sees it.
    #[inline(always)] // made where it stays
    pub(crate) fn environ<'r>(&'r self, head: &'r Head<'r>, input: Input<'r>) -> Environ<'r> {
        Environ::new(head, self.server, self.local, self.origin(head), input)
    }

    /// Calls the application and completes its answer.
    pub(crate) fn call<'r>(
        &'r self,
        head: &'r Head<'r>,
        environ: &mut Environ<'r>, // lent: it is too large to be moved about
        reply: &mut Reply,
    ) -> Verdict {
        let mut running = Running {
            watch: self.observer.begin(self.wire),
            caller: self,
            environ,
            reply,
        };
        let outcome = running.run();
        let finished = match outcome {
            Ok(Ok(())) => running.reply.finish(self.wire),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::Error::other("the application panicked")),
        };
        let verdict = finished.unwrap_or_else(|error| self.failed(head, running.reply, &error));
        running.reply.release();
        drop(running);
        verdict
    }

    /// Where the request comes from, by the word of trusted proxies.
    #[inline]
    fn origin(&self, head: &Head<'_>) -> Origin {
        match self.proxies {
            Some(proxies) => proxies.origin(head, self.direct),
            None => self.direct,
        }
    }

    /// Reports an error of the application, and answers it.
    #[cold]
    fn failed(&self, head: &Head<'_>, reply: &mut Reply, error: &io::Error) -> Verdict {
        self.report(head, error);
        reply.fail(self.wire, self.status_of(error))
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
            self.local,
            head.method,
            head.target.raw,
            self.peer,
        );
    }
}

/// An application at work on a request.
struct Running<'a, 'r> {
    caller: &'a Caller<'a>,
    environ: &'a mut Environ<'r>,
    reply: &'a mut Reply,
    watch: Watch,
}

impl Running<'_, '_> {
    fn run(&mut self) -> std::thread::Result<io::Result<()>> {
        let Self {
            caller,
            environ,
            reply,
            ..
        } = self;
        catch_panic(|| (caller.application)(environ, StartResponse::new(caller.wire, reply)))
    }
}

impl Drop for Running<'_, '_> {
    /// Told however the application ends, by a kill too.
    fn drop(&mut self) {
        let wire = self.caller.wire;
        if std::thread::panicking() {
            match self.reply.fail(wire, StatusCode::SERVICE_UNAVAILABLE) {
                // What is queued of it still goes out; its end must look broken.
                Verdict::Cut => drop(wire.flush()),
                _ => farewell(wire),
            }
        }
        self.caller
            .observer
            .end(&self.watch, wire, self.environ, self.reply);
    }
}

/// Sends what is queued, as far as the kernel takes it at once: a greenlet that
/// is killed does not wait.
#[cold]
fn farewell(wire: &Wire) {
    if wire.flush().is_err() {
        return;
    }
    let shut = wire.with_stream(|stream| stream.shutdown(Shutdown::Write));
    // Closing with unread input would make the kernel take the answer back.
    let mut dropped = [0; 1024];
    let mut left = MAX_DISCARD;
    while shut.is_ok() && left > 0 {
        match wire.read(&mut dropped) {
            Ok(n @ 1..) => left = left.saturating_sub(n),
            _ => return,
        }
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
