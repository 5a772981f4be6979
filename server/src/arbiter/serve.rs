//! What a worker needs of a server.

use std::io;
use std::time::{Duration, Instant};

use crate::StreamServer;

/// A server that a [`Worker`](super::Worker) can run: it starts, and it stops
/// within a time.
///
/// Several at once are one too: a slice of them. They stop at the same time.
///
/// # Examples
///
/// ```
/// use maypole_server::StreamServer;
/// use maypole_server::arbiter::Serve;
///
/// let one = StreamServer::bind("127.0.0.1:0", |_stream, _peer| Ok(()))?;
/// let other = StreamServer::bind("127.0.0.1:0", |_stream, _peer| Ok(()))?;
/// let both: &[&dyn Serve] = &[&one, &other];
/// both.start()?;
/// assert!(both.is_started());
/// both.stop(std::time::Duration::from_secs(1));
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait Serve: Sync {
    /// Starts to accept, and returns.
    ///
    /// # Errors
    ///
    /// When it cannot; the worker has failed to boot then.
    fn start(&self) -> io::Result<()>;

    /// Whether it is started and not closed. A worker whose server has closed by
    /// itself ends, and is replaced.
    fn is_started(&self) -> bool;

    /// Closes the listeners; what was accepted runs on.
    fn close(&self);

    /// Closes the listeners, waits up to `limit` for what runs, and ends the
    /// rest. A second call, with a shorter limit, may come meanwhile.
    fn stop(&self, limit: Duration);
}

impl Serve for StreamServer {
    fn start(&self) -> io::Result<()> {
        Self::start(self)
    }

    fn is_started(&self) -> bool {
        Self::is_started(self)
    }

    fn close(&self) {
        Self::close(self);
    }

    fn stop(&self, limit: Duration) {
        Self::stop(self, limit);
    }
}

impl<S: Serve + ?Sized> Serve for &S {
    fn start(&self) -> io::Result<()> {
        (**self).start()
    }

    fn is_started(&self) -> bool {
        (**self).is_started()
    }

    fn close(&self) {
        (**self).close();
    }

    fn stop(&self, limit: Duration) {
        (**self).stop(limit);
    }
}

impl<S: Serve> Serve for [S] {
    fn start(&self) -> io::Result<()> {
        self.iter().try_for_each(|server| server.start())
    }

    fn is_started(&self) -> bool {
        self.iter().all(|server| server.is_started())
    }

    fn close(&self) {
        for server in self {
            server.close();
        }
    }

    fn stop(&self, limit: Duration) {
        // A second one does not lengthen the time of the first.
        self.close();
        let start = Instant::now();
        for server in self {
            server.stop(limit.saturating_sub(start.elapsed()));
        }
    }
}
