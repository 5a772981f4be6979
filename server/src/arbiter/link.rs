//! One end of the socket between a master and a worker.

use std::io::{self, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use maypole_runtime::lock::Mutex;
use maypole_runtime::net::UnixStream;

use super::message::Message;

/// How long a message may take to go. The other side reads on a thread of its
/// own, or in a greenlet that does nothing else; a few hundred kilobytes are held
/// for it.
const SEND_LIMIT: Duration = Duration::from_secs(2);

/// One end, to write to. Clones share it.
#[derive(Clone)]
pub(super) struct Link(Arc<Inner>);

struct Inner {
    stream: UnixStream,
    // Whoever holds it may write: a message goes whole.
    turn: Mutex<()>,
}

/// What comes through a link. There is one reader of each.
pub(super) type LinkReader = BufReader<Incoming>;

/// The bytes of it.
pub(super) struct Incoming(Link);

impl Link {
    /// A link with its reader, and the descriptor of its other end.
    pub(super) fn new() -> io::Result<(Self, LinkReader, OwnedFd)> {
        let (near, far) = std::os::unix::net::UnixStream::pair()?;
        let (link, reader) = Self::over(near.into())?;
        Ok((link, reader, far.into()))
    }

    /// The end that was passed to this process.
    pub(super) fn over(socket: OwnedFd) -> io::Result<(Self, LinkReader)> {
        let stream = UnixStream::try_from(std::os::unix::net::UnixStream::from(socket))?;
        stream.set_write_timeout(Some(SEND_LIMIT))?;
        let turn = Mutex::new(());
        let link = Self(Arc::new(Inner { stream, turn }));
        let reader = BufReader::new(Incoming(link.clone()));
        Ok((link, reader))
    }

    /// Sends a message. Suspends the caller, for some seconds at most.
    pub(super) fn send(&self, message: &impl Message) -> io::Result<()> {
        let bytes = message.encode();
        let Some(_turn) = self.0.turn.lock_timeout(SEND_LIMIT) else {
            return Err(io::ErrorKind::TimedOut.into());
        };
        (&self.0.stream).write_all(&bytes)
    }
}

impl Read for Incoming {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&(self.0).0.stream).read(buf)
    }
}
