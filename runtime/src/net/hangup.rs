//! Whether the peer is still there.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::greenlet::current;
use crate::wait::deadline_after;

use super::{TcpStream, UnixStream};

/// How long a plain thread waits before it looks again, when there is input
/// that it must not take: the kernel would wake it at once.
const PAUSE: Duration = Duration::from_millis(10);

impl TcpStream {
    /// Whether the peer has closed its side, or the connection has failed. Input
    /// that has not been read yet stays and does not matter. Never suspends.
    ///
    /// A peer that only said that it sends no more looks the same.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// See the example of [`wait_hung_up`](Self::wait_hung_up).
    pub fn is_hung_up(&self) -> io::Result<bool> {
        is_hung_up(self)
    }

    /// Waits until [`is_hung_up`](Self::is_hung_up) or `limit` has passed;
    /// returns which. The read time-out does not matter.
    ///
    /// Suspends the caller, as a reader: nobody else may wait to read on this
    /// handle meanwhile. A kill or time-out interrupts it.
    ///
    /// # Errors
    ///
    /// `ResourceBusy` when another greenlet waits to read here; the kernel's.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Write;
    /// use std::time::Duration;
    /// use maypole_runtime::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let mut client = TcpStream::connect(listener.local_addr()?)?;
    /// let (stream, _) = listener.accept()?;
    /// client.write_all(b"unread")?;
    /// assert!(!stream.wait_hung_up(Duration::from_millis(1))?);
    /// drop(client);
    /// assert!(stream.wait_hung_up(Duration::MAX)?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wait_hung_up(&self, limit: Duration) -> io::Result<bool> {
        wait_hung_up(self, limit, |deadline| self.input_event(deadline))
    }
}

impl UnixStream {
    /// As [`TcpStream::is_hung_up`].
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::UnixStream;
    ///
    /// let (near, far) = UnixStream::pair()?;
    /// assert!(!near.is_hung_up()?);
    /// drop(far);
    /// assert!(near.is_hung_up()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn is_hung_up(&self) -> io::Result<bool> {
        is_hung_up(self)
    }

    /// As [`TcpStream::wait_hung_up`].
    ///
    /// # Errors
    ///
    /// `ResourceBusy` when another greenlet waits to read here; the kernel's.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::net::UnixStream;
    ///
    /// let (near, far) = UnixStream::pair()?;
    /// assert!(!near.wait_hung_up(Duration::from_millis(1))?);
    /// drop(far);
    /// assert!(near.wait_hung_up(Duration::MAX)?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wait_hung_up(&self, limit: Duration) -> io::Result<bool> {
        wait_hung_up(self, limit, |deadline| self.input_event(deadline))
    }
}

fn is_hung_up(socket: &impl AsFd) -> io::Result<bool> {
    let mut fds = [PollFd::new(socket, PollFlags::RDHUP)];
    let now = Timespec::default();
    match poll(&mut fds, Some(&now)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn wait_hung_up(
    socket: &impl AsFd,
    limit: Duration,
    input_event: impl Fn(Option<Instant>) -> io::Result<()>,
) -> io::Result<bool> {
    let deadline = deadline_after(limit);
    loop {
        if is_hung_up(socket)? {
            return Ok(true);
        }
        match input_event(deadline) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return is_hung_up(socket),
            Err(error) => return Err(error),
        }
        if current().is_none() && !is_hung_up(socket)? {
            let left = deadline.map_or(PAUSE, |at| at.saturating_duration_since(Instant::now()));
            crate::sleep(left.min(PAUSE));
        }
    }
}

#[cfg(test)]
#[allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests, on plain threads and std's sockets"
)]
mod tests {
    use std::io::{Read, Write};
    use std::net::Shutdown;
    use std::thread;

    use super::*;
    use crate::net::TcpListener;
    use crate::{Event, spawn};

    fn pair() -> (std::net::TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    /// Waits in a greenlet or on a thread, with input that nobody reads.
    fn waits(in_greenlet: bool, leave: fn(std::net::TcpStream)) {
        let (mut client, stream) = pair();
        client.write_all(b"unread").unwrap();
        let was_there = Event::new();
        let may_leave = was_there.clone();
        let wait = move || {
            let mut stream = stream;
            assert!(!stream.wait_hung_up(Duration::from_millis(1)).unwrap());
            was_there.set();
            let gone = stream.wait_hung_up(Duration::MAX).unwrap();
            assert!(gone && stream.is_hung_up().unwrap());
            let mut text = [0; 6];
            let _ = stream.read_exact(&mut text);
            text
        };
        let leaves = thread::spawn(move || {
            may_leave.wait();
            crate::sleep(Duration::from_millis(5)); // the other waits by then
            leave(client);
        });
        let text = if in_greenlet {
            spawn(wait).get().unwrap()
        } else {
            wait()
        };
        assert_eq!(&text, b"unread");
        leaves.join().unwrap();
    }

    #[test]
    fn who_closes_has_hung_up() {
        waits(true, drop);
        waits(false, drop);
    }

    #[test]
    fn who_ends_its_side_looks_the_same() {
        let leave = |client: std::net::TcpStream| {
            client.shutdown(Shutdown::Write).unwrap();
            // Until the server has read and closed.
            let _ = { client }.read(&mut [0]);
        };
        waits(true, leave);
        waits(false, leave);
    }

    #[test]
    fn input_that_keeps_coming_does_not_end_the_wait() {
        let (mut client, stream) = pair();
        let waiting = spawn(move || stream.wait_hung_up(Duration::MAX).unwrap());
        for _ in 0..10 {
            client.write_all(b"more").unwrap();
            crate::sleep(Duration::from_millis(1));
        }
        assert!(!waiting.is_finished());
        drop(client);
        assert!(waiting.get().unwrap());
    }
}
