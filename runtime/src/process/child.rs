//! A running child, and those who wait for its end.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::process::{ExitStatus, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};

use crate::engine::{Interest, Source};
use crate::greenlet::Builder;
use crate::lock::Semaphore;
use crate::signal::Signal;
use crate::wait::{self, deadline_after};

use super::communicate::Talk;
use super::{ChildStderr, ChildStdin, ChildStdout};

/// A program that was started, with the shape of [`std::process::Child`].
///
/// Waiting suspends only the caller; a kill or time-out interrupts it, and the
/// child runs on. [`handle`](Self::handle) returns a reference that others may
/// wait with, or kill, at the same time.
///
/// Dropping it leaves the child running, unless
/// [`Command::kill_on_drop`](super::Command::kill_on_drop) was called. It is
/// waited for in the background then, by a greenlet, so it leaves no zombie.
///
/// # Examples
///
/// ```
/// use maypole_runtime::process::Command;
///
/// let mut child = Command::new("sh").arg("-c").arg("exit 3").spawn()?;
/// assert_eq!(child.wait()?.code(), Some(3));
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "Popen")]
pub struct Child {
    /// The child's standard input, if it is a pipe that nobody has taken.
    pub stdin: Option<ChildStdin>,
    /// The child's standard output, if it is a pipe that nobody has taken.
    pub stdout: Option<ChildStdout>,
    /// The child's standard error, if it is a pipe that nobody has taken.
    pub stderr: Option<ChildStderr>,
    process: ChildRef,
    pub(super) talk: Talk,
    pub(super) kill_on_drop: bool,
}

