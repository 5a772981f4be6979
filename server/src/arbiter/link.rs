//! One end of the socket between a master and a worker.

use std::io::{self, BufReader, Read};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use maypole_runtime::net::UnixStream;
use maypole_runtime::sleep;
use parking_lot::Mutex;
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

use super::message::Message;

/// How long a message may take to go. The other side reads on a thread of its
/// own, or in a greenlet that does nothing else; the kernel holds a few hundred
/// kilobytes for it.
const SEND_LIMIT: Duration = Duration::from_secs(2);

/// The pause while the kernel has no room: for the longest messages only.
const PAUSE: Duration = Duration::from_millis(2);

/// Bytes that wait for room. More than two of the longest messages are those of
/// one who does not read any more.
const MAX_PENDING: usize = 16 << 20;

/// One end, to write to. Clones share it.
#[derive(Clone)]
pub(super) struct Link(Arc<Inner>);

// Nobody owns the right to write for longer than a system call: it could be a
// greenlet of a hub that is blocked, and the others have that to report.
struct Inner {
    stream: UnixStream,
    // What was said and has not gone yet. It goes before all that follows,
    // whoever sends that.
    pending: Mutex<Vec<u8>>,
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
        let pending = Mutex::default();
        let link = Self(Arc::new(Inner { stream, pending }));
        let reader = BufReader::new(Incoming(link.clone()));
        Ok((link, reader))
    }

    /// Sends a message. Suspends the caller while there is no room for it, for
    /// some seconds at most.
    pub(super) fn send(&self, message: &impl Message) -> io::Result<()> {
        let bytes = message.encode();
        {
            let mut pending = self.0.pending.lock();
            if pending.len() + bytes.len() > MAX_PENDING {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            pending.extend_from_slice(&bytes);
        }
        let start = Instant::now();
        while !self.0.flush()? {
            if start.elapsed() >= SEND_LIMIT {
                // It goes with the next one, or never.
                return Err(io::ErrorKind::TimedOut.into());
            }
            sleep(PAUSE);
        }
        Ok(())
    }
}

impl Inner {
    /// Writes as much as there is room for, without waiting; whether that was all.
    fn flush(&self) -> io::Result<bool> {
        let mut pending = self.pending.lock();
        let mut gone = 0;
        let outcome = loop {
            if gone == pending.len() {
                break Ok(true);
            }
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            match send(&self.stream, &pending[gone..], flags) {
                Ok(n) => gone += n,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break Ok(false),
                Err(error) => break Err(error.into()),
            }
        };
        pending.drain(..gone);
        if pending.is_empty() {
            *pending = Vec::new(); // a long one is rare
        }
        outcome
    }
}

impl Read for Incoming {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&(self.0).0.stream).read(buf)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::super::message::ToMaster;
    use super::*;

    #[test]
    fn long_messages_of_several_go_whole() {
        let (near, _, far) = Link::new().unwrap();
        let (_far, mut reader) = Link::over(far).unwrap();
        let senders = (0..4).map(|sender| {
            let near = near.clone();
            thread::spawn(move || {
                for n in 0..20 {
                    let text = format!("{sender}").repeat(50_000);
                    near.send(&ToMaster::Answer(n, text)).unwrap();
                }
            })
        });
        let senders: Vec<_> = senders.collect();
        for _ in 0..4 * 20 {
            let Some(ToMaster::Answer(_, text)) = ToMaster::read(&mut reader).unwrap() else {
                panic!("another message");
            };
            assert_eq!(text.len(), 50_000);
            assert!(text.bytes().all(|byte| byte == text.as_bytes()[0]));
        }
        for sender in senders {
            sender.join().unwrap();
        }
    }

    #[test]
    fn one_who_does_not_read_is_given_up_and_one_who_is_gone_is_an_error() {
        let (near, _, far) = Link::new().unwrap();
        let long = ToMaster::Answer(1, "x".repeat(3 << 20));
        assert_eq!(
            near.send(&long).unwrap_err().kind(),
            io::ErrorKind::TimedOut
        );
        drop(far);
        let gone = near.send(&ToMaster::Ready).unwrap_err();
        assert_eq!(gone.kind(), io::ErrorKind::BrokenPipe);
    }
}
