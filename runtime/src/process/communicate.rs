//! Talking to a child: all its input and all its output at once.

use std::error::Error;
use std::fmt;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{ExitStatus, Output};
use std::time::{Duration, Instant};

use rustix::event::epoll;
use rustix::io::Errno;

use crate::engine::{Interest, Source};
use crate::wait::{self, deadline_after};

use super::Child;

/// How much is moved through one pipe before the others have their turn: what
/// the kernel lets a pipe hold.
const TURN: usize = 64 * 1024;

/// Limit on the output that is kept, unless it is set: none, as in gevent and
/// std. Whoever starts a program that is not trusted sets one.
const DEFAULT_OUTPUT_LIMIT: usize = usize::MAX;

/// How far the talk with a child is. Whatever interrupts a talk, this stays.
pub(super) struct Talk {
    input: Vec<u8>,
    written: usize,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    pub(super) output_limit: usize,
}

impl Default for Talk {
    fn default() -> Self {
        Self {
            input: Vec::new(),
            written: 0,
            stdout: Vec::new(),
            stderr: Vec::new(),
            output_limit: DEFAULT_OUTPUT_LIMIT,
        }
    }
}

impl Child {
    /// Writes `input` to the child, closes its standard input, reads all that
    /// comes from its pipes, and waits until it has ended.
    ///
    /// Writes and reads go on at the same time, so no pipe that is full stops
    /// them. What is not a pipe (see [`Command::stdout`](super::Command::stdout))
    /// or was taken out of the `Child` is left alone; output that was not piped is
    /// empty. A child that ends without having read its input is no error.
    /// Pipes that the child's own children keep open are read until those close
    /// them.
    ///
    /// Suspends only the caller. **Nothing is lost** when a kill or time-out
    /// interrupts it: what is read and what is still to be written stays in the
    /// `Child`, and the next `communicate` goes on from there; the input that it
    /// is given follows the input before.
    ///
    /// The output is kept in memory, without a limit unless
    /// [`Command::output_limit`](super::Command::output_limit) sets one.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when there is input and no [`stdin`](Self::stdin) to write
    /// it to. `QuotaExceeded` when there is more output than the limit; see
    /// [`take_output`](Self::take_output). As [`wait`](Self::wait); the kernel's.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::process::Stdio;
    /// use maypole_runtime::process::Command;
    ///
    /// let mut sort = Command::new("sort")
    ///     .stdin(Stdio::piped())
    ///     .stdout(Stdio::piped())
    ///     .spawn()?;
    /// assert_eq!(sort.communicate(b"b\na\n")?.stdout, b"a\nb\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn communicate(&mut self, input: &[u8]) -> io::Result<Output> {
        self.communicate_until(input, None)
    }

    /// As [`communicate`](Self::communicate), for at most `limit`.
    ///
    /// # Errors
    ///
    /// `TimedOut` when the time has passed. The child runs on and nothing is
    /// lost: call it again, after [`kill`](Self::kill) perhaps. Else as
    /// [`communicate`](Self::communicate).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{process::Stdio, time::Duration};
    /// use maypole_runtime::process::Command;
    ///
    /// let mut child = Command::new("sh")
    ///     .arg("-c")
    ///     .arg("echo begun; exec sleep 1000")
    ///     .stdout(Stdio::piped())
    ///     .spawn()?;
    /// let late = child.communicate_timeout(b"", Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(late.kind(), std::io::ErrorKind::TimedOut);
    /// # while !child.output_so_far().0.starts_with(b"begun\n") {
    /// #     let _ = child.communicate_timeout(b"", Duration::from_millis(1));
    /// # }
    /// child.kill()?;
    /// assert_eq!(child.communicate(b"")?.stdout, b"begun\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "TimeoutExpired")]
    pub fn communicate_timeout(&mut self, input: &[u8], limit: Duration) -> io::Result<Output> {
        self.communicate_until(input, deadline_after(limit))
    }

    /// What an interrupted [`communicate`](Self::communicate) has read so far, of
    /// standard output and of standard error.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{process::Stdio, time::Duration};
    /// use maypole_runtime::process::Command;
    ///
    /// let mut child = Command::new("sh")
    ///     .args(["-c", "echo begun; exec sleep 1000"])
    ///     .stdout(Stdio::piped())
    ///     .kill_on_drop()
    ///     .spawn()?;
    /// while child.output_so_far().0.is_empty() {
    ///     let _late = child.communicate_timeout(b"", Duration::from_millis(5));
    /// }
    /// assert_eq!(child.take_output().0, b"begun\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn output_so_far(&self) -> (&[u8], &[u8]) {
        (&self.talk.stdout, &self.talk.stderr)
    }

    /// Takes out what an interrupted [`communicate`](Self::communicate) has read
    /// so far, of standard output and of standard error. The next one returns
    /// what comes after that, and its limit counts from there.
    ///
    /// See the example of [`output_so_far`](Self::output_so_far).
    #[must_use]
    pub fn take_output(&mut self) -> (Vec<u8>, Vec<u8>) {
        (
            std::mem::take(&mut self.talk.stdout),
            std::mem::take(&mut self.talk.stderr),
        )
    }

    pub(super) fn communicate_until(
        &mut self,
        input: &[u8],
        deadline: Option<Instant>,
    ) -> io::Result<Output> {
        if self.stdin.is_none() && !input.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the child's input is not a pipe, or was closed already",
            ));
        }
        self.talk.input.extend_from_slice(input);
        self.move_all(deadline)?;
        let status = self.end_until(deadline)?;
        let (stdout, stderr) = self.take_output();
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }

    /// Moves what there is until all pipes are at their end.
    fn move_all(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        let mut any = None;
        loop {
            // Nothing is in our hands here: all that was read is in `talk`.
            wait::checkpoint();
            // Each of them moves something; then it may have more to move.
            let moved = self.write_some()? | self.read_stdout()? | self.read_stderr()?;
            if self.stdin.is_none() && self.stdout.is_none() && self.stderr.is_none() {
                return Ok(());
            }
            if moved {
                if deadline.is_some_and(|at| at <= Instant::now()) {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                continue;
            }
            let any = match &any {
                Some(any) => any,
                None => any.insert(self.any_pipe()?),
            };
            wait::ready(any, Interest::Read, deadline)?;
        }
    }

    /// An epoll of our own, which is readable when any of the pipes is ready: a
    /// greenlet waits for one descriptor. It is never asked which; that is
    /// found out by trying.
    fn any_pipe(&self) -> io::Result<Source<OwnedFd>> {
        let any = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let add = |pipe: BorrowedFd<'_>, flags| {
            epoll::add(&any, pipe, epoll::EventData::new_u64(0), flags)
        };
        if let Some(pipe) = &self.stdin {
            add(pipe.as_fd(), epoll::EventFlags::OUT)?;
        }
        if let Some(pipe) = &self.stdout {
            add(pipe.as_fd(), epoll::EventFlags::IN)?;
        }
        if let Some(pipe) = &self.stderr {
            add(pipe.as_fd(), epoll::EventFlags::IN)?;
        }
        Ok(Source::new(any))
    }

    /// Writes what the pipe takes, and closes it behind the last byte.
    fn write_some(&mut self) -> io::Result<bool> {
        let Some(pipe) = &self.stdin else {
            return Ok(false);
        };
        let talk = &mut self.talk;
        let rest = &talk.input[talk.written..];
        let written = match rest {
            [] => 0,
            _ => match rustix::io::write(pipe, &rest[..rest.len().min(TURN)]) {
                Ok(n) => n,
                Err(Errno::AGAIN | Errno::INTR) => return Ok(false),
                // The child does not want the rest.
                Err(Errno::PIPE) => rest.len(),
                Err(error) => return Err(error.into()),
            },
        };
        talk.written += written;
        if talk.written == talk.input.len() {
            talk.input = Vec::new();
            talk.written = 0;
            self.stdin = None;
        }
        Ok(true)
    }

    fn read_stdout(&mut self) -> io::Result<bool> {
        let talk = &mut self.talk;
        read_some(&mut self.stdout, &mut talk.stdout, talk.output_limit)
    }

    fn read_stderr(&mut self) -> io::Result<bool> {
        let talk = &mut self.talk;
        read_some(&mut self.stderr, &mut talk.stderr, talk.output_limit)
    }

    /// Waits for the end; a deadline that passes first is an error.
    pub(super) fn end_until(&self, deadline: Option<Instant>) -> io::Result<ExitStatus> {
        self.handle()
            .wait_until(deadline)?
            .ok_or_else(|| io::ErrorKind::TimedOut.into())
    }
}