impl Child {
    /// Takes over what std has started. A child that cannot be waited for is
    /// killed.
    pub(super) fn new(mut child: std::process::Child) -> io::Result<Self> {
        let prepared = (|| {
            let stdin = child.stdin.take().map(ChildStdin::new).transpose()?;
            let stdout = child.stdout.take().map(ChildStdout::new).transpose()?;
            let stderr = child.stderr.take().map(ChildStderr::new).transpose()?;
            Ok((stdin, stdout, stderr, open(&child)?))
        })();
        let (stdin, stdout, stderr, pidfd) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait(); // not for long: nothing survives SIGKILL
                return Err(error);
            }
        };
        Ok(Self {
            stdin,
            stdout,
            stderr,
            process: ChildRef(Arc::new(Process {
                id: child.id(),
                pidfd: Source::new(pidfd),
                turn: Semaphore::new(1),
                child: Mutex::new(child),
            })),
            talk: Talk::default(),
            kill_on_drop: false,
        })
    }

    /// The number of its process.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::process::Command;
    ///
    /// let mut child = Command::new("true").spawn()?;
    /// assert_ne!(child.id(), std::process::id());
    /// # child.wait()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "pid")]
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// A reference to the child that can be cloned and sent around.
    ///
    /// See the example of [`ChildRef`].
    #[must_use]
    pub fn handle(&self) -> &ChildRef {
        &self.process
    }

    /// Closes the child's standard input, if [`stdin`](Self::stdin) holds it, and
    /// waits until the child has ended.
    ///
    /// A child that writes more than a pipe holds, and whose pipe nobody reads,
    /// never ends: see [`wait_with_output`](Self::wait_with_output).
    ///
    /// # Errors
    ///
    /// [`Unwinding`](crate::Unwinding) when it would have to wait while the
    /// calling greenlet unwinds. The kernel's, when others in this program take
    /// the status of all children, or SIGCHLD is ignored.
    ///
    /// See the example of [`Child`].
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        self.stdin = None;
        self.process.wait()
    }

    /// As [`wait`](Self::wait), for at most `limit`; `None` when the time has
    /// passed.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::process::Command;
    ///
    /// let mut child = Command::new("sleep").arg("1000").spawn()?;
    /// if child.wait_timeout(Duration::from_millis(1))?.is_none() {
    ///     child.kill()?;
    /// }
    /// assert!(!child.wait()?.success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "wait(timeout)")]
    pub fn wait_timeout(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        self.stdin = None;
        self.process.wait_timeout(limit)
    }

    /// Whether the child has ended, and how. Never blocks.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::process::Command;
    ///
    /// let mut child = Command::new("sleep").arg("1000").spawn()?;
    /// assert_eq!(child.try_wait()?, None);
    /// # child.kill()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "poll")]
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    /// Ends the child with SIGKILL. Does not wait: [`wait`](Self::wait) does. A
    /// child that has ended is left alone.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` for a child that runs as another user.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::os::unix::process::ExitStatusExt;
    /// use maypole_runtime::process::Command;
    ///
    /// let mut child = Command::new("sleep").arg("1000").spawn()?;
    /// child.kill()?;
    /// assert_eq!(child.wait()?.signal(), Some(9));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn kill(&mut self) -> io::Result<()> {
        self.process.kill()
    }

    /// Sends the child a signal. Does not wait. A child that has ended is left
    /// alone, and so is any other that was given its number meanwhile.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` for a child that runs as another user, `InvalidInput`
    /// for real-time signals.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::os::unix::process::ExitStatusExt;
    /// use maypole_runtime::{process::Command, signal::Signal};
    ///
    /// let mut child = Command::new("sleep").arg("1000").spawn()?;
    /// child.send_signal(Signal::TERM)?;
    /// assert_eq!(child.wait()?.signal(), Some(15));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "terminate")]
    pub fn send_signal(&self, signal: Signal) -> io::Result<()> {
        self.process.send_signal(signal)
    }

    /// Closes the child's standard input, reads all that comes from the pipes,
    /// and waits until the child has ended.
    ///
    /// The same as [`communicate`](Self::communicate) without input, by value as
    /// in std.
    ///
    /// # Errors
    ///
    /// As [`communicate`](Self::communicate).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::process::Stdio;
    /// use maypole_runtime::process::Command;
    ///
    /// let child = Command::new("echo").arg("hello").stdout(Stdio::piped()).spawn()?;
    /// assert_eq!(child.wait_with_output()?.stdout, b"hello\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wait_with_output(mut self) -> io::Result<Output> {
        self.stdin = None;
        self.communicate(b"")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !matches!(self.process.try_wait(), Ok(None)) {
            return;
        }
        if self.kill_on_drop {
            let _ = self.process.kill(); // it ended, or runs as another user
        }
        let process = self.process.clone();
        // Without a greenlet to spare it stays a zombie until this program ends.
        let _ = Builder::new()
            .name("maypole-reaper")
            .spawn(move || drop(process.wait()));
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("id", &self.id())
            .field("stdin", &self.stdin)
            .field("stdout", &self.stdout)
            .field("stderr", &self.stderr)
            .finish_non_exhaustive()
    }
}

/// A reference to a [`Child`], to wait for it, or end it, from several greenlets
/// and threads.
///
/// It leaves the pipes alone: [`wait`](Self::wait) does not close the child's
/// standard input.
///
/// # Examples
///
/// ```
/// use maypole_runtime::{process::Command, spawn};
///
/// let mut child = Command::new("sleep").arg("1000").spawn()?;
/// let killer = child.handle().clone();
/// spawn(move || killer.kill());
/// assert!(!child.wait()?.success());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct ChildRef(Arc<Process>);

// Nobody is told of the end unless somebody waits for the pidfd. What is to be
// told of it among other things needs a greenlet that waits, see `link`.
struct Process {
    id: u32,
    // Readable once the process has ended.
    pidfd: Source<OwnedFd>,
    // One waits for the pidfd; the others wait for that one to be through.
    turn: Semaphore,
    // Locked for calls that do not block.
    child: Mutex<std::process::Child>,
}

