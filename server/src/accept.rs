//! The accept loop: a place first, then a connection, then a greenlet for it.

use std::io;
use std::sync::Arc;

use maypole_runtime::{Builder, Group, yield_now};

use crate::Addr;
#[cfg(feature = "tls")]
use crate::counters::Active;
use crate::counters::Counts;
use crate::drain::Drain;
use crate::life::Intake;
use crate::listener::Listener;
use crate::pause::{Delays, Pause};
use crate::socket::Socket;
#[cfg(feature = "tls")]
use crate::spawn::Body;
use crate::spawn::{Place, Spawn};
use crate::stream::Stream;

/// What is done with a connection. Shared by all greenlets of a server.
pub(crate) type Serve = Arc<dyn Fn(Stream, Addr) + Send + Sync>;

/// Does the handshake with a connection; returns the rest of what is to be done.
#[cfg(feature = "tls")]
pub(crate) type Greet = Arc<dyn Fn(Stream, Addr) -> Option<Body> + Send + Sync>;

/// What a server's accept loops have in common.
pub(crate) struct Accepting {
    /// The server's name in messages.
    pub(crate) label: String,
    pub(crate) spawn: Spawn,
    /// The server's own handlers, with a pool or without.
    pub(crate) handlers: Group,
    pub(crate) counts: Arc<Counts>,
    pub(crate) serve: Serve,
    /// The first step where serving takes two: in a TLS server with a pool.
    #[cfg(feature = "tls")]
    pub(crate) greet: Option<Greet>,
    /// Connections accepted before others get a turn.
    pub(crate) max_accept: usize,
    pub(crate) delays: Delays,
}

/// Accepts from one listener for as long as it is good.
pub(crate) struct AcceptLoop {
    pub(crate) listener: Listener,
    pub(crate) accepting: Arc<Accepting>,
}

impl Intake for AcceptLoop {
    fn run(&self, drain: &Drain) -> io::Error {
        let accepting = &self.accepting;
        let label = &accepting.label;
        let mut pause = Pause::new(accepting.delays);
        let mut in_a_row = 0;
        loop {
            // The place first: without one nothing is accepted, and clients wait
            // in the kernel's backlog.
            let place = match accepting.spawn.place(|| self.listener.wait_accept()) {
                Ok(place) => place,
                Err(unwinding) => return unwinding.into(),
            };
            let (socket, peer) = match self.listener.try_accept() {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Somebody else may use it while we wait.
                    drop(place);
                    match error.kind() {
                        io::ErrorKind::WouldBlock => {
                            in_a_row = 0;
                            if let Err(error) = self.listener.wait_accept() {
                                accepting.counts.accept_error();
                                pause.after(label, "cannot wait for connections", &error);
                            }
                        }
                        io::ErrorKind::Interrupted => {}
                        _ if is_of_one_connection(&error) => {}
                        _ if is_fatal(&error) => return error,
                        _ => {
                            accepting.counts.accept_error();
                            pause.after(label, "cannot accept", &error);
                        }
                    }
                    continue;
                }
            };
            accepting.counts.accepted();
            match place {
                Some(place) => match accepting.start(place, socket, peer, drain) {
                    Ok(()) => pause.reset(),
                    // The connection is closed: the body that owned it is dropped.
                    Err(error) => {
                        accepting.counts.refused();
                        accepting.counts.accept_error();
                        pause.after(label, "cannot serve a connection", &error);
                    }
                },
                None => {
                    accepting.counts.refused();
                    log::debug!("{label}: full, closing the connection from {peer}");
                }
            }
            in_a_row += 1;
            if in_a_row >= accepting.max_accept {
                in_a_row = 0;
                yield_now();
            }
        }
    }
}

impl Accepting {
    fn start(
        self: &Arc<Self>,
        place: Place,
        socket: Socket,
        peer: Addr,
        drain: &Drain,
    ) -> io::Result<()> {
        let serve = self.serve.clone();
        let stream = Stream::plain(socket, drain.clone());
        let active = self.counts.begin();
        // Handed over by load where there are several hubs.
        let builder = Builder::new().least_loaded();
        #[cfg(feature = "tls")]
        if let Some(greet) = &self.greet {
            let greeted = self.greet(greet.clone(), place, active, stream, peer);
            return self.handlers.try_spawn(builder, greeted).map(drop);
        }
        self.spawn.spawn(place, builder, &self.handlers, move || {
            let _active = active;
            serve(stream, peer);
        })
    }

    /// The handshake, without a slot of the pool: clients that are silent cannot
    /// fill it. Then the handler, in a greenlet of the pool.
    #[cfg(feature = "tls")]
    fn greet(
        self: &Arc<Self>,
        greet: Greet,
        mut place: Place,
        active: Active,
        stream: Stream,
        peer: Addr,
    ) -> impl FnOnce() + Send + 'static {
        let accepting = self.clone();
        place.leave_slot();
        move || {
            let label = &accepting.label;
            let Some(handler) = greet(stream, peer.clone()) else {
                return;
            };
            let Some(place) = accepting.spawn.admit(place) else {
                accepting.counts.refused();
                log::debug!("{label}: full, closing the connection from {peer}");
                return;
            };
            let body = move || {
                let _active = active;
                handler();
            };
            // On this hub, which knows the connection.
            let (builder, handlers) = (Builder::new(), &accepting.handlers);
            if let Err(error) = accepting.spawn.spawn(place, builder, handlers, body) {
                accepting.counts.refused();
                accepting.counts.accept_error();
                log::warn!("{label}: cannot serve the connection from {peer}: {error}");
            }
        }
    }
}

/// Errors of a connection that ended before it was accepted, or of the network
/// below it, which Linux reports here: no reason to pause, the next one is as
/// good as ever.
fn is_of_one_connection(error: &io::Error) -> bool {
    const EPROTO: i32 = 71;
    const ENOPROTOOPT: i32 = 92;
    const ENETDOWN: i32 = 100;
    const EHOSTDOWN: i32 = 112;
    const ENONET: i32 = 64;
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
    ) || matches!(
        error.raw_os_error(),
        Some(EPROTO | ENOPROTOOPT | ENETDOWN | EHOSTDOWN | ENONET)
    )
}

/// Errors after which the socket never works again: EBADF, EINVAL, ENOTSOCK.
pub(crate) fn is_fatal(error: &io::Error) -> bool {
    const EBADF: i32 = 9;
    const EINVAL: i32 = 22;
    const ENOTSOCK: i32 = 88;
    matches!(error.raw_os_error(), Some(EBADF | EINVAL | ENOTSOCK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_apart() {
        for (code, one, fatal) in [
            (103, true, false), // ECONNABORTED
            (104, true, false), // ECONNRESET
            (113, true, false), // EHOSTUNREACH
            (71, true, false),  // EPROTO
            (24, false, false), // EMFILE
            (23, false, false), // ENFILE
            (12, false, false), // ENOMEM
            (9, false, true),   // EBADF
            (22, false, true),  // EINVAL
            (88, false, true),  // ENOTSOCK
        ] {
            let error = io::Error::from_raw_os_error(code);
            assert_eq!(is_of_one_connection(&error), one, "{error}");
            assert_eq!(is_fatal(&error), fatal, "{error}");
        }
    }
}
