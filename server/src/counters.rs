//! What a server has done so far, in numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What a server has done so far, from
/// [`StreamServer::counters`](crate::StreamServer::counters): a snapshot. They
/// only rise, but for `active`, and go on over a restart.
///
/// # Examples
///
/// ```
/// use std::io::Read;
/// use maypole_server::StreamServer;
///
/// let server = StreamServer::bind("127.0.0.1:0", |_stream, _peer| Ok(()))?;
/// server.start()?;
/// let mut client = std::net::TcpStream::connect(server.local_addr())?;
/// client.read_to_end(&mut Vec::new())?;
/// assert_eq!(server.counters().accepted, 1);
/// assert_eq!(server.counters().errors, 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Counters {
    /// Connections taken from the kernel, or datagrams received.
    pub accepted: u64,
    /// Handlers that run now, or are about to.
    pub active: usize,
    /// Of those accepted, the ones closed or dropped unserved: above a limit
    /// with [`when_full`](crate::Builder::when_full) set to refuse, or because no
    /// handler could be spawned.
    pub refused: u64,
    /// Handlers that returned an error or panicked. A client that disconnects is
    /// none, nor is a kill.
    pub errors: u64,
    /// Errors of accepting or receiving itself, and of spawning.
    pub accept_errors: u64,
    /// TLS handshakes that failed or took too long; no errors of handlers.
    pub handshake_failures: u64,
}

/// The counters themselves.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    accepted: AtomicU64,
    active: AtomicUsize,
    refused: AtomicU64,
    errors: AtomicU64,
    accept_errors: AtomicU64,
    handshake_failures: AtomicU64,
}

impl Counts {
    pub(crate) fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn accept_error(&self) {
        self.accept_errors.fetch_add(1, Ordering::Relaxed);
    }

    #[cfg(feature = "tls")]
    pub(crate) fn handshake_failure(&self) {
        self.handshake_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a handler until the guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Active {
        self.active.fetch_add(1, Ordering::Relaxed);
        Active(self.clone())
    }

    pub(crate) fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    pub(crate) fn snapshot(&self) -> Counters {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counters {
            accepted: read(&self.accepted),
            active: self.active(),
            refused: read(&self.refused),
            errors: read(&self.errors),
            accept_errors: read(&self.accept_errors),
            handshake_failures: read(&self.handshake_failures),
        }
    }
}

/// One handler, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Active(Arc<Counts>);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}