impl ChildRef {
    /// The number of its process.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::process::Command;
    ///
    /// let child = Command::new("true").spawn()?;
    /// assert_eq!(child.handle().id(), child.id());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn id(&self) -> u32 {
        self.0.id
    }

    /// Waits until the child has ended. Any number may wait.
    ///
    /// # Errors
    ///
    /// As [`Child::wait`].
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{process::Command, spawn};
    ///
    /// let child = Command::new("true").spawn()?;
    /// let waits = [(); 2].map(|()| {
    ///     let child = child.handle().clone();
    ///     spawn(move || child.wait())
    /// });
    /// for wait in waits {
    ///     assert!(wait.get().unwrap()?.success());
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wait(&self) -> io::Result<ExitStatus> {
        loop {
            // Without a deadline it ends with a status or an error.
            if let Some(status) = self.wait_until(None)? {
                return Ok(status);
            }
        }
    }

    /// As [`wait`](Self::wait), for at most `limit`; `None` when the time has
    /// passed.
    ///
    /// # Errors
    ///
    /// As [`Child::wait`].
    ///
    /// See the example of [`Child::wait_timeout`].
    pub fn wait_timeout(&self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        self.wait_until(deadline_after(limit))
    }

    /// Whether the child has ended, and how. Never blocks.
    ///
    /// # Errors
    ///
    /// As [`Child::wait`].
    ///
    /// See the example of [`Child::try_wait`].
    pub fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        self.0.child.lock().try_wait()
    }

    /// Ends the child with SIGKILL; see [`Child::kill`].
    ///
    /// # Errors
    ///
    /// As [`Child::kill`].
    ///
    /// See the example of [`ChildRef`].
    pub fn kill(&self) -> io::Result<()> {
        self.send_signal(Signal::KILL)
    }

    /// Sends the child a signal; see [`Child::send_signal`].
    ///
    /// # Errors
    ///
    /// As [`Child::send_signal`].
    ///
    /// See the example of [`Child::send_signal`].
    pub fn send_signal(&self, signal: Signal) -> io::Result<()> {
        let signal = rustix::process::Signal::from_named_raw(signal.as_raw()).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{signal} cannot be sent to a child"),
            )
        })?;
        match pidfd_send_signal(self.0.pidfd.get_ref(), signal) {
            Err(rustix::io::Errno::SRCH) => Ok(()), // it has ended and was waited for
            sent => Ok(sent?),
        }
    }

    /// Calls `then` in a greenlet of its own once the child has ended; at once if
    /// it has already.
    ///
    /// The greenlet is spawned now and waits: it ends with the child at the
    /// earliest.
    ///
    /// # Errors
    ///
    /// `OutOfMemory` when there are no more greenlets.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{Event, process::Command};
    ///
    /// let ended = Event::new();
    /// let teller = ended.clone();
    /// let child = Command::new("true").spawn()?;
    /// child.handle().link(move |child| {
    ///     assert!(child.try_wait().unwrap().is_some());
    ///     teller.set();
    /// })?;
    /// ended.wait();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "rawlink")]
    pub fn link(&self, then: impl FnOnce(&Self) + Send + 'static) -> io::Result<()> {
        let child = self.clone();
        let waiter = Builder::new().name("maypole-link").spawn(move || {
            let _ = child.wait(); // an error is the end too: there is no status
            then(&child);
        })?;
        drop(waiter); // runs by itself
        Ok(())
    }

    /// Waits for the end; `None` when the deadline passes first.
    pub(super) fn wait_until(&self, deadline: Option<Instant>) -> io::Result<Option<ExitStatus>> {
        wait::checkpoint();
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(Some(status));
            }
            let Some(_turn) = self.0.turn.acquire_until(deadline)? else {
                return Ok(None);
            };
            // Whoever had the turn before may have seen the end.
            if let Some(status) = self.try_wait()? {
                return Ok(Some(status));
            }
            match wait::ready(&self.0.pidfd, Interest::Read, deadline) {
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return self.try_wait(),
                waited => waited?,
            }
        }
    }
}

impl fmt::Debug for ChildRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildRef")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

fn open(child: &std::process::Child) -> io::Result<OwnedFd> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // Ours, and nobody has waited for it: no other process can have the number.
    Ok(pidfd_open(
        pid.ok_or(io::ErrorKind::InvalidData)?,
        PidfdFlags::empty(),
    )?)
}
