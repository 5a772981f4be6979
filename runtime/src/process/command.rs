//! What to start, and how.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{self, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use crate::wait::{self, deadline_after};

use super::{Child, PartialOutput, passed};

/// A program to be started, with the shape of [`std::process::Command`].
///
/// The same command may be started several times. For what it does not offer
/// (`pre_exec` and its like), make one of std's and convert it with `into`.
///
/// # Examples
///
/// ```
/// use maypole_runtime::process::Command;
///
/// let output = Command::new("sh")
///     .args(["-c", "echo $GREETING"])
///     .env("GREETING", "hello")
///     .output()?;
/// assert_eq!(output.stdout, b"hello\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "Popen")]
#[derive(Debug)]
pub struct Command {
    inner: process::Command,
    given: Given,
    kill_on_drop: bool,
    output_limit: Option<usize>,
}

/// Which streams the caller has said something about.
#[derive(Clone, Copy, Debug, Default)]
struct Given {
    stdin: bool,
    stdout: bool,
    stderr: bool,
}

impl Command {
    /// The program with this path, or this name in one of the folders of `PATH`:
    /// no arguments, this process's environment, folder and standard streams.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::process::Command;
    ///
    /// assert!(Command::new("true").status()?.success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            inner: process::Command::new(program),
            given: Given::default(),
            kill_on_drop: false,
            output_limit: None,
        }
    }

    /// Adds an argument.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::process::Command;
    ///
    /// let output = Command::new("echo").arg("no shell: $HOME").output()?;
    /// assert_eq!(output.stdout, b"no shell: $HOME\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn arg(&mut self, arg: impl AsRef<OsStr>) -> &mut Self {
        self.inner.arg(arg);
        self
    }

    /// Adds arguments.
    ///
    /// See the example of [`Command`].
    pub fn args(&mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> &mut Self {
        self.inner.args(args);
        self
    }

    /// Sets what the program is told it is called, instead of what it was
    /// started as.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::process::Command;
    ///
    /// let output = Command::new("sh").arg0("me").args(["-c", "echo $0"]).output()?;
    /// assert_eq!(output.stdout, b"me\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "executable")]
    pub fn arg0(&mut self, name: impl AsRef<OsStr>) -> &mut Self {
        self.inner.arg0(name);
        self
    }

    /// Sets an environment variable.
    ///
    /// See the example of [`Command`].
    pub fn env(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Self {
        self.inner.env(name, value);
        self
    }

    /// Sets environment variables.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::process::Command;
    ///
    /// let mut command = Command::new("sh");
    /// command.args(["-c", "echo $A$B"]).envs([("A", "1"), ("B", "2")]);
    /// assert_eq!(command.output()?.stdout, b"12\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn envs(
        &mut self,
        vars: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
    ) -> &mut Self {
        self.inner.envs(vars);
        self
    }

    /// Removes an environment variable, inherited ones too.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::process::Command;
    ///
    /// let mut command = Command::new("sh");
    /// command.args(["-c", "echo [$HOME]"]).env_remove("HOME");
    /// assert_eq!(command.output()?.stdout, b"[]\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn env_remove(&mut self, name: impl AsRef<OsStr>) -> &mut Self {
        self.inner.env_remove(name);
        self
    }

    /// Removes all environment variables, inherited ones too.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::process::Command;
    ///
    /// let output = Command::new("/usr/bin/env").env_clear().env("ONLY", "this").output()?;
    /// assert_eq!(output.stdout, b"ONLY=this\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn env_clear(&mut self) -> &mut Self {
        self.inner.env_clear();
        self
    }

    /// Sets the folder in which the program starts.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::process::Command;
    ///
    /// let output = Command::new("pwd").current_dir("/").output()?;
    /// assert_eq!(output.stdout, b"/\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "cwd")]
    pub fn current_dir(&mut self, dir: impl AsRef<Path>) -> &mut Self {
        self.inner.current_dir(dir);
        self
    }

    /// Sets the user that the program runs as.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use maypole_runtime::process::Command;
    ///
    /// // Only root may.
    /// let output = Command::new("id").uid(1000).gid(1000).output()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn uid(&mut self, id: u32) -> &mut Self {
        self.inner.uid(id);
        self
    }

    /// Sets the group that the program runs as.
    ///
    /// See the example of [`uid`](Self::uid).
    pub fn gid(&mut self, id: u32) -> &mut Self {
        self.inner.gid(id);
        self
    }

    /// Puts the program into a process group, for signals from the terminal; 0
    /// for a new one of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::process::Command;
    ///
    /// // Ctrl-C in the terminal does not reach it.
    /// let mut child = Command::new("true").process_group(0).spawn()?;
    /// # child.wait()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn process_group(&mut self, group: i32) -> &mut Self {
        self.inner.process_group(group);
        self
    }

    /// Sets the program's standard input. Unless set, [`spawn`](Self::spawn) and
    /// [`status`](Self::status) let it inherit this process's, and
    /// [`output`](Self::output) gives it an empty one.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::process::Stdio;
    /// use maypole_runtime::process::Command;
    ///
    /// let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    /// assert_eq!(child.communicate(b"and back")?.stdout, b"and back");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stdin(&mut self, stdin: impl Into<Stdio>) -> &mut Self {
        self.inner.stdin(stdin);
        self.given.stdin = true;
        self
    }

    /// Sets the program's standard output. Unless set, [`spawn`](Self::spawn) and
    /// [`status`](Self::status) let it inherit this process's, and
    /// [`output`](Self::output) collects it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::process::Stdio;
    /// use maypole_runtime::process::Command;
    ///
    /// assert!(Command::new("echo").stdout(Stdio::null()).status()?.success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stdout(&mut self, stdout: impl Into<Stdio>) -> &mut Self {
        self.inner.stdout(stdout);
        self.given.stdout = true;
        self
    }

    /// Sets the program's standard error. Unless set, [`spawn`](Self::spawn) and
    /// [`status`](Self::status) let it inherit this process's, and
    /// [`output`](Self::output) collects it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::process::Stdio;
    /// use maypole_runtime::process::Command;
    ///
    /// let mut command = Command::new("sh");
    /// command.args(["-c", "echo trouble >&2"]).stderr(Stdio::piped());
    /// assert_eq!(command.output()?.stderr, b"trouble\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stderr(&mut self, stderr: impl Into<Stdio>) -> &mut Self {
        self.inner.stderr(stderr);
        self.given.stderr = true;
        self
    }

    /// Has the program find these descriptors open, in this order, from the
    /// number 3 on; one that is written with maypole takes them with
    /// [`passed_fds`](super::passed_fds). All others are closed in it, but for
    /// the standard streams. They stay open here for as long as the command lives.
    /// To be called once.
    ///
    /// # Errors
    ///
    /// The kernel's, when there are no more descriptors.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Read;
    /// use std::os::unix::net::UnixStream;
    /// use maypole_runtime::process::Command;
    ///
    /// let (mut near, far) = UnixStream::pair()?;
    /// let mut command = Command::new("sh");
    /// command.args(["-c", "echo hello >&3"]).pass_fds([far.into()])?;
    /// command.status()?;
    /// drop(command); // it has the other end open too
    /// let mut text = String::new();
    /// near.read_to_string(&mut text)?;
    /// assert_eq!(text, "hello\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn pass_fds(&mut self, fds: impl IntoIterator<Item = OwnedFd>) -> io::Result<&mut Self> {
        let fds: Vec<OwnedFd> = fds.into_iter().collect();
        passed::pass(&mut self.inner, &fds)?;
        Ok(self)
    }

    /// Has the child killed with SIGKILL when its [`Child`] is dropped before it
    /// has ended; by a killed greenlet that unwinds, too.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::process::Command;
    ///
    /// let child = Command::new("sleep").arg("1000").kill_on_drop().spawn()?;
    /// let watch = child.handle().clone();
    /// drop(child);
    /// assert!(!watch.wait()?.success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn kill_on_drop(&mut self) -> &mut Self {
        self.kill_on_drop = true;
        self
    }

    /// Sets how many bytes of standard output, and as many of standard error,
    /// are kept by [`output`](Self::output) and
    /// [`Child::communicate`]. More is an error of kind `QuotaExceeded`. Unless
    /// set there is no limit.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use maypole_runtime::process::{Command, PartialOutput};
    ///
    /// let error = Command::new("yes").output_limit(1000).output().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    /// assert!(PartialOutput::of(&error).unwrap().stdout.starts_with(b"y\ny\n"));
    /// ```
    pub fn output_limit(&mut self, bytes: usize) -> &mut Self {
        self.output_limit = Some(bytes);
        self
    }

    /// The command as std sees it: its program, arguments, environment.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::process::Command;
    ///
    /// assert_eq!(Command::new("true").as_std().get_program(), "true");
    /// ```
    #[must_use]
    pub fn as_std(&self) -> &process::Command {
        &self.inner
    }

    /// Starts the program.
    ///
    /// Does not suspend: the hub stands still until the program runs, see the
    /// [module](super#what-still-stops-the-hub).
    ///
    /// # Errors
    ///
    /// `NotFound`, `PermissionDenied` and others when it cannot be started. When
    /// there are no descriptors to wait for it with, or no pidfds on a kernel
    /// before 5.3, it is killed again.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use maypole_runtime::process::Command;
    ///
    /// let mut child = Command::new("true").spawn()?;
    /// assert!(child.wait()?.success());
    /// let error = Command::new("no-such-program").spawn().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::NotFound);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn spawn(&mut self) -> io::Result<Child> {
        wait::checkpoint();
        self.start()
    }

    fn start(&mut self) -> io::Result<Child> {
        let mut child = Child::new(self.inner.spawn()?)?;
        child.kill_on_drop = self.kill_on_drop;
        if let Some(limit) = self.output_limit {
            child.talk.output_limit = limit;
        }
        Ok(child)
    }

    /// Starts the program, waits until it has ended, and returns what it wrote.
    ///
    /// Suspends only the caller. When a kill or time-out interrupts it, or it
    /// fails, the program is killed: nobody else could do so.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn) and [`Child::communicate`]. An error of kind
    /// `QuotaExceeded` carries a [`PartialOutput`].
    ///
    /// See the example of [`Command`].
    #[doc(alias = "check_output")]
    #[doc(alias = "run")]
    pub fn output(&mut self) -> io::Result<Output> {
        self.output_until(None)
    }

    /// As [`output`](Self::output), for at most `limit`; then the program is
    /// killed.
    ///
    /// # Errors
    ///
    /// `TimedOut` when the time has passed; the error carries a
    /// [`PartialOutput`]. Else as [`output`](Self::output).
    ///
    /// See the example of [`PartialOutput`].
    #[doc(alias = "run(timeout)")]
    pub fn output_timeout(&mut self, limit: Duration) -> io::Result<Output> {
        self.output_until(deadline_after(limit))
    }

    /// Starts the program, waits until it has ended, and tells how.
    ///
    /// Suspends only the caller. When a kill or time-out interrupts it, or it
    /// fails, the program is killed: nobody else could do so.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn) and [`Child::wait`].
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::process::Command;
    ///
    /// assert!(!Command::new("false").status()?.success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "call")]
    pub fn status(&mut self) -> io::Result<ExitStatus> {
        self.status_until(None)
    }

    /// As [`status`](Self::status), for at most `limit`; then the program is
    /// killed.
    ///
    /// # Errors
    ///
    /// `TimedOut` when the time has passed. Else as [`status`](Self::status).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use std::time::Duration;
    /// use maypole_runtime::process::Command;
    ///
    /// let late = Command::new("sleep").arg("1000").status_timeout(Duration::from_millis(5));
    /// assert_eq!(late.unwrap_err().kind(), ErrorKind::TimedOut);
    /// ```
    #[doc(alias = "call(timeout)")]
    pub fn status_timeout(&mut self, limit: Duration) -> io::Result<ExitStatus> {
        self.status_until(deadline_after(limit))
    }

    fn output_until(&mut self, deadline: Option<Instant>) -> io::Result<Output> {
        let mut child = self.spawn_for_output()?;
        child.kill_on_drop = true;
        child.stdin = None;
        child
            .communicate_until(b"", deadline)
            .map_err(|error| PartialOutput::add_to(error, &mut child))
    }

    /// Starts it with the streams that `output` has where none were set.
    fn spawn_for_output(&mut self) -> io::Result<Child> {
        // Here and not below: what follows must not be interrupted half-way.
        wait::checkpoint();
        let given = self.given;
        if !given.stdin {
            self.inner.stdin(Stdio::null());
        }
        if !given.stdout {
            self.inner.stdout(Stdio::piped());
        }
        if !given.stderr {
            self.inner.stderr(Stdio::piped());
        }
        let started = self.start();
        // For the next start, which may be a `spawn`.
        if !given.stdin {
            self.inner.stdin(Stdio::inherit());
        }
        if !given.stdout {
            self.inner.stdout(Stdio::inherit());
        }
        if !given.stderr {
            self.inner.stderr(Stdio::inherit());
        }
        started
    }

    fn status_until(&mut self, deadline: Option<Instant>) -> io::Result<ExitStatus> {
        let mut child = self.spawn()?;
        child.kill_on_drop = true;
        child.stdin = None;
        child.end_until(deadline)
    }
}

impl From<process::Command> for Command {
    /// Takes over a command of std's. Its [`output`](Self::output) collects
    /// standard output and error even where the command was given others before,
    /// because nobody can ask it.
    fn from(inner: process::Command) -> Self {
        Self {
            inner,
            given: Given {
                stdin: true,
                ..Given::default()
            },
            kill_on_drop: false,
            output_limit: None,
        }
    }
}

impl From<Command> for process::Command {
    /// The command as one of std's, whose waits block the thread.
    fn from(command: Command) -> Self {
        command.inner
    }
}