/// Reads what is there, up to a turn, and closes the pipe at its end. True when
/// there may be more.
fn read_some(pipe: &mut Option<impl AsFd>, buffer: &mut Vec<u8>, limit: usize) -> io::Result<bool> {
    let Some(open) = pipe else {
        return Ok(false);
    };
    // One byte more than the limit shows that there is too much; it is kept.
    let room = limit.saturating_add(1).saturating_sub(buffer.len());
    let turn = room.min(TURN);
    let before = buffer.len();
    // What it has read is in the buffer even when it ends with an error.
    let read = NonBlocking(open.as_fd())
        .take(turn as u64)
        .read_to_end(buffer);
    if buffer.len() > limit {
        return Err(io::Error::new(
            io::ErrorKind::QuotaExceeded,
            format!("the child's output is longer than the limit of {limit} bytes"),
        ));
    }
    match read {
        Ok(n) if n == turn => Ok(true),
        Ok(_) => {
            *pipe = None;
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(buffer.len() > before),
        Err(error) => Err(error),
    }
}

/// Reads from a pipe without waiting.
struct NonBlocking<'a>(BorrowedFd<'a>);

impl Read for NonBlocking<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(self.0, buf)?)
    }
}

/// What a program had written when a wait for all its output ended early: inside
/// the error of [`Command::output_timeout`](super::Command::output_timeout) and
/// of an [output limit](super::Command::output_limit).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_runtime::process::{Command, PartialOutput};
///
/// let mut slow = Command::new("sh");
/// slow.arg("-c").arg("echo begun; exec sleep 1000");
/// let error = slow.output_timeout(Duration::from_millis(200)).unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
/// let partial = PartialOutput::of(&error).unwrap();
/// # if !partial.stdout.is_empty() { // a slow machine
/// assert_eq!(partial.stdout, b"begun\n");
/// # }
/// ```
#[doc(alias = "TimeoutExpired")]
#[derive(Clone, Default)]
pub struct PartialOutput {
    /// Of standard output.
    pub stdout: Vec<u8>,
    /// Of standard error.
    pub stderr: Vec<u8>,
    why: String,
}

impl PartialOutput {
    /// The partial output that `error` carries, if it does.
    ///
    /// See the example of [`PartialOutput`].
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// The same error, with what the child has written so far.
    pub(super) fn add_to(error: io::Error, child: &mut Child) -> io::Error {
        let kind = error.kind();
        if !matches!(kind, io::ErrorKind::TimedOut | io::ErrorKind::QuotaExceeded) {
            return error;
        }
        let (stdout, stderr) = child.take_output();
        let why = match kind {
            io::ErrorKind::TimedOut => "the program did not end in time".to_owned(),
            _ => error.to_string(),
        };
        io::Error::new(
            kind,
            Self {
                stdout,
                stderr,
                why,
            },
        )
    }
}

impl fmt::Display for PartialOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl fmt::Debug for PartialOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartialOutput")
            .field("why", &self.why)
            .field("stdout", &format_args!("{} bytes", self.stdout.len()))
            .field("stderr", &format_args!("{} bytes", self.stderr.len()))
            .finish()
    }
}

impl Error for PartialOutput {}
