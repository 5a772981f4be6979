//! The accept loop: a slot first, then a connection, then a greenlet for it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use maypole_runtime::net::{TcpListener, TcpStream};
use maypole_runtime::{Builder, Group, Pool, sleep, yield_now};

/// The first pause after an error; gevent's.
const MIN_PAUSE: Duration = Duration::from_millis(10);

/// The longest pause: out of descriptors, a server tries once a second. gevent's.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Connections accepted before others get a turn; gevent's.
const MAX_ACCEPT: u32 = 100;

/// What is done with a connection. Shared by all greenlets of a server.
pub(crate) type Serve = Arc<dyn Fn(TcpStream, SocketAddr) + Send + Sync>;

/// Accepts for as long as the listener is good.
pub(crate) struct AcceptLoop {
    pub(crate) listener: TcpListener,
    pub(crate) pool: Option<Pool>,
    /// The server's own handlers, with a pool or without.
    pub(crate) handlers: Group,
    pub(crate) serve: Serve,
}

impl AcceptLoop {
    /// Runs until it is killed, or until the listener fails for good: returns
    /// the reason.
    pub(crate) fn run(&self) -> io::Error {
        let mut pause = Pause::default();
        let mut accepted = 0;
        loop {
            // The slot first: with a full pool nothing is accepted, and clients
            // wait in the kernel's backlog.
            let slot = self.pool.as_ref().map(Pool::acquire);
            let (stream, peer) = match self.listener.try_accept() {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Somebody else may use it while we wait.
                    drop(slot);
                    match error.kind() {
                        io::ErrorKind::WouldBlock => {
                            if let Err(error) = self.listener.wait_accept() {
                                pause.after("cannot wait for connections", &error);
                            }
                        }
                        io::ErrorKind::Interrupted => {}
                        _ if is_of_one_connection(&error) => {}
                        _ if is_fatal(&error) => {
                            log::error!("the listener failed, accepting ends: {error}");
                            return error;
                        }
                        _ => pause.after("cannot accept", &error),
                    }
                    continue;
                }
            };
            let serve = self.serve.clone();
            let body = move || serve(stream, peer);
            // Handed over by load where there are several hubs.
            let builder = Builder::new().least_loaded();
            let spawned = match slot {
                Some(slot) => slot.try_spawn_in(&self.handlers, builder, body),
                None => self.handlers.try_spawn(builder, body),
            };
            match spawned {
                Ok(_detached) => pause.reset(),
                // The connection is closed: the body that owned it is dropped.
                Err(error) => pause.after("cannot serve a connection", &error),
            }
            accepted += 1;
            if accepted % MAX_ACCEPT == 0 {
                yield_now();
            }
        }
    }
}

/// A pause that doubles from error to error, until something works.
#[derive(Debug)]
struct Pause {
    next: Duration,
}

impl Default for Pause {
    fn default() -> Self {
        Self { next: MIN_PAUSE }
    }
}

impl Pause {
    fn after(&mut self, what: &str, error: &io::Error) {
        log::warn!("{what}, pausing for {:?}: {error}", self.next);
        sleep(self.next);
        self.next = (self.next * 2).min(MAX_PAUSE);
    }

    fn reset(&mut self) {
        self.next = MIN_PAUSE;
    }
}

/// Errors of a connection that ended before it was accepted: no reason to
/// pause, the next one is as good as ever.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

/// Errors after which the listener never works again: EBADF, EINVAL, ENOTSOCK.
fn is_fatal(error: &io::Error) -> bool {
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

    #[test]
    fn the_pause_doubles_up_to_its_bound() {
        let mut pause = Pause::default();
        let error = io::Error::from_raw_os_error(24);
        pause.after("test", &error);
        assert_eq!(pause.next, MIN_PAUSE * 2);
        pause.next = Duration::from_millis(1);
        pause.after("test", &error);
        pause.next = MAX_PAUSE - Duration::from_millis(999);
        pause.after("test", &error);
        assert!(pause.next <= MAX_PAUSE);
        pause.reset();
        assert_eq!(pause.next, MIN_PAUSE);
    }
}
