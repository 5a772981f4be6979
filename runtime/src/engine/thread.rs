//! Parking for plain threads: the same for every engine.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::time::Instant;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};

use super::sync::{Condvar, Mutex};
use super::{Interest, time_left};

/// Blocks and wakes one plain thread.
#[derive(Debug, Default)]
pub(super) struct ThreadParker {
    state: Mutex<State>,
    signal: Condvar,
    // Wakes the thread out of `poll`; made at its first I/O wait.
    wake: OnceLock<OwnedFd>,
}

#[derive(Debug, Default)]
struct State {
    // An unpark that no park has seen yet.
    token: bool,
    // The thread is, or is about to be, in `poll`.
    polling: bool,
}

impl ThreadParker {
    /// Blocks the thread until [`unpark`](Self::unpark) or the deadline.
    pub(super) fn park(&self, deadline: Option<Instant>) {
        let mut state = self.state.lock();
        while !state.token {
            match deadline {
                None => self.signal.wait(&mut state),
                Some(at) => {
                    if self.signal.wait_until(&mut state, at).timed_out() {
                        break;
                    }
                }
            }
        }
        state.token = false;
    }

    /// Ends the current or the next park or poll of the thread.
    pub(super) fn unpark(&self) {
        let polling = {
            let mut state = self.state.lock();
            state.token = true;
            state.polling
        };
        self.signal.notify_one();
        if polling && let Some(wake) = self.wake.get() {
            // Can only fail when the counter is full, and then it is readable.
            let _ = rustix::io::write(wake, &1u64.to_ne_bytes());
        }
    }

    /// Makes sure that a later [`poll`](Self::poll) can be woken.
    pub(super) fn prepare_poll(&self) -> io::Result<()> {
        if self.wake.get().is_none() {
            let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
            // Only the thread itself comes here, so nobody was faster.
            let _ = self.wake.set(fd);
        }
        Ok(())
    }

    /// Blocks until `fd` may be ready, an unpark, or the deadline.
    pub(super) fn poll(
        &self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        self.prepare_poll()?;
        let Some(wake) = self.wake.get() else {
            return Ok(()); // not reached: made one line above
        };
        {
            let mut state = self.state.lock();
            if std::mem::take(&mut state.token) {
                return Ok(());
            }
            state.polling = true;
        }
        let wanted = match interest {
            Interest::Read => PollFlags::IN | PollFlags::RDHUP,
            Interest::Write => PollFlags::OUT,
        };
        let mut fds = [
            PollFd::from_borrowed_fd(fd, wanted),
            PollFd::new(wake, PollFlags::IN),
        ];
        let outcome = poll(&mut fds, time_left(deadline).as_ref());
        {
            let mut state = self.state.lock();
            state.polling = false;
            state.token = false;
        }
        let mut count = [0; 8];
        let _ = rustix::io::read(wake, &mut count); // empty is as good as read
        match outcome {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_early_unpark_is_remembered_once() {
        let parker = ThreadParker::default();
        parker.unpark();
        parker.unpark();
        parker.park(None);
        let deadline = Instant::now() + Duration::from_millis(5);
        parker.park(Some(deadline));
        assert!(Instant::now() >= deadline);
    }

    #[test]
    fn poll_ends_by_readiness_by_unpark_and_by_deadline() {
        let (mut near, far) = UnixStream::pair().unwrap();
        let parker = Arc::new(ThreadParker::default());

        let deadline = Instant::now() + Duration::from_millis(5);
        parker
            .poll(far.as_fd(), Interest::Read, Some(deadline))
            .unwrap();
        assert!(Instant::now() >= deadline);

        parker.unpark();
        parker.poll(far.as_fd(), Interest::Read, None).unwrap();

        let waker = parker.clone();
        let other = std::thread::spawn(move || waker.unpark());
        parker.poll(far.as_fd(), Interest::Read, None).unwrap();
        other.join().unwrap();

        near.write_all(b"x").unwrap();
        parker.poll(far.as_fd(), Interest::Read, None).unwrap();
    }
}
